"""ResultWriter: what the children of a Distributed Map gave, as files in S3 or as the state's output."""

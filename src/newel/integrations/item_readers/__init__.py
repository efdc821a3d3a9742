"""ItemReader: the items of a Distributed Map from objects in S3, one module for each format."""

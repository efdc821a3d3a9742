"""`newel dev`: a project folder served while it is worked on, with the AWS services it needs beside it."""

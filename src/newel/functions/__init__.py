"""The function host: Lambda-compatible functions as local processes, without containers."""

"""The use cases: one function per operation of the AWS API. No HTTP, no SQL."""

"""Calls of AWS APIs: botocore's models, serializers, signers and parsers over one asynchronous HTTP client."""

"""Bedrock's models without Bedrock."""

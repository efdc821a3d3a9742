"""Bedrock's models without Bedrock: any server that speaks OpenAI's chat API in place of a foundation model."""

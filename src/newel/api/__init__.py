"""The wire: AWS's protocols over ASGI."""

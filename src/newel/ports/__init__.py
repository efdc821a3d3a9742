"""Protocols between the runtime and its adapters, cut at the use case."""

"""Adapters of the store port: memory and SQLite. One contract suite (tests/contract) holds them together."""

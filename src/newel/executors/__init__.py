"""Executors of children's first turns besides the server's own process."""

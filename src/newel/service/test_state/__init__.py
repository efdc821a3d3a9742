"""TestState: one state by itself, with its intermediate results."""

"""The interpreter. Pure: decide gives events, evolve folds them, pending says what is owed."""

"""What generated code calls while it runs: operators, paths, grouping, sorting, calls."""

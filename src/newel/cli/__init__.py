"""The command line: `newel serve`, `run`, `validate`, `history`, `logs`."""

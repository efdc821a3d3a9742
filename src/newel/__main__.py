"""`python -m newel`."""

from newel.cli.main import app

app()

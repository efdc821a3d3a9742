"""The `newel` command."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from newel.cli.dev import dev
from newel.cli.history import history
from newel.cli.logs import logs
from newel.cli.map_runs import map_runs, redrive
from newel.cli.output import EXIT_CODES, print_json
from newel.cli.run import run
from newel.cli.serve import serve
from newel.cli.state_test import state_test
from newel.cli.validate import validate

app = typer.Typer(
    name="newel",
    help="AWS Step Functions, self-hosted.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def version(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Show the version of Newel and of Python."""
    numbers = {"newel": installed_version("newel"), "python": platform.python_version()}
    if as_json:
        print_json(numbers)
    else:
        sys.stdout.write(f"newel {numbers['newel']} (Python {numbers['python']})\n")


app.command()(serve)
app.command()(dev)
app.command()(run)
app.command()(validate)
app.command("test-state")(state_test)
app.command()(history)
app.command()(logs)
app.command()(redrive)
app.add_typer(map_runs, name="map-runs")

"""`newel map-runs` and `newel redrive`: Map Runs of a server listed and watched, executions redriven."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.live import Live
from rich.table import Table

from newel.cli.client import Client, Unreachable, default_endpoint
from newel.cli.map_bars import map_run_line, render_map_runs
from newel.cli.output import ExitCode, fail, print_json, stderr, stdout
from newel.cli.tree import epoch_seconds
from newel.errors import ServiceError
from newel.runtime.map_runs.told import label_of

map_runs = typer.Typer(help="List and watch Map Runs of Distributed Maps.", no_args_is_help=True)

_NEGATIVE: Final = frozenset({"ExecutionDoesNotExist", "ExecutionNotRedrivable", "InvalidArn", "ResourceNotFound"})
#: Seconds between looks at a server: for a terminal, and for a file or a pipe that gets a line each time.
_LOOK_SECONDS: Final = 0.5
_LINE_SECONDS: Final = 2.0

Endpoint = Annotated[str | None, typer.Option(help="The server; else AWS_ENDPOINT_URL_SFN, AWS_ENDPOINT_URL.")]
Region = Annotated[str | None, typer.Option(help="The region to sign for; else that of the ARN.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@map_runs.command("list")
def list_map_runs(
    execution_arn: Annotated[str, typer.Argument(help="The execution's ARN.")],
    *,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """List the Map Runs of an execution, the newest first."""
    with _answers():
        runs = _all_described(_client(execution_arn, endpoint_url, region), execution_arn)
    if as_json:
        print_json({"executionArn": execution_arn, "mapRuns": runs})
        return
    table = Table("label", "status", "started (UTC)", "items", "children", "ARN", box=None, header_style="bold")
    for run in runs:
        started = datetime.fromtimestamp(epoch_seconds(run["startDate"]), UTC).strftime("%Y-%m-%d %H:%M:%S")
        totals = str(run["itemCounts"]["total"]), str(run["executionCounts"]["total"])
        table.add_row(label_of(run["mapRunArn"]), run["status"], started, *totals, run["mapRunArn"])
    stdout().print(table)


@map_runs.command()
def watch(
    arn: Annotated[str, typer.Argument(help="The ARN of a Map Run, or of an execution: all of its Map Runs.")],
    *,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each change as a line of JSON.")] = False,
) -> None:
    """Show how far Map Runs have come until they have ended. Exit code 1 if one does not succeed.

    A terminal shows bars; a file or a pipe gets a line each time that counts have changed.
    """
    client = _client(arn, endpoint_url, region)
    try:
        with _answers():
            runs = _watch(client, arn, as_json=as_json)
    except KeyboardInterrupt:
        fail("interrupted", ExitCode.INTERRUPTED)
    if not runs:
        fail(f"{arn} has no Map Runs", ExitCode.NEGATIVE)
    if any(run["status"] != "SUCCEEDED" for run in runs):
        raise typer.Exit(ExitCode.NEGATIVE)


def redrive(
    execution_arn: Annotated[str, typer.Argument(help="The execution's ARN.")],
    *,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a failed, timed out or aborted Standard execution from where it ended."""
    with _answers():
        answer = _client(execution_arn, endpoint_url, region).call("RedriveExecution", executionArn=execution_arn)
    if as_json:
        print_json({"executionArn": execution_arn, "redriveDate": epoch_seconds(answer["redriveDate"])})
    else:
        stderr().print("redriven")


def _watch(client: Client, arn: str, *, as_json: bool) -> list[dict[str, Any]]:
    """The Map Runs once all have ended."""
    console = stdout()
    if console.is_terminal and not as_json:
        with Live(console=console, auto_refresh=False) as live:
            for runs in _looks(client, arn, _LOOK_SECONDS):
                live.update(render_map_runs(runs), refresh=True)
            return runs
    shown: dict[str, str] = {}
    for runs in _looks(client, arn, _LINE_SECONDS):
        for run in runs:
            line = map_run_line(run)
            if shown.get(run["mapRunArn"]) != line:
                shown[run["mapRunArn"]] = line
                print_json(run) if as_json else console.print(line)
    return runs


def _looks(client: Client, arn: str, pause: float) -> Iterator[list[dict[str, Any]]]:
    """The Map Runs as they are, again and again until none can change any more."""
    while True:
        if ":mapRun:" in arn:
            runs = [client.call("DescribeMapRun", mapRunArn=arn)]
            over = runs[0]["status"] != "RUNNING"
        else:
            execution = client.call("DescribeExecution", executionArn=arn, includedData="METADATA_ONLY")
            runs = _all_described(client, arn)
            over = execution["status"] != "RUNNING" and all(run["status"] != "RUNNING" for run in runs)
        yield runs
        if over:
            return
        time.sleep(pause)


def _all_described(client: Client, execution_arn: str) -> list[dict[str, Any]]:
    """DescribeMapRun of each Map Run of an execution, the newest first."""
    found: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        page = client.call("ListMapRuns", executionArn=execution_arn, **token)
        found += [client.call("DescribeMapRun", mapRunArn=run["mapRunArn"]) for run in page["mapRuns"]]
        if not page.get("nextToken"):
            return found
        token = {"nextToken": page["nextToken"]}


def _client(arn: str, endpoint_url: str | None, region: str | None) -> Client:
    parts = arn.split(":")
    of_arn = parts[3] if len(parts) > 3 and parts[3] else None
    try:
        return Client(endpoint_url or default_endpoint(), region or of_arn)
    except ValueError as error:
        fail(str(error))


@contextmanager
def _answers() -> Iterator[None]:
    """End the command with a plain line where the server refuses or is not there."""
    try:
        yield
    except ServiceError as error:
        fail(str(error), ExitCode.NEGATIVE if error.code in _NEGATIVE else ExitCode.UNAVAILABLE)
    except Unreachable as error:
        fail(str(error), ExitCode.UNAVAILABLE)

"""`newel history`: an execution's history from a server, as a tree, a table, or JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from newel.cli.client import Client, Unreachable, default_endpoint
from newel.cli.output import ExitCode, fail, print_json, stdout
from newel.cli.render import duration, render_tree
from newel.cli.tree import build_tree, details_of, epoch_seconds
from newel.errors import ServiceError

#: Members shown beside an event's type in the table, in this order.
_TELLING = ("name", "index", "resourceType", "resource", "error", "cause", "length", "mapRunArn", "workerName")
_CAUSE_SHOWN = 120


def history(
    arn: Annotated[str, typer.Argument(help="The execution's ARN.")],
    *,
    endpoint_url: Annotated[
        str | None, typer.Option(help="The server; else AWS_ENDPOINT_URL_SFN, AWS_ENDPOINT_URL.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="The region to sign for; else that of the ARN.")] = None,
    events: Annotated[bool, typer.Option("--events", help="List the events instead of the tree of states.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events as JSON.")] = False,
) -> None:
    """Show what happened in an execution: its states as a tree with durations, retries and errors."""
    found = fetch_history(arn, endpoint_url, region)
    if as_json:
        print_json({"executionArn": arn, "events": found})
    elif events:
        stdout().print(event_table(found))
    else:
        stdout().print(render_tree(build_tree(found), arn.rsplit(":", 1)[-1], time.time()))


def fetch_history(arn: str, endpoint_url: str | None, region: str | None) -> list[dict[str, Any]]:
    """All events; ends the command with a plain line if there are none to be had."""
    try:
        return list(Client(endpoint_url or default_endpoint(), region or _region(arn)).history(arn))
    except ServiceError as error:
        negative = error.code in ("ExecutionDoesNotExist", "InvalidArn")
        fail(str(error), ExitCode.NEGATIVE if negative else ExitCode.UNAVAILABLE)
    except Unreachable as error:
        fail(str(error), ExitCode.UNAVAILABLE)
    except ValueError as error:
        fail(str(error))


def event_table(events: Sequence[dict[str, Any]]) -> Table:
    """One row per event: id, previous id, time, time since the start, type, and what tells most of its details."""
    table = Table("id", "after", "time (UTC)", "since start", "type", "details", box=None, header_style="bold")
    started = epoch_seconds(events[0]["timestamp"]) if events else 0.0
    for event in events:
        at = epoch_seconds(event["timestamp"])
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6]
        ids = str(event["id"]), str(event.get("previousEventId", 0))
        table.add_row(*ids, moment, duration(at - started), event["type"], _summary(event))
    return table


def _summary(event: dict[str, Any]) -> str:
    details = details_of(event)
    told = [str(details[name]) for name in _TELLING if details.get(name) is not None]
    return "  ".join(text if len(text) <= _CAUSE_SHOWN else text[:_CAUSE_SHOWN] + "…" for text in told)


def _region(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 and parts[3] else None

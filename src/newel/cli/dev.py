"""`newel dev`: a project folder served while it is worked on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from newel.cli.dev_output import JsonReport, TextReport
from newel.cli.lines import LineWriter
from newel.cli.output import fail
from newel.cli.serve import (
    DATA_DIRECTORY,
    Account,
    AllowRemote,
    Host,
    MapWorkers,
    MockConfig,
    Port,
    Region,
    run_until_stopped,
)

_HERE: Final = Path()


def dev(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder.")] = _HERE,
    *,
    port: Port = 8083,
    host: Host = "127.0.0.1",
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="NEWEL_DATA_DIR", help="Where everything is kept; .newel in the project otherwise."),
    ] = None,
    account: Account = "000000000000",
    region: Region = "us-east-1",
    allow_remote: AllowRemote = False,
    mock_config: MockConfig = None,
    map_workers: MapWorkers = None,
    companion: Annotated[
        bool,
        typer.Option("--companion/--no-companion", help="Answer for S3, SQS, SNS, DynamoDB and others, in memory."),
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not show what executions do.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, one document a line.")] = False,
) -> None:
    """Serve a project: its definitions (*.asl.json, *.asl.yaml), its functions and what newel.toml says.

    What changes on disk is taken over at once. S3, SQS, SNS, DynamoDB and more answer at the same port.
    """
    if not folder.is_dir():
        fail(f"there is no folder {folder}")
    # Imported here so that the other commands start without the server's parts.
    import uvloop  # noqa: PLC0415

    from newel.assembly import Settings  # noqa: PLC0415
    from newel.dev.server import DevSettings, run  # noqa: PLC0415
    from newel.integrations.aws.settings import endpoints_from_environment  # noqa: PLC0415

    kept = data_dir or folder / DATA_DIRECTORY
    endpoint_url, endpoint_urls = endpoints_from_environment(os.environ)
    settings = DevSettings(
        folder=folder,
        companion=companion,
        server=Settings(
            data_dir=kept,
            host=host,
            port=port,
            account=account,
            region=region,
            allow_remote=allow_remote,
            endpoint_url=None if companion else endpoint_url,
            endpoint_urls=endpoint_urls,
            mock_config=mock_config,
            map_workers=map_workers,
        ),
    )

    def work() -> None:
        with LineWriter() as lines, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = JsonReport(lines, quiet=quiet) if as_json else TextReport(lines, quiet=quiet)
            runner.run(run(settings, report))

    run_until_stopped(work, kept, f"{host}:{port}", quiet=quiet)

"""`newel serve`: the server in the foreground."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from newel.cli.output import ExitCode, fail, print_json
from newel.ports.store import StoreUnavailable

DATA_DIRECTORY: Final = Path(".newel")

# The options that `newel dev` has as well.
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")]
Host = Annotated[str, typer.Option(help="The address to listen at.")]
Account = Annotated[str, typer.Option(help="The account of requests that name none.")]
Region = Annotated[str, typer.Option(help="The region of requests that name none.")]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Listen beyond this machine, where any credentials are accepted.")
]


MapWorkers = Annotated[
    int | None,
    typer.Option(
        min=0,
        envvar="NEWEL_MAP_WORKERS",
        help="Processes for children of Distributed Maps that are heavy on the processor: one less than there are "
        "cores, if not told; 0 computes them in the server.",
    ),
]
MockConfig = Annotated[Path | None, typer.Option(envvar="SFN_MOCK_CONFIG", help="A mock file of Step Functions Local.")]


def serve(
    *,
    port: Port = 8083,
    host: Host = "127.0.0.1",
    data_dir: Annotated[Path, typer.Option(envvar="NEWEL_DATA_DIR", help="Where everything is kept.")] = DATA_DIRECTORY,
    account: Account = "000000000000",
    region: Region = "us-east-1",
    allow_remote: AllowRemote = False,
    mock_config: MockConfig = None,
    map_workers: MapWorkers = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address as JSON once requests are answered.")
    ] = False,
) -> None:
    """Run the server until it is stopped (Ctrl-C, SIGTERM).

    Other AWS services are called at AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>, and requests for them handed on.
    """
    # Imported here so that the other commands start without the server's parts.
    from newel import assembly  # noqa: PLC0415
    from newel.integrations.aws.settings import aws_calls, endpoints_from_environment  # noqa: PLC0415
    from newel.integrations.http_task.egress_settings import egress_settings  # noqa: PLC0415
    from newel.integrations.models.settings import model_settings  # noqa: PLC0415

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url, "dataDir": str(data_dir)})
        else:
            typer.echo(f"Newel answers at {url} (data in {data_dir}); stop it with Ctrl-C.")

    endpoint_url, endpoint_urls = endpoints_from_environment(os.environ)
    try:
        egress = egress_settings(None, os.environ, Path.cwd())
        models = model_settings(None, os.environ)
        calls = aws_calls(None, os.environ)
    except ValueError as error:
        fail(str(error))
    settings = assembly.Settings(
        data_dir=data_dir,
        host=host,
        port=port,
        account=account,
        region=region,
        allow_remote=allow_remote,
        endpoint_url=endpoint_url,
        endpoint_urls=endpoint_urls,
        aws_calls=calls,
        egress=egress,
        models=models,
        mock_config=mock_config,
        map_workers=map_workers,
    )
    run_until_stopped(lambda: assembly.serve(settings, ready), data_dir, f"{host}:{port}")


def run_until_stopped(work: Callable[[], None], data_dir: Path, where: str, *, quiet: bool = False) -> None:
    """Run a server's work; end the command with one line where it cannot start.

    How far long Map Runs have come is written to the standard error output, unless `quiet`.
    """
    from newel import assembly  # noqa: PLC0415  (as above)

    if not quiet:
        _show_map_runs()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        work()
    except assembly.RefusedSettingError as error:
        fail(str(error))
    except StoreUnavailable as error:
        fail(f"cannot use the data directory {data_dir}: {error}", ExitCode.UNAVAILABLE)
    except OSError as error:
        fail(f"cannot start at {error.filename or where}: {error.strerror or error}", ExitCode.UNAVAILABLE)


def _show_map_runs() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log = logging.getLogger("newel.map_runs")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _stop(_number: int, _frame: Any) -> NoReturn:
    """Leave in order: while the server runs, uvicorn catches the signal, closes it, and raises the signal again.

    The default would end the process right there, before the store and the functions are closed.
    """
    raise SystemExit(ExitCode.OK)

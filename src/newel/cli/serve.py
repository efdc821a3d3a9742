"""`newel serve`: the server in the foreground."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from newel.cli.output import ExitCode, fail, print_json
from newel.ports.store import StoreUnavailable

DATA_DIRECTORY: Final = Path(".newel")


def serve(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")] = 8083,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    data_dir: Annotated[Path, typer.Option(envvar="NEWEL_DATA_DIR", help="Where everything is kept.")] = DATA_DIRECTORY,
    account: Annotated[str, typer.Option(help="The account of requests that name none.")] = "000000000000",
    region: Annotated[str, typer.Option(help="The region of requests that name none.")] = "us-east-1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen beyond this machine, where any credentials are accepted.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address as JSON once requests are answered.")
    ] = False,
) -> None:
    """Run the server until it is stopped (Ctrl-C, SIGTERM)."""
    # Imported here so that the other commands start without the server's parts.
    from newel import assembly  # noqa: PLC0415

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url, "dataDir": str(data_dir)})
        else:
            typer.echo(f"Newel answers at {url} (data in {data_dir}); stop it with Ctrl-C.")

    settings = assembly.Settings(
        data_dir=data_dir, host=host, port=port, account=account, region=region, allow_remote=allow_remote
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        assembly.serve(settings, ready)
    except assembly.RefusedSettingError as error:
        fail(str(error))
    except StoreUnavailable as error:
        fail(f"cannot use the data directory {data_dir}: {error}", ExitCode.UNAVAILABLE)
    except OSError as error:
        where = error.filename or f"{host}:{port}"
        fail(f"cannot start at {where}: {error.strerror or error}", ExitCode.UNAVAILABLE)


def _stop(_number: int, _frame: Any) -> NoReturn:
    """Leave in order: while the server runs, uvicorn catches the signal, closes it, and raises the signal again.

    The default would end the process right there, before the store and the functions are closed.
    """
    raise SystemExit(ExitCode.OK)

"""Where the items of a Distributed Map come from, and where its results go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import msgspec

from newel.json import Json


class ReaderSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluated ItemReader: `resource` (`s3:getObject`, `s3:listObjectsV2`), its arguments and its ReaderConfig.

    `config` holds evaluated values: `MaxItems` is a number where MaxItemsPath stood.
    """

    resource: str
    arguments: dict[str, Json]
    config: dict[str, Json]


class Items(msgspec.Struct, frozen=True):
    """Some items in a row. `source` is `Map.Item.Source`; `keys` are given for the members of an object.

    `position(at)` resumes a reader after the `at`-th of them.
    """

    values: Sequence[Json]
    position: Callable[[int], str]
    source: str
    keys: Sequence[str] | None = None


class ItemReader(Protocol):
    """Streams items with memory that does not depend on their number.

    Raises `StatesError` `States.ItemReaderFailed` with AWS's cause.
    """

    def read(
        self, spec: ReaderSpec, *, account: str, region: str, role_arn: str | None, after: str | None
    ) -> AsyncIterator[Items]:
        """Items from the start, or from just after `position` `after`."""
        ...


class WriterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluated ResultWriter. `bucket` None: no export, the results become the state's output.

    `transformation` NONE, COMPACT or FLATTEN; `output_type` JSON or JSONL.
    """

    bucket: str | None = None
    prefix: str = ""
    transformation: str = "NONE"
    output_type: str = "JSON"


class ChildResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ended (or pending) child workflow, as result files show it. Payloads are JSON text, times epoch ms."""

    execution_arn: str
    name: str
    state_machine_arn: str
    status: str
    input: str
    start_ms: int
    stop_ms: int | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    redrive_count: int = 0
    redrive_status: str = "NOT_REDRIVABLE"
    redrive_status_reason: str = ""


class ResultWriter(Protocol):
    """Writes the result files and the manifest exactly as AWS does."""

    async def write(
        self,
        spec: WriterSpec,
        map_run_arn: str,
        results: AsyncIterator[ChildResult],
        *,
        account: str,
        region: str,
        role_arn: str | None,
    ) -> dict[str, Json]:
        """Write `results` (in order of child index) and return the state's output (`MapRunArn`, `ResultWriterDetails`).

        Safe to call again after a crash: the same files are written over. Raises `StatesError`
        `States.ResultWriterFailed`.
        """
        ...

"""`S3ResultWriter`: the results of a Map Run in files by status, with a manifest that lists them.

Everything has the same name when it is written again, so that a repetition after a crash replaces what was there; the
manifest comes last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from newel.errors import StatesError
from newel.integrations.aws.objects import s3_cause
from newel.integrations.result_writer.files import LAYOUTS, FileSizes, StatusFiles
from newel.integrations.result_writer.records import one_line, texts
from newel.json import Json, dumps, loads, size_utf8
from newel.limits import DEFAULT_LIMITS
from newel.ports.aws import AwsError
from newel.ports.items import ChildResult, WriterSpec
from newel.ports.objects import Actor, ObjectStore

#: The files that children are written to, by status; in the manifest's order.
_FAILED: Final = "FAILED"
_PENDING: Final = "PENDING"
_SUCCEEDED: Final = "SUCCEEDED"
_FILES: Final = (_FAILED, _PENDING, _SUCCEEDED)


class S3ResultWriter:
    """Writes results to S3, or gives them back where no bucket is named."""

    def __init__(
        self,
        store: ObjectStore,
        sizes: FileSizes = FileSizes(),  # noqa: B008  (frozen)
        *,
        output_bytes_max: int = DEFAULT_LIMITS.payload_bytes_max,
    ) -> None:
        """`output_bytes_max` is the largest output of a state: more than that is not gathered in memory."""
        self._store = store
        self._sizes = sizes
        self._output_bytes_max = output_bytes_max

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
        """See `ports.items.ResultWriter`. Without a bucket: `{"Results": […]}`."""
        if spec.bucket is None:
            return {"Results": await self._gathered(spec, results)}
        actor = Actor(account=account, region=region, role_arn=role_arn)
        try:
            return await self._export(spec, spec.bucket, map_run_arn, results, actor)
        except AwsError as error:
            raise _failed(s3_cause(error)) from error
        except ValueError as error:  # what S3's API refuses before it is asked
            raise _failed(str(error)) from error

    async def _gathered(self, spec: WriterSpec, results: AsyncIterator[ChildResult]) -> list[Json]:
        """The results as a state's output, of which JSON Lines are no part: an array in either OutputType.

        Too large an output is as wrong as any larger one, so gathering ends there.
        """
        gathered: list[Json] = []
        size = 0
        async for result in results:
            for text in texts(result, spec.transformation):
                gathered.append(loads(text))
                size += size_utf8(text)
            if size > self._output_bytes_max:
                break
        return gathered

    async def _export(
        self, spec: WriterSpec, bucket: str, map_run_arn: str, results: AsyncIterator[ChildResult], actor: Actor
    ) -> dict[str, Json]:
        folder = _folder(spec.prefix, map_run_arn)
        layout = LAYOUTS[spec.output_type]
        files = {
            name: StatusFiles(self._store, actor, bucket, f"{folder}{name}_", layout, self._sizes) for name in _FILES
        }
        try:
            async for result in results:
                to = files[_file_of(result.status)]
                for text in texts(result, spec.transformation):
                    await to.add(one_line(text) if spec.output_type == "JSONL" else text)
            for to in files.values():
                await to.finish()
        except BaseException:  # a cancelled export must not leave parts behind either
            for to in files.values():
                await to.abort()
            raise
        key = f"{folder}manifest.json"
        manifest = {
            "DestinationBucket": bucket,
            "MapRunArn": map_run_arn,
            "ResultFiles": {name: to.written for name, to in files.items()},
        }
        await self._store.put({"Bucket": bucket, "Key": key}, actor, dumps(manifest).encode(), "application/json")
        return {"MapRunArn": map_run_arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}


def _failed(cause: str) -> StatesError:
    return StatesError("States.ResultWriterFailed", cause)


def _folder(prefix: str, map_run_arn: str) -> str:
    """`<prefix>/<id of the Map Run>/`."""
    run = map_run_arn.rpartition(":")[2]
    return f"{prefix.rstrip('/')}/{run}/" if prefix.strip("/") else f"{run}/"


def _file_of(status: str) -> str:
    """Timed out and aborted children stand among the failed ones."""
    return status if status in (_SUCCEEDED, _PENDING) else _FAILED

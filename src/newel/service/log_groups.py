"""Log groups: what CloudWatch Logs is on AWS, kept as one append-only file of JSON lines per group.

The first line of a file is the group, every further line one event, in the order of arrival.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from newel.errors import ServiceError
from newel.json import Json, dumps
from newel.ports.clock import Clock

NAME_PATTERN: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_TAIL_BYTES: Final = 65_536
_ARN: Final = re.compile(r"arn:aws[a-z-]*:logs:([a-z0-9-]+):(\d{12}):log-group:([^:]+)(?::\*)?", re.ASCII)
#: Common file systems take names of 255 bytes.
_FILE_NAME_CHARS_MAX: Final = 240


logger = logging.getLogger(__name__)


class LogGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A log group. `created_ms` is epoch milliseconds."""

    account: str
    region: str
    name: str
    created_ms: int
    group_class: str = "STANDARD"

    @property
    def arn(self) -> str:
        """With the `:*` that DescribeLogGroups shows and Step Functions asks for."""
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.name}:*"


class LogEvent(msgspec.Struct, frozen=True):
    """One event of a stream; times are epoch milliseconds. A `mark` is no event: it says that the stream was made."""

    stream: str
    time_ms: int
    message: str
    ingested_ms: int = 0
    mark: bool = False


_encoder: Final = msgspec.json.Encoder()
_group_decoder: Final = msgspec.json.Decoder(LogGroup)
_event_decoder: Final = msgspec.json.Decoder(LogEvent)


def parse_log_group_arn(arn: str) -> tuple[str, str, str] | None:
    """(account, region, name) of a log group's ARN, with or without `:*`; None if it is no such ARN."""
    match = _ARN.fullmatch(arn)
    return (match[2], match[1], match[3]) if match else None


class LogGroups:
    """All log groups of a server, under `folder`. Appending is a short blocking write to a file."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._whole: set[Path] = set()  # files whose last line is known to be complete
        self._streams: dict[Path, set[str]] = {}  # the streams of groups that were written to by name

    def create(self, account: str, region: str, name: str, group_class: str = "STANDARD") -> LogGroup:
        """Raises InvalidParameterException or ResourceAlreadyExistsException."""
        if not NAME_PATTERN.fullmatch(name):
            raise ServiceError("InvalidParameterException", f"Invalid log group name: {name}")
        if len(quote(name, safe="")) > _FILE_NAME_CHARS_MAX:
            raise ServiceError("InvalidParameterException", f"The log group name is too long to be kept: {name}")
        path = self._path(account, region, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        group = LogGroup(
            account=account, region=region, name=name, created_ms=self._clock.now_ms(), group_class=group_class
        )
        try:
            with path.open("xb") as file:
                file.write(_encoder.encode(group) + b"\n")
        except FileExistsError:
            message = "The specified log group already exists"
            raise ServiceError("ResourceAlreadyExistsException", message) from None
        return group

    def exists(self, arn: str) -> bool:
        """Whether an ARN, with or without `:*`, is that of a log group."""
        key = parse_log_group_arn(arn)
        return key is not None and self._path(*key).is_file()

    def describe(self, account: str, region: str, prefix: str = "", pattern: str = "") -> list[LogGroup]:
        """Groups whose name starts with `prefix` and contains `pattern`, by name."""
        folder = self._folder / account / region
        names = sorted(unquote(path.stem) for path in folder.glob("*.jsonl")) if folder.is_dir() else []
        wanted = (name for name in names if name.startswith(prefix) and pattern in name)
        return [self.group(account, region, name) for name in wanted]

    def group(self, account: str, region: str, name: str) -> LogGroup:
        """Raises ResourceNotFoundException."""
        try:
            with self._path(account, region, name).open("rb") as file:
                return _group_decoder.decode(file.readline())
        except FileNotFoundError:
            raise _no_such_group() from None

    def delete(self, account: str, region: str, name: str) -> None:
        """Remove a group with its events. Raises ResourceNotFoundException."""
        try:
            self._streams.pop(self._path(account, region, name), None)
            self._path(account, region, name).unlink()
        except FileNotFoundError:
            raise _no_such_group() from None

    def write(self, group_arn: str, stream: str, records: Sequence[tuple[int, Json]]) -> None:
        """Append (epoch milliseconds, record) pairs to a stream, all or none.

        Nothing is kept if the group is gone. Logging is best effort, as on AWS: a disk that is full stops no execution.
        """
        key = parse_log_group_arn(group_arn)
        if key is None:
            return
        path = self._path(*key)
        now = self._clock.now_ms()
        try:
            self._append(path, [LogEvent(stream, at, dumps(record), now) for at, record in records])
        except FileNotFoundError:
            return
        except OSError as error:
            logger.warning("execution logs of %s are lost: %s", group_arn, error)

    def create_stream(self, group: LogGroup, stream: str) -> None:
        """Raises ResourceAlreadyExistsException."""
        path = self._path(group.account, group.region, group.name)
        if stream in self._streams_of(group, path):
            raise ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists")
        now = self._clock.now_ms()
        self._append(path, [LogEvent(stream, now, "", now, mark=True)])
        self._streams_of(group, path).add(stream)

    def put_events(self, group: LogGroup, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Append (epoch milliseconds, message) pairs, all or none. Raises ResourceNotFoundException, OSError."""
        path = self._path(group.account, group.region, group.name)
        if stream not in self._streams_of(group, path):
            raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
        now = self._clock.now_ms()
        self._append(path, [LogEvent(stream, at, message, now) for at, message in events])

    def _streams_of(self, group: LogGroup, path: Path) -> set[str]:
        known = self._streams.get(path)
        if known is None:
            found = self.events(group.account, group.region, group.name, marks=True)
            known = self._streams[path] = {event.stream for event in found}
        return known

    def _append(self, path: Path, events: Sequence[LogEvent]) -> None:
        """Raises OSError, FileNotFoundError where the group is gone."""
        lines = b"".join(_encoder.encode(event) + b"\n" for event in events)
        # "r+b" because appending must not bring a deleted group back; unbuffered, so that a failure is known here.
        with path.open("r+b", buffering=0) as file:
            end = file.seek(0, 2) if path in self._whole else _end_of_lines(file)
            self._whole.add(path)
            _append(file, end, lines)
        if path in self._streams:
            self._streams[path].update(event.stream for event in events)

    def events(
        self, account: str, region: str, name: str, streams: Sequence[str] = (), *, marks: bool = False
    ) -> Iterator[LogEvent]:
        """The events of a group (of the named streams, if any are named) in order of arrival; with `marks` too.

        Raises ResourceNotFoundException. A last line that is still being written is left out.
        """
        self.group(account, region, name)
        with self._path(account, region, name).open("rb") as file:
            file.readline()
            for line in file:
                if not line.endswith(b"\n"):
                    return
                event = _event_decoder.decode(line)
                if (marks or not event.mark) and (not streams or event.stream in streams):
                    yield event

    def _path(self, account: str, region: str, name: str) -> Path:
        file = quote(name, safe="")
        if len(file) > _FILE_NAME_CHARS_MAX:
            file = "%"  # no group has this file: such names are not created, and the file system would refuse them
        return self._folder / account / region / f"{file}.jsonl"


def _no_such_group() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The specified log group does not exist.")


def _append(file: FileIO, end: int, lines: bytes) -> None:
    """Write at the end of a file; what was written in part is taken back. Raises OSError."""
    if file.write(lines) != len(lines):
        file.truncate(end)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _end_of_lines(file: FileIO) -> int:
    """Go to the end of a file, after cutting off a line that a crash left incomplete."""
    end = file.seek(0, 2)
    position, tail = end, b""
    while position > 0 and b"\n" not in tail:
        position = file.seek(max(0, position - _TAIL_BYTES))
        tail = file.read(_TAIL_BYTES)
    whole = position + tail.rfind(b"\n") + 1
    if whole < end:
        file.truncate(whole)
    return file.seek(whole)

"""CloudWatch Logs: log groups for execution logs and for events that clients put, and how they are read."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from newel.api.protocol import JSON_1_1, Reply, decode, encode_lenient
from newel.errors import ServiceError
from newel.service.core import Caller
from newel.service.log_groups import LogEvent, LogGroup, LogGroups, parse_log_group_arn

PREFIX: Final = b"Logs_20140328."
_PAGE: Final = 50
_EVENTS: Final = 10_000
_STREAM_NAME: Final = re.compile(r"[^:*]{1,512}")

Request = dict[str, Any]
Answer = dict[str, Any]


class LogsApi:
    """Answers `X-Amz-Target: Logs_20140328.<Operation>`. Errors leave as `ServiceError`."""

    def __init__(self, groups: LogGroups) -> None:
        self._groups = groups
        self._operations: dict[bytes, Callable[[Caller, Request], Answer]] = {
            b"CreateLogGroup": self._create_log_group,
            b"CreateLogStream": self._create_log_stream,
            b"DeleteLogGroup": self._delete_log_group,
            b"DescribeLogGroups": self._describe_log_groups,
            b"DescribeLogStreams": self._describe_log_streams,
            b"FilterLogEvents": self._filter_log_events,
            b"GetLogEvents": self._get_log_events,
            b"PutLogEvents": self._put_log_events,
        }

    def call(self, target: bytes, caller: Caller, body: bytes) -> Reply:
        name = target.removeprefix(PREFIX)
        operation = self._operations.get(name)
        if operation is None:
            message = (
                f"The operation {name.decode('latin-1')} of CloudWatch Logs is not supported by this version of Newel."
            )
            raise ServiceError("UnknownOperationException", message)
        request = decode(body)
        if not isinstance(request, dict):
            raise ServiceError("SerializationException", "The request body is not a JSON object")
        return Reply(200, encode_lenient(operation(caller, request)), JSON_1_1)

    def _create_log_group(self, caller: Caller, request: Request) -> Answer:
        name = _text(request, "logGroupName", required=True)
        self._groups.create(caller.account, caller.region, name, _text(request, "logGroupClass") or "STANDARD")
        return {}

    def _create_log_stream(self, caller: Caller, request: Request) -> Answer:
        name = _text(request, "logStreamName", required=True)
        if not _STREAM_NAME.fullmatch(name):
            raise _invalid("The value of logStreamName is not valid")
        self._groups.create_stream(self._group(caller, request), name)
        return {}

    def _put_log_events(self, caller: Caller, request: Request) -> Answer:
        """PutLogEvents. Sequence tokens are not asked for, as on AWS since 2023; the age of events is not either."""
        group, stream = self._group(caller, request), _text(request, "logStreamName", required=True)
        given = request.get("logEvents")
        if not isinstance(given, list) or not 1 <= len(given) <= _EVENTS:
            raise _invalid("The value of logEvents is not valid")
        events = [_given_event(event) for event in given]
        if any(earlier > later for (earlier, _), (later, _) in itertools.pairwise(events)):
            raise _invalid("Log events in a single PutLogEvents request must be in chronological order.")
        self._groups.put_events(group, stream, events)
        return {"nextSequenceToken": f"{len(given):056d}"}

    def _delete_log_group(self, caller: Caller, request: Request) -> Answer:
        self._groups.delete(caller.account, caller.region, _text(request, "logGroupName", required=True))
        return {}

    def _describe_log_groups(self, caller: Caller, request: Request) -> Answer:
        prefix, pattern = _text(request, "logGroupNamePrefix"), _text(request, "logGroupNamePattern")
        found = self._groups.describe(caller.account, caller.region, prefix, pattern)
        after = _text(request, "nextToken")
        rest = [group for group in found if group.name > after]
        size = _number(request, "limit", _PAGE)
        answer: Answer = {"logGroups": [_group(group) for group in rest[:size]]}
        if len(rest) > size:
            answer["nextToken"] = rest[size - 1].name
        return answer

    def _describe_log_streams(self, caller: Caller, request: Request) -> Answer:
        group = self._group(caller, request)
        streams: dict[str, list[LogEvent]] = {}
        for event in self._groups.events(group.account, group.region, group.name, marks=True):
            streams.setdefault(event.stream, []).append(event)
        prefix = _text(request, "logStreamNamePrefix")
        names = sorted(name for name in streams if name.startswith(prefix))
        if request.get("orderBy") == "LastEventTime":
            names.sort(key=lambda name: streams[name][-1].time_ms)
        if request.get("descending"):
            names.reverse()
        size = _number(request, "limit", _PAGE)
        start = names.index(request["nextToken"]) + 1 if request.get("nextToken") in names else 0
        page = names[start : start + size]
        answer: Answer = {"logStreams": [_stream(group, name, streams[name]) for name in page]}
        if start + size < len(names):
            answer["nextToken"] = page[-1]
        return answer

    def _filter_log_events(self, caller: Caller, request: Request) -> Answer:
        group = self._group(caller, request)
        names, prefix = _texts(request, "logStreamNames"), _text(request, "logStreamNamePrefix")
        wanted = _matcher(_text(request, "filterPattern"))
        found = [
            {
                "logStreamName": event.stream,
                "timestamp": event.time_ms,
                "message": event.message,
                "ingestionTime": event.ingested_ms,
                "eventId": f"{number:056d}",
            }
            for number, event in enumerate(self._events(group, names))
            if event.stream.startswith(prefix) and _within(event, request) and wanted(event.message)
        ]
        found.sort(key=lambda event: str(event["timestamp"]).zfill(20))
        start, size = _offset(request), _number(request, "limit", _EVENTS)
        answer: Answer = {"events": found[start : start + size], "searchedLogStreams": []}
        if start + size < len(found):
            answer["nextToken"] = str(start + size)
        return answer

    def _get_log_events(self, caller: Caller, request: Request) -> Answer:
        group = self._group(caller, request)
        stream = _text(request, "logStreamName", required=True)
        events = list(self._groups.events(group.account, group.region, group.name, (stream,), marks=True))
        if not events:
            raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
        kept = [event for event in events if not event.mark and _within(event, request)]
        start, end = _window(request, len(kept))
        return {
            "events": [
                {"timestamp": event.time_ms, "message": event.message, "ingestionTime": event.ingested_ms}
                for event in kept[start:end]
            ],
            "nextForwardToken": f"f/{end}",
            "nextBackwardToken": f"b/{start}",
        }

    def _group(self, caller: Caller, request: Request) -> LogGroup:
        """The group that `logGroupName` or `logGroupIdentifier` (a name or an ARN) means."""
        given = _text(request, "logGroupName") or _text(request, "logGroupIdentifier")
        if not given:
            raise _invalid("Either logGroupName or logGroupIdentifier must be specified")
        key = parse_log_group_arn(given)
        return self._groups.group(*(key or (caller.account, caller.region, given)))

    def _events(self, group: LogGroup, streams: Iterable[str] = ()) -> Iterable[LogEvent]:
        return self._groups.events(group.account, group.region, group.name, tuple(streams))


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)


def _text(request: Request, name: str, *, required: bool = False) -> str:
    value = request.get(name)
    if value is None:
        value = ""
    if not isinstance(value, str) or (required and not value):
        raise _invalid(f"The value of {name} is not valid")
    return value


def _texts(request: Request, name: str) -> list[str]:
    value = request.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _invalid(f"The value of {name} is not valid")
    return value


def _number(request: Request, name: str, default: int) -> int:
    value = request.get(name)
    if value is None:
        return default
    if type(value) is not int or not 1 <= value <= _EVENTS:
        raise _invalid(f"The value of {name} is not valid")
    return value


def _offset(request: Request) -> int:
    token = _text(request, "nextToken")
    if token and not (token.isdecimal() and len(token) < 16):
        raise _invalid("The specified nextToken is invalid.")
    return int(token or 0)


def _window(request: Request, total: int) -> tuple[int, int]:
    """Which events GetLogEvents gives: after a forward token, before a backward one, else from either end."""
    size = _number(request, "limit", _EVENTS)
    token = _text(request, "nextToken")
    direction, _, offset = token.partition("/")
    if not token:
        start = 0 if request.get("startFromHead") else max(total - size, 0)
        return start, min(start + size, total)
    if direction not in ("f", "b") or not (offset.isdecimal() and len(offset) < 16):
        raise _invalid("The specified nextToken is invalid.")
    at = min(int(offset), total)
    return (at, min(at + size, total)) if direction == "f" else (max(at - size, 0), at)


def _within(event: LogEvent, request: Request) -> bool:
    """`startTime` is included; `endTime` is not for GetLogEvents and is for FilterLogEvents, so it is here."""
    start, end = request.get("startTime"), request.get("endTime")
    return (not isinstance(start, int) or event.time_ms >= start) and (not isinstance(end, int) or event.time_ms <= end)


def _matcher(pattern: str) -> Callable[[str], bool]:
    """A filter of plain terms: every term must be there, `?a ?b` any of them, `-a` must not. Case counts."""
    if pattern.lstrip().startswith(("{", "[", "%")):
        raise _invalid("Only filter patterns of plain terms are supported by this version of Newel.")
    terms = [term.strip('"') for term in pattern.split()]
    options = [term[1:] for term in terms if term.startswith("?")]
    refused = [term[1:] for term in terms if term.startswith("-")]
    needed = [term for term in terms if not term.startswith(("?", "-"))]

    def matches(message: str) -> bool:
        return (
            all(term in message for term in needed)
            and not any(term in message for term in refused)
            and (not options or any(term in message for term in options))
        )

    return matches


def _group(group: LogGroup) -> Answer:
    return {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": group.arn,
        "storedBytes": 0,
        "logGroupClass": group.group_class,
        "logGroupArn": group.arn.removesuffix(":*"),
    }


def _stream(group: LogGroup, name: str, events: list[LogEvent]) -> Answer:
    real = [event for event in events if not event.mark]
    answer: Answer = {"logStreamName": name, "creationTime": events[0].ingested_ms}
    if real:
        answer |= {
            "firstEventTimestamp": real[0].time_ms,
            "lastEventTimestamp": real[-1].time_ms,
            "lastIngestionTime": real[-1].ingested_ms,
        }
    return {**answer, "arn": f"{group.arn.removesuffix(':*')}:log-stream:{name}", "storedBytes": 0}


def _given_event(event: Any) -> tuple[int, str]:
    """(epoch milliseconds, message) of an InputLogEvent. Raises InvalidParameterException."""
    if isinstance(event, dict):
        time_ms, message = event.get("timestamp"), event.get("message")
        if type(time_ms) is int and time_ms >= 0 and isinstance(message, str) and message:
            return time_ms, message
    raise _invalid("The value of logEvents is not valid")

"""Timestamps as Step Functions reads them: ISO-8601 extended offset date-times (a profile of RFC 3339).

`T` and `Z` in upper case, an offset is required, seconds may be absent, the fraction has up to nine digits.
"""

import re
from datetime import UTC, datetime, timedelta

_TIMESTAMP = re.compile(
    r"([+-]?\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Seconds since the epoch, and nanoseconds of the second.
Instant = tuple[int, int]


def parse_timestamp(text: str) -> Instant | None:
    """The instant that `text` names, None when it is no timestamp. Instants compare exactly, to the nanosecond."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC)
        shift = _offset(offset)
    except ValueError:
        return None
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - shift
    return seconds, int((fraction or "").ljust(9, "0"))


def parse_timestamp_ms(text: str) -> int | None:
    """Epoch milliseconds of `text`, finer parts dropped; None when it is no timestamp."""
    instant = parse_timestamp(text)
    return None if instant is None else instant[0] * 1000 + instant[1] // 1_000_000


def _offset(text: str) -> int:
    """Seconds east of UTC; at most 18 hours, as in Java. Raises ValueError."""
    if text == "Z":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59 or hours * 60 + minutes > 18 * 60:
        raise ValueError(text)
    seconds = (hours * 60 + minutes) * 60
    return -seconds if text[0] == "-" else seconds

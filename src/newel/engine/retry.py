"""Which retrier or catcher answers an error, and how long a retry waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newel.engine.errors import RUNTIME
from newel.engine.program import CompiledCatcher, CompiledRetrier
from newel.expr.env import Environment

Names = tuple[str | None, str | None]


def matches(error_equals: Sequence[str], names: Names) -> bool:
    """Whether ErrorEquals names the error; `States.ALL` and `States.TaskFailed` are wildcards.

    `States.ALL` takes a `States.DataLimitExceeded` too, as AWS's recorded behaviour shows (its documentation says
    otherwise); `States.TaskFailed` takes anything but a time-out.
    """
    for pattern in error_equals:
        if pattern == "States.ALL" or (pattern is not None and pattern in names):
            return True
        if pattern == "States.TaskFailed" and names[0] != "States.Timeout":
            return True
    return False


def retrier_index(retriers: Sequence[CompiledRetrier], names: Names) -> int | None:
    """The first matching retrier, used up or not; `States.Runtime` is never retried."""
    if names[0] == RUNTIME:
        return None
    return next((i for i, retrier in enumerate(retriers) if matches(retrier.error_equals, names)), None)


def retry_after(
    retriers: Sequence[CompiledRetrier], attempts: Mapping[int, int], names: Names, env: Environment
) -> tuple[int, int] | None:
    """(index of the first matching retrier, its delay in ms); None if there is none or it is used up."""
    index = retrier_index(retriers, names)
    if index is None:
        return None
    retrier, done = retriers[index], attempts.get(index, 0)
    return (index, delay_ms(retrier, done, env)) if done < retrier.max_attempts else None


def delay_ms(retrier: CompiledRetrier, attempt: int, env: Environment) -> int:
    """Interval x Backoff^attempt, capped by MaxDelaySeconds; full jitter draws uniformly from zero to that."""
    ceiling = 99_999_999.0 if retrier.max_delay_seconds is None else retrier.max_delay_seconds
    try:
        seconds = min(retrier.interval_seconds * retrier.backoff_rate**attempt, ceiling)
    except OverflowError:
        seconds = ceiling
    if retrier.full_jitter:
        seconds *= env.random()
    return round(seconds * 1000)


def catch_index(catchers: Sequence[CompiledCatcher], names: Names) -> int | None:
    """The first matching catcher; `States.Runtime` is never caught."""
    if names[0] == RUNTIME:
        return None
    return next((i for i, catcher in enumerate(catchers) if matches(catcher.error_equals, names)), None)

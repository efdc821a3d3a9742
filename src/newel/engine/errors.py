"""How the engine words errors, and the signals it uses inside a turn."""

from __future__ import annotations

from typing import Final

from newel.errors import QueryEvaluationError, RuntimeFailure, StatesError

RUNTIME: Final = "States.Runtime"

#: Errors of evaluating a state; AWS says which state and at which event it was entered.
_PREFIXED: Final = frozenset(
    {
        RUNTIME,
        "States.QueryEvaluationError",
        "States.IntrinsicFailure",
        "States.ParameterPathFailure",
        "States.ResultPathMatchFailure",
        "States.NoChoiceMatched",
    }
)


class HistoryFull(Exception):  # noqa: N818
    """Only the closing event still fits in the history."""


class UnplacedFailure(RuntimeFailure):
    """A `States.Runtime` whose cause AWS gives without the state it happened in."""


class EnteredEvaluationError(QueryEvaluationError):
    """An evaluated value that the state, already entered, cannot use; EvaluationFailed follows the Entered event."""


def with_prefix(error: StatesError, state: str, entered_id: int) -> str | None:
    """The cause as AWS words it for an error raised while a state was executed."""
    if error.cause is None or error.error not in _PREFIXED or isinstance(error, UnplacedFailure):
        return error.cause
    where = f"An error occurred while executing the state '{state}' (entered at the event id #{entered_id})."
    return f"{where} {error.cause}"


def data_limit(who: str, *, parameters: bool = False) -> StatesError:
    """A result (or the parameters) of a state or task over the payload limit."""
    what = "provided parameters" if parameters else "returned a result"
    return StatesError(
        "States.DataLimitExceeded",
        f"The state/task '{who}' {what} with a size exceeding the maximum number of bytes service limit.",
    )


def variable_limit(what: str) -> StatesError:
    """Variables over one of their limits; `what` is the sentence up to its verb."""
    return StatesError("States.DataLimitExceeded", f"{what} the maximum number of bytes service limit.")

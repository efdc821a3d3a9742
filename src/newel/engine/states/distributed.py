"""The numbers and batches of a Distributed Map, worked out from its compiled fields."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from newel.engine.errors import EnteredEvaluationError
from newel.engine.program import CompiledBatcher, NumberField
from newel.engine.states.dataflow import integer, integer_by_path
from newel.errors import RuntimeFailure
from newel.expr.env import Scope
from newel.json import Json, Payload, dumps, size_utf8

#: The largest input of a child, in bytes of UTF-8, when MaxInputBytesPerBatch does not say less.
_BATCH_BYTES_MAX = 262_144


def whole_number(field: NumberField, scope: Scope) -> int:
    """The value of a field that takes a non-negative integer (ToleratedFailureCount, MaxItemsPerBatch)."""
    value = field.value(scope)
    number = integer(value) if field.path is None else integer_by_path(value)
    if number is None:
        if field.path is None:
            raise EnteredEvaluationError(f"The {field.name} field must be a non-negative integer.", field.name)
        raise RuntimeFailure(_refers(field, value, "integer"))
    if number < 0:
        raise RuntimeFailure(f"{field.name} cannot be negative.")
    return number


def percentage(field: NumberField, scope: Scope) -> float:
    """The value of a field that takes a number from 0 to 100 (ToleratedFailurePercentage)."""
    value = field.value(scope)
    number = _float(value)
    if number is None:
        raise RuntimeFailure(_refers(field, value, "float"))
    if not 0 <= number <= 100:
        raise RuntimeFailure(f"{field.name} must be between 0 and 100.")
    return number


def _float(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _refers(field: NumberField, value: Json, kind: str) -> str:
    shown = value if isinstance(value, str) else dumps(value)
    return f'The {field.name}Path field refers to value "{shown}" which is not a valid {kind}: {field.path}'


class Batcher:
    """Puts items into children's inputs: as many as fit in each, in order. An item that is too large goes alone.

    `items_max` and `bytes_max` are zero where the definition gives none; `batch_input` is UNSET where there is none.
    """

    def __init__(self, items_max: int, bytes_max: int, batch_input: Json | UnsetType) -> None:
        self._items_max = items_max
        self._head = "{" if batch_input is UNSET else f'{{"BatchInput":{dumps(batch_input)},'
        bound = min(bytes_max or _BATCH_BYTES_MAX, _BATCH_BYTES_MAX)
        self._room = bound - size_utf8(self._head) - len('"Items":[]}')
        self._texts: list[str] = []
        self._used = 0

    def add(self, item: Payload) -> list[tuple[Payload, int]]:
        """The (input, number of items) that is complete, if one more item opens the next."""
        size = size_utf8(item.text) + 1
        full = (self._items_max and len(self._texts) >= self._items_max) or self._used + size > self._room + 1
        complete = self.finish() if full else []
        self._texts.append(item.text)
        self._used += size
        return complete

    def finish(self) -> list[tuple[Payload, int]]:
        """The batch that is still open, if any."""
        if not self._texts:
            return []
        texts, self._texts, self._used = self._texts, [], 0
        return [(Payload(f'{self._head}"Items":[{",".join(texts)}]}}'), len(texts))]


def batches(batcher: CompiledBatcher, scope: Scope, items: list[Payload]) -> list[Payload]:
    """The children's inputs for items that are all at hand."""
    items_max = whole_number(batcher.items_max, scope) if batcher.items_max is not None else 0
    bytes_max = whole_number(batcher.input_bytes_max, scope) if batcher.input_bytes_max is not None else 0
    batch_input = UNSET if batcher.batch_input is None else batcher.batch_input(scope)
    filler = Batcher(items_max, bytes_max, batch_input)
    full = [batch for item in items for batch, _ in filler.add(item)]
    return full + [batch for batch, _ in filler.finish()]


def threshold_exceeded(failures: int, total: int, count: int | None, percent: float | None) -> bool:
    """Whether so many failed items of `total` are more than either tolerance allows."""
    if count is not None and failures > count:
        return True
    return percent is not None and total > 0 and failures * 100 > percent * total

"""Reference paths: a single node named by names and indexes, which can also be written to (ResultPath)."""

from itertools import pairwise

from newel.errors import StatesError
from newel.expr.env import Scope
from newel.expr.jsonpath.compile import FAILURES, simple_keys
from newel.expr.jsonpath.parse import parse_path
from newel.expr.jsonpath.path import Path
from newel.expr.syntax import PathSyntaxError
from newel.json import Json, dumps

Keys = tuple[str | int, ...]


class ReferencePath(Path):
    """A path to one node: `.insert` puts a value there. Everything a `Path` can do, it can."""

    __slots__ = ("keys",)

    def __init__(self, text: str) -> None:
        super().__init__(text, parse_path(text))
        keys = simple_keys(self.steps)
        if keys is None or not self.is_reference:
            raise PathSyntaxError(f"Value is not a Reference Path: {text}")
        self.keys: Keys = keys

    def insert(self, document: Json, value: Json) -> Json:
        """`document` with `value` at this path: objects on the way are copied, absent ones made, nothing is mutated.

        Raises `States.ResultPathMatchFailure` where something that is no object stands in the way, or an index is
        beyond its array.
        """
        if not self.keys:
            return value
        try:
            return _insert(document, self.keys, value)
        except FAILURES:
            raise StatesError(
                "States.ResultPathMatchFailure", f"Unable to apply ReferencePath {self.text} to input {dumps(document)}"
            ) from None

    def select(self, scope: Scope) -> Json:
        """The node, as ItemsPath reads it: raises `States.ReferencePathConflict` naming the step that fails."""
        try:
            document: Json = self.document(scope)
        except KeyError:
            raise self.missing(scope) from None
        for key in self.keys:
            try:
                document = _container(document, key)[key]
            except FAILURES:
                raise _conflict(key, document) from None
        return document


def compile_reference_path(text: str) -> ReferencePath:
    """Compile a Reference Path. Raises `PathSyntaxError`, in AWS's words, for anything else."""
    if not text.startswith("$"):
        raise PathSyntaxError("Value is not a Reference Path: Reference path didn't start with '$'")
    return ReferencePath(text)


def _conflict(key: str | int, document: Json) -> StatesError:
    return StatesError("States.ReferencePathConflict", f'Unable to apply step "{key}" to input {dumps(document)}')


def _insert(document: Json, keys: Keys, value: Json) -> Json:
    """Copy the containers on the way down, each already in its parent's copy, and put the value in the last."""
    top = container = _container(document, keys[0]).copy()
    for key, following in pairwise(keys):
        below = container.get(key, {}) if isinstance(container, dict) else container[key]
        container[key] = container = _container(below, following).copy()
    if isinstance(keys[-1], int):
        _ = container[keys[-1]]  # an index beyond the end is refused
    container[keys[-1]] = value
    return top


def _container(document: Json, key: str | int) -> Json:
    """`document`, if it is what `key` fits: an array for an index, else an object. Raises TypeError."""
    if type(document) is not (list if isinstance(key, int) else dict):
        raise TypeError
    return document

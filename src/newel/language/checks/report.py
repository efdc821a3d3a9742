"""Where a check stands and where its findings go."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from newel.language.diagnostics import Diagnostic, error, warning
from newel.language.fields import QueryLanguage

MachineType = Literal["STANDARD", "EXPRESS"]


class Report:
    """Findings in the order they are made.

    `broken` says that the shape of the definition is wrong (a state without a type, a transition that is not text):
    the graph of transitions can't be judged then, and AWS doesn't.
    """

    __slots__ = ("broken", "diagnostics")

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.broken = False

    def error(self, message: str, location: str | None, code: str = "SCHEMA_VALIDATION_FAILED") -> None:
        self.diagnostics.append(error(message, location, code))

    def shape_error(self, message: str, location: str) -> None:
        """An error after which transitions can't be followed."""
        self.broken = True
        self.error(message, location)

    def warning(self, code: str, message: str, location: str | None) -> None:
        self.diagnostics.append(warning(code, message, location))


#: Members of `$states` that every JSONata expression sees.
STATES_ALWAYS: Final = frozenset({"input", "context"})


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a check knows of its surroundings.

    `language` is the effective one of the object; `machine_language` what nested states inherit; `machine_type` that of
    the machine, or of the child executions inside a distributed Map. `states` are the members of `$states` that the
    field sees. `tolerant`: substitutions (`${Name}`) are still in the definition and stand for anything.
    """

    report: Report
    machine_language: QueryLanguage = "JSONPath"
    language: QueryLanguage = "JSONPath"
    machine_type: MachineType = "STANDARD"
    states: frozenset[str] = STATES_ALWAYS
    tolerant: bool = False

    def within(self, **changes: object) -> Context:
        return msgspec.structs.replace(self, **changes)

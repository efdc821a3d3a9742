"""The state of one evaluation: its environment and what it has used up."""

from __future__ import annotations

from typing import Any, Final

from newel.expr.jsonata.environment import Environment, Limits
from newel.expr.jsonata.errors import JsonataError

__all__ = ["CALL_STEPS", "Runtime", "runtime_class"]

#: What a call of a function that may recurse costs, in steps.
CALL_STEPS: Final = 10


class Runtime:
    """One evaluation; never shared between two. What is the same for every evaluation is kept in a class for the
    limits.
    """

    #: Whether a sequence or a missing value has been put into an array or object: the result then needs a clean-up.
    dirty = False
    depth = 0
    depth_max = 0
    steps = 0
    steps_max = 0
    sequence_max = 0
    string_max = 0

    def __init__(self, environment: Environment | None, evaluator: Any) -> None:
        self.environment = environment
        self.evaluator = evaluator

    def charge(self, steps: int) -> None:
        """Use up steps.

        Raises:
            JsonataError: D1014 when none are left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise JsonataError("D1014", value=self.steps_max)

    def enter(self) -> None:
        """A function of the expression begins; ``depth`` is given back when it ends.

        Raises:
            JsonataError: D1011 beyond the depth, D1014 when no steps are left.
        """
        self.depth += 1
        if self.depth > self.depth_max:
            raise JsonataError("D1011")
        self.charge(CALL_STEPS)

    def check_length(self, length: int) -> None:
        """Refuse an array that is too long.

        Raises:
            JsonataError: D2015.
        """
        if length > self.sequence_max:
            raise JsonataError("D2015", value=self.sequence_max)

    def check_text(self, length: int) -> None:
        """Refuse a string that is too long.

        Raises:
            JsonataError: D2016.
        """
        if length > self.string_max:
            raise JsonataError("D2016", value=self.string_max)

    def needed(self, function: str) -> Environment:
        """The environment, for a function that can't do without.

        Raises:
            JsonataError: D3150 when there is none.
        """
        if self.environment is None:
            raise JsonataError("D3150", token=function)
        return self.environment


def runtime_class(limits: Limits) -> type[Runtime]:
    """The class of evaluations within these limits."""
    fields = {
        "depth_max": limits.depth,
        "steps": limits.steps,
        "steps_max": limits.steps,
        "sequence_max": limits.sequence_length,
        "string_max": limits.string_length,
    }
    return type("Runtime", (Runtime,), fields)

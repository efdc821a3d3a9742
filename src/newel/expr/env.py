"""What an expression may see: its input, the context object, variables, and an environment that gives time and chance.

Expressions are pure: the same scope gives the same value. Time, randomness and unique ids are handed in.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from newel.json import Json


class Environment(Protocol):
    """Time and chance for one turn of the interpreter."""

    @property
    def now_ms(self) -> int:
        """Epoch milliseconds, constant during one evaluation."""
        ...

    def random(self) -> float:
        """A uniform float in [0, 1)."""
        ...

    def uuid(self) -> str:
        """A fresh version 4 UUID in canonical form."""
        ...


class Scope:
    """The names an expression can reach.

    `input` is `$` in JSONPath. `states` is `$states` in JSONata (a dict with `input`, `context` and, where the field
    allows them, `result` and `errorOutput`). `context` is called when `$$` or `$states.context` is first needed.
    `variables` maps names without the `$` to JSON values.
    """

    __slots__ = ("_context", "_make_context", "env", "input", "states", "variables")

    def __init__(
        self,
        input: Json,  # noqa: A002  (AWS's word)
        make_context: Callable[[], dict[str, Json]],
        variables: Mapping[str, Json],
        env: Environment,
        states: Mapping[str, Json] | None = None,
    ) -> None:
        self.input = input
        self.variables = variables
        self.env = env
        self.states = states
        self._make_context = make_context
        self._context: dict[str, Json] | None = None

    @property
    def context(self) -> dict[str, Json]:
        """The context object (`$$`), built once when asked for."""
        if self._context is None:
            self._context = self._make_context()
        return self._context

    def with_input(self, input: Json) -> "Scope":  # noqa: A002
        """The same scope with another `$`."""
        other = Scope(input, self._make_context, self.variables, self.env, self.states)
        other._context = self._context
        return other

"""Assembly: the handlers of every node, the names generated code can use, and the step from source to a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from newel.expr.jsonata.codegen import calls, expressions, objects, paths
from newel.expr.jsonata.codegen.generator import NOT_LISTS, Context, Generator, Handler, Region, Val
from newel.expr.jsonata.codegen.scopes import Variable, frame_binds
from newel.expr.jsonata.environment import Limits
from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.arrays import total
from newel.expr.jsonata.functions.matching import make_matcher
from newel.expr.jsonata.nodes import Node, walk
from newel.expr.jsonata.runtime import calls as run_calls
from newel.expr.jsonata.runtime import grouping, operators, sorting, transforms, tuples
from newel.expr.jsonata.runtime import paths as run_paths
from newel.expr.jsonata.values import (
    FUNCTIONS,
    LISTS,
    SEQUENCES,
    UNDEFINED,
    Builtin,
    Cons,
    KeepSeq,
    Lambda,
    Seq,
    Tail,
)

__all__ = ["Program", "generate"]

_FILENAME: Final = "<jsonata>"
_RUNTIME: Final = re.compile(r"\brt\b")


def _unary(g: Generator, node: Node, context: Context) -> Val:
    if node.value == "-":
        return expressions.negation(g, node, context)
    return (objects.array if node.value == "[" else objects.object_)(g, node, context)


def _wildcard(g: Generator, _: Node, context: Context) -> Val:
    return Val(g.temp(f"wildcard({context.code})"))


def _descendants(g: Generator, _: Node, context: Context) -> Val:
    return Val(g.temp(f"descendants({context.code})"))


def _parent(g: Generator, node: Node, _: Context) -> Val:
    assert node.slot is not None
    return expressions.read_variable(g, node.slot.label)


def _nothing(_: Generator, __: Node, ___: Context) -> Val:
    return Val("U", "u")


_HANDLERS: Final[dict[str, Handler]] = {
    "path": paths.path,
    "binary": expressions.binary,
    "unary": _unary,
    "string": expressions.literal,
    "number": expressions.literal,
    "value": expressions.literal,
    "wildcard": _wildcard,
    "descendant": _descendants,
    "parent": _parent,
    "condition": expressions.condition,
    "block": expressions.block,
    "bind": expressions.bind,
    "regex": expressions.regex,
    "function": calls.call,
    "variable": expressions.variable,
    "lambda": calls.definition,
    "partial": calls.partial,
    "apply": calls.apply,
    "transform": calls.transform,
    "operator": _nothing,
    "(filters)": paths.filters,
    "(group)": objects.group,
    "(tuple group)": objects.tuple_group,
}


#: What a variable holds before it is set.
_UNSET: Final = object()


def _visible_now(bindings: Mapping[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The variables that are set where ``$eval`` is called."""
    return {**bindings, **{name: value for name, value in own.items() if value is not _UNSET}}


#: What generated code can name, besides its own constants.
_NAMES: Final[dict[str, Any]] = {
    "__builtins__": {
        kind.__name__: kind for kind in (bool, dict, enumerate, float, int, len, list, map, range, str, type)
    },
    "U": UNDEFINED,
    "N": _UNSET,
    "NO_ROW": {},
    "NO_FUNCTION": Lambda(lambda: UNDEFINED, 0),
    "as_members": lambda _: {},
    "visible_now": _visible_now,
    "NUMBERS": frozenset({int, float}),
    "UNUSUAL": frozenset({Seq, KeepSeq, Cons}),
    "LISTS": LISTS,
    "SEQUENCES": SEQUENCES,
    "FUNCTIONS": FUNCTIONS,
    "PLACEHOLDER": run_calls.PLACEHOLDER,
    "Seq": Seq,
    "Cons": Cons,
    "Lambda": Lambda,
    "Tail": Tail,
    "make_matcher": make_matcher,
    "total": total,
    "make_transform": transforms.make_transform,
    "truth_of": transforms.truth_of,
    "apply_to": run_calls.apply_to,
    "call": run_calls.call,
    "invoke": run_calls.invoke,
    "partial": run_calls.partial,
    "wrap": run_calls.wrap,
    "order_by": sorting.order_by,
    **{name: getattr(operators, name) for name in operators.__all__},
    **{name: getattr(run_paths, name) for name in run_paths.__all__},
    **{name: getattr(grouping, name) for name in grouping.__all__},
    **{name: getattr(tuples, name) for name in tuples.__all__},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Program:
    """A program ready to run: ``run(input, bindings, runtime)``. ``light``: it never asks for the runtime.

    ``scalar``: what it gives is never an array.
    """

    run: Callable[[Any, Any, Any], Any]
    light: bool
    scalar: bool
    source: str
    regions: tuple[Region, ...]

    def locate(self, error: JsonataError, traceback: TracebackType | None) -> None:
        """Give an error the position and token jsonata-js would, from where it passed through the program's lines."""
        lines = []
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename == _FILENAME and traceback.tb_frame.f_globals.get("REGIONS") is self.regions:
                lines.append(traceback.tb_lineno)
            traceback = traceback.tb_next
        for line in reversed(lines):
            for region in sorted(self.regions, key=lambda region: region.end - region.start):
                if region.start <= line <= region.end:
                    _mark(error, region)


def _mark(error: JsonataError, region: Region) -> None:
    if region.force or error.token is None:
        error.token = region.token
    error.position = region.position or error.position


def generate(tree: Node, library: dict[str, Builtin], shadowed: frozenset[str], limits: Limits) -> Program:
    """The program of a tree. ``shadowed`` are the library's names that the bindings will override.

    Raises:
        JsonataError: D1011 when the expression nests too deeply.
    """
    g = Generator(_HANDLERS, library, shadowed)
    g.makes_objects = any(_makes_objects(node) for node in walk(tree))
    g.emit("def program(inp, b, rt):")
    g.indent = 1
    for name, count in frame_binds([tree]).items():
        found = Variable(g.name("v"), g.function, writes=count + 1, definite=True)
        g.emit(f"{found.code} = {expressions.global_value(g, name)}")
        g.scope.variables[name] = found
    value = g.expr(tree, Context("inp", outer=True, pure=True))
    g.emit(f"return {value.code}")
    source = "\n".join(g.lines) + "\n"
    regions = tuple(g.regions)
    namespace: dict[str, Any] = {**_NAMES, **g.constants, **_bounds(limits), "REGIONS": regions}
    # The source has no text of the expression in it: names are generated, constants are in the table.
    exec(compile(source, _FILENAME, "exec"), namespace)  # noqa: S102
    light = not any(_RUNTIME.search(line) for line in g.lines[1:])
    return Program(namespace["program"], light, value.kind in NOT_LISTS, source, regions)


def _bounds(limits: Limits) -> dict[str, int]:
    return {"TEXT_MAX": limits.string_length, "SEQUENCE_MAX": limits.sequence_length}


def _makes_objects(node: Node) -> bool:
    return node.kind == "transform" or node.group is not None or (node.kind == "unary" and node.value == "{")

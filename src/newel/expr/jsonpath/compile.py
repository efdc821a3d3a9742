"""Steps as closures: `find(document, root) -> value`, raising LookupError or TypeError where there is nothing.

A definite path walks to one value. An indefinite one carries a list of nodes from step to step and never fails: what
does not fit a step is passed over, as AWS does even for a missing name before a wildcard.
"""

from collections.abc import Callable, Iterable

from newel.expr.jsonpath.filters import FAILURES, NOTHING, compile_operand, compile_predicate
from newel.expr.jsonpath.functions import FUNCTIONS
from newel.expr.jsonpath.nodes import (
    Filter,
    Function,
    Index,
    Indexes,
    Name,
    Names,
    Scan,
    Slice,
    Step,
    Wildcard,
    is_definite,
)
from newel.json import Json

Find = Callable[[Json, Json], Json]
Expand = Callable[[list[Json], Json], list[Json]]
Keys = tuple[str | int, ...]

__all__ = ["FAILURES", "Keys", "compile_keys", "compile_steps", "simple_keys"]


def compile_steps(steps: tuple[Step, ...]) -> Find:
    """The steps of a path as one closure over the document they start from and the root that filters call `$`."""
    if steps and isinstance(steps[-1], Function):
        return _compile_function(steps[:-1], steps[-1])
    keys = simple_keys(steps)
    if keys is not None:
        walk = compile_keys(keys)
        return lambda document, _root: walk(document)
    if is_definite(steps):
        return _compile_members(steps)
    return _compile_expansion(steps)


def simple_keys(steps: tuple[Step, ...]) -> Keys | None:
    """Names and indexes alone, else None."""
    keys: list[str | int] = []
    for step in steps:
        match step:
            case Name(name):
                keys.append(name)
            case Index(index):
                keys.append(index)
            case _:
                return None
    return tuple(keys)


def compile_keys(keys: Keys) -> Callable[[Json], Json]:
    """Walk names and indexes. A name on anything but an object, and an index on anything but an array, is nothing."""
    names = tuple(key for key in keys if isinstance(key, str))
    if len(names) == len(keys):
        return _compile_names(names)

    def walk(document: Json) -> Json:
        for key in keys:
            # Indexing a string would give a character.
            if type(key) is int and type(document) is not list:
                raise TypeError
            document = document[key]
        return document

    return walk


def _compile_names(names: tuple[str, ...]) -> Callable[[Json], Json]:
    """A name never fits a list, a string, a number or null: Python's own TypeError says so."""
    if not names:
        return lambda document: document
    if len(names) == 1:
        (first,) = names
        return lambda document: document[first]
    if len(names) == 2:
        first, second = names
        return lambda document: document[first][second]

    def walk(document: Json) -> Json:
        for name in names:
            document = document[name]
        return document

    return walk


def _compile_members(steps: tuple[Step, ...]) -> Find:
    """`$.a['x','y']`: an object with those members that are there."""
    *_, last = steps
    assert isinstance(last, Names)
    keys = simple_keys(steps[:-1])
    assert keys is not None
    walk, names = compile_keys(keys), last.names

    def find(document: Json, _root: Json) -> Json:
        value = walk(document)
        if type(value) is not dict:
            raise TypeError
        return {name: value[name] for name in names if name in value}

    return find


def _compile_function(steps: tuple[Step, ...], function: Function) -> Find:
    find = compile_steps(steps)
    call = FUNCTIONS[function.name]
    arguments = tuple(compile_operand(argument, compile_steps) for argument in function.arguments)

    def apply(document: Json, root: Json) -> Json:
        given = [read(document, root) for read in arguments]
        if NOTHING in given:
            raise LookupError
        return call(find(document, root), given)

    return apply


def _compile_expansion(steps: tuple[Step, ...]) -> Find:
    last = len(steps) - 1
    expansions = tuple(_compile_step(step, leaf=position == last) for position, step in enumerate(steps))

    def find(document: Json, root: Json) -> Json:
        nodes = [document]
        for expand in expansions:
            nodes = expand(nodes, root)
        return nodes

    return find


def _compile_step(step: Step, *, leaf: bool) -> Expand:
    match step:
        case Name(name):
            return lambda nodes, _root: [node[name] for node in nodes if type(node) is dict and name in node]
        case Names(names):
            return _expand_names(names, leaf=leaf)
        case Index(index):
            return _expand_indexes((index,))
        case Indexes(indexes):
            return _expand_indexes(indexes)
        case Slice(start, stop):
            return lambda nodes, _root: [item for node in nodes if type(node) is list for item in node[start:stop]]
        case Wildcard():
            return lambda nodes, _root: [item for node in nodes for item in _children(node)]
        case Filter():
            return _expand_filter(step)
        case Scan(inner):
            return _expand_scan(inner, leaf=leaf)
        case Function():
            raise AssertionError("a function ends the path")


def _children(node: Json) -> Iterable[Json]:
    if type(node) is dict:
        return node.values()
    return node if type(node) is list else ()


def _expand_names(names: tuple[str, ...], *, leaf: bool) -> Expand:
    if leaf:
        return lambda nodes, _root: [
            {name: node[name] for name in names if name in node} for node in nodes if type(node) is dict
        ]
    return lambda nodes, _root: [node[name] for node in nodes if type(node) is dict for name in names if name in node]


def _expand_indexes(indexes: tuple[int, ...]) -> Expand:
    return lambda nodes, _root: [
        node[index] for node in nodes if type(node) is list for index in indexes if -len(node) <= index < len(node)
    ]


def _expand_filter(step: Filter) -> Expand:
    """Jayway: a filter picks items of an array, and keeps or drops an object as a whole."""
    test = compile_predicate(step.predicate, compile_steps)

    def expand(nodes: list[Json], root: Json) -> list[Json]:
        kept: list[Json] = []
        for node in nodes:
            if type(node) is list:
                kept.extend(item for item in node if test(item, root))
            elif type(node) is dict and test(node, root):
                kept.append(node)
        return kept

    return expand


def _expand_scan(inner: Step, *, leaf: bool) -> Expand:
    """`..`: the step on every object and array, outer before inner; a filter is put to the objects alone."""
    expand = _compile_step(inner, leaf=leaf)
    objects_only = isinstance(inner, Filter)

    def scan(nodes: list[Json], root: Json) -> list[Json]:
        containers = [below for node in nodes for below in _containers(node) if not objects_only or type(below) is dict]
        return expand(containers, root)

    return scan


def _containers(node: Json) -> Iterable[Json]:
    stack = [node]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            yield node
            stack.extend(reversed(node.values()))
        elif type(node) is list:
            yield node
            stack.extend(reversed(node))

"""Paths without bindings: steps one after the other, each over the members of what the step before gave.

Between steps the value is "auto": an array stands for its members, anything else for itself, undefined for nothing. A
run of names over objects is written as nested look-ups, with a call for everything that isn't an object.
"""

from __future__ import annotations

from dataclasses import dataclass

from newel.expr.jsonata.codegen.generator import NOT_LISTS, Context, Generator, Val
from newel.expr.jsonata.codegen.tuples import order_terms, row_names, stage_list, tuple_path
from newel.expr.jsonata.nodes import Node, Stage

__all__ = ["filters", "path"]


@dataclass(slots=True)
class _Stream:
    """The value between two steps.

    ``mode``: "one" item, "auto", "context" (like auto, but undefined is an item), "all" (something to iterate over) or
    "seq" (a sequence whose steps are paid for).
    """

    code: str
    mode: str
    pure: bool = False


def path(g: Generator, node: Node, context: Context) -> Val:
    if any(step.tuple for step in node.steps):
        return tuple_path(g, node, context)
    value = _steps(g, node, context)
    if node.keep_singleton:
        code = g.writable(value.code)
        g.emit(f"{code} = keep({code})")
        value = Val(code, open=True)
    if node.group is not None:
        return g._handlers["(group)"](g, node, Context(g.hold(value).code, pure=value.pure))
    if node.keep_singleton:
        return Val(g.temp(f"collapse({value.code})"))
    return value


def _steps(g: Generator, node: Node, context: Context) -> Val:
    steps, final_open = node.steps, node.keep_singleton or node.group is not None
    first = steps[0]
    if first.cons_array:
        return _after_array(g, node, context, final_open)
    elif first.kind == "variable":
        value = g.hold(_one_step(g, first, context))
        if len(steps) == 1:
            return Val(value.code, open=True, pure=value.pure)
        stream, at = _Stream(value.code, "auto", value.pure), 1
    else:
        stream, at = _Stream(context.code, "one" if context.outer else "context", context.pure), 0
    return _walk(g, steps, at, stream, final_open)


def _after_array(g: Generator, node: Node, context: Context, final_open: bool) -> Val:
    """A path that begins with an array written in place: when that is empty, it is the result."""
    first = _constructed(g, node.steps[0], context)
    if len(node.steps) == 1:
        return Val(first.code, "x", open=True)
    value = _walk(g, node.steps, 1, _Stream(g.temp(f"members({first.code})"), "all"), final_open)
    return Val(g.temp(f"{first.code} if is_empty({first.code}) else {value.code}"), open=True)


def _walk(g: Generator, steps: list[Node], at: int, stream: _Stream, final_open: bool) -> Val:
    while True:
        end = at
        while end < len(steps) and steps[end].kind == "name" and not steps[end].stages:
            end += 1
        if end > at:
            keys = [step.value for step in steps[at:end]]
            if end == len(steps):
                return _names_end(g, stream, keys, final_open)
            stream = _names(g, stream, keys)
            at = end
            continue
        last = at == len(steps) - 1
        value = _step(g, steps[at], stream, last)
        if last:
            return value
        stream = _Stream(g.hold(value).code, "seq" if value.sequence else "auto", value.pure)
        at += 1


def _constructed(g: Generator, first: Node, context: Context) -> _Stream:
    """An array written as the first step sees all of the context as one array."""
    if context.outer:
        inner = g.temp(f"Seq(({context.code},))")
    else:
        inner = g.temp(f"{context.code} if {context.code}.__class__ in LISTS else Seq(({context.code},))")
    return _Stream(g.hold(g.expr(first, Context(inner))).code, "all")


# -- names -----------------------------------------------------------------------------------------------------------


def _key_tuple(g: Generator, keys: list[str]) -> str:
    return g.constant(tuple(keys))


def _items(stream: _Stream) -> str:
    """What a step iterates over, as a Python expression."""
    code = stream.code
    if stream.mode == "one":
        return f"({code},)"
    if stream.mode == "context":
        return f"({code} if {code}.__class__ in LISTS else ({code},))"
    if stream.mode in ("all", "seq"):
        return code
    return f"stream({code})"


def _lookups(g: Generator, stream: _Stream, keys: list[str], slow: str) -> str:
    """Nested look-ups; ``slow`` is what to do when one of the values isn't an object."""
    code = stream.code
    if stream.mode in ("all", "seq"):
        return g.temp(slow)
    result = g.name()
    tests = [f"{code}.__class__ is dict"]
    current = code
    for key in keys[:-1]:
        tests.append(f"({result} := {current}.get({g.constant(key)})).__class__ is dict")
        current = result
    g.emit(f"{result} = {current}.get({g.constant(keys[-1])}, U) if {' and '.join(tests)} else {slow}")
    return result


def _names_end(g: Generator, stream: _Stream, keys: list[str], final_open: bool) -> Val:
    names = _key_tuple(g, keys)
    if final_open:
        return Val(g.temp(f"names_end({_items(stream)}, {names})"), open=True, pure=stream.pure)
    slow = f"collapse(names_end({_items(stream)}, {names}))"
    if stream.mode == "context":
        slow = f"names({stream.code}, {names})"
    result = _lookups(g, stream, keys, slow)
    if g.makes_objects and not stream.pure:
        # Only an object made by the expression can hold a sequence.
        with g.block(f"if {result}.__class__ in SEQUENCES:"):
            g.emit(f"{result} = collapse(flat([{result}]))")
    return Val(result, pure=stream.pure)


def _names(g: Generator, stream: _Stream, keys: list[str]) -> _Stream:
    names = _key_tuple(g, keys)
    return _Stream(_lookups(g, stream, keys, f"names_stream({_items(stream)}, {names})"), "auto", stream.pure)


# -- other steps -----------------------------------------------------------------------------------------------------


def _one_step(g: Generator, step: Node, context: Context) -> Val:
    """A step with its stages for one item: an open value."""
    value = _evaluate(g, step, context)
    for stage in step.stages or []:
        value = _stage(g, stage, value)
    if step.stages and not _is_position(step.stages[-1]):
        return Val(value.code, open=True, sequence=True, pure=value.pure)
    return value


def _evaluate(g: Generator, step: Node, context: Context) -> Val:
    if step.kind != "name":
        return g.expr(step, context)
    code, key = context.code, g.constant(step.value)
    result = g.temp(f"{code}.get({key}, U) if {code}.__class__ is dict else name_of({code}, {key})")
    return g.collapse(Val(result, open=g.makes_objects and not context.pure, pure=context.pure))


def _step(g: Generator, step: Node, stream: _Stream, last: bool) -> Val:
    if step.kind == "sort":
        return _sort(g, step, stream)
    if stream.mode == "one":
        value = _one_step(g, step, Context(stream.code, outer=True, pure=stream.pure))
        is_open = value.kind not in NOT_LISTS
        return Val(value.code, value.kind, open=is_open, sequence=value.sequence, pure=value.pure)
    items = g.temp(_items(stream))
    if stream.mode != "seq":
        g.charge(items)
    out = g.name("t")
    direct = _collects_directly(step)
    created = len(g.lines)
    g.emit(f"{out} = []" if not direct else f"{out} = Seq()")
    flattened, members = direct, ""
    if g.needs_function(step):
        item = g.name("i")
        with g.define(item) as function:
            value = _one_step(g, step, Context(item, pure=stream.pure))
            g.emit(f"return {value.code}")
        with g.loop(f"for {item} in {items}:"):
            found = g.temp(f"{function}({item})")
            with g.block(f"if {found} is not U:"):
                g.emit(f"{out}.append({found})")
        if direct:
            g.emit(f"{out} = flat({out}, SEQUENCE_MAX)")
            return Val(out, open=True)
    else:
        item = g.name("i")
        with g.loop(f"for {item} in {items}:"):
            members = _collect(g, step, Context(item, pure=stream.pure), out, direct)
            flattened = direct or members in NOT_LISTS
    if not flattened:
        g.emit(f"{out} = {'finish' if last else 'flat'}({out}, SEQUENCE_MAX)")
    elif not direct:
        g.lines[created] = g.lines[created].replace("[]", "Seq()")
    pure = stream.pure and step.kind == "name"
    return Val(out, open=True, members=members, sequence=not last, pure=pure)


def _collects_directly(step: Node) -> bool:
    """Whether the step ends in a filter by truth, whose hits go straight into the result."""
    return bool(step.stages) and not _is_position(step.stages[-1])  # type: ignore[index]


def _collect(g: Generator, step: Node, context: Context, out: str, direct: bool) -> str:
    """One round of a step's loop; the kind of what it adds."""
    if direct:
        stages = step.stages or []
        value = _evaluate(g, step, context)
        for stage in stages[:-1]:
            value = _stage(g, stage, value)
        _filter_into(g, stages[-1], value, out)
        return "x"
    value = g.hold(_one_step(g, step, context))
    if value.defined:
        g.emit(f"{out}.append({value.code})")
    else:
        with g.block(f"if {value.code} is not U:"):
            g.emit(f"{out}.append({value.code})")
    return value.kind


def _sort(g: Generator, step: Node, stream: _Stream) -> Val:
    items = g.temp(_items(stream))
    terms = order_terms(g, step)
    value = Val(g.temp(f"order_by({items}, {terms}, {step.position or 0})"), open=True, pure=stream.pure)
    for stage in step.stages or []:
        value = _stage(g, stage, value)
    return value


# -- filters ---------------------------------------------------------------------------------------------------------


def filters(g: Generator, node: Node, context: Context) -> Val:
    """The predicates of a node that isn't a step, over the value in ``context``."""
    predicates = node.predicate or []
    if node.kind == "block" and node.tuple:
        names = row_names(Node("path", steps=[node]))
        return Val(g.temp(f"tuple_stages({stage_list(g, predicates, names)}, {context.code})"), open=True)
    if len(predicates) == 1 and _is_position(predicates[0]) and not node.keep_array:
        assert predicates[0].expr is not None
        at = _position(predicates[0].expr)
        return Val(g.temp(f"pick_end({context.code}, {at})"), pure=context.pure)
    value = Val(context.code, pure=context.pure)
    for stage in predicates:
        value = _stage(g, stage, value)
    return value


def _is_position(stage: Stage) -> bool:
    return (
        stage.expr is not None and stage.expr.kind == "number" and not stage.expr.predicate and stage.expr.group is None
    )


def _position(node: Node) -> int:
    return int(node.value // 1)


def _stage(g: Generator, stage: Stage, value: Val) -> Val:
    """A filter over a value; the result is an open sequence."""
    assert stage.expr is not None
    value = g.hold(value)
    if _is_position(stage):
        return Val(g.temp(f"pick({value.code}, {_position(stage.expr)})"), open=True, pure=value.pure)
    out = g.temp("Seq()")
    _filter_into(g, stage, value, out)
    return Val(out, open=True, pure=value.pure)


def _filter_into(g: Generator, stage: Stage, value: Val, out: str) -> None:
    """Add what passes a filter to ``out``."""
    predicate = stage.expr
    assert predicate is not None
    code = g.hold(value).code
    items = g.name()
    with g.block(f"if {code}.__class__ in LISTS:"):
        g.emit(f"{items} = {code}")
        g.charge(items)
    with g.block("else:"):
        g.emit(f"{items} = filtered_items(rt, {code})")
    item, at = g.name("i"), g.name("i")
    if g.needs_function(predicate):
        with g.define(item) as function:
            result = g.expr(predicate, Context(item, pure=value.pure))
            g.emit(f"return {result.code}")
        with g.loop(f"for {at}, {item} in enumerate({items}):"):
            _keep_hits(g, Val(g.temp(f"{function}({item})")), item, at, items, out)
        return
    start = len(g.lines)
    with g.loop(f"for {at}, {item} in enumerate({items}):"):
        outcome = g.hold(g.expr(predicate, Context(item, pure=value.pure)))
        if outcome.kind in ("b", "b?"):
            with g.block(f"if {g.truth(outcome)}:"):
                g.emit(f"{out}.append({item})")
            g.lines[start] = g.lines[start].replace(
                f"for {at}, {item} in enumerate({items}):", f"for {item} in {items}:"
            )
        else:
            _keep_hits(g, outcome, item, at, items, out)


def _keep_hits(g: Generator, outcome: Val, item: str, at: str, items: str, out: str) -> None:
    code = outcome.code
    with g.block(f"if {code} is True:"):
        g.emit(f"{out}.append({item})")
    rounds = f"for _ in range(hits({code}, {at}, len({items}))):"
    with g.block(f"elif {code} is not False and {code} is not U:"), g.block(rounds):
        g.emit(f"{out}.append({item})")

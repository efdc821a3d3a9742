"""Functions: calls, definitions, tail calls, partial application, ``~>``, transforms."""

from __future__ import annotations

from typing import Final

from newel.expr.jsonata.codegen.arithmetic import loosen
from newel.expr.jsonata.codegen.expressions import declare, global_value, read_variable
from newel.expr.jsonata.codegen.generator import NOT_LISTS, Context, Generator, Val
from newel.expr.jsonata.codegen.scopes import Scope, Variable, frame_binds
from newel.expr.jsonata.nodes import Node, walk
from newel.expr.jsonata.values import Builtin

__all__ = ["apply", "call", "definition", "partial", "transform"]

#: What the functions of the library give, where it is known.
_RESULTS: Final = {
    **dict.fromkeys(
        ("sum", "max", "min", "average", "length", "number", "floor", "ceil", "round", "abs", "sqrt", "power"), "n?"
    ),
    **dict.fromkeys(("parseInteger", "toMillis"), "x"),
    **dict.fromkeys(("random", "millis", "count"), "n"),
    **dict.fromkeys(
        ("string", "substring", "substringBefore", "substringAfter", "lowercase", "uppercase", "trim", "pad"), "s?"
    ),
    **dict.fromkeys(("replace", "join", "formatNumber", "formatBase", "formatInteger", "fromMillis", "type"), "s?"),
    **dict.fromkeys(("base64encode", "base64decode", "encodeUrl", "encodeUrlComponent"), "s?"),
    **dict.fromkeys(("decodeUrl", "decodeUrlComponent"), "s?"),
    **dict.fromkeys(("contains", "boolean", "not"), "b?"),
    "exists": "b",
    "now": "s",
    "uuid": "s",
    "hash": "s?",
    "merge": "o?",
    "sift": "o?",
}
_TAKES_FUNCTIONS: Final = frozenset(
    {"map", "filter", "single", "reduce", "sift", "each", "sort", "match", "contains", "replace", "split"}
)
_TEXT: Final = {
    "length": "len({0})",
    "lowercase": "{0}.lower()",
    "uppercase": "{0}.upper()",
}


def call(g: Generator, node: Node, context: Context) -> Val:
    return _call(g, node, context, [])


def _call(g: Generator, node: Node, context: Context, given: list[Val]) -> Val:
    builtin = g.builtin(node.procedure)
    if builtin is not None:
        inline = _inline(g, node, builtin, context, given)
        if inline is not None:
            return inline
        if builtin.name in ("sum", "average") and len(node.arguments) == 1:
            loosen(g, node.arguments[0])
        args = given + [g.hold(g.expr(argument, context)) for argument in node.arguments]
        return _library_call(g, node, builtin, args, context)
    assert node.procedure is not None
    function = g.hold(g.expr(node.procedure, context))
    hint = _hint(g, node.procedure)
    args = given + [_argument(g, argument, context) for argument in node.arguments]
    codes = [arg.code for arg in args]
    many = f"({', '.join(codes)}{',' if codes else ''})"
    result = g.name()
    with g.region(node.position, procedure_name(node.procedure), force=False):
        with g.block(
            f"if {function.code}.__class__ is Lambda and {function.code}.plain"
            f" and {function.code}.arity == {len(codes)}:"
        ):
            g.emit(f"{result} = {function.code}.fn({', '.join(codes)})")
        with g.block("else:"):
            g.emit(f"{result} = call(rt, {function.code}, {many}, {context.code}{', ' + hint if hint else ''})")
    return Val(result, open=True)


def _argument(g: Generator, node: Node, context: Context) -> Val:
    """An argument of a function of the expression: a function handed over is wrapped."""
    value = g.hold(g.expr(node, context))
    if (value.kind in NOT_LISTS and value.kind != "f") or value.kind == "a":
        return value
    if value.kind == "f":
        return Val(g.temp(f"wrap({value.code})"), "f")
    return Val(g.temp(f"wrap({value.code}) if {value.code}.__class__ in FUNCTIONS else {value.code}"), value.kind)


def procedure_name(procedure: Node) -> str | None:
    """What an error calls the function."""
    name = procedure.steps[0].value if procedure.kind == "path" else procedure.value
    return name if isinstance(name, str) else None


def _hint(g: Generator, procedure: Node) -> str:
    """For a name without its ``$``: an expression for the name if such a function exists."""
    if procedure.kind != "path" or not isinstance(procedure.steps[0].value, str):
        return ""
    name = procedure.steps[0].value
    value = read_variable(g, name)
    return f"{g.constant(name)} if truth_of({value.code}) else None"


# -- written in place ----------------------------------------------------------------------------------------------


def _inline(g: Generator, node: Node, builtin: Builtin, context: Context, given: list[Val]) -> Val | None:
    """Higher-order functions over a function written on the spot, and matches of a literal pattern."""
    arguments = node.arguments
    if builtin.name == "contains" and len(arguments) + len(given) == 2 and arguments[-1].kind == "regex":
        return _contains(g, node, builtin, context, given)
    write = _INLINE.get(builtin.name)
    if write is None or not arguments or not _inlinable(g, arguments[-1]):
        return None
    if builtin.name == "each":
        if len(arguments) + len(given) == 1:
            subject = Val(context.code)
        elif len(arguments) + len(given) == 2:
            subject = given[0] if given else g.hold(g.expr(arguments[0], context))
        else:
            return None
    elif len(arguments) + len(given) == 2:
        subject = given[0] if given else g.hold(g.expr(arguments[0], context))
    else:
        return None
    with g.region(node.position, builtin.name, force=False):
        return write(g, node, arguments[-1], subject, context)


def _contains(g: Generator, node: Node, builtin: Builtin, context: Context, given: list[Val]) -> Val:
    subject = given[0] if given else g.hold(g.expr(node.arguments[0], context))
    pattern = node.arguments[-1]
    with g.region(node.position, builtin.name, force=False):
        # Anything but a string is refused by the signature, which wants a function here.
        matcher = f"make_matcher(rt, {g.constant(pattern.value)}, {pattern.position or 0})"
        general = f"invoke(rt, {g.constant(builtin)}, ({subject.code}, {matcher}), {context.code})"
        test = f"{g.constant(pattern.value)}.test({subject.code}) if {subject.code}.__class__ is str else {general}"
        return Val(g.temp(test), "b?")


def _inlinable(g: Generator, node: Node) -> bool:
    """A function that can be a loop's body: nothing in it catches variables, and no tail call needs a trampoline."""
    if node.kind != "lambda" or node.thunk or node.signature is not None or node.predicate or node.group is not None:
        return False
    if len({argument.value for argument in node.arguments}) != len(node.arguments):
        return False
    assert node.body is not None
    return not g.needs_function(node.body) and not _leaves_tail(g, node.body)


def _leaves_tail(g: Generator, node: Node) -> bool:
    if node.predicate or node.group is not None or node.keep_array:
        return False
    if node.kind == "lambda" and node.thunk:
        assert node.body is not None
        builtin = g.builtin(node.body.procedure)
        return builtin is None or builtin.name == "eval" or not _ignores_context(builtin, len(node.body.arguments))
    if node.kind == "condition":
        return any(part is not None and _leaves_tail(g, part) for part in (node.then, node.otherwise))
    return node.kind == "block" and bool(node.expressions) and _leaves_tail(g, node.expressions[-1])


def _inline_body(g: Generator, node: Node, params: list[str], context: Context, pures: tuple[bool, ...] = ()) -> Val:
    """The body of a function with its parameters in these variables; what is missing is undefined."""
    assert node.body is not None
    outer, g.scope = g.scope, Scope(g.scope, g.function)
    for number, param in enumerate(node.arguments):
        code = params[number] if number < len(params) else "U"
        pure = number < len(pures) and pures[number]
        g.scope.variables[param.value] = Variable(code, g.function, writes=1, definite=True, pure=pure)
    declare(g, g.scope, frame_binds([node.body]))
    value = g.hold(_tail(g, node.body, context, []))
    g.scope = outer
    return value


def _array_of(g: Generator, subject: Val) -> str:
    """What a function of arrays goes through: undefined is nothing, any other value is one member."""
    code = subject.code
    items = g.temp(f"{code} if {code}.__class__ in LISTS else (() if {code} is U else [{code}])")
    g.charge(items)
    return items


def _add_result(g: Generator, value: Val, out: str) -> None:
    if value.defined:
        g.emit(f"{out}.append({value.code})")
        return
    with g.block(f"if {value.code} is not U:"):
        g.emit(f"{out}.append({value.code})")
        if value.kind not in NOT_LISTS:
            with g.block(f"if {value.code}.__class__ in UNUSUAL:"):
                g.emit("rt.dirty = True")


def _inline_map(g: Generator, node: Node, function: Node, subject: Val, context: Context) -> Val:
    del node
    items = _array_of(g, subject)
    out, item, at = g.temp("Seq()"), g.name("v"), g.name("v")
    header = f"for {at}, {item} in enumerate({items}):" if len(function.arguments) > 1 else f"for {item} in {items}:"
    with g.loop(header):
        value = _inline_body(g, function, [item, at, items], context, (subject.pure, True))
        _add_result(g, value, out)
    return Val(out, open=True, members=value.kind)


def _inline_filter(g: Generator, node: Node, function: Node, subject: Val, context: Context) -> Val:
    del node
    items = _array_of(g, subject)
    out, item, at = g.temp("Seq()"), g.name("v"), g.name("v")
    header = f"for {at}, {item} in enumerate({items}):" if len(function.arguments) > 1 else f"for {item} in {items}:"
    with g.loop(header):
        value = _inline_body(g, function, [item, at, items], context, (subject.pure, True))
        with g.block(f"if {g.truth(value)}:"):
            g.emit(f"{out}.append({item})")
    return Val(out, open=True, pure=subject.pure)


def _inline_reduce(g: Generator, node: Node, function: Node, subject: Val, context: Context) -> Val | None:
    del node
    if len(function.arguments) != 2:
        return None
    items = _array_of(g, subject)
    result, item = g.name("v"), g.name("v")
    rest = g.temp(f"{items}[1:]")
    g.emit(f"{result} = {items}[0] if {items} else U")
    if _is_sum(function):
        # What is added up in order is the same sum, as long as it stays finite.
        with g.block(f"if {rest} and {{*map(type, {items})}} <= NUMBERS:"):
            whole = g.temp(f"total({items})")
            with g.block(f"if {whole} - {whole} == 0:"):
                g.emit(f"{result}, {rest} = {whole}, ()")
    with g.loop(f"for {item} in {rest}:"):
        value = _inline_body(g, function, [result, item], context, (False, subject.pure))
        g.emit(f"{result} = {value.code}")
    return Val(g.temp(result), open=True)


def _is_sum(function: Node) -> bool:
    """Whether a function adds its two parameters."""
    body = function.body
    if body is None or body.kind != "binary" or body.value != "+" or body.predicate or body.group is not None:
        return False
    names = [argument.value for argument in function.arguments]
    sides = (body.lhs, body.rhs)
    return all(side.kind == "variable" and not side.predicate and side.group is None for side in sides) and sorted(
        names
    ) == sorted(side.value for side in sides)


def _inline_each(g: Generator, node: Node, function: Node, subject: Val, context: Context) -> Val:
    code = subject.code
    builtin = g.library["each"]
    members = g.name()
    with g.region(node.position, builtin.name, force=False):
        # The signature's verdict on anything but an object.
        refusal = f"invoke(rt, {g.constant(builtin)}, ({code}, NO_FUNCTION), {context.code})"
        g.emit(f"{members} = in_order({code}) if {code}.__class__ is dict else as_members({refusal})")
    g.charge(members)
    out, key, item = g.temp("Seq()"), g.name("v"), g.name("v")
    with g.loop(f"for {key}, {item} in {members}.items():"):
        value = _inline_body(g, function, [item, key, code], context, (subject.pure, True))
        _add_result(g, value, out)
    return Val(out, open=True, members=value.kind)


_INLINE: Final = {"map": _inline_map, "filter": _inline_filter, "reduce": _inline_reduce, "each": _inline_each}


# -- the library -----------------------------------------------------------------------------------------------------


def _library_call(g: Generator, node: Node, builtin: Builtin, args: list[Val], context: Context) -> Val:
    kind = _RESULTS.get(builtin.name, "x")
    with g.region(node.position, builtin.name, force=False):
        special = _special(g, builtin, args, context)
        if special is not None:
            return special
        code = _general(g, builtin, args, context)
        if builtin.name == "eval":
            code = f"{code[:-1]}, {_visible(g)})"
        return Val(g.temp(code), kind, open=kind == "x")


def _general(g: Generator, builtin: Builtin, args: list[Val], context: Context) -> str:
    codes = [arg.code for arg in args]
    many = f"({', '.join(codes)}{',' if codes else ''})"
    return f"invoke(rt, {g.constant(builtin)}, {many}, {context.code})"


def _visible(g: Generator) -> str:
    """The variables that code given to ``$eval`` can see."""
    names: dict[str, str] = {}
    for scope in g.scope.chain():
        for name, found in scope.variables.items():
            names.setdefault(name, found.code)
    names.setdefault("$", global_value(g, "$"))
    pairs = ", ".join(f"{g.constant(name)}: {code}" for name, code in names.items())
    return f"visible_now(b, {{{pairs}}})"


def _special(g: Generator, builtin: Builtin, args: list[Val], context: Context) -> Val | None:
    """The functions that are worth writing in place for the usual argument."""
    name = builtin.name
    if name == "exists" and len(args) == 1:
        return Val(g.temp(f"{args[0].code} is not U"), "b")
    if not args:
        return None
    first = args[0].code
    general = _general(g, builtin, args, context)
    if len(args) == 1 and name in _TEXT:
        return Val(
            g.temp(f"{_TEXT[name].format(first)} if {first}.__class__ is str else {general}"),
            "n?" if name == "length" else "s?",
        )
    if name == "string" and len(args) == 1:
        return Val(g.temp(f"{first} if {first}.__class__ is str else {general}"), "s" if args[0].defined else "s?")
    if name == "count" and len(args) == 1:
        return Val(g.temp(f"len({first}) if {first}.__class__ in LISTS else {general}"), "n")
    if name == "not" and len(args) == 1:
        if args[0].kind == "b":
            return Val(g.temp(f"not {first}"), "b")
        return Val(g.temp(f"(not {first}) if {first}.__class__ is bool else {general}"), "b?")
    if name == "boolean" and len(args) == 1:
        return Val(g.temp(f"{first} if {first}.__class__ is bool else {general}"), "b?")
    if name == "sum" and len(args) == 1:
        test = f"{first}.__class__ in LISTS"
        if args[0].members not in ("n", "n?"):
            test += f" and {{*map(type, {first})}} <= NUMBERS"
        return Val(g.temp(f"total({first}) if {test} else {general}"), "n?")
    if name == "contains" and len(args) == 2 and args[1].kind == "s":
        return Val(g.temp(f"({args[1].code} in {first}) if {first}.__class__ is str else {general}"), "b?")
    return None


# -- definitions -----------------------------------------------------------------------------------------------------


def definition(g: Generator, node: Node, context: Context) -> Val:
    if node.thunk:
        # Outside a function's body a thunk is just its call.
        assert node.body is not None
        return call(g, node.body, context)
    params = [g.name("v") for _ in node.arguments]
    with g.define(", ".join(params)) as function:
        tail = _body(g, node, params, context)
    signature = g.constant(node.signature) if node.signature is not None else "None"
    return Val(g.temp(f"Lambda({function}, {len(params)}, {signature}, tail={tail})"), "f")


def _body(g: Generator, node: Node, params: list[str], context: Context) -> bool:
    assert node.body is not None
    outer, g.scope = g.scope, Scope(g.scope, g.function)
    for param, name in zip(node.arguments, params, strict=True):
        g.scope.variables[param.value] = Variable(name, g.function, writes=1, definite=True)
    declare(g, g.scope, frame_binds([node.body]))
    entered = _may_recurse(g, node.body)
    if entered:
        g.emit("rt.enter()")
    tails: list[bool] = []
    value = _tail(g, node.body, context, tails)
    if entered:
        g.emit("rt.depth -= 1")
    g.emit(f"return {value.code}")
    g.scope = outer
    return any(tails)


def _may_recurse(g: Generator, body: Node) -> bool:
    """Whether the body can call a function it doesn't define on the spot."""
    for part in walk(body):
        if part.kind in ("apply", "partial"):
            return True
        if part.kind == "function":
            builtin = g.builtin(part.procedure)
            if builtin is None:
                return True
            if builtin.name in _TAKES_FUNCTIONS and any(
                argument.kind not in ("lambda", "string", "regex") for argument in part.arguments[1:]
            ):
                return True
    return False


def _tail(g: Generator, node: Node, context: Context, tails: list[bool]) -> Val:
    """An expression in tail position: calls of unknown functions are left to the trampoline."""
    if node.predicate or node.group is not None or node.keep_array:
        return g.expr(node, context)
    if node.kind == "lambda" and node.thunk:
        assert node.body is not None
        return _tail_call(g, node.body, context, tails)
    if node.kind == "condition" and _has_tail(node):
        return _tail_condition(g, node, context, tails)
    if node.kind == "block" and node.expressions and _has_tail(node):
        return _tail_block(g, node, context, tails)
    return g.expr(node, context)


def _has_tail(node: Node) -> bool:
    if node.kind == "lambda":
        return node.thunk
    if node.kind == "condition":
        return any(part is not None and _has_tail(part) for part in (node.then, node.otherwise))
    return node.kind == "block" and bool(node.expressions) and _has_tail(node.expressions[-1])


def _tail_condition(g: Generator, node: Node, context: Context, tails: list[bool]) -> Val:
    assert node.condition is not None
    assert node.then is not None
    result = g.name()
    test = g.truth(g.expr(node.condition, context))
    with g.conditional(), g.block(f"if {test}:"):
        g.emit(f"{result} = {_tail(g, node.then, context, tails).code}")
    with g.conditional(), g.block("else:"):
        code = "U" if node.otherwise is None else _tail(g, node.otherwise, context, tails).code
        g.emit(f"{result} = {code}")
    return g.collapse(Val(result, open=True))


def _tail_block(g: Generator, node: Node, context: Context, tails: list[bool]) -> Val:
    outer = g.scope
    binds = frame_binds(node.expressions)
    if binds:
        g.scope = Scope(outer, g.function)
        declare(g, g.scope, binds)
    for expression in node.expressions[:-1]:
        g.expr(expression, context)
    value = _tail(g, node.expressions[-1], context, tails)
    g.scope = outer
    return value


def _ignores_context(builtin: Builtin, arguments: int) -> bool:
    """Whether a call can't fall back on the context, which in tail position is the caller's."""
    definition = builtin.signature.definition if builtin.signature is not None else ""
    return "-" not in definition or arguments >= len(builtin.params) or (builtin.name == "string" and arguments > 0)


def _tail_call(g: Generator, node: Node, context: Context, tails: list[bool]) -> Val:
    assert node.procedure is not None
    builtin = g.builtin(node.procedure)
    direct = builtin is not None and builtin.name != "eval" and _ignores_context(builtin, len(node.arguments))
    position, name = node.procedure.position, node.procedure.value if node.procedure.kind == "variable" else None
    if direct and builtin is not None:
        args = [g.hold(g.expr(argument, context)) for argument in node.arguments]
        with g.region(position, name, force=False):
            special = _special(g, builtin, args, context)
            return special or Val(g.temp(_general(g, builtin, args, context)), _RESULTS.get(builtin.name, "x"))
    function = g.hold(g.expr(node.procedure, context))
    codes = [g.hold(g.expr(argument, context)).code for argument in node.arguments]
    many = f"({', '.join(codes)}{',' if codes else ''})"
    tails.append(True)
    token = g.constant(name) if name is not None else "None"
    visible = f", {_visible(g)}" if builtin is not None and builtin.name == "eval" else ""
    return Val(g.temp(f"Tail({function.code}, {many}, {position}, {token}{visible})"))


# -- the rest --------------------------------------------------------------------------------------------------------


def partial(g: Generator, node: Node, context: Context) -> Val:
    assert node.procedure is not None
    codes = []
    for argument in node.arguments:
        hole = argument.kind == "operator" and argument.value == "?"
        codes.append("PLACEHOLDER" if hole else g.hold(g.expr(argument, context)).code)
    function = g.hold(g.expr(node.procedure, context))
    name = procedure_name(node.procedure)
    hint = _hint(g, node.procedure) or "None"
    token = g.constant(name) if name is not None else "None"
    code = f"partial(rt, {function.code}, ({', '.join(codes)},), {token}, {node.position}, {hint})"
    return Val(g.temp(code), "f")


def apply(g: Generator, node: Node, context: Context) -> Val:
    left = g.hold(g.expr(node.lhs, context))
    if node.rhs.kind == "function":
        return _call(g, node.rhs, context, [left])
    function = g.hold(g.expr(node.rhs, context))
    return Val(g.temp(f"apply_to(rt, {left.code}, {function.code}, {node.position})"), open=True)


def transform(g: Generator, node: Node, context: Context) -> Val:
    """``|pattern|update, delete|``: a function that changes a copy."""
    del context
    parts = []
    for part in (node.pattern, node.update, node.delete):
        if part is None:
            parts.append("None")
            continue
        item = g.name("i")
        with g.define(item) as function:
            g.emit(f"return {g.expr(part, Context(item)).code}")
        parts.append(function)
    with g.define("") as copier:
        g.emit(f"return {read_variable(g, 'clone').code}")
    assert node.update is not None
    positions = g.constant(
        (node.position, node.update.position, node.delete.position if node.delete is not None else None)
    )
    return Val(g.temp(f"make_transform(rt, {copier}, {', '.join(parts)}, {positions})"), "f")

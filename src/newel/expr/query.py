"""JSONata strings `{% … %}` of a JSONata state: compiled once, evaluated with `$states` and the variables in reach.

A failure is `States.QueryEvaluationError` with AWS's sentence naming the expression and the field it stands in.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

from newel.errors import QueryEvaluationError
from newel.expr.env import Scope
from newel.expr.jsonata import UNDEFINED, Expression, JsonataError, is_function, step_functions
from newel.expr.jsonata.nodes import walk
from newel.expr.syntax import QuerySyntaxError
from newel.json import Json, dumps

Query = Callable[[Scope], Json]
TypeName = Literal["array", "number", "string", "boolean", "object", "null"]

#: Anything but the other members of `$states` may reach its context: only then is the context object built.
_USES_CONTEXT: Final = re.compile(r"context|\$states(?!\s*\.\s*(?:input|result|errorOutput)\b)")


def is_query(text: str) -> bool:
    """Whether a string is an expression: blanks are free inside `{% %}`, but outside they make it a constant."""
    return text.startswith("{%") and text.endswith("%}") and len(text) >= 4


def query_text(text: str) -> str:
    """The expression inside `{% %}`, without the blanks around it, as AWS prints it."""
    return text[2:-2].strip()


def compile_query(text: str, location: str) -> Query:
    """Compile one `{% … %}` string; `location` is the slash path of its field (`Output/result`).

    Raises `QuerySyntaxError` with JSONata's message. The closure raises `QueryEvaluationError`, also for a result that
    is undefined or a function.
    """
    body = query_text(text)
    expression = _compile(body, location)
    evaluate = expression.evaluate
    mentioned = {node.value for node in walk(expression.tree) if node.kind == "variable"}
    names = tuple(mentioned - {"", "$", "states"})
    needs_context = _USES_CONTEXT.search(body) is not None
    may_hold_functions = _may_hold_functions(expression)

    def run(scope: Scope) -> Json:
        try:
            value = evaluate(UNDEFINED, _bindings(scope, names, needs_context), env=scope.env)
        except JsonataError as error:
            raise QueryEvaluationError(_sentence(body, location, _thrown(error)), location) from None
        if value is UNDEFINED:
            raise QueryEvaluationError(_sentence(body, location, "returned nothing (undefined)."), location)
        if is_function(value) or (may_hold_functions and _holds_function(value)):
            raise QueryEvaluationError(_sentence(body, location, "returned an unsupported result type."), location)
        return value

    return run


def compile_typed(value: Json, location: str, expected: TypeName) -> Query:
    """A field that is a literal or one `{% … %}` string giving `expected`. A literal is taken as it is.

    The closure raises `QueryEvaluationError` when an expression gives another type.
    """
    if not (isinstance(value, str) and is_query(value)):
        return lambda _scope: value
    run = compile_query(value, location)
    body = query_text(value)

    def check(scope: Scope) -> Json:
        result = run(scope)
        actual = type_name(result)
        if actual != expected:
            problem = (
                f"returned an unexpected result type. Expected '{expected}', but was '{actual}' "
                f"for value: {dumps(result)}"
            )
            raise QueryEvaluationError(_sentence(body, location, problem), location)
        return result

    return check


def type_name(value: Json) -> TypeName:
    """The name messages give to the type of a JSON value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, list):
        return "array"
    return "null" if value is None else "object"


def _compile(body: str, location: str) -> Expression:
    try:
        return step_functions.compile(body)
    except JsonataError as error:
        raise QuerySyntaxError(error.message, location, error.code) from None
    except RecursionError:
        raise QuerySyntaxError("The expression is nested too deeply", location) from None


def _may_hold_functions(expression: Expression) -> bool:
    """Whether a result may have a function inside: the expression defines one, or names one that it does not call."""
    nodes = list(walk(expression.tree))
    called = {id(node.procedure) for node in nodes if node.procedure is not None}
    return any(
        (node.kind in ("lambda", "regex", "partial") and not node.thunk)
        or (node.kind == "variable" and node.value in expression.library and id(node) not in called)
        for node in nodes
    )


def _holds_function(value: Json) -> bool:
    """Whether there is a function anywhere in a result: JSON has no text for it."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
        elif is_function(part):
            return True
    return False


def _sentence(body: str, location: str, problem: str) -> str:
    return f"The JSONata expression '{body}' specified for the field '{location}' {problem}"


def _thrown(error: JsonataError) -> str:
    """A coded message is a sentence of its own; one without a code (AWS's own bounds) follows a colon."""
    if error.code:
        return f"threw an error during evaluation. {error.code}: {error.message}"
    return f"threw an error during evaluation: {error.message}"


def _bindings(scope: Scope, names: tuple[str, ...], needs_context: bool) -> dict[str, Json]:
    """`$states` and those variables that the expression mentions; the values are shared."""
    states = scope.states
    if states is None:
        states = {"input": scope.input}
    if needs_context and "context" not in states:
        states = {**states, "context": scope.context}
    bindings: dict[str, Json] = {"states": states}
    variables = scope.variables
    for name in names:
        if name in variables:
            bindings[name] = variables[name]
    return bindings

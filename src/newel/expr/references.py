"""Which variables a field reads: DescribeStateMachine answers them as `variableReferences`."""

from collections.abc import Iterator
from typing import Final, Literal

from newel.expr.free_variables import free_variables
from newel.expr.intrinsics import is_intrinsic
from newel.expr.intrinsics.parse import Argument, Call, PathArgument, parse_call
from newel.expr.jsonata import step_functions
from newel.expr.jsonpath.parse import parse_path
from newel.expr.query import is_query, query_text
from newel.expr.syntax import ExpressionSyntaxError
from newel.json import Json

QueryLanguage = Literal["JSONPath", "JSONata"]

#: The functions of JSONata and of Step Functions' dialect: used as `$name`, but no variables.
_NO_VARIABLES: Final = frozenset(step_functions.compile("1").library) | {"eval", "states"}


def referenced_variables(json: Json, query_language: QueryLanguage) -> set[str]:
    """Names, without `$`, of the variables that a field uses.

    `json` is a path, an intrinsic call or a payload template (JSONPath), or anything with `{% … %}` strings (JSONata).
    `$states`, the functions of JSONata and what an expression binds itself are no variables. Text that does not compile
    has none: telling so is the compiler's part.
    """
    texts = _queries(json) if query_language == "JSONata" else _path_texts(json)
    names: set[str] = set()
    for text in texts:
        names |= free_variables(text) - _NO_VARIABLES if query_language == "JSONata" else _value_variables(text)
    return names


def _path_texts(json: Json) -> Iterator[str]:
    """The paths and calls of a JSONPath field: itself when it is a string, else the strings under keys in `.$`."""
    if isinstance(json, str):
        yield json
        return
    pending = [json]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            yield from (value for key, value in part.items() if key.endswith(".$") and isinstance(value, str))
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def _queries(json: Json) -> Iterator[str]:
    pending = [json]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            if is_query(part):
                yield query_text(part)
        elif isinstance(part, dict):
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def _value_variables(text: str) -> set[str]:
    try:
        if is_intrinsic(text):
            return _call_variables(parse_call(text))
        variable = parse_path(text).variable
    except ExpressionSyntaxError:
        return set()
    return {variable} if variable else set()


def _call_variables(call: Call) -> set[str]:
    names: set[str] = set()
    pending: list[Argument] = [call]
    while pending:
        match pending.pop():
            case Call(_, arguments):
                pending.extend(arguments)
            case PathArgument(text):
                names |= _value_variables(text)
            case _:
                pass
    return names

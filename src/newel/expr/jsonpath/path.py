"""A compiled path, and what it says when there is nothing at its end."""

from collections.abc import Callable
from typing import Any, Final

from newel.errors import RuntimeFailure
from newel.expr.env import Scope
from newel.expr.java import to_string
from newel.expr.jsonpath.compile import FAILURES, compile_keys, compile_steps, simple_keys
from newel.expr.jsonpath.nodes import Function, Index, Name, Names, Step, fragment, is_definite
from newel.expr.jsonpath.parse import ParsedPath, RootKind, parse_path
from newel.json import InvalidJson, Json, dumps

Read = Callable[[Scope], Json]

_NOTHING: Final[Any] = object()


class PathNotFound(RuntimeFailure):
    """A path that leads to nothing. The cause is AWS's for InputPath and the like; templates and calls reword it."""

    def __init__(self, path: str, detail: str, document: Json) -> None:
        super().__init__(f"Invalid path '{path}' : {detail}")
        self.path = path
        self.detail = detail
        self.document = document

    def in_field(self, field: str) -> RuntimeFailure:
        """The same failure as payload templates, ErrorPath and CausePath word it."""
        return RuntimeFailure(
            f"The JSONPath '{self.path}' specified for the field '{field}' could not be found in the input "
            f"'{_shown(self.document)}'"
        )

    def in_argument(self) -> str:
        """The same failure as a function words it for an argument: an index on no array stays in Jayway's words."""
        if self.detail.startswith("Filter: "):
            return self.detail
        return (
            f"The JsonPath argument for the field '{self.path}' could not be found in the input "
            f"'{_shown(self.document)}'"
        )


def _shown(document: Json) -> str:
    """The document in a message: as JSON, unless it is nested beyond what the encoder writes."""
    try:
        return dumps(document)
    except InvalidJson:
        return to_string(document)


class Path:
    """A compiled JSONPath. Call it with a scope, or use `read`, the bare closure.

    `definite`: gives one value, not an array of results. `is_reference`: names and indexes from zero only.
    `root` is `input` (`$`), `context` (`$$`) or `variable` (`$name`, then `variable` is the name).
    """

    __slots__ = ("_find", "definite", "is_reference", "read", "root", "steps", "text", "variable")

    def __init__(self, text: str, parsed: ParsedPath) -> None:
        self.text = text
        self.root: RootKind = parsed.root
        self.variable = parsed.variable
        self.steps: tuple[Step, ...] = parsed.steps
        self.definite = is_definite(parsed.steps)
        self.is_reference = all(
            isinstance(step, Name) or (isinstance(step, Index) and step.index >= 0) for step in parsed.steps
        )
        self._find = compile_steps(parsed.steps)
        self.read: Read = _compile_read(self)

    def __call__(self, scope: Scope) -> Json:
        """The value in `scope`. Raises `PathNotFound`."""
        return self.read(scope)

    def find(self, scope: Scope, default: Json = None) -> Json:
        """The value in `scope`, or `default` where there is none (an indefinite path without results included)."""
        try:
            document = self.document(scope)
            value = self._find(document, document)
        except FAILURES:
            return default
        return value if self.definite or value else default

    def document(self, scope: Scope) -> Json:
        """What the path starts from. Raises KeyError for an unknown variable."""
        if self.root == "input":
            return scope.input
        return scope.context if self.root == "context" else scope.variables[self.variable]

    def missing(self, scope: Scope) -> PathNotFound:
        """The failure of this path in `scope`, in AWS's words."""
        if self.root == "variable" and self.variable not in scope.variables:
            return PathNotFound(self.text, f"The variable '${self.variable}' has not been assigned", scope.input)
        document = self.document(scope)
        return PathNotFound(self.text, explain(self.steps, document), document)

    def find_in(self, document: Json) -> Json:
        """The value at this path's steps in `document`. Raises LookupError or TypeError for nothing."""
        return self._find(document, document)


def compile_path(text: str) -> Path:
    """Compile a path of the Jayway dialect. Raises `PathSyntaxError`, and nothing else, for any other text."""
    return Path(text, parse_path(text))


def _compile_read(path: Path) -> Read:
    """The closure for a path's root; a few names from the input, the common case, without a call in between."""
    keys = simple_keys(path.steps)
    if path.root == "input":
        if keys is not None and len(keys) == 1 and isinstance(keys[0], str):
            return _read_one(path, keys[0])
        if keys is not None and len(keys) == 2 and isinstance(keys[0], str) and isinstance(keys[1], str):
            return _read_two(path, keys[0], keys[1])
        return _read_input(path, None if keys is None else compile_keys(keys))
    return _read_context(path) if path.root == "context" else _read_variable(path)


def _read_one(path: Path, name: str) -> Read:
    def read(scope: Scope) -> Json:
        try:
            return scope.input[name]
        except FAILURES:
            raise path.missing(scope) from None

    return read


def _read_two(path: Path, first: str, second: str) -> Read:
    def read(scope: Scope) -> Json:
        try:
            return scope.input[first][second]
        except FAILURES:
            raise path.missing(scope) from None

    return read


def _read_input(path: Path, walk: Callable[[Json], Json] | None) -> Read:
    if not path.steps:
        return lambda scope: scope.input
    find = walk or path.find_in

    def read(scope: Scope) -> Json:
        try:
            return find(scope.input)
        except FAILURES:
            raise path.missing(scope) from None

    return read


def _read_context(path: Path) -> Read:
    if not path.steps:
        return lambda scope: scope.context
    find = path.find_in

    def read(scope: Scope) -> Json:
        document = scope.context
        try:
            return find(document)
        except FAILURES:
            raise path.missing(scope) from None

    return read


def _read_variable(path: Path) -> Read:
    name, find = path.variable, path.find_in

    def read(scope: Scope) -> Json:
        try:
            return find(scope.variables[name])
        except FAILURES:
            raise path.missing(scope) from None

    return read


def explain(steps: tuple[Step, ...], document: Json) -> str:
    """Why a definite path finds nothing in `document`, as Jayway words it."""
    where = "$"
    for position, step in enumerate(steps):
        rest = steps[position:]
        problem = _step_problem(step, rest, where, document)
        if problem is not None:
            return problem
        if isinstance(step, (Names, Function)):
            break
        assert isinstance(step, (Name, Index))
        document = document[step.name if isinstance(step, Name) else step.index]
        where += fragment(step)
    return f"No results for path: {where}{''.join(map(fragment, steps[-1:]))}"


def _step_problem(step: Step, rest: tuple[Step, ...], where: str, document: Json) -> str | None:
    """What is wrong with one step on `document`; None when it can be taken."""
    path = where + fragment(step)
    match step:
        case Name(name) if type(document) is not dict:
            return f"Property ['{name}'] not found in path {where}"
        case Name(name) if name not in document:
            return f"No results for path: {path}" if len(rest) == 1 else f"Missing property in path {path}"
        case Index() if document is None:
            return f"The path {where} is null"
        case Index() if type(document) is not list:
            steps = "".join(map(fragment, rest))
            return f"Filter: {steps} can only be applied to arrays. Current context is: {to_string(document)}"
        case Index(index) if not -len(document) <= index < len(document):
            return f"No results for path: {where}{''.join(map(fragment, rest))}"
        case Name() | Index():
            return None
        case _:
            return f"No results for path: {path}"

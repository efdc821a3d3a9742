"""The one family of errors for text that does not compile: `ExpressionSyntaxError`, a ValueError.

The validator turns `message` into a diagnostic; nothing else may escape from a compiler of this layer.
"""


class ExpressionSyntaxError(ValueError):
    """Text that is not a legal path, intrinsic call, template or query; `message` says why in AWS's words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PathSyntaxError(ExpressionSyntaxError):
    """Not a JSONPath, or not a Reference Path where one is needed."""


class IntrinsicSyntaxError(ExpressionSyntaxError):
    """Not a call of an intrinsic function."""


class TemplateSyntaxError(ExpressionSyntaxError):
    """A payload template with a field that is neither a path nor an intrinsic call; `field` is its key."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class QuerySyntaxError(ExpressionSyntaxError):
    """A JSONata expression that does not parse; `location` is its slash path inside the state, `code` e.g. `S0202`."""

    def __init__(self, message: str, location: str, code: str = "") -> None:
        super().__init__(message)
        self.location = location
        self.code = code

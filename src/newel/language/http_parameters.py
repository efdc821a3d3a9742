"""The parameters of `http:invoke`: what a definition may say about a request, checked before it is made.

Source: Developer Guide, "Call HTTPS APIs". AWS refuses what is wrong with `States.Runtime` when the state is entered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from newel.errors import RuntimeFailure
from newel.json import Json
from newel.language.parameters import Field, check_parameters

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
BODY_ENCODINGS: Final = ("NONE", "URL_ENCODED")
ARRAY_FORMATS: Final = ("INDICES", "REPEAT", "COMMAS", "BRACKETS")

HTTP_PARAMETERS: Final = (
    Field("ApiEndpoint", "string", required=True),
    Field("Method", "string", required=True, values=METHODS),
    Field("Authentication"),
    Field("InvocationConfig"),
    Field("Headers"),
    Field("QueryParameters"),
    Field("RequestBody"),
    Field("Transform"),
)

#: Headers that a definition may not set. `Range`, `User-Agent` and `Content-Length` may be set and are overwritten.
REFUSED_HEADERS: Final = frozenset(
    """
    a-im accept-charset accept-datetime accept-encoding authorization cache-control connection content-encoding
    content-md5 date expect forwarded from host http2-settings if-match if-modified-since if-none-match if-range
    if-unmodified-since max-forwards origin pragma proxy-authorization referer server te trailer transfer-encoding
    upgrade via warning
    """.split()  # noqa: SIM905  (a table of words reads better)
)
REFUSED_HEADER_PREFIXES: Final = ("x-forwarded-", "x-amz-", "x-amzn-")

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def check_http_parameters(text: str) -> dict[str, Json]:
    """Decode the parameters of `http:invoke`; null members are left out.

    Raises `RuntimeFailure`: `The Parameters '<text>' could not be used to start the Task: [<problem>, …]`.
    """
    given = check_parameters(text, HTTP_PARAMETERS)
    problems = list(_problems(given))
    if problems:
        raise RuntimeFailure(f"The Parameters '{text}' could not be used to start the Task: [{', '.join(problems)}]")
    return {name: value for name, value in given.items() if value is not None}


def connection_arn(given: dict[str, Json]) -> str:
    """The connection of checked parameters."""
    arn: str = (given.get("InvocationConfig") or given["Authentication"])["ConnectionArn"]
    return arn


def _problems(given: dict[str, Json]) -> Iterator[str]:
    yield from _connection_problems(given)
    yield from _header_problems(given.get("Headers"))
    if not isinstance(given.get("QueryParameters"), str | list | dict | None):
        yield _invalid("QueryParameters")
    yield from _transform_problems(given.get("Transform"))


def _invalid(field: str) -> str:
    return f"The value of the field '{field}' has an invalid format"


def _connection_problems(given: dict[str, Json]) -> Iterator[str]:
    named = [name for name in ("Authentication", "InvocationConfig") if given.get(name) is not None]
    if len(named) != 1:
        yield "Exactly one of the fields 'Authentication' and 'InvocationConfig' must be specified"
        return
    value = given[named[0]]
    if not isinstance(value, dict):
        yield _invalid(named[0])
        return
    yield from _unknown(value, {"ConnectionArn"})
    arn = value.get("ConnectionArn")
    if arn is None:
        yield "The field 'ConnectionArn' is required but was missing"
    elif not isinstance(arn, str):
        yield _invalid("ConnectionArn")


def _header_problems(headers: Json) -> Iterator[str]:
    if headers is None:
        return
    if not isinstance(headers, dict):
        yield _invalid("Headers")
        return
    for name, value in headers.items():
        lower = name.lower()
        if lower in REFUSED_HEADERS or lower.startswith(REFUSED_HEADER_PREFIXES):
            yield f"The header '{name}' is not supported by Step Functions"
        elif not _TOKEN.fullmatch(name) or not all(map(_is_header_value, value if type(value) is list else [value])):
            yield _invalid("Headers")
            return


def _is_header_value(value: Any) -> bool:
    if isinstance(value, str):
        return not _UNSAFE_VALUE.search(value)
    return isinstance(value, bool | int | float)


def _transform_problems(transform: Json) -> Iterator[str]:
    if transform is None:
        return
    if not isinstance(transform, dict):
        yield _invalid("Transform")
        return
    yield from _unknown(transform, {"RequestBodyEncoding", "RequestEncodingOptions"})
    encoding = transform.get("RequestBodyEncoding")
    yield from _choice_problems("RequestBodyEncoding", encoding, BODY_ENCODINGS)
    options = transform.get("RequestEncodingOptions")
    if options is None:
        return
    if not isinstance(options, dict):
        yield _invalid("RequestEncodingOptions")
        return
    yield from _unknown(options, {"ArrayFormat"})
    yield from _choice_problems("ArrayFormat", options.get("ArrayFormat"), ARRAY_FORMATS)
    if encoding != "URL_ENCODED":
        yield "The field 'RequestEncodingOptions' is supported only if 'RequestBodyEncoding' is URL_ENCODED"


def _unknown(given: dict[str, Json], known: set[str]) -> Iterator[str]:
    for name in given:
        if name not in known:
            yield f'The field "{name}" is not supported by Step Functions'


def _choice_problems(field: str, value: Json, allowed: tuple[str, ...]) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, str):
        yield _invalid(field)
    elif value not in allowed:
        yield f"The value for '{field}' must be one of the values: [{', '.join(allowed)}] but was '{value}'"

"""What TestState shows of an HTTP Task at inspection level TRACE."""

from __future__ import annotations

from newel.integrations.http_task.answer import status_text
from newel.integrations.http_task.messages import Exchange, Headers, HttpRequest, HttpResponse, scheme_of
from newel.json import Json


def inspection_data(exchange: Exchange, *, reveal_secrets: bool) -> dict[str, Json]:
    """The `request` and `response` members of InspectionData (`response` only where one came).

    Unless secrets are revealed, everything that the connection added to headers, query and body is masked; nothing of
    the definition and of the response is, as on AWS.
    """
    shown = exchange.request if reveal_secrets else exchange.hidden
    data: dict[str, Json] = {"request": _request(shown)}
    if exchange.response is not None:
        data["response"] = _response(exchange.response)
    return data


def _request(request: HttpRequest) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "protocol": scheme_of(request.url),
        "method": request.method,
        "url": request.url,
        "headers": _headers(request.headers),
    }
    if request.body is not None:
        shown["body"] = request.body.decode("utf-8", "replace")
    return shown


def _response(response: HttpResponse) -> dict[str, Json]:
    return {
        "protocol": response.protocol,
        "statusCode": str(response.status),
        "statusMessage": status_text(response),
        "headers": _headers(response.headers),
        "body": response.body.decode("utf-8", "replace"),
    }


def _headers(headers: Headers) -> str:
    """`[name: value, …]`, as the Developer Guide's examples have it."""
    text = ", ".join(f"{name}: {value}" for name, value in headers)
    return f"[{text}]".encode("utf-8", "replace").decode()

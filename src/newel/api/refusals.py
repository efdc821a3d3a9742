"""Errors of our own, in the protocol of the service that a request was for, so that its SDK can read them."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from newel.api.protocol import Reply, Scope, Send, error_reply
from newel.api.query import error_reply as query_error
from newel.errors import ServiceError

_FORM: Final = b"application/x-www-form-urlencoded"
#: Services that speak XML over REST.
_REST_XML: Final = frozenset({"s3", "s3control", "route53", "cloudfront"})


def refusal(scope: Scope, service: str, error: ServiceError, request_id: str = "") -> Reply:
    """The error as JSON, as XML of the Query protocol, or as S3's XML."""
    headers = dict(scope["headers"])
    if headers.get(b"content-type", b"").startswith(_FORM) and service not in _REST_XML:
        return query_error(error, request_id, "")
    if service in _REST_XML:
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        return Reply(error.status, text.encode("utf-8", "replace"), b"application/xml")
    reply = error_reply(error)
    return Reply(reply.status, reply.body, reply.content_type, ((b"x-amzn-errortype", error.code.encode()),))


async def send_refusal(scope: Scope, send: Send, service: str, error: ServiceError, request_id: str = "") -> None:
    """Answer with an error."""
    reply = refusal(scope, service, error, request_id)
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

"""S3's `aws-chunked` bodies: what SDKs send when they sign or check a body piece by piece."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

from newel.errors import ServiceError

_STREAMING: Final = "STREAMING-"


def is_chunked(headers: MutableMapping[str, str]) -> bool:
    """Whether a body is in chunks: by its encoding, or by what stands in place of its digest."""
    encoding = headers.get("content-encoding") or ""
    return "aws-chunked" in encoding or (headers.get("x-amz-content-sha256") or "").startswith(_STREAMING)


def decode_chunked(body: bytes, headers: MutableMapping[str, str]) -> bytes:
    """The body itself. Headers that told of the chunks are taken away, trailers become headers.

    Signatures of chunks are not checked: any credentials are accepted. Raises `ServiceError` IncompleteBody.
    """
    data, at = bytearray(), 0
    while True:
        line = body.find(b"\r\n", at)
        size = _size(body[at:line]) if line >= 0 else None
        if size is None:
            raise ServiceError("IncompleteBody", "The request body is not in the aws-chunked encoding.")
        start = line + 2
        if size == 0:
            _add_trailers(body[start:], headers)
            break
        if len(body) < start + size:
            raise ServiceError("IncompleteBody", "The request body ends within a chunk.")
        data += body[start : start + size]
        at = start + size + 2
    _forget(headers, len(data))
    return bytes(data)


def _size(head: bytes) -> int | None:
    """`10000;chunk-signature=…`: the size is hexadecimal."""
    try:
        return int(head.partition(b";")[0], 16)
    except ValueError:
        return None


def _add_trailers(rest: bytes, headers: MutableMapping[str, str]) -> None:
    for line in rest.split(b"\r\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if colon and name.lower().startswith("x-amz-checksum-"):
            _put(headers, name.lower(), value.strip())


def _forget(headers: MutableMapping[str, str], length: int) -> None:
    encodings = [part.strip() for part in (headers.get("content-encoding") or "").split(",")]
    kept = ", ".join(part for part in encodings if part and part != "aws-chunked")
    for name in ("content-encoding", "x-amz-decoded-content-length", "x-amz-trailer", "x-amz-content-sha256"):
        if name in headers:
            del headers[name]
    if kept:
        headers["content-encoding"] = kept
    _put(headers, "content-length", str(length))


def _put(headers: MutableMapping[str, str], name: str, value: str) -> None:
    """Replace a header: botocore's mapping would keep both."""
    if name in headers:
        del headers[name]
    headers[name] = value

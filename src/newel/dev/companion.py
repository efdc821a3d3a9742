"""The AWS services that are not Newel's own, from moto, in this process and behind this server's port.

moto is a library for tests: it blocks, keeps everything in memory and knows one account here. So every request is read
to its end, handed to a thread of a bounded pool, and answered when that is done; the event loop never waits. Long polls
of SQS, which hold a thread while they wait, have a pool of their own.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from botocore.awsrequest import AWSPreparedRequest  # type: ignore[import-untyped]
from botocore.compat import HTTPHeaders  # type: ignore[import-untyped]

from newel.api.bodies import GoneError, read_body, send_body
from newel.api.protocol import Receive, Scope, Send
from newel.api.refusals import send_refusal
from newel.api.unsigned import REGION_DEFAULT, Wanted, raw_path, wanted
from newel.dev.chunked import decode_chunked, is_chunked
from newel.dev.corrections import check_request, corrected
from newel.dev.lambda_bridge import FunctionCaller, bridge
from newel.dev.threads import Threads
from newel.errors import ServiceError

logger = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 100 * 1_048_576
WORKERS: Final = 32
POLLERS: Final = 256
MISSING: Final = "The companion services need moto: install it with pip install 'newel[companion]'."

#: Services whose host is not named after what their requests are signed for.
_HOSTS: Final = {"ses": "email", "iotdata": "data-ats.iot", "aws-marketplace": "metering.marketplace"}
_FORM: Final = "application/x-www-form-urlencoded"
_DYNAMODB_STREAMS: Final = "DynamoDBStreams_"
_QUEUE_URL_ACTIONS: Final = frozenset({"CreateQueue", "GetQueueUrl", "ListQueues", "ListDeadLetterSourceQueues"})
_QUEUE_URL: Final = re.compile(r"https?://(?:sqs\.[a-z0-9-]+|[a-z0-9-]+\.queue|queue)\.amazonaws\.com/")
#: Headers that describe the connection, or the body as it was sent, and not the request.
_DROPPED: Final = frozenset({"connection", "host", "transfer-encoding", "expect", "keep-alive"})

_OF_THE_WAY: Final = frozenset({"content-length", "transfer-encoding", "connection"})

Process = Callable[[AWSPreparedRequest], tuple[int, Mapping[str, Any], str | bytes] | None]


class CompanionMissingError(RuntimeError):
    """moto is not installed; the text says how to install it."""


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Companion:
    """The ASGI application.

    Making one loads moto (seconds, and much memory): do it in a thread. Raises `CompanionMissingError`.
    """

    def __init__(self, account: str) -> None:
        self._process = _load(account)
        self._workers = Threads(WORKERS, "companion")
        self._pollers = Threads(POLLERS, "companion-poll")
        self._account = account

    @staticmethod
    def notify(functions: FunctionCaller) -> None:
        """Have `functions` invoked by what SNS topics and S3 buckets notify."""
        bridge(functions)

    def claims(self, scope: Scope) -> bool:
        """Whether an unsigned request is for one of these services: a queue's URL, a bucket's host, a bucket's path."""
        if wanted(scope) is not None:
            return True
        bucket = str(scope["path"]).split("/", 2)[1] if str(scope["path"]).startswith("/") else ""
        return bool(bucket) and bucket in self._buckets()

    def _buckets(self) -> Mapping[str, object]:
        from moto.backends import get_backend  # noqa: PLC0415  (moto is optional and slow to import)

        buckets: Mapping[str, object] = get_backend("s3")[self._account]["aws"].buckets
        return buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; errors of our own are sent in the protocol of its service."""
        want = wanted(scope) or Wanted("s3", REGION_DEFAULT, raw_path(scope))
        try:
            answer = await self._answer(scope, want, await read_body(receive, BODY_BYTES_MAX))
        except GoneError:
            return
        except ServiceError as error:
            await send_refusal(scope, send, want.service, error)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send_body(send, answer.body)

    async def _answer(self, scope: Scope, want: Wanted, body: bytes) -> _Answer:
        request = _request(scope, want, body)
        check_request(request.headers.get("x-amz-target", ""), body)
        pool = self._pollers if _polls(request, body) else self._workers
        try:
            found = await pool.run(self._process, request)
        except ModuleNotFoundError as error:
            message = (
                f"The companion's {want.service} needs the package {error.name}: pip install 'moto[{want.service}]'."
            )
            raise ServiceError("UnsupportedService", message, status=501) from None
        except Exception as error:
            logger.exception("the companion failed at %s", want.service)
            message = f"The companion failed at {want.service}: {error}"
            raise ServiceError("InternalFailure", message, status=500) from error
        if found is None or (found[0] == 404 and found[2] == "Not yet implemented"):
            message = f"The AWS service {want.service} is served neither by Newel nor by its companion."
            raise ServiceError("UnsupportedService", message, status=501)
        return _answered(scope, want, body, found)


def _load(account: str) -> Process:
    """Moto's entrance. The account must be known before moto is imported."""
    os.environ["MOTO_ACCOUNT_ID"] = account
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from moto.backends import get_backend  # noqa: PLC0415  (optional, and slow to import)
            from moto.core.botocore_stubber import BotocoreStubber  # noqa: PLC0415

            for service in ("s3", "sqs", "sns", "dynamodb"):
                get_backend(service)
    except ModuleNotFoundError as error:
        raise CompanionMissingError(MISSING) from error
    process: Process = BotocoreStubber().process_request
    return process


def _request(scope: Scope, want: Wanted, body: bytes) -> AWSPreparedRequest:
    headers = HTTPHeaders()
    for name, value in scope["headers"]:
        key = name.decode("latin-1")
        if key not in _DROPPED:
            headers[key] = value.decode("latin-1")
    if is_chunked(headers):
        body = decode_chunked(body, headers)
    if want.service == "s3" and (headers.get("content-type") or "").startswith(_FORM):
        del headers["content-type"]  # moto would take an object's body for parameters
    target = headers.get("x-amz-target", "")
    name = "streams.dynamodb" if target.startswith(_DYNAMODB_STREAMS) else _HOSTS.get(want.service, want.service)
    host = f"{name}.{want.region}.amazonaws.com"
    headers["host"] = host
    query = scope["query_string"].decode("latin-1")
    url = f"https://{host}{want.path}{'?' + query if query else ''}"
    return AWSPreparedRequest(scope["method"], url, headers, body, False)


def _polls(request: AWSPreparedRequest, body: bytes) -> bool:
    """Whether the request may wait for messages."""
    if request.headers.get("x-amz-target") == "AmazonSQS.ReceiveMessage":
        return True
    return ".queue." in request.url or (b"Action=ReceiveMessage" in body and "//sqs." in request.url)


def _answered(scope: Scope, want: Wanted, sent: bytes, found: tuple[int, Mapping[str, Any], str | bytes]) -> _Answer:
    status, given, body = found
    data = body.encode() if isinstance(body, str) else bytes(body)
    if want.service == "sqs" and _names_queues(scope, sent):
        data = _at_this_port(scope, data)
    told, data = corrected(scope["method"], want, status, given, data)
    length = len(data)
    if scope["method"] == "HEAD":
        length, data = int(next((value for name, value in told if name == "content-length"), length)), b""
    headers = [
        (name.encode("latin-1"), value.encode("utf-8", "replace")) for name, value in told if name not in _OF_THE_WAY
    ]
    if status not in (204, 304):
        headers.append((b"content-length", b"%d" % length))
    return _Answer(status, headers, data)


def _names_queues(scope: Scope, body: bytes) -> bool:
    """Whether the answer to a request to SQS holds queue URLs of SQS's own making."""
    for name, value in scope["headers"]:
        if name == b"x-amz-target":
            return value.decode("latin-1").removeprefix("AmazonSQS.") in _QUEUE_URL_ACTIONS
    parameters = parse_qs(body.decode("utf-8", "replace") or scope["query_string"].decode("latin-1"))
    return parameters.get("Action", [""])[0] in _QUEUE_URL_ACTIONS


def _at_this_port(scope: Scope, body: bytes) -> bytes:
    """Queue URLs at the address the client used, since several SDKs send to the URL itself."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not host:
        return body
    return _QUEUE_URL.sub(f"{scope.get('scheme', 'http')}://{host}/", body.decode()).encode()

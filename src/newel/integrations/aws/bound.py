"""One service in one region at one endpoint: a botocore client whose requests somebody else sends.

botocore does what needs no network: it lays out parameters, finds the endpoint, adds checksums, signs, and reads
answers. The steps are those of `BaseClient._make_api_call` and `Endpoint._send_request`, events included, so that its
corrections for single services (S3's addresses, Route 53's ids, Glacier's hashes, …) apply; sending and waiting are
left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec
from botocore.awsrequest import AWSPreparedRequest, AWSResponse  # type: ignore[import-untyped]
from botocore.client import BaseClient, resolve_checksum_context  # type: ignore[import-untyped]
from botocore.compress import maybe_compress_request  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.credentials import ReadOnlyCredentials  # type: ignore[import-untyped]
from botocore.endpoint import convert_to_response_dict  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ParamValidationError  # type: ignore[import-untyped]
from botocore.httpchecksum import apply_request_checksum, handle_checksum_body  # type: ignore[import-untyped]
from botocore.model import OperationModel  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]
from botocore.utils import get_environ_proxies  # type: ignore[import-untyped]

from newel.integrations.aws.models import LOADER, operation_model
from newel.integrations.aws.parameters import check_parameters
from newel.integrations.aws.transport import Outgoing, Received
from newel.ports.aws import AwsAnswer, AwsError

_NOT_SENT: Final = frozenset({"expect", "transfer-encoding", "content-length"})
_OK: Final = 300


class Call(msgspec.Struct, frozen=True):
    """A request that is laid out but not signed: what all its attempts have in common."""

    operation: OperationModel
    request: dict[str, Any]
    context: dict[str, Any]


class _Body(io.BytesIO):
    """An answer's body, with the method that botocore reads bodies by."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def new_session() -> Session:
    """A botocore session over the shared models."""
    session = Session()
    session.register_component("data_loader", LOADER)
    return session


def create_client(session: Session, service: str, region: str, url: str | None, *, anonymous: bool) -> BaseClient:
    """A botocore client; reads models and rules, so it is slow and blocks. Raises ValueError for unknown services.

    `anonymous` says that no credentials are configured: every request brings its own, and what the client itself
    holds never signs anything.
    """
    config = Config(
        inject_host_prefix=url is None,
        parameter_validation=False,  # see `parameters`
        retries={"total_max_attempts": 1},
        disable_request_compression=url is not None,
        response_checksum_validation="when_required",  # else S3 is asked for checksums, which the result would show
        account_id_endpoint_mode="disabled",
        # Session authentication of directory buckets would call S3 from within the signer.
        s3={"disable_s3_express_session_auth": True} | ({} if url is None else {"addressing_style": "path"}),
    )
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"} if anonymous else {}
    try:
        return session.create_client(service, region_name=region, endpoint_url=url, config=config, **keys)
    except BotoCoreError as error:
        raise ValueError(str(error)) from error


class BoundService:
    """Lays out, signs and reads calls of one service. `url` is the configured endpoint, None for AWS's own."""

    def __init__(self, client: BaseClient, url: str | None) -> None:
        self._url = None if url is None else urlsplit(url)
        self._client: Any = client
        self.model = client.meta.service_model
        self._endpoint: Any = client._endpoint
        self._events = client.meta.events
        self._id = self.model.service_id.hyphenize()
        self._proxies: dict[str, str | None] = {}
        #: Whether the service must be asked for its address first, which botocore does while it lays a request out.
        self.discovers = bool(self.model.endpoint_discovery_required) and url is None

    def call(self, operation: str, parameters: Mapping[str, Any], credentials: ReadOnlyCredentials) -> Call:
        """Lay a request out. Raises ValueError where the model refuses it."""
        model = operation_model(self.model, operation)
        check_parameters(model, parameters)
        context = self._context(model, credentials)
        try:
            return Call(model, self._request(model, dict(parameters), context), context)
        except ParamValidationError as error:  # of a handler
            raise ValueError(str(error)) from error
        except Exception as error:  # botocore's corrections meet values that are none of theirs
            raise client_error(str(error)) from error

    def _context(self, model: OperationModel, credentials: ReadOnlyCredentials) -> dict[str, Any]:
        return {
            "client_region": self._client.meta.region_name,
            "client_config": self._client.meta.config,
            "has_streaming_input": model.has_streaming_input,
            "auth_type": model.resolved_auth_type,
            "unsigned_payload": model.unsigned_payload,
            "auth_options": self.model.metadata.get("auth"),
            "signing": {"request_credentials": _Given(credentials)},
        }

    def _request(self, model: OperationModel, parameters: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        client = self._client
        parameters = client._emit_api_params(api_params=parameters, operation_model=model, context=context)
        url, headers, properties = client._resolve_endpoint_ruleset(model, parameters, context)
        if properties:
            context["endpoint_properties"] = properties
        request: dict[str, Any] = client._convert_to_request_dict(
            api_params=parameters, operation_model=model, endpoint_url=self._at(url), context=context, headers=headers
        )
        resolve_checksum_context(request, model, parameters)
        self._events.emit_until_response(
            f"before-call.{self._id}.{model.name}",
            model=model,
            params=request,
            request_signer=client._request_signer,
            context=context,
        )
        maybe_compress_request(client.meta.config, request, model)
        apply_request_checksum(request)
        return request

    def _at(self, url: str) -> str:
        """The rules of some services put the account or a name before any host; a configured one is left alone."""
        if self._url is None:
            return url
        return urlunsplit(urlsplit(url)._replace(scheme=self._url.scheme, netloc=self._url.netloc))

    def signed(self, call: Call) -> Outgoing:
        """The request as it goes out, with a signature of its own for each attempt."""
        self._endpoint._update_retries_context(call.context, 1)
        try:
            prepared = self._endpoint.create_request(call.request, call.operation)
        except Exception as error:  # see `call`
            raise client_error(str(error)) from error
        return Outgoing(prepared.method, prepared.url, _headers(prepared), _body(prepared), self._proxy(prepared.url))

    def _proxy(self, url: str) -> str | None:
        scheme, _, rest = url.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}"
        if origin not in self._proxies:
            self._proxies[origin] = get_environ_proxies(origin).get(scheme)
        return self._proxies[origin]

    def answer(self, call: Call, received: Received) -> AwsAnswer:
        """Read what came back. Raises `AwsError` for an error of the service or an answer that makes no sense."""
        response = AWSResponse("", received.status, received.headers, _Body(received.body))
        try:
            parsed = self._parsed(call, response)
        except (BotoCoreError, ResponseParserError, ValueError, KeyError) as error:  # whatever answered there
            if received.status >= _OK:
                raise AwsError(str(received.status), "", status=received.status) from error
            raise client_error(f"Unable to unmarshall response ({error})", status=received.status) from error
        self._events.emit(
            f"after-call.{self._id}.{call.operation.name}",
            http_response=response,
            parsed=parsed,
            model=call.operation,
            context=call.context,
        )
        metadata = parsed.pop("ResponseMetadata", {})
        if response.status_code >= _OK:
            raise _service_error(parsed, metadata, response)
        headers = {name.lower(): value for name, value in received.headers}
        return AwsAnswer(
            result=parsed, status=response.status_code, headers=headers, request_id=metadata.get("RequestId", "")
        )

    def _parsed(self, call: Call, response: AWSResponse) -> dict[str, Any]:
        model = call.operation
        document = convert_to_response_dict(response, model)
        handle_checksum_body(response, document, call.context, model)
        customized: dict[str, Any] = {}
        self._events.emit(
            f"before-parse.{self._id}.{model.name}",
            operation_model=model,
            response_dict=document,
            customized_response_dict=customized,
        )
        parser = self._endpoint._response_parser_factory.create_parser(self.model.resolved_protocol)
        parsed: dict[str, Any] = parser.parse(document, model.output_shape)
        parsed.update(customized)
        if response.status_code >= _OK:
            self._endpoint._add_modeled_error_fields(document, parsed, model, parser)
        payload = None if model.output_shape is None else model.output_shape.serialization.get("payload")
        if payload is not None and hasattr(parsed.get(payload), "read"):
            parsed[payload] = parsed[payload].read()
        return parsed


class _Given:
    """Credentials of one request, as the signer asks for them."""

    def __init__(self, credentials: ReadOnlyCredentials) -> None:
        self._credentials = credentials

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._credentials


def client_error(message: str, *, status: int = 0) -> AwsError:
    """What the AWS SDK calls an SdkClientException: the call never got an answer of the service."""
    return AwsError("SdkClientException", message, status=status, connection=True)


def _headers(prepared: AWSPreparedRequest) -> list[tuple[str, str]]:
    return [
        (name, value.decode("utf-8") if isinstance(value, bytes) else str(value))
        for name, value in prepared.headers.items()
        if name.lower() not in _NOT_SENT
    ]


def _body(prepared: AWSPreparedRequest) -> bytes:
    body = prepared.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    body.seek(0)  # an earlier attempt may have read it
    return bytes(body.read())


def _service_error(parsed: dict[str, Any], metadata: Mapping[str, Any], response: AWSResponse) -> AwsError:
    """`code` is that of the model; where the service has an older one too it is `QueryErrorCode` of `result`."""
    error = parsed.pop("Error", {})
    code = error.get("QueryErrorCode") or error.get("Code") or str(response.status_code)
    result = parsed if code == error.get("Code") else {**parsed, "QueryErrorCode": error.get("Code")}
    return AwsError(
        code,
        error.get("Message", ""),
        status=response.status_code,
        request_id=metadata.get("RequestId", ""),
        extended_request_id=metadata.get("HostId") or response.headers.get("x-amz-id-2"),
        result=result,
    )

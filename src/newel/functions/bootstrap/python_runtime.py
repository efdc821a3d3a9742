"""The Python runtime of a function process: load the handler, then next -> handler -> response, for ever.

It speaks the Lambda Runtime API over the Unix socket named by NEWEL_RUNTIME_SOCKET (removed from the environment before
the user's code is imported). Error documents, log lines and the encoding of results follow AWS's own Python runtime.
"""

from __future__ import annotations

import decimal
import importlib
import json
import logging
import math
import os
import re
import socket
import sys
import time
import traceback
import types
import typing

Handler = typing.Callable[[typing.Any, "LambdaContext"], object]

_API = "/2018-06-01/runtime"
_TASK_ROOT_SHOWN = "/var/task"
_LOG_INDENT = "\u00a0\u00a0"
_LOG_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"


class Fault(Exception):  # noqa: N818  (the word of AWS's own runtime)
    """An error that the runtime itself reports, with an error type of its own."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace or []


class CognitoIdentity:
    """`context.identity`."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, value: dict[str, typing.Any]) -> None:
        self.cognito_identity_id = value.get("cognitoIdentityId")
        self.cognito_identity_pool_id = value.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        return (
            f"CognitoIdentity([cognito_identity_id={self.cognito_identity_id},"
            f"cognito_identity_pool_id={self.cognito_identity_pool_id}])"
        )


class Client:
    """`context.client_context.client`."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, value: dict[str, typing.Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, value.get(name))


class ClientContext:
    """`context.client_context`."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, value: dict[str, typing.Any]) -> None:
        self.client = Client(value["client"]) if value.get("client") else None
        self.custom = value.get("custom")
        self.env = value.get("env")


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, headers: dict[str, str], environ: typing.Mapping[str, str]) -> None:
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        client = headers.get("lambda-runtime-client-context")
        identity = headers.get("lambda-runtime-cognito-identity")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self.identity = CognitoIdentity(json.loads(identity) if identity else {})
        self.tenant_id = None
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        return f"LambdaContext([aws_request_id={self.aws_request_id},function_name={self.function_name}])"


class RuntimeClient:
    """A small keep-alive HTTP client for one peer that always answers with Content-Length."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._reader = self._socket.makefile("rb")

    def request(
        self, method: str, path: str, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> tuple[int, dict[str, str], bytes]:
        lines = [f"{method} {_API}{path} HTTP/1.1", "Host: runtime", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return self._receive()

    def _receive(self) -> tuple[int, dict[str, str], bytes]:
        status = self._reader.readline()
        if not status:
            raise SystemExit(0)  # the host is gone
        answer: dict[str, str] = {}
        while True:
            line = self._reader.readline().rstrip(b"\r\n")
            if not line:
                break
            name, _, value = line.partition(b":")
            answer[name.decode("ascii").lower()] = value.strip().decode("utf-8")
        return int(status.split()[1]), answer, self._reader.read(int(answer.get("content-length", "0")))


class Encoder:
    """Results as AWS writes them: from Python 3.12 on UTF-8 and no NaN, before that ASCII. Decimals are numbers."""

    def __init__(self, execution_env: str) -> None:
        minor = execution_env.rpartition("python3.")[2]
        self._modern = not minor.isdigit() or int(minor) >= 12
        self._mark = os.urandom(8).hex()

    def encode(self, value: object) -> bytes:
        decimals: list[str] = []

        def default(item: object) -> object:
            if not isinstance(item, decimal.Decimal):
                raise TypeError(f"Object of type {type(item).__name__} is not JSON serializable")
            if item.is_nan():
                return math.nan
            decimals.append(str(item))
            return f"{self._mark}:{len(decimals) - 1}"

        text = json.dumps(value, ensure_ascii=not self._modern, allow_nan=not self._modern, default=default)
        if decimals:
            text = re.sub(f'"{self._mark}:([0-9]+)"', lambda match: decimals[int(match[1])], text)
        return text.encode("utf-8")


class _LogFilter(logging.Filter):
    """Gives every record the id of the request being served."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = _LogFilter.request_id
        return True


def _set_up_logging() -> None:
    """`logging` as AWS sets it up: one handler on the root logger, level WARNING."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter(_LOG_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(_LogFilter())
    logging.getLogger().addHandler(handler)


def _shown(text: str) -> str:
    """File names as a user of AWS knows them: below /var/task."""
    root = os.environ.get("LAMBDA_TASK_ROOT", "")
    if root and (text == root or text.startswith(root + os.sep)):
        return _TASK_ROOT_SHOWN + text[len(root) :]
    return text


def _stack_trace(trace: types.TracebackType | None) -> list[str]:
    """The frames from the user's code on, without this module's and importlib's own above them."""
    frames = traceback.extract_tb(trace)
    own = {__file__, importlib.__file__}
    while frames and (frames[0].filename in own or frames[0].filename.startswith("<frozen importlib")):
        del frames[0]
    lines = [(_shown(frame.filename), frame.lineno or 0, frame.name, frame.line) for frame in frames]
    return traceback.format_list(lines)


def _error(message: str, error_type: str, trace: list[str], request_id: str) -> dict[str, typing.Any]:
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def _error_of(error: BaseException, request_id: str) -> dict[str, typing.Any]:
    if isinstance(error, Fault):
        return _error(error.message, error.error_type, error.trace, request_id)
    return _error(str(error), type(error).__name__, _stack_trace(error.__traceback__), request_id)


def _log_error(error: dict[str, typing.Any]) -> None:
    message = f": {error['errorMessage']}" if error["errorMessage"] else ""
    lines = [f"[ERROR] {error['errorType']}{message}", "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines():
            bare = line.lstrip(" ")
            lines.append(_LOG_INDENT * ((len(line) - len(bare)) // 2) + bare)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def load_handler(name: str) -> Handler:
    """The function that `module.function` names. Raises `Fault`, or whatever the user's module raises."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{_shown(error.filename or "")}" Line {error.lineno}\n    {error.text or ""}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace) from error
    try:
        return typing.cast("Handler", getattr(module, function_name))
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from error


def _decode(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error


def _result(encoder: Encoder, value: object) -> tuple[bytes, str]:
    """Bytes go out as they are; anything else as JSON."""
    if isinstance(value, bytes):
        return value, "application/unknown"
    try:
        return encoder.encode(value), "application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _serve(client: RuntimeClient, handler: Handler, encoder: Encoder) -> None:
    """One invocation."""
    _, headers, body = client.request("GET", "/invocation/next")
    request_id = _LogFilter.request_id = headers["lambda-runtime-aws-request-id"]
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
    try:
        result, content_type = _result(encoder, handler(_decode(body), LambdaContext(headers, os.environ)))
    except Exception as error:
        document = _error_of(error, request_id)
        _log_error(document)
        kind = (("Lambda-Runtime-Function-Error-Type", document["errorType"]),)
        client.request("POST", f"/invocation/{request_id}/error", encoder.encode(document), kind)
        return
    sys.stdout.flush()
    client.request("POST", f"/invocation/{request_id}/response", result, (("Content-Type", content_type),))


def _exit_status(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def _open_streams() -> None:
    """Lines reach the log at once, even when the process is killed."""
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _set_up_path() -> None:
    """The function's folder first, then the PYTHONPATH of its configuration."""
    extra = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], *extra]


def _loop(client: RuntimeClient) -> None:
    encoder = Encoder(os.environ.get("AWS_EXECUTION_ENV", ""))
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:
        document = _error_of(error, "")
        _log_error(document)
        kind = (("Lambda-Runtime-Function-Error-Type", document["errorType"]),)
        client.request("POST", "/init/error", encoder.encode(document), kind)
        raise SystemExit(1) from None
    while True:
        _serve(client, handler, encoder)


def main() -> int:
    """Serve invocations until the host closes the socket. Returns the exit status."""
    _open_streams()
    client = RuntimeClient(os.environ.pop("NEWEL_RUNTIME_SOCKET"))
    _set_up_path()
    _set_up_logging()
    try:
        _loop(client)
    except SystemExit as error:
        return _exit_status(error)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

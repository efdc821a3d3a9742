"""Unmodified Python handlers in real processes."""

import asyncio
import re
import sys

import pytest

from newel.errors import ServiceError

from .harness import ACCOUNT, REGION, run

CONTEXT = """
import os, sys
def handler(event, context):
    return {
        "name": context.function_name, "version": context.function_version, "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb, "id": context.aws_request_id, "group": context.log_group_name,
        "stream": context.log_stream_name, "left": context.get_remaining_time_in_millis(),
        "identity": context.identity.cognito_identity_id, "client": context.client_context and context.client_context.custom,
        "env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path[0], "main": sys.modules["__main__"].__name__,
        "leaked": [name for name in sys.modules if name.split(".")[0] == "newel"],
    }
"""


def test_an_echo_keeps_its_text(tmp_path):
    async def test(h):
        h.python("f", "def handler(event, context):\n    return event\n")
        result = await h.invoke("f", b'{"a":1,"b":[1,2],"c":"\xc3\xa9"}')
        assert result.payload == '{"a": 1, "b": [1, 2], "c": "é"}'.encode()
        assert (result.status_code, result.function_error, result.executed_version) == (200, None, "$LATEST")
        assert (await h.invoke("f", b"")).payload == b"{}"
        assert (await h.invoke("f", b'"text"')).payload == b'"text"'

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("runtime", "expression", "payload"),
    [
        ("python3.12", "'\\u00e9'", '"é"'.encode()),
        ("python3.11", "'\\u00e9'", b'"\\u00e9"'),
        ("python3.11", "float('nan')", b"NaN"),
        ("python3.12", "None", b"null"),
        ("python3.12", "b'\"HelloWorld!\"'", b'"HelloWorld!"'),
        ("python3.12", "__import__('decimal').Decimal('1.10')", b"1.10"),
        ("python3.12", "[__import__('decimal').Decimal('0.1'), 'x', (1, 2)]", b'[0.1, "x", [1, 2]]'),
        ("python3.12", "{1: True}", b'{"1": true}'),
        ("python3.12", "10 ** 30", b"1" + b"0" * 30),
    ],
)
def test_results_are_encoded_as_on_aws(tmp_path, runtime, expression, payload):
    async def test(h):
        h.python("f", f"def handler(event, context):\n    return {expression}\n", runtime=runtime)
        assert (await h.invoke("f")).payload == payload

    run(tmp_path, test)


def test_the_context_object_and_the_environment(tmp_path):
    async def test(h):
        h.python(
            "f",
            CONTEXT,
            timeout=30,
            environment={"MINE": "yes", "PYTHONPATH": "/opt/python"},
            extras={"LoggingConfig": {"LogGroup": "my-group"}},
        )
        result = await h.invoke("f", client_context='{"custom": {"k": "v"}}', qualifier="$LATEST")
        assert result.function_error is None, result.payload
        seen = await h.value("f", client_context='{"custom": {"k": "v"}}', qualifier="$LATEST")
        assert (seen["name"], seen["version"], seen["memory"]) == ("f", "$LATEST", "128")
        assert seen["arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:$LATEST"
        assert re.fullmatch(r"[0-9a-f-]{36}", seen["id"])
        assert seen["group"] == "my-group"
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["stream"])
        assert 0 < seen["left"] <= 30_000
        assert (seen["identity"], seen["client"], seen["leaked"]) == (None, {"k": "v"}, [])
        environment = seen["env"]
        assert environment["MINE"] == "yes"
        assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8083"
        assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == REGION
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "f"
        assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
        assert environment["_HANDLER"] == "handler.handler"
        assert environment["LAMBDA_TASK_ROOT"] == seen["cwd"] == seen["path"]
        assert environment["AWS_ACCESS_KEY_ID"] == "key"
        assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
        assert "SECRET_OF_THE_SERVER" not in environment
        assert "NEWEL_RUNTIME_SOCKET" not in environment

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_OF_THE_SERVER", "x")
        run(tmp_path, test, endpoint_url="http://127.0.0.1:8083", access_key_id="key")


def test_an_exception(tmp_path):
    source = "def handler(event, context):\n    raise Exception('Some exception was raised.')\n"

    async def test(h):
        h.python("f", source)
        result = await h.invoke("f", log_tail=True)
        document = await h.error("f")
        assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
        assert document["errorMessage"] == "Some exception was raised."
        assert document["errorType"] == "Exception"
        assert document["stackTrace"] == [
            "  File \"/var/task/handler.py\", line 2, in handler\n    raise Exception('Some exception was raised.')\n"
        ]
        assert result.request_id.encode() in result.payload
        log = result.log_tail.decode()
        assert "[ERROR] Exception: Some exception was raised.\nTraceback (most recent call last):\n" in log
        assert "Status: error\tError Type: Exception" in log

    run(tmp_path, test)


def test_an_exception_class_of_the_user_through_several_frames(tmp_path):
    files = {
        "handler.py": "from inner import work\ndef handler(event, context):\n    return work(event)\n",
        "inner.py": "class Custom(Exception):\n    pass\ndef work(event):\n    raise Custom()\n",
    }

    async def test(h):
        h.create("f", files)
        document = await h.error("f")
        assert (document["errorType"], document["errorMessage"]) == ("Custom", "")
        assert [line.split(",")[0] for line in document["stackTrace"]] == [
            '  File "/var/task/handler.py"',
            '  File "/var/task/inner.py"',
        ]

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        (
            "import nosuch",
            "handler.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'handler': No module named 'nosuch'",
        ),
        ("x = 1", "handler.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'handler'"),
        (
            "def handler(:\n",
            "handler.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'handler': invalid syntax (handler.py, line 1)",
        ),
        ("raise ValueError('early')", "handler.handler", "ValueError", "early"),
        (
            "x = 1",
            "nodot",
            "Runtime.MalformedHandlerName",
            "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "x = 1",
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
    ],
)
def test_a_module_that_does_not_load(tmp_path, source, handler, kind, message):
    async def test(h):
        h.python("f", source, handler=handler)
        for _ in range(2):  # every invocation tries again
            document = await h.error("f")
            assert (document["errorType"], document["errorMessage"], document["requestId"]) == (kind, message, "")
        log = (await h.invoke("f", log_tail=True)).log_tail.decode()
        assert f"INIT_REPORT Phase: init\tStatus: error\tError Type: {kind}\n" in log
        assert "\nEND RequestId: " in log

    run(tmp_path, test)


def test_a_result_that_is_not_json(tmp_path):
    async def test(h):
        h.python("f", "def handler(event, context):\n    return {'a': object()}\n")
        document = await h.error("f")
        assert document["errorType"] == "Runtime.MarshalError"
        assert document["errorMessage"] == "Unable to marshal response: Object of type object is not JSON serializable"
        h.python("nan", "def handler(event, context):\n    return float('nan')\n")
        assert (await h.error("nan"))["errorType"] == "Runtime.MarshalError"

    run(tmp_path, test)


def test_modules_in_packages_and_handlers_with_slashes(tmp_path):
    async def test(h):
        h.create(
            "f", {"app/api/main.py": "def run(event, context):\n    return __name__\n"}, handler="app.api.main.run"
        )
        h.create(
            "g", {"app/api/main.py": "def run(event, context):\n    return __name__\n"}, handler="app/api/main.run"
        )
        assert await h.value("f") == "app.api.main"
        assert await h.value("g") == "app.api.main"

    run(tmp_path, test)


def test_a_warm_process_keeps_its_state(tmp_path):
    async def test(h):
        h.python(
            "f", "import os\nseen = []\ndef handler(e, c):\n    seen.append(1)\n    return [len(seen), os.getpid()]\n"
        )
        first, second = await h.value("f"), await h.value("f")
        assert (first[0], second[0]) == (1, 2)
        assert first[1] == second[1]

    run(tmp_path, test)


def test_processes_do_not_share_randomness_or_modules(tmp_path):
    source = "import random, time\nbox = []\ndef handler(e, c):\n    box.append(1)\n    time.sleep(0.2)\n    return [random.random(), len(box)]\n"

    async def test(h):
        h.python("f", source)
        results = await asyncio.gather(*(h.value("f") for _ in range(4)))
        assert len({number for number, _ in results}) == 4

    run(tmp_path, test)


def test_logging_prints_and_the_tail(tmp_path):
    source = """
import logging, sys
logging.getLogger().setLevel("INFO")
def handler(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.info("informed")
    return context.aws_request_id
"""

    async def test(h):
        h.python("f", source)
        cold = await h.invoke("f", log_tail=True)
        request = cold.request_id
        log = cold.log_tail.decode()
        assert log.startswith(f"INIT_START Runtime Version: python3.12\nSTART RequestId: {request} Version: $LATEST\n")
        assert "\nto stdout\nto stderr\n" in log
        assert re.search(rf"\[INFO\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{request}\tinformed\n", log)
        assert re.search(
            rf"END RequestId: {request}\nREPORT RequestId: {request}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
            r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n$",
            log,
        )
        warm = await h.invoke("f", log_tail=True)
        assert warm.log_tail.decode().startswith(f"START RequestId: {warm.request_id} ")
        assert "Init Duration" not in warm.log_tail.decode()
        assert (await h.invoke("f")).log_tail == b""
        (stream,) = h.host.log_streams(h.name("f"))
        assert stream.path.read_text().count("START RequestId") == 3

    run(tmp_path, test)


def test_the_tail_is_the_last_4_kilobytes(tmp_path):
    async def test(h):
        h.python("f", "def handler(e, c):\n    print('x' * 10000)\n    print('last')\n")
        tail = (await h.invoke("f", log_tail=True)).log_tail
        assert len(tail) == 4096
        assert b"\nlast\nEND " in tail

    run(tmp_path, test)


def test_each_process_has_a_private_folder_for_temporary_files(tmp_path):
    source = "import tempfile, os\ndef handler(e, c):\n    return [tempfile.gettempdir(), os.stat(tempfile.gettempdir()).st_mode & 0o777]\n"

    async def test(h):
        h.python("f", source)
        folder, mode = await h.value("f")
        assert mode == 0o700
        assert folder.startswith(str(h.host._scratch))

    run(tmp_path, test)


def test_an_interpreter_of_the_named_version_is_used_if_there_is_one(tmp_path):
    async def test(h):
        h.python("f", "import sys\ndef handler(e, c):\n    return sys.executable\n", runtime="python3.9")
        return await h.value("f")

    found = tmp_path / "bin" / "python3.9"
    found.parent.mkdir()
    found.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # says it is another version: not taken
    found.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
        run(tmp_path / "data", test)


def test_updated_code_is_run_by_new_processes(tmp_path):
    async def test(h):
        folder = tmp_path / "project"
        folder.mkdir()
        for answer in (1, 2):
            (folder / "handler.py").write_text(f"def handler(e, c):\n    return {answer} * {10**answer}\n")
            await h.host.link(h.name("f"), folder, runtime="python3.12", handler="handler.handler")
            assert await h.value("f") == answer * 10**answer
        with pytest.raises(ServiceError):
            await h.host.link(h.name("f"), tmp_path / "nothing", runtime="python3.12", handler="handler.handler")

    run(tmp_path / "data", test)

"""Node.js handlers, and runtimes that bring their own bootstrap."""

import shutil
import sys
import urllib.request  # the bootstrap below uses it: fail here if the interpreter lacks it

import pytest

from .harness import run

assert urllib.request
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

BOOTSTRAP = f"""#!{sys.executable}
import json, os, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"
def post(path, body, headers={{}}):
    urllib.request.urlopen(urllib.request.Request(base + path, body, headers)).read()
if os.environ["_HANDLER"] == "refuse":
    post("/init/error", json.dumps({{"errorMessage": "no config", "errorType": "Config.Missing"}}).encode())
    import time; time.sleep(1000)  # a runtime may fail to end itself
while True:
    with urllib.request.urlopen(base + "/invocation/next") as event:
        request, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
        assert event.headers["Lambda-Runtime-Deadline-Ms"].isdigit()
        assert event.headers["Lambda-Runtime-Invoked-Function-Arn"].endswith(":function:f")
        assert event.headers["Lambda-Runtime-Trace-Id"]
    if b"fail" in body:
        post(f"/invocation/{{request}}/error", b'{{"errorMessage": "asked to", "errorType": "Asked"}}',
             {{"Lambda-Runtime-Function-Error-Type": "Asked"}})
    else:
        post(f"/invocation/{{request}}/response", b"got " + body)
"""


def node(source, name="index.js", handler="index.handler", **options):
    return {"files": {name: source}, "handler": handler, "runtime": "nodejs20.x"} | options


def make(h, files, **options):
    h.create("f", files, **options)


@needs_node
@pytest.mark.parametrize(
    ("function", "result"),
    [
        (node("exports.handler = async (event) => ({ got: event });"), {"got": {"a": 1}}),
        (node("exports.handler = (event, context, callback) => callback(null, event.a);"), 1),
        (node("exports.handler = (e, c, callback) => { setTimeout(() => callback(null, 'late'), 20); };"), "late"),
        (node("exports.handler = (event, context) => context.succeed('done');"), "done"),
        (node("exports.handler = () => {};"), None),
        (node("export const handler = async () => import.meta.url.slice(-9);", "index.mjs"), "index.mjs"),
        (node("exports.handler = async () => 'cjs';", "index.cjs"), "cjs"),
        (
            {
                "files": {"src/app.js": "export const run = async () => 'esm';", "package.json": '{"type": "module"}'},
                "handler": "src/app.run",
                "runtime": "nodejs20.x",
            },
            "esm",
        ),
        (
            node(
                "exports.handler = async (e, c) => [c.functionName, c.functionVersion, c.memoryLimitInMB,"
                " c.awsRequestId.length, c.getRemainingTimeInMillis() > 0, process.env.AWS_EXECUTION_ENV,"
                " process.env.NEWEL_RUNTIME_SOCKET === undefined];"
            ),
            ["f", "$LATEST", "128", 36, True, "AWS_Lambda_nodejs20.x", True],
        ),
        (node("exports.handler = async () => undefined;"), None),
        (node("exports.nested = { handler: async () => 'deep' };", handler="index.nested.handler"), "deep"),
    ],
)
def test_node_handlers(tmp_path, function, result):
    async def test(h):
        make(h, **function)
        for _ in range(2):
            assert await h.value("f", b'{"a": 1}') == result

    run(tmp_path, test)


@needs_node
@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (node("exports.handler = async () => { throw new TypeError('bad'); };"), "TypeError", "bad"),
        (node("exports.handler = () => { throw new Error('sync'); };"), "Error", "sync"),
        (node("exports.handler = (e, c, callback) => callback(new RangeError('r'));"), "RangeError", "r"),
        (node("exports.handler = async () => { throw 'text'; };"), "string", "text"),
        (
            node("exports.handler = () => new Promise(() => { setTimeout(() => { throw new Error('later'); }, 1); });"),
            "Error",
            "later",
        ),
        (
            node(
                "exports.handler = () => new Promise(() => { Promise.reject(new Error('lost')); setTimeout(() => {}, 9999); });"
            ),
            "Runtime.UnhandledPromiseRejection",
            "Error: lost",
        ),
        (
            node("exports.handler = (e, c, callback) => callback(null, 1);", runtime="nodejs24.x"),
            "Runtime.CallbackHandlerDeprecated",
            "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later.",
        ),
        (node("exports.other = 1;"), "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        (node("exports.handler = 5;"), "Runtime.HandlerNotFound", "index.handler is not a function"),
        (node("exports.handler = (;"), "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token ';'"),
        (node("throw new Error('at load');"), "Error", "at load"),
    ],
)
def test_node_errors(tmp_path, function, kind, message):
    async def test(h):
        make(h, **function)
        document = await h.error("f")
        assert list(document) == ["errorType", "errorMessage", "trace"]
        assert (document["errorType"], document["errorMessage"]) == (kind, message)
        assert str(h.host.catalog._root) not in "".join(document["trace"])

    run(tmp_path, test)


@needs_node
def test_a_node_module_that_is_missing(tmp_path):
    async def test(h):
        make(h, **node("require('no-such-module'); exports.handler = async () => 1;"))
        document = await h.error("f")
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert document["errorMessage"].startswith(
            "Error: Cannot find module 'no-such-module'\nRequire stack:\n- /var/task/index.js"
        )

    run(tmp_path, test)


@needs_node
def test_node_console_lines_carry_the_request(tmp_path):
    async def test(h):
        make(h, **node("exports.handler = async () => { console.log('hello %s', 'there'); console.error('oh'); };"))
        result = await h.invoke("f", log_tail=True)
        log = result.log_tail.decode()
        assert f"Z\t{result.request_id}\tINFO\thello there\n" in log
        assert f"Z\t{result.request_id}\tERROR\toh\n" in log

    run(tmp_path, test)


def test_a_missing_node_is_said(tmp_path):
    async def test(h):
        make(h, **node("exports.handler = async () => 1;"))
        document = await h.error("f")
        assert document["errorType"] == "Runtime.InvalidEntrypoint"
        assert (
            "the runtime nodejs20.x needs Node.js, and there is no 'no-such-node' on the PATH"
            in document["errorMessage"]
        )

    run(tmp_path, test, node="no-such-node")


@pytest.mark.parametrize("runtime", ["provided", "provided.al2", "provided.al2023"])
def test_a_bootstrap_of_ones_own(tmp_path, runtime):
    async def test(h):
        make(h, {"bootstrap": BOOTSTRAP}, runtime=runtime, handler="any")
        for _ in range(2):
            assert (await h.invoke("f", b'{"a":1}')).payload == b'got {"a":1}'
        result = await h.invoke("f", b'"fail"')
        assert result.function_error == "Unhandled"
        assert result.payload == b'{"errorMessage": "asked to", "errorType": "Asked"}'

    run(tmp_path, test)


def test_an_init_error_of_ones_own(tmp_path):
    async def test(h):
        make(h, {"bootstrap": BOOTSTRAP}, runtime="provided.al2023", handler="refuse")
        assert await h.error("f") == {"errorMessage": "no config", "errorType": "Config.Missing"}

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        (
            {"other": ""},
            "Runtime.InvalidEntrypoint",
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
        ),
        ({"bootstrap": "#!/no/such/interpreter\n"}, "Runtime.ExitError", "Runtime exited with error: exit status 127"),
    ],
)
def test_a_bootstrap_that_cannot_start(tmp_path, files, kind, message):
    async def test(h):
        make(h, files, runtime="provided.al2023", handler="any")
        document = await h.error("f")
        assert document["errorType"] == kind
        assert document["errorMessage"].endswith(f" Error: {message}")

    run(tmp_path, test)

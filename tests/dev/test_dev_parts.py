"""Parts of `newel dev`, each alone."""

import asyncio
import io
import subprocess
import sys
import threading

import pytest

from newel.api.unsigned import wanted
from newel.cli.dev_output import TextReport, progress_line, summary
from newel.cli.lines import QUEUE_LINES, LineWriter
from newel.dev.chunked import decode_chunked, is_chunked
from newel.dev.config import Config
from newel.dev.project import Problem, machine_name, read_project, stamp_of
from newel.dev.reports import Change, Progress, Served
from newel.dev.resources import typed_item
from newel.dev.threads import Threads
from newel.dev.watch import changes
from newel.errors import ServiceError
from newel.integrations.aws.signing_names import by_signing_name, environment_key, is_at

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
S3_SCOPE = "AKID/20260101/eu-west-1/s3/aws4_request"


# -- which service


def request(path="/", query="", **headers):
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


SIGNED = f"AWS4-HMAC-SHA256 Credential={S3_SCOPE}, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (request("/b/k%20k", authorization=SIGNED), ("s3", "eu-west-1", "/b/k%20k")),
        (request("/k", host="b.s3.localhost:1", authorization=SIGNED), ("s3", "eu-west-1", "/b/k")),
        (request("/k", host="b.localhost:1", authorization=SIGNED), ("s3", "eu-west-1", "/b/k")),
        (request("/k", host="b.c.s3.eu-west-1.localhost:1"), ("s3", "us-east-1", "/b.c/k")),
        (request("/k", host="b.localhost:1"), None),
        (request("/b/k", host="s3.localhost:1", authorization=SIGNED), ("s3", "eu-west-1", "/b/k")),
        (request("/b/k", f"X-Amz-Credential={S3_SCOPE.replace('/', '%2F')}"), ("s3", "eu-west-1", "/b/k")),
        (request("/b/k", "AWSAccessKeyId=a&Signature=b&Expires=1"), ("s3", "us-east-1", "/b/k")),
        (request("/b/k", authorization="AWS AKID:signature"), ("s3", "us-east-1", "/b/k")),
        (request("/000000000000/q", "Action=ReceiveMessage"), ("sqs", "us-east-1", "/000000000000/q")),
        (request("/", x_amz_target="AmazonSQS.SendMessage"), ("sqs", "us-east-1", "/")),
        (request("/", "Action=ConfirmSubscription&Version=2010-03-31"), ("sns", "us-east-1", "/")),
        (request("/anything"), None),
        (request("/", authorization="Bearer x"), None),
        (request("/", authorization="AWS4-HMAC-SHA256 Credential=broken, Signature=0"), None),
    ],
)
def test_what_a_request_is_for(scope, expected):
    assert wanted(scope) == expected


def test_endpoints_by_the_name_that_signs():
    urls = {"SECRETS_MANAGER": "a", "SFN": "b", "S3": "c", "NOTHING": "d", "BEDROCK_RUNTIME": "e"}
    assert by_signing_name(urls) == {"secretsmanager": "a", "states": "b", "s3": "c", "bedrock": "e"}
    assert [environment_key(name) for name in ("s3", "dynamodb", "cognito-idp", "nothing")] == [
        "S3",
        "DYNAMODB",
        "COGNITO_IDENTITY_PROVIDER",
        None,
    ]
    assert is_at("http://localhost:8083/", "http://127.0.0.1:8083")
    assert not is_at("http://localhost:8084", "http://127.0.0.1:8083")
    assert not is_at(None, "http://127.0.0.1:8083")


# -- chunked bodies


def test_chunks_and_their_trailer():
    headers = {"content-encoding": "gzip,aws-chunked", "x-amz-trailer": "x-amz-checksum-crc32", "content-length": "9"}
    assert is_chunked(headers)
    assert decode_chunked(b"3\r\nabc\r\n1\r\nd\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n", headers) == b"abcd"
    assert headers == {"content-encoding": "gzip", "x-amz-checksum-crc32": "AAAA==", "content-length": "4"}


@pytest.mark.parametrize("body", [b"", b"zz\r\nabc", b"5\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n"])
def test_chunks_that_are_none(body):
    with pytest.raises(ServiceError):
        decode_chunked(body, {"content-encoding": "aws-chunked"})


# -- the project


def test_names_of_machines(tmp_path):
    names = ["flows/orders.asl.json", "Send mail (v2).asl.yaml", "ä.asl.yml", "x" * 100 + ".asl.json"]
    assert [machine_name(tmp_path / name) for name in names] == ["orders", "Send-mail-v2", "machine", "x" * 80]


def test_a_folder_is_read(tmp_path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/hidden.asl.json").write_text("{}")
    (tmp_path / "one").mkdir()
    (tmp_path / "one/same.asl.json").write_text('{"Comment": "${AWS::Region} ${Value} ${Unknown}"}')
    (tmp_path / "two").mkdir()
    (tmp_path / "two/same.asl.yaml").write_text("Comment: x")
    (tmp_path / "newel.toml").write_text('[substitutions]\nValue = "in ${AWS::AccountId}"\n')
    project = read_project(tmp_path, PSEUDO)
    (machine,) = project.machines
    assert machine.text == '{"Comment": "eu-west-1 in 111122223333 ${Unknown}"}'
    (problem,) = project.problems
    assert (problem.file, "one/same.asl.json" in problem.message) == ("two/same.asl.yaml", True)


def test_a_broken_configuration_keeps_the_last_one(tmp_path):
    (tmp_path / "newel.toml").write_text("substitutions = 3")
    last = Config(substitutions={"A": 1})
    project = read_project(tmp_path, PSEUDO, last)
    assert project.config is last
    assert [problem.file for problem in project.problems] == ["newel.toml"]


def test_a_function_by_path_and_one_that_is_none(tmp_path):
    (tmp_path / "src/job").mkdir(parents=True)
    (tmp_path / "src/job/main.py").write_text("def handler(event, context): ...")
    (tmp_path / "src/odd").mkdir()
    (tmp_path / "newel.toml").write_text(
        '[functions.job]\npath = "src/job"\nhandler = "other.entry"\n'
        '[functions.odd]\npath = "src/odd"\n'
        '[functions.said]\npath = "src/odd"\nhandler = "a.b"\nruntime = "python3.11"\n'
    )
    project = read_project(tmp_path, PSEUDO)
    assert [(source.found.name, source.found.handler) for source in project.functions] == [
        ("job", "other.entry"),
        ("said", "a.b"),
    ]
    assert "functions.odd" in project.problems[0].message


def test_the_watcher_tells_a_change_once(tmp_path):
    async def watch():
        seen = stamp_of(tmp_path)
        (tmp_path / "a").write_text("1")
        watched = changes(tmp_path, seen, 0.01)
        await anext(watched)
        again = asyncio.ensure_future(anext(watched))
        await asyncio.sleep(0.1)
        assert not again.done()
        (tmp_path / "a").unlink()
        await again

    asyncio.run(asyncio.wait_for(watch(), 60))


def test_items_get_their_types():
    assert typed_item({"s": "x", "n": 1, "f": 0.5, "b": False, "l": [1], "m": {"k": "v"}}) == {
        "s": {"S": "x"},
        "n": {"N": "1"},
        "f": {"N": "0.5"},
        "b": {"BOOL": False},
        "l": {"L": [{"N": "1"}]},
        "m": {"M": {"k": {"S": "v"}}},
    }


# -- what is printed


def test_a_reader_that_does_not_read_holds_up_nobody():
    go, written = threading.Event(), []

    def write(line):
        go.wait(60)
        written.append(line)

    with LineWriter(write) as lines:
        for number in range(QUEUE_LINES + 100):
            lines.put(str(number))
        go.set()
        while len(written) < QUEUE_LINES:
            pass
        lines.put("last")
    assert written[-1] == "last"
    assert written[-2].endswith("lines are not shown")


def test_lines_for_people():
    step = Progress(kind="exited", machine="m", execution="run", arn="a", at_ms=0, state="Each[3] / Do", took_ms=35)
    assert progress_line(step).plain.partition(" ")[2] == "m:run ✓ Each[3] / Do 35 ms"
    end = Progress(
        kind="ended", machine="m", execution="0b7a1c52-1111-4222-8333-944444444444", arn="a", at_ms=0, status="FAILED"
    )
    assert progress_line(end).plain.partition(" ")[2] == "m:0b7a1c52 ■ FAILED"


def test_the_report_for_people():
    class Lines:
        text = io.StringIO()

        def put(self, line):
            self.text.write(line + "\n")

    report = TextReport(Lines(), quiet=True)
    change = Change("created", "function", "f", "arn:f")
    served = Served("http://x", "d", "1", "r", (change,), (), (), "moto, in memory", {"S3": "http://y"})
    report.change(change)
    report.problem(Problem("a.asl.json", "words", 2, 3))
    report.ready(served)
    report.change(change)
    lines = Lines.text.getvalue().splitlines()
    assert lines[0] == "a.asl.json:2:3: error words"
    assert lines[1:-1] == [line.plain for line in summary(served)]
    assert lines[-1].endswith("function f created")


# -- threads


def test_a_call_that_never_ends_keeps_neither_others_nor_the_end_waiting():
    program = """
import asyncio, threading
from newel.dev.threads import Threads

def call(forever):
    if forever:
        threading.Event().wait()
    return "done"

async def main():
    threads = Threads(2, "t")
    stuck = asyncio.ensure_future(threads.run(call, True))
    await asyncio.sleep(0)
    print(await threads.run(call, False), await threads.run(call, False))
    stuck.cancel()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "done done\n"


def test_calls_over_the_limit_wait_their_turn_and_errors_come_back():
    async def run():
        threads, running, most = Threads(3, "t"), [], []

        def call(number):
            running.append(number)
            most.append(len(running))
            threading.Event().wait(0.005)
            running.remove(number)
            if number == 7:
                raise KeyError(number)
            return number

        results = await asyncio.gather(*(threads.run(call, number) for number in range(12)), return_exceptions=True)
        assert [result for result in results if not isinstance(result, KeyError)] == [*range(7), *range(8, 12)]
        assert isinstance(results[7], KeyError)
        assert max(most) <= 3

    asyncio.run(run())

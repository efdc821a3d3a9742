"""The files of a ResultWriter: their names, what is in them, and what is left of one that failed."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.memory_objects import ACTOR, MemoryObjects
from newel.errors import StatesError
from newel.integrations.result_writer.files import FileSizes
from newel.integrations.result_writer.writer import S3ResultWriter
from newel.ports.aws import AwsError
from newel.ports.items import ChildResult, WriterSpec

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m/L"
RUN = "arn:aws:states:us-east-1:123456789012:mapRun:m/L:6e60909a-42df-9468-42a1-bb3771b35ee2"
FOLDER = "jobs/6e60909a-42df-9468-42a1-bb3771b35ee2"
CALLER = {"account": ACTOR.account, "region": ACTOR.region, "role_arn": ACTOR.role_arn}


def child(number, output="[1,2]", status="SUCCEEDED", **more):
    return ChildResult(
        execution_arn=f"{MACHINE.replace('stateMachine', 'execution')}:c{number}",
        name=f"c{number}",
        state_machine_arn=MACHINE,
        status=status,
        input=f'{{"n": {number}}}',
        start_ms=1_738_633_790_099,
        stop_ms=1_738_633_790_163,
        output=output,
        redrive_status_reason=f"Execution is {status} and cannot be redriven",
        **more,
    )


def failed(number, status="FAILED"):
    return child(number, None, status, error="Boom", cause="why")


def pending(number):
    return ChildResult(
        execution_arn="arn", name=f"c{number}", state_machine_arn=MACHINE, status="PENDING", input="{}", start_ms=0
    )


def written(store, results, spec, **sizes):
    async def stream():
        for result in results:
            yield result

    writer = S3ResultWriter(store, FileSizes(**sizes))
    return asyncio.run(writer.write(spec, RUN, stream(), **CALLER))


def exported(results, transformation="NONE", output_type="JSON", prefix="jobs", **sizes):
    store = MemoryObjects()
    spec = WriterSpec(bucket="b", prefix=prefix, transformation=transformation, output_type=output_type)
    output = written(store, results, spec, **sizes)
    return store, output


def test_output_and_manifest():
    store, output = exported([child(0), failed(1), child(2)])
    assert list(output.items()) == [
        ("MapRunArn", RUN),
        ("ResultWriterDetails", {"Bucket": "b", "Key": f"{FOLDER}/manifest.json"}),
    ]
    files = {status: store.bodies["b", f"{FOLDER}/{status}_0.json"] for status in ("FAILED", "SUCCEEDED")}
    assert store.text(f"{FOLDER}/manifest.json") == (
        f'{{"DestinationBucket":"b","MapRunArn":"{RUN}","ResultFiles":{{'
        f'"FAILED":[{{"Key":"{FOLDER}/FAILED_0.json","Size":{len(files["FAILED"])}}}],"PENDING":[],'
        f'"SUCCEEDED":[{{"Key":"{FOLDER}/SUCCEEDED_0.json","Size":{len(files["SUCCEEDED"])}}}]}}}}'
    )
    assert store.actors == {ACTOR}
    assert store.asked[-1] == ("put", {"Bucket": "b", "Key": f"{FOLDER}/manifest.json"})


@pytest.mark.parametrize(("prefix", "folder"), [("", ""), ("/", ""), ("a", "a/"), ("a/", "a/"), ("a/b", "a/b/")])
def test_prefixes(prefix, folder):
    _, output = exported([child(0)], prefix=prefix)
    assert output["ResultWriterDetails"]["Key"] == f"{folder}{RUN.rpartition(':')[2]}/manifest.json"


def test_the_record_of_a_child_that_succeeded():
    """The members and their order are those of the Developer Guide's example."""
    store, _ = exported([child(7)])
    (record,) = json.loads(store.text(f"{FOLDER}/SUCCEEDED_0.json"))
    assert list(record.items()) == [
        ("ExecutionArn", "arn:aws:states:us-east-1:123456789012:execution:m/L:c7"),
        ("Input", '{"n": 7}'),
        ("InputDetails", {"Included": True}),
        ("Name", "c7"),
        ("Output", "[1,2]"),
        ("OutputDetails", {"Included": True}),
        ("RedriveCount", 0),
        ("RedriveStatus", "NOT_REDRIVABLE"),
        ("RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven"),
        ("StartDate", "2025-02-04T01:49:50.099Z"),
        ("StateMachineArn", MACHINE),
        ("Status", "SUCCEEDED"),
        ("StopDate", "2025-02-04T01:49:50.163Z"),
    ]


def test_failed_timed_out_and_aborted_children_are_whole_records_in_one_file():
    children = [failed(0), failed(1, "TIMED_OUT"), failed(2, "ABORTED"), pending(3)]
    for transformation in ("NONE", "COMPACT", "FLATTEN"):
        store, _ = exported(children, transformation)
        records = json.loads(store.text(f"{FOLDER}/FAILED_0.json"))
        assert [record["Status"] for record in records] == ["FAILED", "TIMED_OUT", "ABORTED"]
        assert {(record["Error"], record["Cause"]) for record in records} == {("Boom", "why")}
        assert not any("Output" in record for record in records)
        (waiting,) = json.loads(store.text(f"{FOLDER}/PENDING_0.json"))
        assert waiting["Status"] == "PENDING"
        assert not waiting.keys() & {"StartDate", "StopDate", "Output", "OutputDetails"}


OUTPUTS = ['[{"a": 1}, [2]]', '{"b":3}', '"x\\n"', "[]", "[\n 1.10,\n 2\n]"]


@pytest.mark.parametrize(
    ("transformation", "output_type", "body"),
    [
        ("COMPACT", "JSON", '[[{"a": 1}, [2]],{"b":3},"x\\n",[],[\n 1.10,\n 2\n]]'),
        ("COMPACT", "JSONL", '[{"a": 1}, [2]]\n{"b":3}\n"x\\n"\n[]\n[1.1,2]\n'),
        ("FLATTEN", "JSON", '[{"a": 1},[2],{"b":3},"x\\n",1.10,2]'),
        ("FLATTEN", "JSONL", '{"a": 1}\n[2]\n{"b":3}\n"x\\n"\n1.10\n2\n'),
    ],
)
def test_transformations(transformation, output_type, body):
    store, _ = exported([child(at, output) for at, output in enumerate(OUTPUTS)], transformation, output_type)
    extension = output_type.lower()
    assert store.text(f"{FOLDER}/SUCCEEDED_0.{extension}") == body
    assert f"{FOLDER}/SUCCEEDED_0.{extension}" in store.text(f"{FOLDER}/manifest.json")


def test_whole_records_as_json_lines():
    store, _ = exported([child(0), child(1)], output_type="JSONL")
    lines = store.text(f"{FOLDER}/SUCCEEDED_0.jsonl").splitlines()
    assert [json.loads(line)["Name"] for line in lines] == ["c0", "c1"]


def test_without_children_there_is_only_a_manifest():
    store, _ = exported([])
    assert [key for _, key in store.bodies] == [f"{FOLDER}/manifest.json"]
    assert json.loads(store.text(f"{FOLDER}/manifest.json"))["ResultFiles"] == {
        "FAILED": [],
        "PENDING": [],
        "SUCCEEDED": [],
    }


@given(
    st.lists(st.text(max_size=30), max_size=20),
    st.integers(2, 80),
    st.integers(1, 40),
    st.sampled_from(["JSON", "JSONL"]),
)
def test_files_are_split_and_written_in_parts(outputs, file_bytes_max, part_bytes, output_type):
    children = [child(at, json.dumps(output)) for at, output in enumerate(outputs)]
    store, _ = exported(children, "COMPACT", output_type, file_bytes_max=file_bytes_max, part_bytes=part_bytes)
    listed = json.loads(store.text(f"{FOLDER}/manifest.json"))["ResultFiles"]["SUCCEEDED"]
    found = []
    for number, entry in enumerate(listed):
        assert entry["Key"] == f"{FOLDER}/SUCCEEDED_{number}.{output_type.lower()}"
        body = store.text(entry["Key"])
        assert len(body.encode()) == entry["Size"]
        records = json.loads(body) if output_type == "JSON" else [json.loads(line) for line in body.splitlines()]
        assert len(records) == 1 or entry["Size"] <= file_bytes_max
        found += records
    assert found == outputs
    assert store.uploads == {}
    assert len(store.bodies) == len(listed) + 1


def test_memory_holds_a_part_and_no_more():
    store, _ = exported([child(at, json.dumps("x" * 1000)) for at in range(100)], "COMPACT", part_bytes=5000)
    assert store.largest < 7000


def test_writing_again_replaces_what_was_written():
    store = MemoryObjects()
    spec = WriterSpec(bucket="b", prefix="jobs")
    first = written(store, [child(0), child(1)], spec, part_bytes=100)
    bodies = dict(store.bodies)
    assert written(store, [child(0), child(1)], spec) == first
    assert store.bodies == bodies


class Refusing(MemoryObjects):
    async def complete(self, target, actor, upload, etags):
        raise AwsError("AccessDenied", "Access Denied", status=403, request_id="R", extended_request_id="E")


def test_a_refusal_of_s3_leaves_no_parts_behind():
    store = Refusing()
    with pytest.raises(StatesError) as refused:
        written(store, [child(0), failed(1)], WriterSpec(bucket="b"), part_bytes=10)
    assert refused.value.error == "States.ResultWriterFailed"
    assert refused.value.cause == (
        "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: R; "
        "S3 Extended Request ID: E; Proxy: null)"
    )
    assert store.uploads == {}
    assert store.bodies == {}


@pytest.mark.parametrize("output_type", ["JSON", "JSONL"])
def test_without_a_bucket_the_results_are_given_back(output_type):
    children = [child(0, "[1,2]"), child(1, '{"a":1}'), failed(2)]

    def results(transformation):
        spec = WriterSpec(transformation=transformation, output_type=output_type)
        return written(MemoryObjects(), children, spec)["Results"]

    assert results("COMPACT")[:2] == [[1, 2], {"a": 1}]
    assert results("FLATTEN")[:3] == [1, 2, {"a": 1}]
    assert [record["Name"] for record in results("NONE")] == ["c0", "c1", "c2"]
    assert results("COMPACT")[2] == results("FLATTEN")[3] == results("NONE")[2]
    assert results("NONE")[2]["Error"] == "Boom"


def test_more_than_an_output_may_have_is_not_gathered():
    asked = []

    async def stream():
        for at in range(1000):
            asked.append(at)
            yield child(at, json.dumps("x" * 1000))

    writer = S3ResultWriter(MemoryObjects(), output_bytes_max=10_000)
    output = asyncio.run(writer.write(WriterSpec(transformation="COMPACT"), RUN, stream(), **CALLER))
    assert len(output["Results"]) == len(asked) < 15

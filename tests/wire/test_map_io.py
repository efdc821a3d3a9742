"""Distributed Maps over objects in S3 and with results in S3: a real server, and moto's S3 beside it."""

from __future__ import annotations

import gzip
import json

import boto3
import pytest
from aws_servers import moto_server

from server_process import ACCOUNT, REGION, Server

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
ROWS = [{"n": str(n), "name": f'item "{n}", of many'} for n in range(300)]


@pytest.fixture(scope="module")
def s3():
    with moto_server() as url:
        client = boto3.client(
            "s3", endpoint_url=url, region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="x"
        )
        client.create_bucket(Bucket="data")
        yield client
        client.close()


@pytest.fixture(scope="module")
def server(s3, tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("map-io") / "data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_S3", s3.meta.endpoint_url)
        running.start()
    yield running
    running.close()


def put(s3, key, body):
    s3.put_object(Bucket="data", Key=key, Body=body)


def distributed(config, resource="getObject", kind="EXPRESS", reads=None, flow=PASS, **fields):
    processor = {**flow, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    reader = {
        "Resource": f"arn:aws:states:::s3:{resource}",
        "Parameters": {"Bucket": "data", **(reads or {})},
        **({"ReaderConfig": config} if config else {}),
    }
    return {
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "ItemProcessor": processor, "ItemReader": reader, "End": True, **fields}},
    }


def ended(server, definition, name):
    machine = server.machine(name, definition)
    return server.ended(server.execute(machine))


def output(server, definition, name):
    found = ended(server, definition, name)
    assert found["status"] == "SUCCEEDED", found
    return json.loads(found["output"])


def csv_text():
    return "n,name\r\n" + "".join('{},"{}"\r\n'.format(row["n"], row["name"].replace('"', '""')) for row in ROWS)


FORMATS = {
    "rows.csv": (csv_text().encode(), {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}),
    "rows.json": (json.dumps(ROWS, indent=1).encode(), {"InputType": "JSON"}),
    "rows.jsonl": ("\n".join(map(json.dumps, ROWS)).encode(), {"InputType": "JSONL"}),
    "rows.jsonl.gz": (gzip.compress("\n".join(map(json.dumps, ROWS)).encode()), {"InputType": "JSONL"}),
    "in.json": (json.dumps({"meta": {}, "rows": ROWS}).encode(), {"InputType": "JSON", "ItemsPointer": "/rows"}),
}


@pytest.mark.parametrize("key", FORMATS)
@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_items_of_an_object(server, s3, key, kind):
    body, config = FORMATS[key]
    put(s3, key, body)
    definition = distributed(config, reads={"Key": key}, kind=kind, ItemBatcher={"MaxItemsPerBatch": 100})
    found = output(server, definition, f"object-{key.replace('.', '-')}-{kind}")
    assert [row for batch in found for row in batch["Items"]] == ROWS
    assert [len(batch["Items"]) for batch in found] == [100, 100, 100]


def test_a_definition_selects_and_bounds_items(server, s3):
    put(s3, "some.jsonl", '{"a":1}\n{"a":2}\n{"a":3}\n')
    definition = distributed(
        {"InputType": "JSONL", "MaxItemsPath": "$.most"},
        reads={"Key": "some.jsonl"},
        ItemSelector={
            "v.$": "$$.Map.Item.Value.a",
            "i.$": "$$.Map.Item.Index",
            "from.$": "$$.Map.Item.Source",
            "key.$": "$.most",
        },
    )
    machine = server.machine("selects", definition)
    assert server.output(server.execute(machine, {"most": 2})) == [
        {"v": 1, "i": 0, "from": "S3://data/some.jsonl", "key": 2},
        {"v": 2, "i": 1, "from": "S3://data/some.jsonl", "key": 2},
    ]


def test_a_listing_of_many_pages(server, s3):
    for number in range(1005):
        put(s3, f"list/{number:04}", "x")
    definition = distributed(
        None, "listObjectsV2", reads={"Prefix": "list/"}, ItemSelector={"key.$": "$$.Map.Item.Value.Key"}
    )
    assert output(server, definition, "lists") == [{"key": f"list/{number:04}"} for number in range(1005)]


def test_a_listed_object(server, s3):
    put(s3, "single/one.txt", "four")
    shown = s3.head_object(Bucket="data", Key="single/one.txt")
    (item,) = output(server, distributed(None, "listObjectsV2", reads={"Prefix": "single/"}), "listed")
    assert list(item.items()) == [
        ("Etag", shown["ETag"]),
        ("Key", "single/one.txt"),
        ("LastModified", int(shown["LastModified"].timestamp())),
        ("Size", 4),
        ("StorageClass", "STANDARD"),
    ]


def test_load_and_flatten(server, s3):
    for number in range(3):
        put(s3, f"flat/{number}.jsonl", "".join(f'{{"n":{number},"m":{m}}}\n' for m in range(number)))
    definition = distributed(
        {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"}, "listObjectsV2", reads={"Prefix": "flat/"}
    )
    assert output(server, definition, "flat") == [{"n": 1, "m": 0}, {"n": 2, "m": 0}, {"n": 2, "m": 1}]


@pytest.mark.parametrize("body", [b"", b"[]"])
def test_no_items(server, s3, body):
    put(s3, "nothing", body)
    config = {"InputType": "JSON"} if body else {"InputType": "JSONL"}
    assert output(server, distributed(config, reads={"Key": "nothing"}), f"nothing-{len(body)}") == []


def test_what_s3_refuses_fails_the_map_run(server, s3):
    found = ended(server, distributed({"InputType": "JSON"}, reads={"Key": "nowhere"}), "nowhere")
    assert found["status"] == "FAILED"
    assert found["error"] == "States.ItemReaderFailed"
    assert found["cause"].startswith(
        "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: "
    )


def body_of(s3, key):
    return s3.get_object(Bucket="data", Key=key)["Body"].read().decode()


def exporting(transformation=None, output_type=None, **fields):
    """A Map over ten numbers that fails for 3 and gives [n, n] for others, and writes what comes of it."""
    config = {} if transformation is None else {"Transformation": transformation, "OutputType": output_type}
    flow = {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 3, "Next": "F"}], "Default": "P"},
            "F": {"Type": "Fail", "Error": "Three", "Cause": "is refused"},
            "P": {"Type": "Pass", "Parameters": {"v.$": "States.Array($, $)"}, "OutputPath": "$.v", "End": True},
        },
    }
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "data", "Prefix": "out"},
        **({"WriterConfig": config} if config else {}),
    }
    return distributed(
        {"InputType": "JSON"},
        reads={"Key": "ten"},
        flow=flow,
        ResultWriter=writer,
        ToleratedFailureCount=1,
        Label="L",
        **fields,
    )


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize(
    ("transformation", "output_type"),
    [
        (None, None),
        ("NONE", "JSONL"),
        ("COMPACT", "JSON"),
        ("COMPACT", "JSONL"),
        ("FLATTEN", "JSON"),
        ("FLATTEN", "JSONL"),
    ],
)
def test_results_are_exported(server, s3, transformation, output_type, kind):
    put(s3, "ten", json.dumps(list(range(10))))
    name = f"export-{transformation}-{output_type}-{kind}"
    machine = server.machine(name, exporting(transformation, output_type, kind=kind))
    execution = server.execute(machine)
    found = server.output(execution)
    (run,) = server.states.list_map_runs(executionArn=execution)["mapRuns"]
    folder = f"out/{run['mapRunArn'].rpartition(':')[2]}"
    assert found == {
        "MapRunArn": run["mapRunArn"],
        "ResultWriterDetails": {"Bucket": "data", "Key": f"{folder}/manifest.json"},
    }
    extension = "jsonl" if output_type == "JSONL" else "json"
    manifest = json.loads(body_of(s3, f"{folder}/manifest.json"))
    bodies = {status: body_of(s3, f"{folder}/{status}_0.{extension}") for status in ("FAILED", "SUCCEEDED")}
    assert manifest == {
        "DestinationBucket": "data",
        "MapRunArn": run["mapRunArn"],
        "ResultFiles": {
            "FAILED": [{"Key": f"{folder}/FAILED_0.{extension}", "Size": len(bodies["FAILED"])}],
            "PENDING": [],
            "SUCCEEDED": [{"Key": f"{folder}/SUCCEEDED_0.{extension}", "Size": len(bodies["SUCCEEDED"])}],
        },
    }
    records = {
        status: [json.loads(line) for line in body.splitlines()] if output_type == "JSONL" else json.loads(body)
        for status, body in bodies.items()
    }
    (failed,) = records["FAILED"]
    assert (failed["Status"], failed["Error"], failed["Cause"], failed["Input"]) == (
        "FAILED",
        "Three",
        "is refused",
        "3",
    )
    pairs = [[n, n] for n in range(10) if n != 3]
    if transformation == "COMPACT":
        assert records["SUCCEEDED"] == pairs
    elif transformation == "FLATTEN":
        assert records["SUCCEEDED"] == [n for pair in pairs for n in pair]
    else:
        assert [json.loads(record["Output"]) for record in records["SUCCEEDED"]] == pairs
        assert {record["StateMachineArn"] for record in records["SUCCEEDED"]} == {f"{machine}/L"}
    counts = server.states.describe_map_run(mapRunArn=run["mapRunArn"])
    assert counts["itemCounts"]["resultsWritten"] == 10


def test_a_bucket_that_is_missing_fails_the_map_run(server, s3):
    put(s3, "ten", "[1]")
    definition = exporting()
    definition["States"]["M"]["ResultWriter"]["Parameters"]["Bucket"] = "nowhere"
    found = ended(server, definition, "no-bucket")
    assert (found["status"], found["error"]) == ("FAILED", "States.ResultWriterFailed")
    assert found["cause"].startswith("The specified bucket does not exist")


def test_a_writer_without_a_bucket_gives_the_state_its_output(server, s3):
    put(s3, "ten", "[1,2]")
    definition = exporting("FLATTEN", "JSON")
    del definition["States"]["M"]["ResultWriter"]["Resource"]
    del definition["States"]["M"]["ResultWriter"]["Parameters"]
    assert output(server, definition, "no-export") == [1, 1, 2, 2]


def test_a_large_result_is_written_in_parts(server, s3):
    put(s3, "large", json.dumps([str(n) + "x" * 200_000 for n in range(60)]))
    definition = distributed(
        {"InputType": "JSON"},
        reads={"Key": "large"},
        ResultWriter={
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "data", "Prefix": "large-out"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
        },
    )
    key = output(server, definition, "large")["ResultWriterDetails"]["Key"]
    (file,) = json.loads(body_of(s3, key))["ResultFiles"]["SUCCEEDED"]
    assert [len(text) for text in json.loads(body_of(s3, file["Key"]))] == [200_001] * 10 + [200_002] * 50
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="data")

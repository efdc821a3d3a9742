"""A Map Run over an object in S3 is killed again and again; its result files have every item once."""

from __future__ import annotations

import json
import random
import time

import boto3
import pytest
from aws_servers import moto_server

from server_process import ACCOUNT, REGION, Server, eventually

ITEMS = 50_000
BATCH = 25
KILLS = 10


def definition(kind, flow):
    return {
        "StartAt": "M",
        "States": {
            "M": {
                "Type": "Map",
                "ItemProcessor": {**flow, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}},
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "JSONL"},
                    "Parameters": {"Bucket": "data", "Key": "items.jsonl"},
                },
                "ItemBatcher": {"MaxItemsPerBatch": BATCH},
                "MaxConcurrency": 150,
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject",
                    "Parameters": {"Bucket": "data"},
                    "WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"},
                },
                "End": True,
            }
        },
    }


FLOW = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Pass"},
        "Pass": {"Type": "Pass", "Next": "Items"},
        "Items": {"Type": "Pass", "InputPath": "$.Items", "End": True},
    },
}


def progress(server, execution):
    """(children that have ended, children so far) of the execution's Map Run."""
    runs = server.states.list_map_runs(executionArn=execution)["mapRuns"]
    if not runs:
        return 0, 0
    counts = server.states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["executionCounts"]
    return counts["succeeded"], counts["total"]


def more(server, execution, least):
    """How many children have ended: more than `least`, or all."""
    ended, total = progress(server, execution)
    return ended if ended > least or (ended and ended == total) else 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["EXPRESS", "STANDARD"])
def test_every_item_is_in_the_results_once(tmp_path, monkeypatch, kind):
    with moto_server() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        s3 = boto3.client(
            "s3", endpoint_url=url, region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="x"
        )
        s3.create_bucket(Bucket="data")
        lines = "".join(f'{{"n":{n},"text":"item {n}"}}\n' for n in range(ITEMS))
        s3.put_object(Bucket="data", Key="items.jsonl", Body=lines)
        server = Server(tmp_path / "data")
        server.start()
        try:
            execution = server.execute(server.machine("map", definition(kind, FLOW)))
            rng = random.Random(11)
            bitten = before = 0
            for _ in range(KILLS):
                before = eventually(lambda least=before: more(server, execution, least), "progress after a restart")
                time.sleep(rng.uniform(0, 0.5))
                bitten += server.status(execution) == "RUNNING"
                server.kill()
                server.start()
            assert bitten >= 7, "the Map Run was over too early: the test did not bite"
            details = server.output(execution)["ResultWriterDetails"]
            manifest = json.loads(s3.get_object(**details)["Body"].read())
            assert manifest["ResultFiles"]["FAILED"] == manifest["ResultFiles"]["PENDING"] == []
            found = [
                json.loads(line)["n"]
                for file in manifest["ResultFiles"]["SUCCEEDED"]
                for line in s3.get_object(Bucket="data", Key=file["Key"])["Body"].read().splitlines()
            ]
            assert found == list(range(ITEMS))
            assert progress(server, execution) == (ITEMS // BATCH, ITEMS // BATCH)
        finally:
            server.close()
            s3.close()

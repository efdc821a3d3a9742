"""Plays the story of this example against a running `newel dev` and `batch_jobs.py`; see README.md."""

import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import driver
from reviews import make_reviews

BUCKET = "reviews"
REVIEWS, BAD = 20_000, 37
PROMPTS_EACH, ANSWERS_EACH = 100, 25
ROLE = "arn:aws:iam::000000000000:role/batch-inference"
JOBS = f"http://127.0.0.1:{driver.port_of(HERE, 'bedrock')}"


def s3():
    return driver.client("s3")


def put(key: str, text: str) -> None:
    s3().put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def read(key: str) -> str:
    return s3().get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def map_run(execution: str) -> dict:
    """DescribeMapRun of the only Map Run of an execution."""
    (listed,) = driver.client("stepfunctions").list_map_runs(executionArn=execution)["mapRuns"]
    return driver.client("stepfunctions").describe_map_run(mapRunArn=listed["mapRunArn"])


def counts(execution: str, name: str) -> tuple[int, int]:
    found = map_run(execution)[name]
    return found["total"], found["succeeded"]


def stored() -> int:
    pages = driver.client("dynamodb").get_paginator("scan").paginate(TableName="sentiments", Select="COUNT")
    return sum(page["Count"] for page in pages)


def refused(expected: int) -> int:
    """How many records the queue's messages hold; waits until there are as many as expected."""
    url, found = driver.queue_url("bad-reviews"), 0
    while found < expected:
        found += len(driver.take_message(url))
    left = driver.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages", [])
    return found + len(left)


def loads_of_machine(since: float) -> list[dict]:
    """Executions of the second machine that started since then."""
    machine = driver.arn("states", "stateMachine:load-answers")
    found = driver.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return [execution for execution in found if execution["startDate"].timestamp() >= since]


def whole() -> None:
    """20 000 reviews, 37 of which no model can answer."""
    put("in/reviews.csv", make_reviews(REVIEWS, BAD))
    driver.ask(f"{JOBS}/rule", {
        "url": driver.os.environ["AWS_ENDPOINT_URL"],
        "machine": driver.arn("states", "stateMachine:load-answers"),
    })  # fmt: skip
    first = driver.start("make-prompts", {"reviews": "in/reviews.csv"})
    made = driver.output(first)
    job = driver.client("bedrock").get_model_invocation_job(jobIdentifier=made["job"])
    driver.same(job["status"], "InProgress", "the first machine has ended, and the job is")
    folder = made["prompts"].rpartition("/")[0]
    found = s3().list_objects_v2(Bucket=BUCKET, Prefix=f"{folder}/")["Contents"]
    names = sorted(item["Key"].rpartition("/")[2] for item in found)
    driver.same(names, ["SUCCEEDED_0.jsonl", "manifest.json"], "the prompts are in")
    records = [json.loads(line) for line in read(made["prompts"]).splitlines()]
    driver.same((len(records), len({record["recordId"] for record in records})), (REVIEWS, REVIEWS), "prompts, ids")
    driver.same(counts(first, "itemCounts"), (REVIEWS, REVIEWS), "items of the Map Run, and those that succeeded")
    children = -(-REVIEWS // PROMPTS_EACH)
    driver.same(counts(first, "executionCounts"), (children, children), "its children")

    before = time.time() - 1
    driver.ask(f"{JOBS}/go", {})
    (second,) = driver.wait_until(lambda: loads_of_machine(before), "the second machine")
    driver.output(second["executionArn"])
    key = f"answers/{first.rpartition(':')[2]}/{made['prompts'].rpartition('/')[2]}.out"
    answered = s3().head_object(Bucket=BUCKET, Key=key)["LastModified"]
    driver.need((second["startDate"] - answered).total_seconds() < 5, "the second machine starts within 5 s")
    driver.same(stored(), REVIEWS - BAD, "sentiments in the table")
    driver.same(refused(BAD), BAD, "records in the queue")
    children = -(-REVIEWS // ANSWERS_EACH)
    driver.same(counts(second["executionArn"], "executionCounts"), (children, children), "children that loaded them")


def formats() -> None:
    """The same prompts as whole records, as one array, and as an array of arrays."""
    put("in/few.csv", make_reviews(250, 3))
    states = driver.client("stepfunctions")
    machine = driver.arn("states", "stateMachine:make-prompts")
    definition = json.loads(states.describe_state_machine(stateMachineArn=machine)["definition"])
    only = {key: value for key, value in definition["States"]["Prompts"].items() if key != "Next"}
    for transformation in ("NONE", "FLATTEN", "COMPACT"):
        only["ResultWriter"]["WriterConfig"] = {"Transformation": transformation, "OutputType": "JSON"}
        name = f"prompts-{transformation.lower()}-{time.time_ns()}"
        changed = json.dumps({**definition, "States": {"Prompts": {**only, "End": True}}})
        states.create_state_machine(
            name=name, definition=changed, roleArn=driver.arn("iam", "role/r").replace("us-east-1", "")
        )
        details = driver.run(name, {"reviews": "in/few.csv"})["ResultWriterDetails"]
        folder = details["Key"].rpartition("/")[0]
        found = json.loads(read(f"{folder}/SUCCEEDED_0.json"))
        if transformation == "NONE":
            driver.same({record["Status"] for record in found}, {"SUCCEEDED"}, "NONE: whole records that")
            found = [json.loads(record["Output"]) for record in found]
        if transformation != "FLATTEN":
            driver.same([len(part) for part in found], [100, 100, 50], f"{transformation}: prompts of each child")
            found = [record for part in found for record in part]
        driver.same(len({record["recordId"] for record in found}), 250, f"{transformation}: records")


def event(key: str, **more: object) -> dict:
    """What the second machine is started with."""
    return {"detail": {"bucket": {"name": BUCKET}, "object": {"key": key}}, **more}


def answers(number: int, **changed: dict) -> str:
    """JSON Lines with `number` answers; `changed` by record number."""
    given = [
        changed.get(f"r{at}", {"recordId": f"few-{at}", "modelOutput": {"content": [{"type": "text", "text": "good"}]}})
        for at in range(number)
    ]
    return "".join(json.dumps(record) + "\n" for record in given)


def poisoned() -> None:
    """One line that names no record breaks its child: too much at 0 %, not at 5 %."""
    put("in/poisoned.jsonl", answers(1000, r333={"modelOutput": {}}))
    error, _ = driver.failure(driver.start("load-answers", event("in/poisoned.jsonl")))
    driver.same(error, "States.ExceedToleratedFailureThreshold", "at 0 % the machine fails with")
    execution = driver.start("load-answers", event("in/poisoned.jsonl", tolerated=5))
    driver.same(driver.output(execution), {"batches": 39}, "at 5 % it gives")
    driver.same(map_run(execution)["itemCounts"]["failed"], ANSWERS_EACH, "items that failed")


def redriven() -> None:
    """The queue is gone: what should go there fails. Once it is back, a redrive runs those children alone."""
    sqs = driver.client("sqs")
    refusal = {f"r{at}": {"recordId": f"few-{at}", "error": {"errorCode": 400}} for at in (30, 31, 99)}
    put("in/redriven.jsonl", answers(200, **refusal))
    sqs.delete_queue(QueueUrl=driver.queue_url("bad-reviews"))
    execution = driver.start("load-answers", event("in/redriven.jsonl"))
    error, _ = driver.failure(execution)
    driver.same(error, "States.ExceedToleratedFailureThreshold", "without the queue the machine fails with")
    before = map_run(execution)["executionCounts"]
    sqs.create_queue(QueueName="bad-reviews")
    driver.client("stepfunctions").redrive_execution(executionArn=execution)
    driver.same(driver.output(execution), {"batches": 8}, "redriven it gives")
    driver.same(refused(3), 3, "records in the queue")
    run = map_run(execution)
    driver.same((run["redriveCount"], run["itemCounts"]["succeeded"]), (1, 200), "redrives, and items that succeeded")
    children = driver.client("stepfunctions").list_executions(mapRunArn=run["mapRunArn"])["executions"]
    again = [child for child in children if child.get("redriveCount")]
    driver.same(len(again), before["failed"] + before["aborted"], "children that ran again")


driver.play(whole=whole, formats=formats, poisoned=poisoned, redriven=redriven)

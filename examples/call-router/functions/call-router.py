"""Stands between the telephone network and the call flow.

The network invokes this function for everything that happens in a call and performs the actions that it returns.
The flow puts its actions into a queue of the call, each with a task token. The token travels with the call, in its
attributes; what comes of the action completes the task, and the next action is taken from the queue.
"""

import json
import os

import boto3

sqs = boto3.client("sqs")
states = boto3.client("stepfunctions")


def handler(event, context):
    call = event["CallDetails"]
    attributes = call.get("TransactionAttributes") or {}
    match event["InvocationEventType"]:
        case "NEW_INBOUND_CALL":
            attributes = begin(call)
        case "ACTION_SUCCESSFUL" | "CALL_UPDATE_REQUESTED":
            complete(attributes, event.get("ActionData", {}))
        case "ACTION_FAILED":
            fail(attributes, event["ActionData"]["ErrorType"], event["ActionData"].get("ErrorMessage", ""))
        case "HANGUP":
            fail(attributes, "HANGUP", "the caller has hung up")
            sqs.delete_queue(QueueUrl=attributes["QueueUrl"])
            return {"SchemaVersion": "1.0", "Actions": []}
    return next_action(attributes)


def begin(call):
    """A queue and an execution for the call."""
    queue = sqs.create_queue(QueueName=f"call-{call['TransactionId']}")["QueueUrl"]
    caller = call["Participants"][0]
    given = {"call": call["TransactionId"], "from": caller["From"], "at": caller["StartTime"], "queueUrl": queue}
    started = states.start_execution(
        stateMachineArn=os.environ["CALL_FLOW"],
        name=f"call_flow_{call['TransactionId']}",
        input=json.dumps(given),
    )
    return {"QueueUrl": queue, "Execution": started["executionArn"]}


def complete(attributes, data):
    states.send_task_success(taskToken=attributes["TaskToken"], output=json.dumps(data))


def fail(attributes, error, cause):
    """Tell the flow. That the task is over already is no error: its time was up, or another branch has ended it."""
    if "TaskToken" not in attributes:
        return
    try:
        states.send_task_failure(taskToken=attributes["TaskToken"], error=error, cause=cause)
    except (states.exceptions.TaskTimedOut, states.exceptions.TaskDoesNotExist):
        print("the flow waits no longer")


def next_action(attributes):
    """The flow's next action; to hang up, once the flow has ended."""
    while True:
        answer = sqs.receive_message(QueueUrl=attributes["QueueUrl"], WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=attributes["QueueUrl"], ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            return answer_with(body["Action"], {**attributes, "TaskToken": body["TaskToken"]})
        if states.describe_execution(executionArn=attributes["Execution"])["status"] != "RUNNING":
            return answer_with({"Type": "Hangup", "Parameters": {"SipResponseCode": "0"}}, attributes)


def answer_with(action, attributes):
    return {"SchemaVersion": "1.0", "Actions": [action], "TransactionAttributes": attributes}

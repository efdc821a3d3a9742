"""Ids and previousEventId as AWS gives them (its recorded chains)."""

from __future__ import annotations

from newel.engine import inputs as i
from newel.json import Payload

from .driver import LAMBDA, Run, fails, machine, returns

FAIL = {"Type": "Fail", "Error": "E", "Cause": "c"}
PASS = {"Type": "Pass", "End": True}


def inner(name: str, state: dict) -> dict:
    return {"StartAt": name, "States": {name: state}}


def test_the_first_state_follows_event_zero() -> None:
    run = Run(machine(("A", {"Type": "Pass"}))).finish()
    assert run.chain == [
        "1<0 ExecutionStarted",
        "2<0 PassStateEntered",
        "3<2 PassStateExited",
        "4<3 ExecutionSucceeded",
    ]


def test_an_inline_map_with_one_iteration_at_a_time() -> None:
    body = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": inner("P", PASS)}
    run = Run(machine(("M", body)), "[1,2]").finish()
    assert run.chain[2:] == [
        "3<2 MapStateStarted",
        "4<3 MapIterationStarted",
        "5<4 PassStateEntered",
        "6<5 PassStateExited",
        "7<6 MapIterationSucceeded",
        "8<6 MapIterationStarted",
        "9<8 PassStateEntered",
        "10<9 PassStateExited",
        "11<10 MapIterationSucceeded",
        "12<11 MapStateSucceeded",
        "13<11 MapStateExited",
        "14<13 ExecutionSucceeded",
    ]


def test_a_failed_iteration_and_the_map_follow_the_same_event() -> None:
    body = {"Type": "Map", "ItemProcessor": inner("F", FAIL), "Catch": [{"ErrorEquals": ["E"], "Next": "Z"}]}
    run = Run(machine(("M", body), ("Z", PASS)), "[1]").finish()
    assert run.chain[4:8] == [
        "5<4 FailStateEntered",
        "6<5 MapIterationFailed",
        "7<5 MapStateFailed",
        "8<7 MapStateExited",
    ]


def test_a_map_that_is_retried_starts_again_without_failing() -> None:
    body = {"Type": "Map", "ItemProcessor": inner("F", FAIL), "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}]}
    run = Run(machine(("M", body)), "[1]").finish()
    assert run.chain[5:] == [
        "6<5 MapIterationFailed",
        "7<5 MapStateStarted",
        "8<7 MapIterationStarted",
        "9<8 FailStateEntered",
        "10<9 MapIterationFailed",
        "11<9 MapStateFailed",
        "12<11 ExecutionFailed",
    ]


def test_an_empty_map() -> None:
    run = Run(machine(("M", {"Type": "Map", "ItemProcessor": inner("P", PASS)})), "[]").finish()
    assert run.chain[2:] == [
        "3<2 MapStateStarted",
        "4<3 MapStateSucceeded",
        "5<3 MapStateExited",
        "6<5 ExecutionSucceeded",
    ]


def test_nested_parallels_close_from_the_inside() -> None:
    deep = {"Type": "Parallel", "Branches": [inner("P", PASS)], "End": True}
    run = Run(machine(("L1", {"Type": "Parallel", "Branches": [inner("L2", deep)]}))).finish()
    assert run.chain[2:] == [
        "3<2 ParallelStateStarted",
        "4<3 ParallelStateEntered",
        "5<4 ParallelStateStarted",
        "6<5 PassStateEntered",
        "7<6 PassStateExited",
        "8<7 ParallelStateSucceeded",
        "9<7 ParallelStateExited",
        "10<9 ParallelStateSucceeded",
        "11<9 ParallelStateExited",
        "12<11 ExecutionSucceeded",
    ]


def test_a_failed_task_in_a_branch_is_marked_aborted() -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f"},
        "End": True,
    }
    body = {"Type": "Parallel", "Branches": [inner("T", task)], "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}]}
    run = Run(machine(("P", body)), target=fails("X")).finish()
    assert run.chain[6:9] == ["7<6 TaskFailed", "8<7 TaskStateAborted", "9<7 ParallelStateStarted"]


def test_a_sibling_that_still_runs_is_aborted() -> None:
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    body = {"Type": "Parallel", "Branches": [inner("W", wait), inner("F", FAIL)]}
    run = Run(machine(("P", body))).finish()
    assert run.chain[3:] == [
        "4<3 WaitStateEntered",
        "5<3 FailStateEntered",
        "6<4 WaitStateAborted",
        "7<5 ParallelStateFailed",
        "8<7 ExecutionFailed",
    ]


def test_a_caught_task_error_leaves_the_state() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}
    run = Run(machine(("T", task), ("Z", PASS)), target=fails("X", "why")).finish()
    assert run.chain[2:6] == [
        "3<2 LambdaFunctionScheduled",
        "4<3 LambdaFunctionStarted",
        "5<4 LambdaFunctionFailed",
        "6<5 TaskStateExited",
    ]
    assert run.output == {"Error": "X", "Cause": "why"}


def test_a_retry_schedules_again_inside_the_state() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}]}
    target = lambda command, attempt: (fails("X") if attempt == 0 else returns(1))(command, attempt)
    run = Run(machine(("T", task)), target=target).finish()
    assert run.chain[4:] == [
        "5<4 LambdaFunctionFailed",
        "6<5 LambdaFunctionScheduled",
        "7<6 LambdaFunctionStarted",
        "8<7 LambdaFunctionSucceeded",
        "9<8 TaskStateExited",
        "10<9 ExecutionSucceeded",
    ]


def test_an_activity_starts_when_a_worker_takes_it() -> None:
    arn = "arn:aws:states:us-east-1:000000000000:activity:a"
    run = Run(machine(("T", {"Type": "Task", "Resource": arn})), activities=frozenset({arn})).start()
    assert run.chain[2:] == ["3<2 ActivityScheduled"]
    assert run.give(i.TaskStarted(1, "worker"))
    assert not run.give(i.TaskStarted(1, "another")), "a task is taken once"
    assert run.give(i.TaskSucceeded(1, Payload('"done"')))
    assert run.chain[3:] == [
        "4<3 ActivityStarted",
        "5<4 ActivitySucceeded",
        "6<5 TaskStateExited",
        "7<6 ExecutionSucceeded",
    ]
    assert run.events[3]["activityStartedEventDetails"] == {"workerName": "worker"}


def test_evaluation_that_fails_on_entry_follows_what_came_before_the_state() -> None:
    state = {"Type": "Pass", "Output": "{% $nope %}"}
    run = Run(machine(("A", {"Type": "Pass"}), ("B", state), QueryLanguage="JSONata")).finish()
    assert run.chain[2:] == [
        "3<2 PassStateExited",
        "4<3 PassStateEntered",
        "5<3 EvaluationFailed",
        "6<5 ExecutionFailed",
    ]
    assert run.events[4]["evaluationFailedEventDetails"]["location"] == "Output"


def test_stopping_aborts_what_runs_inside() -> None:
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    run = Run(machine(("P", {"Type": "Parallel", "Branches": [inner("W", wait)]}))).start()
    run.give(i.Stop("E", "c"))
    assert run.chain[3:] == [
        "4<3 WaitStateEntered",
        "5<4 WaitStateAborted",
        "6<3 ParallelStateAborted",
        "7<6 ExecutionAborted",
    ]
    assert run.events[-1]["executionAbortedEventDetails"] == {"error": "E", "cause": "c"}
    assert not run.give(i.Stop(None, None)), "an ended execution stays as it ended"

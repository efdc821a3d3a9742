"""What each state does with its data, its errors and its time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from newel.engine import inputs as i
from newel.engine.codec import decode_state, encode_state, fold
from newel.engine.pending import RunMap, owes, pending
from newel.json import Payload
from newel.limits import Limits

from .driver import LAMBDA, START_MS, Run, fails, machine, returns

PASS = {"Type": "Pass", "End": True}
ENTERED = "An error occurred while executing the state 'A' (entered at the event id #2). "


def inner(name: str, state: dict) -> dict:
    return {"StartAt": name, "States": {name: state}}


# -- payloads


def test_what_is_passed_on_unchanged_keeps_its_text() -> None:
    body = {"Type": "Parallel", "Branches": [inner("P", PASS)]}
    assert Run(machine(("A", {"Type": "Pass"}), ("B", body)), "[[1, 2],  [3]]").finish().text == "[[[1, 2],  [3]]]"


def test_what_is_extracted_is_compact() -> None:
    assert Run(machine(("A", {"Type": "Pass", "OutputPath": "$.a"})), '{"a": [1, 2]}').finish().text == "[1,2]"


def test_the_order_of_the_data_flow() -> None:
    task = {
        "Type": "Task",
        "Resource": LAMBDA + "f",
        "InputPath": "$.in",
        "Parameters": {"p.$": "$.x"},
        "ResultSelector": {"s.$": "$.r"},
        "ResultPath": "$.out",
        "OutputPath": "$.out",
    }
    seen = []

    def target(command, attempt):
        seen.append(command.parameters)
        return returns({"r": 5})(command, attempt)

    assert Run(machine(("T", task)), '{"in":{"x":1}}', target=target).finish().output == {"s": 5}
    assert seen == ['{"p":1}']


@pytest.mark.parametrize(
    ("path", "output"), [(None, {"a": 1}), ("$", {"r": 2}), ("$.b", {"a": 1, "b": {"r": 2}}), ("$.a", {"a": {"r": 2}})]
)
def test_result_path(path, output) -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "ResultPath": path}
    assert Run(machine(("T", task)), '{"a":1}', target=returns({"r": 2})).finish().output == output


def test_null_paths_give_an_empty_object() -> None:
    assert Run(machine(("A", {"Type": "Pass", "InputPath": None})), "[1]").finish().output == {}
    assert Run(machine(("A", {"Type": "Pass", "OutputPath": None})), "[1]").finish().output == {}


def test_an_output_over_256_kib_fails_the_state() -> None:
    run = Run(
        machine(("A", {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}})), '"' + "é" * 70_000 + '"'
    ).finish()
    cause = "The state/task 'A' returned a result with a size exceeding the maximum number of bytes service limit."
    assert run.failure == ("States.DataLimitExceeded", cause)


def test_a_task_result_over_the_limit_can_be_caught() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}
    run = Run(machine(("T", task), ("Z", PASS)), target=returns("x" * 300_000)).finish()
    assert run.output["Error"] == "States.DataLimitExceeded"
    assert run.output["Cause"].startswith(f"The state/task '{LAMBDA}f' returned a result")


# -- variables


def test_all_of_assign_sees_the_values_at_entry() -> None:
    swap = {"Type": "Pass", "Assign": {"x.$": "$y", "y.$": "$x"}}
    show = {"Type": "Pass", "Parameters": {"x.$": "$x", "y.$": "$y"}}
    run = Run(machine(("A", {"Type": "Pass", "Assign": {"x": 1, "y": 2}}), ("B", swap), ("C", show))).finish()
    assert run.output == {"x": 2, "y": 1}
    assert run.events[2]["stateExitedEventDetails"]["assignedVariables"] == {"x": "1", "y": "2"}


def test_inner_scopes_read_outer_variables_and_keep_their_own() -> None:
    body = {
        "StartAt": "I",
        "States": {
            "I": {"Type": "Pass", "Assign": {"mine.$": "$outer"}, "Next": "J"},
            "J": {"Type": "Pass", "Parameters": {"v.$": "$mine"}, "End": True},
        },
    }
    run = Run(machine(("A", {"Type": "Pass", "Assign": {"outer": 7}}), ("P", {"Type": "Parallel", "Branches": [body]})))
    assert run.finish().output == [{"v": 7}]
    assert run.state.frames[0].variables == {"outer": 7}


def test_a_variable_may_hold_an_integer_of_any_size_across_a_snapshot() -> None:
    big = 2**80
    show = {"Type": "Pass", "Parameters": {"v.$": "$big"}}
    run = Run(
        machine(("A", {"Type": "Pass", "Assign": {"big": big}}), ("W", {"Type": "Wait", "Seconds": 5}), ("B", show))
    )
    run.start()
    run.state = decode_state(encode_state(run.state))
    while run.state.status == "RUNNING":
        run.step()
    assert run.output == {"v": big}


def test_the_limit_of_one_assign() -> None:
    state = {"Type": "Pass", "Assign": {"a.$": "$", "b.$": "$"}}
    error, _ = Run(machine(("A", state)), '"' + "x" * 200_000 + '"').finish().failure
    assert error == "States.DataLimitExceeded"


# -- errors


def test_choice_without_a_match() -> None:
    state = {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "Z"}]}
    error, cause = Run({"StartAt": "A", "States": {"A": state, "Z": PASS}}, '{"a":2}').finish().failure
    assert error == "States.NoChoiceMatched"
    assert cause is not None
    assert cause.startswith(ENTERED)


@pytest.mark.parametrize(
    ("equals", "caught"),
    [(["X"], True), (["States.ALL"], True), (["States.TaskFailed"], True), (["Y"], False), (["States.Timeout"], False)],
)
def test_which_errors_a_catcher_takes(equals, caught) -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Catch": [{"ErrorEquals": equals, "Next": "Z"}]}
    run = Run(machine(("T", task), ("Z", PASS)), target=fails("X")).finish()
    assert (run.state.status == "SUCCEEDED") is caught


def test_a_runtime_error_is_never_caught_or_retried() -> None:
    task = {
        "Type": "Task",
        "Resource": LAMBDA + "f",
        "Parameters": {"a.$": "$.missing"},
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}],
    }
    error, cause = Run(machine(("A", task), ("Z", PASS))).finish().failure
    assert error == "States.Runtime"
    assert (
        cause == ENTERED + "The JSONPath '$.missing' specified for the field 'a.$' could not be found in the input '{}'"
    )


def test_an_error_without_a_name_goes_to_states_all() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}
    assert Run(machine(("T", task), ("Z", PASS)), target=fails(None)).finish().output == {"Error": None, "Cause": None}


def test_a_failing_catcher_fails_the_execution() -> None:
    catcher = {"ErrorEquals": ["X"], "Next": "Z", "ResultPath": "$.a.b"}
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Catch": [catcher]}
    error, _ = Run(machine(("T", task), ("Z", PASS)), '{"a":1}', target=fails("X")).finish().failure
    assert error in ("States.ResultPathMatchFailure", "States.Runtime")


# -- retry


def delays(retrier: dict, attempts: int) -> list[float]:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Retry": [{"ErrorEquals": ["X"], **retrier}]}
    run = Run(machine(("T", task)), target=fails("X")).finish()
    moments = [event["timestamp"] for event in run.events if event["type"] == "LambdaFunctionScheduled"]
    assert len(moments) == attempts
    return [round(later - earlier, 3) for earlier, later in pairwise(moments)]


def test_backoff() -> None:
    assert delays({}, 4) == [1, 2, 4]
    assert delays({"IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 2}, 3) == [3, 4.5]
    assert delays({"IntervalSeconds": 10, "MaxDelaySeconds": 15, "MaxAttempts": 3}, 4) == [10, 15, 15]
    assert delays({"IntervalSeconds": 10, "JitterStrategy": "FULL", "MaxAttempts": 1}, 2) == [5]
    assert delays({"MaxAttempts": 0}, 1) == []


def test_each_retrier_counts_its_own_attempts() -> None:
    task = {
        "Type": "Task",
        "Resource": LAMBDA + "f",
        "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}, {"ErrorEquals": ["Y"], "MaxAttempts": 1}],
    }
    errors = ["X", "Y", "X"]
    run = Run(machine(("T", task)), target=lambda c, n: fails(errors[n])(c, n)).finish()
    assert run.attempt == 3
    assert run.failure[0] == "X"


def test_the_context_counts_retries() -> None:
    task = {
        "Type": "Task",
        "Resource": LAMBDA + "f",
        "Parameters": {"n.$": "$$.State.RetryCount"},
        "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 2}],
    }
    seen = []

    def target(command, attempt):
        seen.append(command.parameters)
        return fails("X")(command, attempt)

    Run(machine(("T", task)), target=target).finish()
    assert seen == ['{"n":0}', '{"n":1}', '{"n":2}']


# -- time


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ({"Seconds": 0}, 0),
        ({"Seconds": 90}, 90),
        ({"SecondsPath": "$.s"}, 30),
        ({"Timestamp": "2023-11-14T22:14:20Z"}, 60),
        ({"Timestamp": "2023-11-15T00:14:20+02:00"}, 60),
        ({"TimestampPath": "$.t"}, 10),
        ({"Timestamp": "2000-01-01T00:00:00Z"}, 0),
    ],
)
def test_wait(wait, seconds) -> None:
    run = Run(machine(("W", {"Type": "Wait", **wait})), '{"s":30,"t":"2023-11-14T22:13:30.000Z"}').finish()
    assert run.seconds == seconds


@pytest.mark.parametrize(("seconds", "accepted"), [(2**31 - 1, True), (2**31, False)])
@pytest.mark.parametrize("by_path", [False, True])
def test_the_longest_wait(seconds: int, accepted: bool, by_path: bool) -> None:
    """Recorded: a time 24,856 days ahead is refused, one 24,855 days ahead is not."""
    at = datetime.fromtimestamp(START_MS // 1000 + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wait = {"TimestampPath": "$.t"} if by_path else {"Timestamp": at}
    run = Run(machine(("W", {"Type": "Wait", **wait})), json.dumps({"t": at})).finish()
    if accepted:
        assert run.seconds == seconds
    else:
        where = "An error occurred while executing the state 'W' (entered at the event id #2). "
        assert run.failure == ("States.Runtime", where + "Wait state delay is too long.")


def test_a_task_times_out_and_its_late_result_is_void() -> None:
    run = Run(
        machine(("T", {"Type": "Task", "Resource": LAMBDA + "f", "TimeoutSeconds": 5})), target=lambda _c, _n: None
    )
    run.finish()
    assert run.failure == ("States.Timeout", None)
    assert run.seconds == 5
    assert not run.give(i.TaskSucceeded(1, Payload("1")))


def test_a_heartbeat_extends_its_own_limit_only() -> None:
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    task = {
        "Type": "Task",
        "Resource": resource,
        "Parameters": {"FunctionName": "f"},
        "HeartbeatSeconds": 10,
        "TimeoutSeconds": 25,
    }
    run = Run(machine(("T", task))).start()
    for second in (8, 16, 24):
        run.now_ms += 8_000
        run.give(i.TimerFired())
        assert run.give(i.Heartbeat(1)), second
    run.now_ms += 1_000
    run.give(i.TimerFired())
    assert run.failure == ("States.Timeout", None)


def test_a_missed_heartbeat_answers_to_both_names() -> None:
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    for name in ("States.Timeout", "States.HeartbeatTimeout"):
        catch = [{"ErrorEquals": [name], "Next": "Z"}]
        task = {
            "Type": "Task",
            "Resource": resource,
            "Parameters": {"FunctionName": "f"},
            "HeartbeatSeconds": 10,
            "Catch": catch,
        }
        run = Run(machine(("T", task), ("Z", PASS)), target=lambda _c, _n: None).finish()
        assert run.output == {"Error": "States.Timeout", "Cause": None}
        assert run.seconds == 10


def test_the_execution_times_out() -> None:
    run = Run(machine(("W", {"Type": "Wait", "Seconds": 60}), TimeoutSeconds=7)).finish()
    assert (run.state.status, run.state.error, run.state.cause) == ("TIMED_OUT", "States.Timeout", None)
    assert run.seconds == 7


# -- limits and turns


def test_a_loop_ends_at_the_history_limit() -> None:
    loop = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}
    run = Run(loop, limits=Limits(transitions_per_turn_max=1_000)).finish()
    assert run.failure == ("States.Runtime", "The execution reached the maximum number of history events (25000).")
    assert len(run.events) == 25_000
    assert len(run.rows) > 10, "a long loop yields to others"


def test_express_executions_have_no_history_limit() -> None:
    steps = [(f"P{n}", {"Type": "Pass"}) for n in range(30)]
    run = Run(machine(*steps), limits=Limits(history_events_max=20), express=True).finish()
    assert run.state.status == "SUCCEEDED"


def test_a_map_runs_at_most_forty_iterations_at_once() -> None:
    wait = {"Type": "Wait", "Seconds": 1, "End": True}
    items = str(list(range(100)))
    run = Run(machine(("M", {"Type": "Map", "ItemProcessor": inner("W", wait)})), items).finish()
    assert run.seconds == 3
    assert run.output == list(range(100))


def test_map_item_selector_sees_the_whole_input() -> None:
    body = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.tag"},
        "ItemProcessor": inner("P", PASS),
    }
    run = Run(machine(("M", body)), '{"items":["a","b"],"tag":9}').finish()
    assert run.output == [{"i": 0, "v": "a", "all": 9}, {"i": 1, "v": "b", "all": 9}]


def test_what_is_owed_after_a_crash() -> None:
    job = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": "m"},
    }
    run = Run(machine(("T", job))).start()
    assert [command.job for command in pending(run.state)] == [None]
    run.give(i.TaskSubmitted(1, Payload("{}"), "job-1"))
    again = fold(run.fresh(), run.rows)
    assert [command.job for command in pending(again)] == ["job-1"], "a job that runs is not started again"
    token = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f"},
    }
    run = Run(machine(("T", token))).start()
    assert owes(run.state)
    run.give(i.TaskSubmitted(1, Payload("{}")))
    assert not owes(run.state), "what waits for a callback owes nothing"
    assert not run.give(i.TaskSubmitted(1, Payload("{}")))


def test_an_unknown_activity() -> None:
    arn = "arn:aws:states:us-east-1:000000000000:activity:none"
    run = Run(machine(("A", {"Type": "Task", "Resource": arn}))).finish()
    assert run.failure == ("States.Runtime", f"{ENTERED}The activity {arn} does not exist.")


DISTRIBUTED = {**inner("P", PASS), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


def test_a_distributed_map_owes_a_map_run() -> None:
    body = {
        "Type": "Map",
        "ItemProcessor": DISTRIBUTED,
        "ItemsPath": "$.items",
        "MaxConcurrency": 7,
        "ToleratedFailurePercentagePath": "$.percent",
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"tag.$": "$.tag"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket.$": "$.tag"}},
        "Label": "L",
    }
    run = Run(machine(("A", body)), '{"items":[1,2,3],"percent":5,"tag":"t"}').start()
    assert run.chain[2:] == ["3<2 MapStateStarted", "4<3 MapRunStarted"]
    (command,) = pending(run.state)
    assert isinstance(command, RunMap)
    assert command.map_run_arn.startswith("arn:aws:states:us-east-1:000000000000:mapRun:m/L:")
    assert json.loads(command.spec) == {
        "executionType": "STANDARD",
        "items": [1, 2, 3],
        "maxConcurrency": 7,
        "toleratedFailurePercentage": 5.0,
        "batcher": {"itemsMax": 2, "batchInput": {"tag": "t"}},
        "writer": {"arguments": {"Bucket": "t"}},
        "label": "L",
    }
    assert run.give(i.MapRunEnded(command.task_id, Payload('["a", "b"]')))
    assert run.chain[4:] == [
        "5<4 MapRunSucceeded",
        "6<5 MapStateSucceeded",
        "7<5 MapStateExited",
        "8<7 ExecutionSucceeded",
    ]
    assert run.text == '["a", "b"]'
    assert not run.give(i.MapRunEnded(command.task_id, Payload("[]")))


def test_a_failed_map_run_can_be_retried_as_a_new_one() -> None:
    body = {"Type": "Map", "ItemProcessor": DISTRIBUTED, "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}]}
    run = Run(machine(("A", body)), "[1]").start()
    run.give(i.MapRunEnded(1, error="X", cause="c"))
    run.commands.clear()
    run.step()  # the delay of the retry
    assert run.chain[4:] == ["5<4 MapRunFailed", "6<5 MapStateStarted", "7<6 MapRunStarted"]
    run.give(i.MapRunEnded(2, error="X", cause="c"))
    assert run.chain[7:] == ["8<7 MapRunFailed", "9<8 MapStateFailed", "10<9 ExecutionFailed"]
    assert run.failure == ("X", "c")


def test_stopping_aborts_the_map_run() -> None:
    run = Run(machine(("A", {"Type": "Map", "ItemProcessor": DISTRIBUTED})), "[1]").start()
    run.give(i.Stop(None, None))
    assert run.chain[4:] == ["5<4 MapRunAborted", "6<5 MapStateAborted", "7<6 ExecutionAborted"]
    assert not pending(run.state)


def test_branches_may_name_their_states_alike() -> None:
    branches = [inner("P", {"Type": "Pass", "Result": n, "End": True}) for n in range(2)]
    nested = {"Type": "Parallel", "Branches": branches, "End": True}
    run = Run(machine(("A", {"Type": "Parallel", "Branches": [inner("A", nested), *branches]}))).finish()
    assert run.output == [[0, 1], 0, 1]


# -- redrive


def flaky(*, until: int):
    """Fails until the `until`-th call, then gives a number."""
    return lambda command, attempt: (fails("X") if attempt < until else returns(attempt))(command, attempt)


def redrive(run: Run) -> Run:
    run.commands.clear()
    assert run.give(i.Redrive(None))
    while run.state.status == "RUNNING":
        run.step()
    return run


def test_a_redriven_task_is_done_again_with_all_its_retries() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}]}
    run = Run(machine(("A", {"Type": "Pass"}), ("T", task), ("Z", {"Type": "Pass"})), target=flaky(until=3)).finish()
    assert run.state.status == "FAILED"
    before = len(run.chain)
    redrive(run)
    assert run.output == 3
    assert [event["type"] for event in run.events[before:]] == [
        "ExecutionRedriven",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionFailed",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert run.events[before]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert fold(run.fresh(), run.rows).status == "SUCCEEDED"


def test_only_what_failed_in_a_parallel_runs_again() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "End": True}
    steps = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T"}, "T": task}}
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    body = {"Type": "Parallel", "Branches": [inner("Q", PASS), steps, inner("W", wait)]}
    run = Run(machine(("A", body)), '{"n":1}', target=flaky(until=1)).finish()
    assert run.state.status == "FAILED"
    before = len(run.events)
    redrive(run)
    assert run.output == [{"n": 1}, 1, {"n": 1}]
    entered = [event["type"] for event in run.events[before:]]
    assert "PassStateEntered" not in entered, "what had succeeded does not run again"
    assert entered.count("LambdaFunctionScheduled") == 1


def test_only_the_failed_iterations_of_a_map_run_again() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "End": True}
    body = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": inner("T", task)}
    calls = []

    def target(command, attempt):
        calls.append(command.parameters)
        return (fails("X") if attempt == 1 else returns(int(command.parameters)))(command, attempt)

    run = Run(machine(("M", body)), "[10,11,12]", target=target).finish()
    assert run.state.status == "FAILED"
    redrive(run)
    assert run.output == [10, 11, 12]
    assert calls == ["10", "11", "11", "12"]


def test_a_nested_failure_is_redriven_where_it_happened() -> None:
    task = {"Type": "Task", "Resource": LAMBDA + "f", "End": True}
    nested = {"Type": "Parallel", "Branches": [inner("T", task), inner("Q", PASS)], "End": True}
    body = {"Type": "Map", "ItemProcessor": inner("N", nested)}
    run = Run(machine(("M", body)), "[1]", target=flaky(until=1)).finish()
    assert run.state.status == "FAILED"
    assert redrive(run).output == [[1, 1]]


def test_a_stopped_or_timed_out_execution_can_be_redriven() -> None:
    run = Run(machine(("W", {"Type": "Wait", "Seconds": 5}), TimeoutSeconds=60)).start()
    run.give(i.Stop(None, None))
    assert redrive(run).state.status == "SUCCEEDED"
    assert not run.give(i.Redrive(None)), "what has succeeded is not redriven"


def test_a_redriven_map_run_is_the_same_one() -> None:
    run = Run(machine(("A", {"Type": "Map", "ItemProcessor": DISTRIBUTED})), "[1]").start()
    (first,) = run.commands
    run.give(i.MapRunEnded(first.task_id, error="X", cause="c"))
    run.commands.clear()
    run.give(i.Redrive(None))
    (again,) = run.commands
    assert (again.map_run_arn, again.redrive_count) == (first.map_run_arn, 1)
    assert run.chain[-2:] == ["8<7 ExecutionRedriven", "9<8 MapRunRedriven"]
    run.give(i.MapRunEnded(again.task_id, Payload("[1]")))
    assert run.output == [1]

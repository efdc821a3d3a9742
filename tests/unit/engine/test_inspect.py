"""A state by itself: what is seen of its steps, and how it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.engine import inputs as i
from newel.engine.decide import decide
from newel.engine.inspect import Plan, StateTest
from newel.engine.program import compile_program
from newel.engine.state import ExecutionState, Identity
from newel.json import Payload, dumps
from newel.language.parse import parse_machine
from newel.limits import Limits

IDENTITY = Identity(
    execution_arn="arn:aws:states:us-east-1:000000000000:express:m:e:u",
    execution_name="e",
    machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
    machine_name="m",
    role_arn="arn:aws:iam::000000000000:role/r",
    start_ms=1_700_000_000_000,
    express=True,
)
INVOKE = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "Next": "After"}
ENDS = {"StartAt": "E", "States": {"E": {"Type": "Succeed"}}}
PROCESSOR = {**ENDS, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


class Env:
    limits = Limits()

    def __init__(self, now_ms=1_700_000_000_000):
        self.now_ms = now_ms

    def random(self):
        return 0.5

    def uuid(self):
        return "00000000-0000-4000-8000-000000000000"

    def token(self, execution_arn, task_id):
        return "token"

    def activity_exists(self, arn):
        return True


def begun(state, input_="{}", **plan):
    machine = parse_machine({"StartAt": "S", "States": {"S": state}})
    test = StateTest(
        Plan(
            program=compile_program(machine),
            scope="",
            state="S",
            identity=IDENTITY,
            input=Payload(input_),
            **plan,
        ),
        Env(),
    )
    test.enter()
    return test


def seen(test):
    return {
        name: value.text if isinstance(value, Payload) else value for name, value in test.verdict().inspected.items()
    }


def test_a_pass_shows_every_step_even_those_it_does_not_have():
    test = begun({"Type": "Pass", "InputPath": "$.a", "ResultPath": "$.r", "Next": "After"}, '{"a": {"b":  1}}')
    assert seen(test) == {
        "input": '{"a": {"b":  1}}',
        "afterInputPath": '{"b":1}',
        "afterParameters": '{"b":1}',
        "afterResultSelector": '{"b":1}',
        "afterResultPath": '{"a":{"b":1},"r":{"b":1}}',
    }
    verdict = test.verdict()
    assert (verdict.status, verdict.next_state, verdict.output.text) == (
        "SUCCEEDED",
        "After",
        '{"a":{"b":1},"r":{"b":1}}',
    )


def test_a_step_that_fails_and_those_after_it_are_not_shown():
    test = begun({**INVOKE, "Parameters": {"FunctionName.$": "$.gone"}})
    assert seen(test) == {"input": "{}", "afterInputPath": "{}"}
    assert test.verdict().error == "States.Runtime"
    selecting = begun({**INVOKE, "ResultSelector": {"x.$": "$.gone"}})
    selecting.succeed(Payload('{"a": 1}'))
    assert list(seen(selecting)) == ["input", "afterInputPath", "afterParameters", "result"]


@pytest.mark.parametrize(
    ("fields", "after_result_path", "output"),
    [
        ({"ResultPath": None}, '{"i": 0}', '{"i": 0}'),
        ({}, '{"a": 1}', '{"a": 1}'),
        ({"ResultPath": "$.r"}, '{"i":0,"r":{"a":1}}', '{"i":0,"r":{"a":1}}'),
        ({"ResultSelector": {"b.$": "$.a"}}, '{"b":1}', '{"b":1}'),
        ({"OutputPath": "$.a"}, '{"a": 1}', "1"),
    ],
)
def test_a_result_goes_through_the_rest(fields, after_result_path, output):
    test = begun({**INVOKE, **fields}, '{"i": 0}')
    assert test.command.parameters == '{"i": 0}'
    test.succeed(Payload('{"a": 1}'))
    assert seen(test)["afterResultPath"] == after_result_path
    assert test.verdict().output.text == output


def test_jsonata_shows_arguments_and_result():
    state = {**INVOKE, "QueryLanguage": "JSONata", "Arguments": "{% $states.input.a %}", "Output": "{% $x %}"}
    test = begun(state, '{"a": {"FunctionName": "f"}}', variables={"x": 7})
    test.succeed(Payload("[1]"))
    assert seen(test) == {
        "input": '{"a": {"FunctionName": "f"}}',
        "afterArguments": '{"FunctionName":"f"}',
        "result": "[1]",
    }
    assert test.verdict().output.text == "7"


def test_a_random_value_is_seen_as_it_is_used():
    class Counting(Env):
        count = 0

        def uuid(self):
            self.count += 1
            return f"uuid {self.count}"

    state = {"Type": "Pass", "Parameters": {"id.$": "States.UUID()"}, "End": True}
    machine = parse_machine({"StartAt": "S", "States": {"S": state}})
    plan = Plan(program=compile_program(machine), scope="", state="S", identity=IDENTITY, input=Payload("{}"))
    test = StateTest(plan, Counting())
    test.enter()
    assert seen(test)["afterParameters"] == test.verdict().output.text == '{"id":"uuid 1"}'


def test_assigned_variables_join_the_given_ones():
    test = begun({"Type": "Pass", "Assign": {"y.$": "$x"}, "End": True}, variables={"x": 1})
    assert test.verdict().variables == {"x": 1, "y": 1}


@pytest.mark.parametrize(
    ("done", "status", "details"),
    [(0, "RETRIABLE", (None, 0, 3)), (1, "RETRIABLE", (None, 0, 6)), (2, "FAILED", (None, 0, None))],
)
def test_a_retrier_answers_until_it_is_used_up(done, status, details):
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 3, "MaxAttempts": 2}]
    test = begun({**INVOKE, "Retry": retry}, retries=done)
    test.fail("E", "because")
    verdict = test.verdict()
    assert (verdict.status, verdict.error, verdict.cause) == (status, "E", "because")
    assert (verdict.details.catch_index, verdict.details.retry_index, verdict.details.backoff_s) == details


def test_a_catcher_says_where_to_go_on():
    catch = [
        {"ErrorEquals": ["Other"], "Next": "A"},
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"},
    ]
    test = begun({**INVOKE, "Catch": catch}, '{"i":0}')
    test.fail("E", None)
    verdict = test.verdict()
    assert (verdict.status, verdict.next_state, verdict.details.catch_index) == ("CAUGHT_ERROR", "B", 1)
    assert verdict.output.text == '{"i":0,"e":{"Error":"E","Cause":null}}'


def test_a_runtime_error_meets_no_handler():
    handlers = {"Retry": [{"ErrorEquals": ["States.ALL"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X"}]}
    test = begun({**INVOKE, **handlers})
    test.fail("States.Runtime", "no")
    assert (test.verdict().status, test.verdict().details) == ("FAILED", None)


def test_a_wait_ends_when_its_time_has_come():
    test = begun({"Type": "Wait", "Seconds": 5, "Next": "After"}, '{"a":1}')
    assert test.wait_due_ms == 1_700_000_005_000
    assert not test.ended
    test.at(Env(1_700_000_005_000))
    test.resume()
    assert (test.verdict().status, test.verdict().next_state) == ("SUCCEEDED", "After")


def test_a_test_that_takes_too_long_fails():
    test = begun({"Type": "Wait", "Seconds": 999, "End": True})
    test.expire()
    assert (test.verdict().status, test.verdict().error) == ("FAILED", "States.Timeout")


def test_a_given_context_is_all_there_is():
    state = {**INVOKE, "ResultSelector": {"c.$": "$$"}}
    test = begun(state, context={"State": {"Name": "X"}})
    test.succeed(Payload("{}"))
    assert test.verdict().output.text == '{"c":{"State":{"Name":"X"}}}'


def test_inside_a_map_the_context_has_the_item():
    state = {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}, "End": True}
    test = begun(state, '{"a":1}', iteration=True)
    assert test.verdict().output.value == {"i": 0, "v": {"a": 1}}


def test_a_map_shows_its_items_and_their_inputs():
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"v.$": "$$.Map.Item.Value", "all.$": "$.n"},
        "MaxConcurrency": 2,
        "ItemProcessor": ENDS,
        "ResultPath": "$.r",
        "End": True,
    }
    test = begun(state, '{"items":[1,2],"n":9}')
    assert test.iterations == 2
    test.succeed(Payload("[3, 4]"))
    assert seen(test) == {
        "input": '{"items":[1,2],"n":9}',
        "afterInputPath": '{"items":[1,2],"n":9}',
        "afterItemsPath": "[1, 2]",
        "afterItemSelector": '[{"all": 9, "v": 1}, {"all": 9, "v": 2}]',
        "maxConcurrency": 2,
        "afterResultSelector": "[3, 4]",
        "afterResultPath": '{"items":[1,2],"n":9,"r":[3,4]}',
    }


DISTRIBUTED = {"Type": "Map", "ItemsPath": "$", "ItemProcessor": PROCESSOR, "End": True}


@pytest.mark.parametrize(
    ("tolerance", "failures", "status"),
    [
        ({}, 3, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, 1, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, 2, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, 2, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 50}, 3, "FAILED"),
    ],
)
def test_more_failures_than_tolerated_fail_a_map(tolerance, failures, status):
    test = begun({**DISTRIBUTED, **tolerance}, "[1,2,3,4]", failures=failures)
    test.succeed(Payload("[]"))
    assert test.verdict().status == status
    if status == "FAILED":
        assert test.verdict().error == "States.ExceedToleratedFailureThreshold"


def test_batches_are_the_iterations():
    state = {**DISTRIBUTED, "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"b": 1}}}
    test = begun(state, "[1,2,3]")
    assert test.iterations == 2
    test.succeed(Payload("[]"))
    assert seen(test)["afterItemBatcher"] == (
        '[{"BatchInput": {"b": 1}, "Items": [1, 2]}, {"BatchInput": {"b": 1}, "Items": [3]}]'
    )


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(0, 4), st.integers(0, 80))
def test_batches_keep_the_order_and_the_bounds(items, most, size):
    batcher = {**({"MaxItemsPerBatch": most} if most else {}), **({"MaxInputBytesPerBatch": size} if size else {})}
    test = begun({**DISTRIBUTED, "ItemBatcher": batcher or {"MaxItemsPerBatch": 1}}, dumps(items))
    test.succeed(Payload("[]"))
    batches = Payload(seen(test)["afterItemBatcher"]).value
    assert [item for batch in batches for item in batch["Items"]] == items
    for batch in batches:
        assert len(batch["Items"]) <= (most or (1 if not batcher else len(items)))
        assert len(batch["Items"]) == 1 or not size or len(dumps(batch).encode()) <= size


def test_a_reader_gives_the_items():
    state = {
        **{key: value for key, value in DISTRIBUTED.items() if key != "ItemsPath"},
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "b", "Key.$": "$.key"},
            "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/rows", "MaxItemsPath": "$.most"},
        },
    }
    asked = []
    test = begun(state, '{"key":"k","most":2}', read=lambda config: asked.append(config) or [1, 2])
    assert asked == [{"InputType": "JSON", "ItemsPointer": "/rows", "MaxItems": 2}]
    assert seen(test)["afterItemsPointer"] == "[1, 2]"
    assert "afterItemsPath" not in seen(test)


def test_a_parallel_is_given_the_result_of_its_branches():
    state = {"Type": "Parallel", "Branches": [ENDS, ENDS], "InputPath": "$.a", "ResultPath": "$.r", "End": True}
    test = begun(state, '{"a":1}')
    test.succeed(Payload("[1, 2]"))
    assert seen(test) == {
        "input": '{"a":1}',
        "afterResultSelector": "[1, 2]",
        "afterResultPath": '{"a":1,"r":[1,2]}',
    }


def test_watching_leaves_the_program_as_it_was():
    machine = parse_machine({"StartAt": "S", "States": {"S": {**INVOKE, "InputPath": "$.a"}}})
    program = compile_program(machine)
    before = program.workflows[""].states["S"].input_path
    plan = Plan(program=program, scope="", state="S", identity=IDENTITY, input=Payload('{"a":{}}'))
    StateTest(plan, Env()).enter()
    assert program.workflows[""].states["S"].input_path is before


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "InputPath": st.sampled_from(["$", "$.a", None, "$.gone"]),
        "Parameters": st.sampled_from([{"x.$": "$"}, {"x.$": "$.b"}, {"c.$": "$$.Execution.Name"}]),
        "ResultSelector": st.sampled_from([{"s.$": "$.r"}, {"s.$": "$"}, {"s.$": "States.Format('{}', $.r)"}]),
        "ResultPath": st.sampled_from(["$", "$.a.r", "$.n", None]),
        "OutputPath": st.sampled_from(["$", "$.a", None, "$.n.r"]),
        "Retry": st.just([{"ErrorEquals": ["E"], "MaxAttempts": 0}]),
        "Catch": st.sampled_from([[{"ErrorEquals": ["E"], "ResultPath": "$.e", "Next": "After"}]]),
        "Assign": st.sampled_from([{"v.$": "$.r"}, {"v": 1}]),
    },
)


@given(FIELDS, st.sampled_from(['{"a": {"b": 1}}', "{}", "[1]"]), st.sampled_from(['{"r": 2}', "[]", "E"]))
def test_a_state_alone_gives_what_it_gives_in_an_execution(fields, input_, result):
    state = {**INVOKE, **fields}
    program = compile_program(parse_machine({"StartAt": "S", "States": {"S": state, "After": {"Type": "Succeed"}}}))
    execution = ExecutionState(identity=IDENTITY, input=Payload(input_))
    decide(program, execution, i.Start(Payload(input_)), Env())
    if execution.tasks:
        answer = i.TaskFailed(1, "E", "c") if result == "E" else i.TaskSucceeded(1, Payload(result))
        decide(program, execution, answer, Env())

    test = begun(state, input_)
    if not test.ended:
        test.fail("E", "c") if result == "E" else test.succeed(Payload(result))
    verdict = test.verdict()
    if execution.status == "FAILED":
        assert (verdict.status, verdict.error, verdict.cause) == ("FAILED", execution.error, execution.cause)
    else:
        assert (verdict.next_state, verdict.output) == ("After", execution.output)

import json

import pytest

from newel.cli.tree import build_tree


def history(*events):
    """Events from (type, previous id) or (type, previous id, details); each happens a second after the one before."""
    return [
        {
            "id": number,
            "timestamp": 1000.0 + number,
            "type": kind,
            "previousEventId": before,
            **({"xEventDetails": rest[0]} if rest else {}),
        }
        for number, (kind, before, *rest) in enumerate(events, 1)
    ]


def outline(group):
    """(name, status, [(label, status, outline), …]) of every visit."""
    return [
        (visit.name, visit.status, [(inner.label, inner.status, outline(inner)) for inner in visit.groups])
        for visit in group.states
    ]


STARTED = ("ExecutionStarted", 0)


def test_no_event_yet():
    tree = build_tree([])
    assert tree.status == "RUNNING"
    assert not list(tree.states())


def test_states_in_order_with_their_times():
    tree = build_tree(
        history(
            STARTED,
            ("PassStateEntered", 0, {"name": "A", "input": "{}"}),
            ("PassStateExited", 2, {"name": "A", "output": "1"}),
            ("WaitStateEntered", 3, {"name": "B"}),
            ("WaitStateExited", 4, {"name": "B"}),
            ("ExecutionSucceeded", 5, {"output": "1"}),
        )
    )
    first, second = tree.states()
    assert (first.name, first.type, first.status, first.input, first.output) == ("A", "Pass", "SUCCEEDED", "{}", "1")
    assert (first.started_at, first.ended_at) == (1002.0, 1003.0)
    assert (second.started_at, second.ended_at) == (1004.0, 1005.0)
    assert (tree.root.started_at, tree.root.ended_at, tree.status, tree.output) == (1001.0, 1006.0, "SUCCEEDED", "1")


def test_a_task_with_retries_counts_its_attempts():
    failure = {"error": "Busy", "cause": "later", "resourceType": "lambda", "resource": "invoke"}
    tree = build_tree(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("TaskScheduled", 2, {"resourceType": "lambda", "resource": "invoke"}),
            ("TaskStarted", 3, {}),
            ("TaskFailed", 4, failure),
            ("TaskScheduled", 5, {"resourceType": "lambda", "resource": "invoke"}),
            ("TaskStarted", 6, {}),
            ("TaskSucceeded", 7, {}),
            ("TaskStateExited", 8, {"name": "A"}),
            ("ExecutionSucceeded", 9),
        )
    )
    [visit] = tree.states()
    assert visit.status == "SUCCEEDED"
    assert visit.retries == 1
    first, second = visit.attempts
    assert (first.what, first.status, first.error, first.cause) == ("lambda:invoke", "FAILED", "Busy", "later")
    assert (first.started_at, first.ended_at) == (1003.0, 1005.0)
    assert (second.status, second.error, second.ended_at) == ("SUCCEEDED", None, 1008.0)


def test_a_caught_error_is_neither_success_nor_failure():
    tree = build_tree(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("LambdaFunctionScheduled", 2, {"resource": "arn:aws:lambda:us-east-1:1:function:f"}),
            ("LambdaFunctionStarted", 3),
            ("LambdaFunctionTimedOut", 4, {"error": "States.Timeout"}),
            ("TaskStateExited", 5, {"name": "A"}),
            ("PassStateEntered", 6, {"name": "B"}),
            ("PassStateExited", 7, {"name": "B"}),
            ("ExecutionSucceeded", 8),
        )
    )
    assert outline(tree.root) == [("A", "CAUGHT", []), ("B", "SUCCEEDED", [])]
    assert next(tree.states()).attempts[0].status == "TIMED_OUT"


def test_an_error_of_an_expression_that_is_caught():
    tree = build_tree(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("EvaluationFailed", 2, {"error": "States.QueryEvaluationError", "cause": "c", "state": "A"}),
            ("TaskStateExited", 3, {"name": "A"}),
            ("ExecutionSucceeded", 4),
        )
    )
    [visit] = tree.states()
    assert (visit.status, visit.error) == ("CAUGHT", "States.QueryEvaluationError")


def test_an_uncaught_error_is_blamed_on_its_state():
    tree = build_tree(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("ExecutionFailed", 2, {"error": "States.Runtime", "cause": "c"}),
        )
    )
    [visit] = tree.states()
    assert (visit.status, visit.error, visit.cause, visit.ended_at) == ("FAILED", "States.Runtime", "c", 1003.0)
    assert (tree.status, tree.error, tree.cause) == ("FAILED", "States.Runtime", "c")


PARALLEL = [
    STARTED,
    ("ParallelStateEntered", 0, {"name": "P"}),
    ("ParallelStateStarted", 2),
    ("PassStateEntered", 3, {"name": "A1"}),
    ("PassStateExited", 4, {"name": "A1"}),
    ("WaitStateEntered", 3, {"name": "B1"}),
    ("PassStateEntered", 5, {"name": "A2"}),
    ("PassStateExited", 7, {"name": "A2"}),
]


def test_interleaved_branches_are_told_apart():
    tree = build_tree(
        history(
            *PARALLEL,
            ("WaitStateExited", 6, {"name": "B1"}),
            ("ParallelStateSucceeded", 9),
            ("ParallelStateExited", 9, {"name": "P"}),
            ("PassStateEntered", 11, {"name": "Z"}),
            ("PassStateExited", 12, {"name": "Z"}),
            ("ExecutionSucceeded", 13),
        )
    )
    assert outline(tree.root) == [
        (
            "P",
            "SUCCEEDED",
            [
                ("branch 1", "SUCCEEDED", [("A1", "SUCCEEDED", []), ("A2", "SUCCEEDED", [])]),
                ("branch 2", "SUCCEEDED", [("B1", "SUCCEEDED", [])]),
            ],
        ),
        ("Z", "SUCCEEDED", []),
    ]
    assert [group.ended_at for group in next(tree.states()).groups] == [1008.0, 1009.0]


def test_a_failing_branch_aborts_its_siblings():
    tree = build_tree(
        history(
            *PARALLEL,
            ("FailStateEntered", 8, {"name": "A3"}),
            ("ParallelStateFailed", 9),
            ("ExecutionFailed", 10, {"error": "E"}),
        )
    )
    assert outline(tree.root) == [
        (
            "P",
            "FAILED",
            [
                (
                    "branch 1",
                    "FAILED",
                    [("A1", "SUCCEEDED", []), ("A2", "SUCCEEDED", []), ("A3", "FAILED", [])],
                ),
                ("branch 2", "ABORTED", [("B1", "ABORTED", [])]),
            ],
        )
    ]


def test_a_retried_parallel_shows_every_try():
    tree = build_tree(
        history(
            STARTED,
            ("ParallelStateEntered", 0, {"name": "P"}),
            ("ParallelStateStarted", 2),
            ("FailStateEntered", 3, {"name": "A"}),
            ("ParallelStateStarted", 4),
            ("FailStateEntered", 5, {"name": "A"}),
            ("ParallelStateFailed", 6),
            ("ParallelStateExited", 7, {"name": "P"}),
            ("ExecutionSucceeded", 8),
        )
    )
    failed = [("A", "FAILED", [])]
    assert outline(tree.root) == [
        ("P", "CAUGHT", [("branch 1", "FAILED", failed), ("branch 1 (retry 1)", "FAILED", failed)])
    ]
    assert next(tree.states()).retries == 1


def test_interleaved_iterations_are_told_apart():
    tree = build_tree(
        history(
            STARTED,
            ("MapStateEntered", 0, {"name": "M"}),
            ("MapStateStarted", 2, {"length": 2}),
            ("MapIterationStarted", 3, {"name": "M", "index": 0}),
            ("MapIterationStarted", 3, {"name": "M", "index": 1}),
            ("PassStateEntered", 5, {"name": "X"}),
            ("PassStateEntered", 4, {"name": "X"}),
            ("PassStateExited", 6, {"name": "X", "output": "1"}),
            ("PassStateExited", 7, {"name": "X", "output": "0"}),
            ("MapIterationSucceeded", 8, {"name": "M", "index": 1}),
            ("MapIterationSucceeded", 9, {"name": "M", "index": 0}),
            ("MapStateSucceeded", 11),
            ("MapStateExited", 11, {"name": "M"}),
            ("ExecutionSucceeded", 13),
        )
    )
    done = [("X", "SUCCEEDED", [])]
    assert outline(tree.root) == [("M", "SUCCEEDED", [("item 0", "SUCCEEDED", done), ("item 1", "SUCCEEDED", done)])]
    visit, *inner = tree.states()
    assert visit.items == 2
    assert [state.output for state in inner] == ["0", "1"]


def test_a_map_run_belongs_to_its_state():
    tree = build_tree(
        history(
            STARTED,
            ("MapStateEntered", 0, {"name": "M"}),
            ("MapStateStarted", 2, {"length": 0}),
            ("MapRunStarted", 3, {"mapRunArn": "arn:run"}),
            ("MapRunSucceeded", 4),
            ("MapStateSucceeded", 5),
            ("MapStateExited", 4, {"name": "M"}),
            ("ExecutionSucceeded", 7),
        )
    )
    [visit] = tree.states()
    assert (visit.map_run, visit.status) == ("arn:run", "SUCCEEDED")


@pytest.mark.parametrize(("event", "status"), [("ExecutionAborted", "ABORTED"), ("ExecutionTimedOut", "TIMED_OUT")])
def test_what_was_running_ends_with_the_execution(event, status):
    tree = build_tree(history(*PARALLEL, (event, 8, {})))
    assert tree.status == status
    assert outline(tree.root) == [
        (
            "P",
            status,
            [
                ("branch 1", status, [("A1", "SUCCEEDED", []), ("A2", "SUCCEEDED", [])]),
                ("branch 2", status, [("B1", status, [])]),
            ],
        )
    ]


def test_an_execution_that_runs_has_open_ends():
    tree = build_tree(history(*PARALLEL))
    visit = next(tree.states())
    assert (tree.status, visit.status, visit.ended_at) == ("RUNNING", "RUNNING", None)


def test_a_redriven_execution_runs_again():
    tree = build_tree(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("ExecutionFailed", 2, {"error": "E"}),
            ("ExecutionRedriven", 3, {"redriveCount": 1}),
        )
    )
    assert (tree.status, tree.error) == ("RUNNING", None)


def recorded(shared):
    """Histories recorded on AWS whose ids and order are known."""
    for path in sorted((shared / "conformance" / "cases").glob("*.json")):
        case = json.loads(path.read_text())
        if case.get("unordered_parallel"):
            continue
        for answer in case["expected"].values():
            events = answer.get("events") if isinstance(answer, dict) else None
            if events and isinstance(events[0], dict) and events[0].get("type") == "ExecutionStarted":
                yield path.name, [{**event, "timestamp": 1000.0 + event["id"]} for event in events]


def test_every_recorded_history_becomes_a_tree(shared):
    count = 0
    for name, events in recorded(shared):
        count += 1
        for length in range(len(events) + 1):
            build_tree(events[:length])
        tree = build_tree(events)
        visits = list(tree.states())
        assert len(visits) == sum(event["type"].endswith("StateEntered") for event in events), name
        if events[-1]["type"].startswith("Execution"):
            assert tree.status != "RUNNING", name
            assert all(visit.ended_at is not None and visit.status != "RUNNING" for visit in visits), name
    assert count > 300

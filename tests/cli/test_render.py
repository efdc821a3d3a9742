import io

import pytest
from rich.console import Console

from newel.cli.render import duration, render_tree
from newel.cli.tree import build_tree

from .test_tree import PARALLEL, STARTED, history


def drawn(events, now=None):
    console = Console(file=io.StringIO(), width=200, color_system=None, force_terminal=False)
    console.print(render_tree(build_tree(events), "run", now))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0354, "35 ms"),
        (1, "1.00 s"),
        (59.99, "59.99 s"),
        (60, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (12_000, "3 h 20 min"),
        (1_051_200, "12 d 4 h"),
    ],
)
def test_durations_are_readable(seconds, text):
    assert duration(seconds) == text


def test_a_failed_execution():
    lines = drawn(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "Charge"}),
            ("TaskScheduled", 2, {"resourceType": "lambda", "resource": "invoke"}),
            ("TaskFailed", 3, {"error": "Busy"}),
            ("TaskScheduled", 4, {"resourceType": "lambda", "resource": "invoke"}),
            ("TaskFailed", 5, {"error": "Busy"}),
            ("ExecutionFailed", 6, {"error": "Busy", "cause": "x" * 300}),
        )
    )
    assert lines[:2] == [
        "✗ run  FAILED  6.00 s",
        "└── ✗ Charge  Task · lambda:invoke · 1 retry  5.00 s  Busy",
    ]
    assert "".join(lines[2:]).startswith(f"Busy: {'x' * 190}")
    assert "".join(lines[2:]).endswith("x…")


def test_a_running_execution_has_its_time_so_far():
    assert drawn(history(*PARALLEL), now=1020.0) == [
        "● run  RUNNING  19.00 s",
        "└── ● P  Parallel  18.00 s",
        "    ├── ● branch 1  16.00 s",
        "    │   ├── ✓ A1  Pass  1.00 s",
        "    │   └── ✓ A2  Pass  1.00 s",
        "    └── ● branch 2  14.00 s",
        "        └── ● B1  Wait  14.00 s",
    ]


def test_a_function_is_shown_by_its_name():
    lines = drawn(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("LambdaFunctionScheduled", 2, {"resource": "arn:aws:lambda:us-east-1:1:function:resize"}),
        )
    )
    assert lines[1] == "└── ● A  Task · resize"


def test_many_iterations_are_counted():
    started = [
        STARTED,
        ("MapStateEntered", 0, {"name": "M"}),
        ("MapStateStarted", 2, {"length": 30}),
        *(("MapIterationStarted", 3, {"name": "M", "index": index}) for index in range(30)),
        *(("MapIterationSucceeded", 4 + index, {"name": "M", "index": index}) for index in range(9)),
        ("MapIterationFailed", 13, {"name": "M", "index": 9}),
    ]
    lines = drawn(history(*started))
    assert lines[1] == "└── ● M  Map · 30 items"
    assert lines[2] == "    ├── … 10 more: 9 SUCCEEDED, 1 FAILED"
    assert len(lines) == 3 + 20


def test_a_caught_error_is_named():
    lines = drawn(
        history(
            STARTED,
            ("TaskStateEntered", 0, {"name": "A"}),
            ("EvaluationFailed", 2, {"error": "States.QueryEvaluationError", "state": "A"}),
            ("TaskStateExited", 3, {"name": "A"}),
        )
    )
    assert lines[1] == "└── ! A  Task  2.00 s  States.QueryEvaluationError"

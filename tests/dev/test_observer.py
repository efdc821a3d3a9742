"""What `newel dev` shows of the turns that are committed."""

from types import SimpleNamespace

from newel.dev.observer import Observer
from newel.engine import events as e
from newel.ports.store import Execution
from newel.runtime.turns import Committed


def record(name, **more):
    prefix = "arn:aws:states:us-east-1:000000000000"
    return Execution(
        arn=f"{prefix}:execution:m:{name}",
        machine_arn=f"{prefix}:stateMachine:m",
        machine_id="id",
        revision_id="r",
        name=name,
        status="RUNNING",
        start_ms=1_000,
        input="{}",
        **more,
    )


def shown(*turns):
    """The progress lines that turns (record, events) give."""
    said = []
    observer = Observer(said.append)
    for of, *events in turns:
        active = SimpleNamespace(record=of)
        observer(Committed(active=active, events=events, at_ms=5_000, commands=(), end=None))
    return [(line.execution, line.kind, line.status, line.took_ms) for line in said]


FAILED = e.ExecutionFailed(prev=0, error="Bad", cause="it was")


def exited():
    return e.StateExited(frame=0, prev=0, name="Map", type="Map", next=None)


def test_children_of_map_runs_are_silent_until_they_fail():
    one, other = record("1", map_run_arn="arn:map"), record("2", map_run_arn="arn:map")
    assert shown((one, e.ExecutionSucceeded(prev=0)), (other, exited()), (other, FAILED)) == [
        ("2", "ended", "FAILED", 4_000)
    ]


def test_a_state_entered_before_a_restart_has_no_duration():
    assert shown((record("e"), exited())) == [("e", "exited", "", None)]


def test_an_execution_that_ends_unseen_is_still_told():
    assert shown((record("e"), FAILED)) == [("e", "ended", "FAILED", 4_000)]

"""Distributed Map as the interpreter sees it: all is evaluated on entry into the spec of a Map Run, and what the Map
Run gives back is the state's result.

A spec is a JSON object:
    executionType, label, maxConcurrency, toleratedFailureCount, toleratedFailurePercentage
    items    the array or object iterated, unless it is the state's own input; or
    reader   {resource, arguments, config} of the ItemReader
    batcher  {itemsMax, inputBytesMax, batchInput}
    writer   {arguments, config} of the ResultWriter
"""

from __future__ import annotations

from typing import Any

from newel.engine import events as e
from newel.engine.inputs import MapRunEnded
from newel.engine.program import CompiledBatcher, CompiledDistribution, CompiledReader, CompiledState, CompiledWriter
from newel.engine.state import Frame
from newel.engine.states.dataflow import effective_input, leave_with_result
from newel.engine.states.distributed import percentage, whole_number
from newel.engine.states.iterated import iterated, max_concurrency
from newel.engine.turn import Turn
from newel.errors import StatesError
from newel.expr.env import Scope
from newel.json import Json, Payload


def enter(turn: Turn, frame: Frame, state: CompiledState) -> None:
    """Evaluate all that the Map Run needs, and owe it."""
    distribution = state.distribution
    assert distribution is not None
    given = effective_input(turn, frame, state)
    scope = turn.scope(frame, state, given.value)
    spec: dict[str, Json] = {"executionType": state.model.execution_type or "STANDARD"}
    length = 0
    if distribution.reader is None:
        items = iterated(state, scope, given)
        length = len(items.value)
        if items is not frame.data:
            spec["items"] = items.value
    else:
        spec["reader"] = _reader(distribution.reader, scope)
    spec["maxConcurrency"] = max_concurrency(state, scope)
    turn.emit(e.MapStarted(frame.id, frame.last, length, 0, distributed=True))
    _complete(spec, distribution, scope)
    label = state.model.label or turn.env.uuid()
    spec["label"] = label
    arn = f"{_map_run_prefix(turn)}/{label}:{turn.env.uuid()}"
    turn.emit(e.MapRunStarted(frame.id, frame.last, turn.execution.next_task, arn, Payload.of(spec)))


def take_up(turn: Turn, frame: Frame) -> None:
    """A redriven execution goes on with the Map Run that had not succeeded."""
    work = frame.failed_map_run
    assert work is not None
    assert work.map_run is not None
    assert work.parameters is not None
    count = work.redrive_count + 1
    task_id = turn.execution.next_task
    turn.emit(e.MapRunRedriven(frame.id, frame.last, task_id, work.map_run, work.parameters, count))


def _map_run_prefix(turn: Turn) -> str:
    return turn.execution.identity.machine_arn.replace(":stateMachine:", ":mapRun:", 1)


def _reader(reader: CompiledReader, scope: Scope) -> dict[str, Json]:
    return {
        "resource": f"{reader.resource.service}:{reader.resource.action}",
        "arguments": {} if reader.arguments is None else reader.arguments(scope),
        "config": {name: value(scope) for name, value in reader.config.items()},
    }


def _complete(spec: dict[str, Json], distribution: CompiledDistribution, scope: Scope) -> None:
    """What AWS looks at after the state has started."""
    if distribution.tolerated_count is not None:
        spec["toleratedFailureCount"] = whole_number(distribution.tolerated_count, scope)
    if distribution.tolerated_percentage is not None:
        spec["toleratedFailurePercentage"] = percentage(distribution.tolerated_percentage, scope)
    if distribution.batcher is not None:
        spec["batcher"] = _batcher(distribution.batcher, scope)
    if distribution.writer is not None:
        spec["writer"] = _writer(distribution.writer, scope)


def _batcher(batcher: CompiledBatcher, scope: Scope) -> dict[str, Json]:
    evaluated: dict[str, Any] = {}
    if batcher.items_max is not None:
        evaluated["itemsMax"] = whole_number(batcher.items_max, scope)
    if batcher.input_bytes_max is not None:
        evaluated["inputBytesMax"] = whole_number(batcher.input_bytes_max, scope)
    if batcher.batch_input is not None:
        evaluated["batchInput"] = batcher.batch_input(scope)
    return evaluated


def _writer(writer: CompiledWriter, scope: Scope) -> dict[str, Json]:
    evaluated: dict[str, Any] = {}
    if writer.arguments is not None:
        evaluated["arguments"] = writer.arguments(scope)
    if writer.config is not None:
        evaluated["config"] = writer.config(scope)
    return evaluated


def end(turn: Turn, frame: Frame, state: CompiledState, given: MapRunEnded) -> None:
    """The Map Run is over."""
    if given.output is None:
        turn.emit(e.MapRunFailed(frame.id, frame.last, given.error, given.cause))
        turn.resolve(frame, state, given.error, given.cause, shows_failure=True)
        return
    turn.emit(e.MapRunSucceeded(frame.id, frame.last, given.output))
    turn.emit(e.MapSucceeded(frame.id, frame.last))
    try:
        leave_with_result(turn, frame, state)
    except StatesError as error:
        turn.fail(frame, state, error)

"""Parallel: every branch at once on the same input; the results in order of branch."""

from __future__ import annotations

from newel.engine import events as e
from newel.engine.program import CompiledState
from newel.engine.state import Frame
from newel.engine.states.dataflow import arguments, leave_with_result
from newel.engine.turn import Handler, Turn


class ParallelHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        given, _ = arguments(turn, frame, state)
        branches = len(state.model.branches)
        turn.emit(e.ParallelStarted(frame.id, frame.last, branches, None if given is frame.data else given))
        first = turn.execution.next_frame
        for index in range(branches):
            turn.emit(e.BranchStarted(first + index, frame.id, index))
        # The first branch runs first: frames are taken from the end.
        turn.runnable.extend(range(first + branches - 1, first - 1, -1))

    def child_ended(self, turn: Turn, frame: Frame, state: CompiledState, child: Frame) -> None:
        turn.emit(e.BranchSucceeded(child.id))
        join = frame.join
        assert join is not None
        if join.done == join.total:
            turn.emit(e.ParallelSucceeded(frame.id, frame.last))
            leave_with_result(turn, frame, state)

    def child_failed(self, turn: Turn, frame: Frame, state: CompiledState, child: Frame) -> None:
        pointer = child.last
        if child.state is not None and turn.state_of(child).type == "Task":
            # AWS marks the failed Task itself as aborted, and goes on from the event before that mark.
            turn.emit(e.StateAborted(child.id, child.last, "Task"))
        turn.emit(e.FrameDropped(child.id, pointer))

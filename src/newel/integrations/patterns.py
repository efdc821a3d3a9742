"""The service integration patterns, once for all services.

- Request/response: call, answer with its output.
- `.waitForTaskToken`: call, report it submitted, answer None; the result comes through the token.
- `.sync`, `.sync:2`: start the job unless it runs already, report it submitted, wait for its end.

A service brings an `Action`, or a `Job` where it supports `.sync`. They raise `StatesError` for a failure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec

from newel.errors import StatesError
from newel.ports.tasks import DETACH, Failed, Outcome, Succeeded, TaskEvents, TaskRequest

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Submission(msgspec.Struct, frozen=True):
    """A job that was started: the service's answer as JSON text, and the id to pick the job up by."""

    output: str
    job: str


class Action(Protocol):
    """One action of a service."""

    async def call(self, request: TaskRequest) -> str:
        """Send the request; the service's answer as JSON text. Raises `StatesError`."""
        ...


class Job(Protocol):
    """An action that starts a job which can be waited for."""

    async def submit(self, request: TaskRequest) -> Submission:
        """Start the job. Raises `StatesError`."""
        ...

    async def result(self, request: TaskRequest, job: str) -> str:
        """Wait for the job's end; the Task's output as JSON text. Raises `StatesError` for a job that failed."""
        ...

    async def stop(self, request: TaskRequest, job: str) -> None:
        """Stop the job as far as possible."""
        ...


class ActionTarget:
    """Request/response and `.waitForTaskToken`."""

    def __init__(self, action: Action) -> None:
        self._action = action

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        callback = request.resource.pattern == "WAIT_FOR_TASK_TOKEN"
        try:
            output = await self._action.call(request)
        except StatesError as error:
            return failed(error, "SUBMIT_FAILED" if callback else "FAILED")
        if not callback:
            return Succeeded(output)
        await events.submitted(output)
        return None


class JobTarget:
    """`.sync` and `.sync:2`."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        job = request.job
        if job is None:
            try:
                submission = await self._submit(request)
            except StatesError as error:
                return failed(error, "SUBMIT_FAILED")
            job = submission.job
            await self._stopping(request, job, events.submitted(submission.output, job))
        try:
            return Succeeded(await self._stopping(request, job, self._job.result(request, job)))
        except StatesError as error:
            return failed(error)

    async def _submit(self, request: TaskRequest) -> Submission:
        """Start the job. Cancelled halfway, it first learns whether a job was started, to stop it."""
        starting = asyncio.ensure_future(self._job.submit(request))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError as cancelled:
            if DETACH in cancelled.args:
                starting.cancel()
            else:
                with suppress(StatesError):  # nothing was started
                    await self._stop(request, (await starting).job)
            raise

    async def _stopping(self, request: TaskRequest, job: str, work: Awaitable[T]) -> T:
        """Do `work`; a cancellation meanwhile stops the job."""
        try:
            return await work
        except asyncio.CancelledError as cancelled:
            if DETACH not in cancelled.args:
                await self._stop(request, job)
            raise

    async def _stop(self, request: TaskRequest, job: str) -> None:
        try:
            await self._job.stop(request, job)
        except StatesError as error:  # the Task has ended already; nobody else is told
            _log.warning("the job %s of %s could not be stopped: %s", job, request.execution_arn, error)


def failed(error: StatesError, kind: str = "FAILED") -> Failed:
    """The outcome of an attempt that raised."""
    return Failed(error.error, error.cause, kind)

"""Running one test: the state's steps in the engine, what they wait for out here."""

from __future__ import annotations

from typing import Final

import msgspec

from newel.engine.inspect import Plan, StateTest, Verdict
from newel.engine.pending import PerformTask
from newel.engine.state import Identity
from newel.errors import ValidationError
from newel.json import InvalidJson, Json, Payload, loads
from newel.limits import Limits
from newel.ports.clock import Clock
from newel.ports.tasks import Failed, Succeeded
from newel.runtime.env import Entropy
from newel.service.test_state.perform import Targets, perform, task_request
from newel.service.test_state.request import Checked, MockedError
from newel.service.unsupported import unsupported

#: How long a test may take (API reference).
SECONDS_MAX: Final = 300


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What tests are run with. `targets` None: Tasks can be tested with mocks alone."""

    clock: Clock
    entropy: Entropy
    limits: Limits
    targets: Targets | None = None


class Tested(msgspec.Struct, frozen=True):
    """A verdict, and for an HTTP Task the `request` and `response` of InspectionData."""

    verdict: Verdict
    exchange: dict[str, Json]


async def run_test(checked: Checked, tools: Tools, *, partition: str, account: str, region: str) -> Tested:
    """Run a test to its end. Raises ValidationException for a failure count that the items do not allow."""
    prefix = f"arn:{partition}:states:{region}:{account}"
    machine_name, name = tools.entropy.uuid(), tools.entropy.uuid()
    identity = Identity(
        execution_arn=f"{prefix}:express:{machine_name}:{name}",
        execution_name=name,
        machine_arn=f"{prefix}:stateMachine:{machine_name}",
        machine_name=machine_name,
        role_arn=checked.role_arn or "",
        start_ms=tools.clock.now_ms(),
        express=True,
    )
    return await _Run(checked, tools, identity).run()


class _Run:
    def __init__(self, checked: Checked, tools: Tools, identity: Identity) -> None:
        self._checked = checked
        self._tools = tools
        self._identity = identity
        self._end_ms = identity.start_ms + SECONDS_MAX * 1000
        plan = Plan(
            program=checked.program,
            scope=checked.scope,
            state=checked.state.name,
            identity=identity,
            input=checked.input,
            variables=checked.variables,
            context=checked.context,
            iteration=checked.iteration,
            retries=checked.retries,
            read=checked.read,
            failures=checked.failures or 0,
        )
        self._test = StateTest(plan, self._env())
        self._exchange: dict[str, Json] = {}

    def _env(self) -> _Env:
        return _Env(self._tools)

    async def run(self) -> Tested:
        test = self._test
        test.enter()
        if not test.ended:
            self._check_failures()
            if self._checked.mock is not None:
                self._apply_mock(self._checked.mock)
            elif test.command is not None:
                await self._perform(test.command)
            else:
                await self._wait()
        return Tested(test.verdict(), self._exchange)

    def _check_failures(self) -> None:
        failures, iterations = self._checked.failures, self._test.iterations
        if failures is not None and iterations is not None and failures > iterations:
            raise ValidationError(
                "Map iteration failure count must be less than or equal to the number of Map iterations"
            )

    def _apply_mock(self, mock: Payload | MockedError) -> None:
        if isinstance(mock, MockedError):
            self._test.fail(mock.error, mock.cause)
        else:
            self._test.succeed(mock)

    async def _wait(self) -> None:
        due_ms = self._test.wait_due_ms
        assert due_ms is not None, self._checked.state.type
        await self._tools.clock.sleep_until(min(due_ms, self._end_ms))
        self._test.at(self._env())
        if due_ms > self._end_ms:
            self._test.expire()
        else:
            self._test.resume()

    async def _perform(self, command: PerformTask) -> None:
        targets = self._tools.targets
        if targets is None:
            raise unsupported("A test of a Task without a mock")
        request = task_request(
            command,
            execution_arn=self._identity.execution_arn,
            machine_arn=self._identity.machine_arn,
            role_arn=self._checked.role_arn,
        )
        due_ms = command.timeout_due_ms
        own_timeout = due_ms is not None and due_ms < self._end_ms
        end_ms = due_ms if own_timeout and due_ms is not None else self._end_ms
        seconds = max(0, end_ms - self._tools.clock.now_ms()) / 1000
        done = await perform(targets, request, seconds, reveal_secrets=self._checked.reveal_secrets)
        self._exchange = done.exchange
        self._test.at(self._env())
        outcome = done.outcome
        if outcome is None and not own_timeout:
            self._test.expire()
        elif outcome is None:
            self._test.fail("States.Timeout", None, "TIMED_OUT")
        elif isinstance(outcome, Succeeded):
            self._succeed(outcome)
        else:
            assert isinstance(outcome, Failed)
            self._test.fail(outcome.error, outcome.cause, outcome.kind)

    def _succeed(self, outcome: Succeeded) -> None:
        try:
            loads(outcome.output)
        except InvalidJson:
            self._test.fail("States.Runtime", "The task's output is not valid JSON.")
        else:
            self._test.succeed(Payload(outcome.output))


class _Env:
    """One turn's environment; a token is made up, and every activity exists."""

    def __init__(self, tools: Tools) -> None:
        self.now_ms = tools.clock.now_ms()
        self.limits = tools.limits
        self.random = tools.entropy.random
        self.uuid = tools.entropy.uuid

    def token(self, execution_arn: str, task_id: int) -> str:
        return self.uuid()

    def activity_exists(self, arn: str) -> bool:
        return True

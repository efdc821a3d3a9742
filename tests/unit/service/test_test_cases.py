"""Executions started with a test case of a mock file, on a real runtime."""

import asyncio
import json

import pytest

from newel.errors import ServiceError
from newel.integrations.mock_file import MockFile, MockFileTargets
from newel.ports.tasks import Succeeded
from newel.runtime.clock import SystemClock
from newel.runtime.env import Entropy
from newel.runtime.runtime import Runtime
from newel.runtime.tokens import TaskTokens
from newel.service.core import Caller, Core
from newel.service.executions import describe_execution, start_execution, start_sync_execution
from newel.service.log_groups import LogGroups
from newel.service.machines import create_state_machine
from newel.service.test_cases import scheduled_states, split_test_case
from newel.store.memory import MemoryStore
from newel.store.sqlite import SqliteStore

CALLER = Caller("123456789012", "us-east-1")
ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
RETRY = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}]
CHARGE = {"Type": "Task", "Resource": FUNCTION, "Retry": RETRY}
DEFINITION = {
    "StartAt": "Charge",
    "States": {
        "Charge": {**CHARGE, "ResultPath": "$.charge", "Next": "Ship"},
        "Ship": {"Type": "Task", "Resource": FUNCTION, "ResultPath": "$.ship", "End": True},
    },
}
MOCKS = {
    "StateMachines": {
        "Orders": {"TestCases": {"Hybrid": {"Charge": "Charged"}, "Retry": {"Charge": "BusyOnce", "Ship": "Charged"}}},
        "Quick": {"TestCases": {"Hybrid": {"Charge": "Charged"}}},
        "Hands": {"TestCases": {"Hybrid": {"Work": "Charged"}}},
    },
    "MockedResponses": {
        "Charged": {"0": {"Return": "mocked"}},
        "BusyOnce": {"0": {"Throw": {"Error": "Busy"}}, "1": {"Return": "second"}},
    },
}


class Real:
    async def run(self, request, events):
        return Succeeded('"real"')


class World:
    """A server's parts on a store in a folder, started anew each time."""

    def __init__(self, folder, targets=None):
        self.store = SqliteStore(folder / "data")
        self.file = MockFile(folder / "mocks.json")
        self.file.path.write_text(json.dumps(MOCKS))
        self.folder, self.targets = folder, targets or (lambda resource: Real())

    async def __aenter__(self):
        await self.store.open()
        clock = SystemClock()

        async def scheduled(arn):
            return await scheduled_states(self.runtime, arn)

        self.runtime = Runtime(
            store=self.store,
            express=MemoryStore(retain_ended=False),
            clock=clock,
            targets=MockFileTargets(self.file, self.targets, scheduled),
            tokens=TaskTokens(b"k" * 32),
        )
        self.core = Core(
            store=self.store,
            runtime=self.runtime,
            clock=clock,
            entropy=Entropy(3),
            log_groups=LogGroups(self.folder / "logs", clock),
            mock_file=self.file,
        )
        await self.runtime.open()
        return self

    async def __aexit__(self, *_):
        await self.runtime.close()
        await self.store.close()

    async def create(self, name="Orders", definition=DEFINITION, kind="STANDARD"):
        request = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE, "type": kind}
        return (await create_state_machine(self.core, CALLER, request))["stateMachineArn"]

    async def start(self, arn, **more):
        return (await start_execution(self.core, CALLER, {"stateMachineArn": arn, **more}))["executionArn"]

    async def output(self, execution_arn):
        await asyncio.wait_for(self.runtime.wait(execution_arn), 20)
        answer = await describe_execution(self.core, CALLER, {"executionArn": execution_arn})
        return answer["status"], json.loads(answer.get("output", "null"))


def test_mocked_states_answer_and_others_call_their_targets(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            arn = await world.create()
            plain = await world.output(await world.start(arn))
            hybrid = await world.output(await world.start(f"{arn}#Hybrid", input='{"i":1}'))
            assert plain == ("SUCCEEDED", {"charge": "real", "ship": "real"})
            assert hybrid == ("SUCCEEDED", {"i": 1, "charge": "mocked", "ship": "real"})

    asyncio.run(main())


def test_a_mocked_execution_goes_on_after_a_restart(tmp_path):
    """The first attempt fails; before the retry the server stops, and the next one must give the second answer."""

    async def before():
        async with World(tmp_path) as world:
            arn = await world.create()
            execution_arn = await world.start(f"{arn}#Retry", name="run")
            while not any(e["type"] == "LambdaFunctionFailed" for e in await world.runtime.history(execution_arn)):
                await asyncio.sleep(0.01)
            assert (await world.runtime.describe(execution_arn)).test_case == "Retry"
            return execution_arn

    async def after(execution_arn):
        async with World(tmp_path) as world:
            assert await world.output(execution_arn) == ("SUCCEEDED", {"charge": "second", "ship": "mocked"})

    asyncio.run(after(asyncio.run(before())))


def test_iterations_are_counted_together(tmp_path):
    definition = {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "MaxConcurrency": 1,
                "ItemProcessor": {"StartAt": "Charge", "States": {"Charge": {**CHARGE, "End": True}}},
                "End": True,
            }
        },
    }

    async def main():
        async with World(tmp_path) as world:
            arn = await world.create(definition=definition)
            execution_arn = await world.start(f"{arn}#Retry", input="[1]")
            assert await world.output(execution_arn) == ("SUCCEEDED", ["second"])
            assert await scheduled_states(world.runtime, execution_arn) == ["Charge", "Charge"]

    asyncio.run(main())


def test_an_express_execution_takes_a_test_case(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            arn = await world.create("Quick", kind="EXPRESS")
            answer = await start_sync_execution(world.core, CALLER, {"stateMachineArn": f"{arn}#Hybrid"})
            assert json.loads(answer["output"]) == {"charge": "mocked", "ship": "real"}
            assert answer["stateMachineArn"] == arn

    asyncio.run(main())


def test_a_name_is_not_shared_by_test_cases(tmp_path):
    class Never:
        async def run(self, request, events):
            await asyncio.Event().wait()

    async def main():
        async with World(tmp_path, lambda resource: Never()) as world:
            arn = await world.create()
            first = await world.start(f"{arn}#Hybrid", name="run")
            assert await world.start(f"{arn}#Hybrid", name="run") == first
            for other in (arn, f"{arn}#Retry"):
                with pytest.raises(ServiceError) as refusal:
                    await world.start(other, name="run")
                assert refusal.value.code == "ExecutionAlreadyExists"

    asyncio.run(main())


def test_what_cannot_be_mocked_is_refused_at_the_start(tmp_path):
    activity = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True}

    async def main():
        async with World(tmp_path) as world:
            arn = await world.create()
            hands = await world.create("Hands", {"StartAt": "Work", "States": {"Work": activity}})
            for target, words in [
                (f"{arn}#Nothing", "no test case 'Nothing'"),
                (f"{arn}#", "no test case ''"),
                (f"{hands}#Hybrid", "Activity state cannot be mocked."),
            ]:
                with pytest.raises(ServiceError) as refusal:
                    await world.start(target)
                assert refusal.value.code == "ValidationException"
                assert words in refusal.value.message
            world.file.path.write_text("[")
            with pytest.raises(ServiceError) as refusal:
                await world.start(f"{arn}#Hybrid")
            assert "is not JSON" in refusal.value.message

    asyncio.run(main())


def test_without_a_mock_file_there_are_no_test_cases(tmp_path):
    async def main():
        async with World(tmp_path) as world:
            arn = await world.create()
            object.__setattr__(world.core, "mock_file", None)
            with pytest.raises(ServiceError) as refusal:
                await world.start(f"{arn}#Hybrid")
            assert "SFN_MOCK_CONFIG" in refusal.value.message

    asyncio.run(main())


def test_an_arn_is_split_at_its_mark():
    assert split_test_case("arn:x:name") == ("arn:x:name", None)
    assert split_test_case("arn:x:name:3#Case#1") == ("arn:x:name:3", "Case#1")

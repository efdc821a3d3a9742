"""Which target performs a Resource.

The place where integrations are added: an optimized one as a line of `optimized_targets`; the AWS SDK integrations,
which are generic, as the `aws_sdk` lookup of `Registry`.
"""

from __future__ import annotations

from collections.abc import Mapping

from newel.integrations.lambda_ import FunctionArn, Invoke
from newel.integrations.patterns import Action, ActionTarget, JobTarget
from newel.integrations.states import StartExecution
from newel.language.resource import Resource
from newel.ports.clock import Clock
from newel.ports.executions import Executions
from newel.ports.functions import FunctionInvoker
from newel.ports.tasks import Failed, Outcome, TargetLookup, TaskEvents, TaskRequest, TaskTarget

UNSUPPORTED_ERROR = "Newel.UnsupportedIntegration"


class Unsupported:
    """Answers for what cannot be performed; `by` says where it cannot."""

    def __init__(self, by: str = "this version of Newel") -> None:
        self._by = by

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        cause = f"The service integration {request.resource.text} is not supported by {self._by}."
        return Failed(UNSUPPORTED_ERROR, cause, "START_FAILED")


class Registry:
    """`TargetLookup`: always finds a target, except for activities, whose work is handed out by the runtime.

    `function` performs Lambda ARNs. `optimized` is keyed by `service:action` with its suffix
    (`states:startExecution.sync:2`).
    """

    def __init__(
        self,
        function: TaskTarget,
        optimized: Mapping[str, TaskTarget],
        aws_sdk: TargetLookup | None = None,
        unsupported: TaskTarget | None = None,
    ) -> None:
        self._function = function
        self._optimized = optimized
        self._aws_sdk = aws_sdk
        self._unsupported = unsupported or Unsupported()

    def __call__(self, resource: Resource) -> TaskTarget | None:
        if resource.kind == "activity":
            return None
        if resource.kind == "lambda":
            return self._function
        return self._service(resource) or self._unsupported

    def _service(self, resource: Resource) -> TaskTarget | None:
        if resource.service.startswith("aws-sdk:"):
            return None if self._aws_sdk is None else self._aws_sdk(resource)
        return self._optimized.get(f"{resource.service}:{resource.resource_name}")


def optimized_targets(functions: FunctionInvoker, executions: Executions, clock: Clock) -> dict[str, TaskTarget]:
    """The optimized integrations of this version."""
    invoke = ActionTarget(Invoke(functions, clock))
    start_execution = StartExecution(executions, clock)
    start = ActionTarget(start_execution)
    nested = JobTarget(start_execution)
    return {
        "lambda:invoke": invoke,
        "lambda:invoke.waitForTaskToken": invoke,
        "states:startExecution": start,
        "states:startExecution.waitForTaskToken": start,
        "states:startExecution.sync": nested,
        "states:startExecution.sync:2": nested,
    }


def build_registry(
    functions: FunctionInvoker,
    executions: Executions,
    clock: Clock,
    aws_sdk: TargetLookup | None = None,
    *,
    http: Action | None = None,
    services: Mapping[str, TaskTarget] | None = None,
    unsupported: TaskTarget | None = None,
) -> Registry:
    """The lookup that the runtime uses.

    `aws_sdk` finds the targets of `aws-sdk:*` (`aws.sdk_target.sdk_targets`); `http` performs `http:invoke`
    (`http_task.target.HttpInvoke`); `services` are the optimized integrations that call AWS APIs
    (`optimized.targets.service_targets`); `unsupported` answers for the rest.
    """
    optimized = {**optimized_targets(functions, executions, clock), **(services or {})}
    if http is not None:
        optimized["http:invoke"] = ActionTarget(http)
    return Registry(ActionTarget(FunctionArn(functions)), optimized, aws_sdk, unsupported)

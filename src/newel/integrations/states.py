"""Step Functions from Step Functions: `states:startExecution` and its `.sync`, `.sync:2` and callback forms."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4, uuid5

from newel.errors import ServiceError, StatesError
from newel.integrations.accounts import acting_account
from newel.integrations.patterns import Submission
from newel.integrations.sdk import http_date, sdk_failure, sdk_metadata
from newel.json import Json, dumps, loads
from newel.language.parameters import START_PARAMETERS, check_parameters
from newel.ports.clock import Clock
from newel.ports.executions import Executions
from newel.ports.store import Execution
from newel.ports.tasks import TaskRequest

#: StartExecution's errors in the service's model; any other code becomes `StepFunctions.AWSStepFunctionsException`.
START_ERRORS: Final = frozenset(
    """
    ExecutionAlreadyExists ExecutionDoesNotExist ExecutionLimitExceeded InvalidArn InvalidExecutionInput InvalidName
    KmsAccessDeniedException KmsInvalidStateException KmsThrottlingException StateMachineDeleting
    StateMachineDoesNotExist StateMachineTypeNotSupported ValidationException
    """.split()  # noqa: SIM905  (a table of words reads better)
)

_CHILD_NAMES: Final = UUID("6f0d5b1e-3c5c-5f4e-9a51-2f6d1b0c7a94")


class StartExecution:
    """Start a nested execution; as a job, wait for its end.

    The child's name, where the Task gives none, follows from the attempt's idempotency key, so that an attempt issued
    again after a crash finds its child.
    """

    def __init__(self, executions: Executions, clock: Clock) -> None:
        self._executions = executions
        self._clock = clock

    async def call(self, request: TaskRequest) -> str:
        return (await self.submit(request)).output

    async def submit(self, request: TaskRequest) -> Submission:
        given = check_parameters(request.parameters, START_PARAMETERS)
        try:
            arn, start_ms = await self._executions.start(
                given["StateMachineArn"],
                given.get("Name") or child_name(request.idempotency_key),
                _input_text(given.get("Input")),
                account=acting_account(request),
                region=request.region,
                parent=request.idempotency_key,
                trace_header=given.get("TraceHeader"),
            )
        except ServiceError as error:
            raise _refused(error) from error
        return Submission(dumps(self._started(arn, start_ms)), arn)

    async def result(self, request: TaskRequest, job: str) -> str:
        try:
            execution = await self._executions.wait(job)
        except ServiceError as error:
            raise _refused(error) from error
        if execution.status != "SUCCEEDED":
            raise StatesError("States.TaskFailed", dumps(_described(execution)))
        described = _described(execution)
        if request.resource.pattern == "SYNC2":
            described["Input"] = loads(execution.input)
            described["Output"] = None if execution.output is None else loads(execution.output)
        return dumps(described)

    async def stop(self, request: TaskRequest, job: str) -> None:
        await self._executions.stop(job, None, None)

    def _started(self, arn: str, start_ms: int) -> dict[str, Json]:
        """StartExecution's answer as the Java SDK v1 shows it: headers in its order, dates in epoch milliseconds."""
        request_id = str(uuid4())
        body = dumps({"executionArn": arn, "startDate": start_ms / 1000})
        headers = [
            ("x-amzn-RequestId", request_id),
            ("connection", "keep-alive"),
            ("Content-Length", str(len(body.encode()))),
            ("Date", http_date(self._clock.now_ms())),
            ("Content-Type", "application/x-amz-json-1.0"),
        ]
        return {"ExecutionArn": arn, **sdk_metadata(headers, 200, request_id), "StartDate": start_ms}


def child_name(idempotency_key: str) -> str:
    """The name of a nested execution that the Task does not name: a UUID, the same for the same attempt."""
    return str(uuid5(_CHILD_NAMES, idempotency_key))


def _refused(error: ServiceError) -> StatesError:
    return sdk_failure(error, prefix="StepFunctions", service="AWSStepFunctions", modelled=START_ERRORS)


def _input_text(given: Json) -> str:
    """The child's input. Absent and null are `{}`; a string is the JSON text itself (recorded)."""
    if given is None:
        return "{}"
    return given if isinstance(given, str) else dumps(given)


def _described(execution: Execution) -> dict[str, Json]:
    """An ended execution as the sync patterns describe it, keys in AWS's (alphabetical) order.

    Input and Output are JSON text. Recordings before redrive existed have no Redrive members, later ones do; they
    are left out, since nothing here can be redriven yet.
    """
    included = {"Included": True}
    machine = execution.machine_arn
    members: dict[str, Json] = {
        "Cause": execution.cause,
        "Error": execution.error,
        "ExecutionArn": execution.arn,
        "Input": execution.input,
        "InputDetails": included,
        "MapRunArn": execution.map_run_arn,
        "Name": execution.name,
        "Output": execution.output,
        "OutputDetails": None if execution.output is None else included,
        "StartDate": execution.start_ms,
        "StateMachineAliasArn": None if execution.alias is None else f"{machine}:{execution.alias}",
        "StateMachineArn": machine,
        "StateMachineVersionArn": None if execution.version is None else f"{machine}:{execution.version}",
        "Status": execution.status,
        "StopDate": execution.stop_ms,
        "TraceHeader": execution.trace_header,
    }
    return {name: value for name, value in members.items() if value is not None}

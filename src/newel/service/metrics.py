"""Metrics in Prometheus's text format, under AWS's metric names in snake case.

`ExecutionsStarted` of AWS is `newel_executions_started_total{state_machine_arn="…"}` here, `ActivityRunTime` is
`newel_activity_run_time_seconds{activity_arn="…"}`, and so on.
"""

from collections import Counter as Counts
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from newel.ports.metrics import TaskKind, TaskOutcome
from newel.ports.store import ExecutionStatus

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS: Final = (0.005, 0.025, 0.1, 0.5, 1, 5, 30, 60, 300, 900, 3600, 14_400, 86_400)
_STATUSES: Final[dict[ExecutionStatus, str]] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed_out",
    "ABORTED": "aborted",
}
_OUTCOMES: Final = ("succeeded", "failed", "timed_out", "heartbeat_timed_out")
_PLURALS: Final[dict[TaskKind, str]] = {
    "activity": "activities",
    "lambda_function": "lambda_functions",
    "service_integration": "service_integrations",
}
_LABELS: Final[dict[TaskKind, str]] = {
    "activity": "activity_arn",
    "lambda_function": "lambda_function_arn",
    "service_integration": "service_integration_resource_arn",
}


MetricT = TypeVar("MetricT", Counter, Histogram)


class _Family(Generic[MetricT]):
    """A metric with labels whose children are found by one dictionary look-up."""

    def __init__(self, metric: MetricT) -> None:
        self._metric: MetricT = metric
        self._children: dict[tuple[str, ...], MetricT] = {}

    def of(self, *labels: str) -> MetricT:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class _Tasks:
    """The counters and times of one kind of task."""

    def __init__(self, kind: TaskKind, registry: CollectorRegistry) -> None:
        label, plural = [_LABELS[kind]], _PLURALS[kind]
        words = kind.replace("_", " ")

        def counter(what: str) -> _Family[Counter]:
            text = f"{words} tasks {what.replace('_', ' ')}"
            return _Family(Counter(f"newel_{plural}_{what}", text, label, registry=registry))

        def histogram(name: str, text: str) -> _Family[Histogram]:
            name, text = f"newel_{kind}_{name}_seconds", f"{words}: {text}"
            return _Family(Histogram(name, text, label, registry=registry, buckets=_BUCKETS))

        self.scheduled = counter("scheduled")
        self.started = counter("started")
        self.ended = {outcome: counter(outcome) for outcome in _OUTCOMES}
        self.schedule_time = histogram("schedule_time", "seconds from scheduled to started")
        self.run_time = histogram("run_time", "seconds from started to ended")
        self.time = histogram("time", "seconds from scheduled to ended")


class PrometheusMetrics:
    """The `Metrics` of a server, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        label = ["state_machine_arn"]
        self._started = _Family(Counter("newel_executions_started", "executions started", label, registry=registry))
        self._ended = {
            status: _Family(Counter(f"newel_executions_{word}", f"executions {word}", label, registry=registry))
            for status, word in _STATUSES.items()
        }
        seconds = "seconds an execution took"
        self._time = _Family(
            Histogram("newel_execution_time_seconds", seconds, label, registry=registry, buckets=_BUCKETS)
        )
        self._tasks: dict[TaskKind, _Tasks] = {kind: _Tasks(kind, registry) for kind in _PLURALS}
        labels = ["operation", "code"]
        self._requests = _Family(Counter("newel_api_requests", "requests to the API", labels, registry=registry))

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a value that is read when the metrics are, such as `newel_open_execution_count`."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def execution_started(self, machine_arn: str) -> None:
        self._started.of(machine_arn).inc()

    def execution_ended(self, machine_arn: str, status: ExecutionStatus, duration_s: float) -> None:
        self._ended[status].of(machine_arn).inc()
        self._time.of(machine_arn).observe(duration_s)

    def executions_ran(self, machine_arn: str, ends: Sequence[tuple[ExecutionStatus, float]]) -> None:
        self._started.of(machine_arn).inc(len(ends))
        for status, number in Counts(status for status, _ in ends).items():
            self._ended[status].of(machine_arn).inc(number)
        time = self._time.of(machine_arn)
        for _, seconds in ends:
            time.observe(seconds)

    def task_scheduled(self, kind: TaskKind, resource_arn: str) -> None:
        self._tasks[kind].scheduled.of(resource_arn).inc()

    def task_started(self, kind: TaskKind, resource_arn: str, waited_s: float) -> None:
        tasks = self._tasks[kind]
        tasks.started.of(resource_arn).inc()
        tasks.schedule_time.of(resource_arn).observe(waited_s)

    def task_ended(self, kind: TaskKind, resource_arn: str, outcome: TaskOutcome, run_s: float, total_s: float) -> None:
        tasks = self._tasks[kind]
        tasks.ended[outcome].of(resource_arn).inc()
        tasks.run_time.of(resource_arn).observe(run_s)
        tasks.time.of(resource_arn).observe(total_s)

    def api_request(self, operation: str, code: str) -> None:
        self._requests.of(operation, code).inc()

    def page(self) -> tuple[str, bytes]:
        """(content type, text) that a Prometheus server scrapes."""
        return CONTENT_TYPE, generate_latest(self.registry)

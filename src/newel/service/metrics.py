"""Metrics in Prometheus's text format, under AWS's metric names in snake case.

`ExecutionsStarted` of AWS is `newel_executions_started_total{state_machine_arn="…"}` here, `ActivityRunTime` is
`newel_activity_run_time_seconds{activity_arn="…"}`, and so on.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from newel.ports.metrics import TaskKind, TaskOutcome
from newel.ports.store import ExecutionStatus

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS: Final = (0.005, 0.025, 0.1, 0.5, 1, 5, 30, 60, 300, 900, 3600, 14_400, 86_400)
_BOUNDS: Final = (*(str(float(bound)) for bound in _BUCKETS), "+Inf")
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


class _Counters:
    """A counter with labels whose children are found by one dictionary look-up."""

    def __init__(self, metric: Counter) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Counter] = {}

    def of(self, *labels: str) -> Counter:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class _Times(Collector):
    """A histogram of seconds with one label; the library's takes observations one at a time only."""

    def __init__(self, name: str, text: str, label: str, registry: CollectorRegistry) -> None:
        self._name, self._text, self._label = name, text, label
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        registry.register(self)

    def observe(self, label: str, seconds: float, number: int = 1) -> None:
        """Something took so long, `number` times."""
        counts = self._counts.get(label)
        if counts is None:
            counts = self._counts[label] = [0] * (len(_BUCKETS) + 1)
            self._sums[label] = 0.0
        counts[bisect_left(_BUCKETS, seconds)] += number
        self._sums[label] += seconds * number

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = HistogramMetricFamily(self._name, self._text, labels=[self._label])
        for label, counts in self._counts.items():
            family.add_metric([label], list(zip(_BOUNDS, accumulate(counts), strict=True)), self._sums[label])
        yield family


class _Tasks:
    """The counters and times of one kind of task."""

    def __init__(self, kind: TaskKind, registry: CollectorRegistry) -> None:
        label, plural = _LABELS[kind], _PLURALS[kind]
        words = kind.replace("_", " ")

        def counter(what: str) -> _Counters:
            text = f"{words} tasks {what.replace('_', ' ')}"
            return _Counters(Counter(f"newel_{plural}_{what}", text, [label], registry=registry))

        def times(name: str, text: str) -> _Times:
            return _Times(f"newel_{kind}_{name}_seconds", f"{words}: {text}", label, registry)

        self.scheduled = counter("scheduled")
        self.started = counter("started")
        self.ended = {outcome: counter(outcome) for outcome in _OUTCOMES}
        self.schedule_time = times("schedule_time", "seconds from scheduled to started")
        self.run_time = times("run_time", "seconds from started to ended")
        self.time = times("time", "seconds from scheduled to ended")


class PrometheusMetrics:
    """The `Metrics` of a server, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        label = ["state_machine_arn"]
        self._started = _Counters(Counter("newel_executions_started", "executions started", label, registry=registry))
        self._ended = {
            status: _Counters(Counter(f"newel_executions_{word}", f"executions {word}", label, registry=registry))
            for status, word in _STATUSES.items()
        }
        seconds = "seconds an execution took"
        self._time = _Times("newel_execution_time_seconds", seconds, label[0], registry)
        self._tasks: dict[TaskKind, _Tasks] = {kind: _Tasks(kind, registry) for kind in _PLURALS}
        labels = ["operation", "code"]
        self._requests = _Counters(Counter("newel_api_requests", "requests to the API", labels, registry=registry))

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a value that is read when the metrics are, such as `newel_open_execution_count`."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def execution_started(self, machine_arn: str) -> None:
        self._started.of(machine_arn).inc()

    def execution_ended(self, machine_arn: str, status: ExecutionStatus, duration_s: float) -> None:
        self._ended[status].of(machine_arn).inc()
        self._time.observe(machine_arn, duration_s)

    def executions_ran(self, machine_arn: str, ends: Mapping[ExecutionStatus, int]) -> None:
        for status, number in ends.items():
            self._started.of(machine_arn).inc(number)
            self._ended[status].of(machine_arn).inc(number)
            self._time.observe(machine_arn, 0, number)

    def task_scheduled(self, kind: TaskKind, resource_arn: str) -> None:
        self._tasks[kind].scheduled.of(resource_arn).inc()

    def task_started(self, kind: TaskKind, resource_arn: str, waited_s: float) -> None:
        tasks = self._tasks[kind]
        tasks.started.of(resource_arn).inc()
        tasks.schedule_time.observe(resource_arn, waited_s)

    def task_ended(self, kind: TaskKind, resource_arn: str, outcome: TaskOutcome, run_s: float, total_s: float) -> None:
        tasks = self._tasks[kind]
        tasks.ended[outcome].of(resource_arn).inc()
        tasks.run_time.observe(resource_arn, run_s)
        tasks.time.observe(resource_arn, total_s)

    def api_request(self, operation: str, code: str) -> None:
        self._requests.of(operation, code).inc()

    def page(self) -> tuple[str, bytes]:
        """(content type, text) that a Prometheus server scrapes."""
        return CONTENT_TYPE, generate_latest(self.registry)

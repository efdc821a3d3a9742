"""Metrics in Prometheus's text."""

from newel.service.metrics import PrometheusMetrics

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


def text(metrics):
    content_type, body = metrics.page()
    assert content_type.startswith("text/plain")
    return body.decode()


def test_executions():
    metrics = PrometheusMetrics()
    for _ in range(2):
        metrics.execution_started(MACHINE)
    metrics.execution_ended(MACHINE, "SUCCEEDED", 0.2)
    metrics.execution_ended(MACHINE, "TIMED_OUT", 7200)
    shown = text(metrics)
    label = f'{{state_machine_arn="{MACHINE}"}}'
    assert f"newel_executions_started_total{label} 2.0" in shown
    assert f"newel_executions_succeeded_total{label} 1.0" in shown
    assert f"newel_executions_timed_out_total{label} 1.0" in shown
    assert f"newel_execution_time_seconds_sum{label} 7200.2" in shown


def test_tasks():
    metrics = PrometheusMetrics()
    for kind, name in (("activity", "activities"), ("lambda_function", "lambda_functions")):
        metrics.task_scheduled(kind, "a")
        metrics.task_started(kind, "a", 1.0)
        metrics.task_ended(kind, "a", "heartbeat_timed_out", 2.0, 3.0)
        shown = text(metrics)
        label = f'{{{kind}_arn="a"}}'
        assert f"newel_{name}_scheduled_total{label} 1.0" in shown
        assert f"newel_{name}_heartbeat_timed_out_total{label} 1.0" in shown
        assert f"newel_{kind}_schedule_time_seconds_sum{label} 1.0" in shown
        assert f"newel_{kind}_run_time_seconds_sum{label} 2.0" in shown
        assert f"newel_{kind}_time_seconds_sum{label} 3.0" in shown


def test_a_gauge_is_read_when_shown():
    metrics = PrometheusMetrics()
    values = [1.0]
    metrics.gauge("newel_open_execution_count", "running executions", lambda: values[0])
    values[0] = 5.0
    assert "newel_open_execution_count 5.0" in text(metrics)

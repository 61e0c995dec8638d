"""Lines of the worker's metrics become metrics, and other lines do not."""

import json
from datetime import UTC, datetime

import pytest

from ebb.sandbox.ecs import embedded_metrics
from worker.metrics import Metrics

NOW = datetime.fromtimestamp(1_900_000_000, UTC)


def test_a_line_of_the_worker_has_the_metrics_that_the_alarms_read() -> None:
    lines: list[str] = []
    metrics = Metrics("jobs", lines.append, lambda: 0.0, lambda: 1_900_000_000.0, lambda: 92.0)
    for name in ("job_done", "job_failed", "job_timed_out", "lease_lost"):
        metrics.observe(name, message_id="a", duration=2.0)
    metrics.flush(60)
    found = {datum["MetricName"]: datum for _, datum in embedded_metrics.data(lines[0], NOW)}
    assert {namespace for namespace, _ in embedded_metrics.data(lines[0], NOW)} == {"Ebb"}
    assert {name: datum["Values"] for name, datum in found.items()} == {
        "JobsDone": [1],
        "JobsFailed": [1],
        "JobsTimedOut": [1],
        "LeasesLost": [1],
        "JobDuration": [2.0, 2.0, 2.0, 2.0],
        "BusySlots": [0.0],
        "DiskUsed": [92.0],
    }
    assert found["DiskUsed"] == {
        "MetricName": "DiskUsed",
        "Dimensions": [{"Name": "Queue", "Value": "jobs"}],
        "Timestamp": NOW,
        "Values": [92.0],
        "Unit": "Percent",
    }


@pytest.mark.parametrize("text", ["", "plain", '{"event": "job_done"}', '"_aws"', json.dumps({"_aws": 1})])
def test_another_line_has_none(text: str) -> None:
    assert list(embedded_metrics.data(text, NOW)) == []

import json
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import logs
from worker.metrics import COUNTERS, INTERVAL_SECONDS, MAX_VALUES, Metrics, disk_percent

UNITS = {"Seconds", "Count", "Percent"}


def check(line: str) -> dict[str, Any]:
    """The line as an object, once it keeps to the specification of CloudWatch's embedded metric format."""
    assert "\n" not in line
    assert len(line.encode()) <= 256 * 1024
    root: dict[str, Any] = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    metadata = root["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(metadata["Timestamp"], int)
    assert metadata["Timestamp"] >= 0
    for directive in metadata["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Namespace"]) <= 1024
        assert directive["Dimensions"]
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            for dimension in dimensions:
                assert isinstance(root[dimension], str)
                assert 1 <= len(root[dimension]) <= 1024
        assert 1 <= len(directive["Metrics"]) <= 100
        names = [metric["Name"] for metric in directive["Metrics"]]
        assert len(names) == len(set(names))
        assert set(names) | {"_aws", "Queue"} == set(root)
        for metric in directive["Metrics"]:
            assert set(metric) == {"Name", "Unit"}
            assert 1 <= len(metric["Name"]) <= 1024
            assert metric["Unit"] in UNITS
            values = root[metric["Name"]]
            values = values if isinstance(values, list) else [values]
            assert 1 <= len(values) <= 100
            assert all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return {name: value for name, value in root.items() if name != "_aws"}


class Minute:
    """Metrics whose clock a test sets."""

    def __init__(self) -> None:
        self.now = 50.0
        self.lines: list[str] = []
        self.metrics = Metrics(
            "jobs", self.lines.append, lambda: self.now, lambda: self.now + 1_800_000_000, lambda: 30.5
        )

    def __call__(self, name: str, **fields: Any) -> None:
        self.metrics.observe(name, logging.INFO, **fields)

    def flush(self, after: float = INTERVAL_SECONDS, *, last: bool = False) -> list[dict[str, Any]]:
        self.now += after
        self.metrics.flush(self.now, last=last)
        lines = [check(line) for line in self.lines]
        self.lines.clear()
        return lines


def test_a_minute_s_work_is_one_line() -> None:
    minute = Minute()
    minute("job_started", message_id="a", waited=1.5, slot=0)
    minute.now += 6
    minute("job_done", message_id="a", duration=6.0)
    minute("job_started", message_id="b", waited=0.25, slot=0)
    minute.now += 3
    minute("job_failed", message_id="b", duration=3.0, error="no")
    minute.now += 51
    minute.metrics.flush(minute.now)
    assert json.loads(minute.lines[0]) == {
        "_aws": {
            "Timestamp": 1_800_000_110_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Ebb",
                    "Dimensions": [["Queue"]],
                    "Metrics": [
                        {"Name": "JobsDone", "Unit": "Count"},
                        {"Name": "JobsFailed", "Unit": "Count"},
                        {"Name": "JobDuration", "Unit": "Seconds"},
                        {"Name": "JobWait", "Unit": "Seconds"},
                        {"Name": "BusySlots", "Unit": "Count"},
                        {"Name": "DiskUsed", "Unit": "Percent"},
                    ],
                }
            ],
        },
        "Queue": "jobs",
        "JobsDone": 1,
        "JobsFailed": 1,
        "JobDuration": [6.0, 3.0],
        "JobWait": [1.5, 0.25],
        "BusySlots": 0.15,
        "DiskUsed": 30.5,
    }
    check(minute.lines[0])


def test_each_ending_is_counted_under_its_name() -> None:
    minute = Minute()
    for name in COUNTERS:
        minute(name, message_id="a")
    minute("receive_failed", error="no")
    (line,) = minute.flush()
    assert line == {"Queue": "jobs", "BusySlots": 0.0, "DiskUsed": 30.5} | dict.fromkeys(COUNTERS.values(), 1)


def test_nothing_is_written_before_the_minute_is_over() -> None:
    minute = Minute()
    minute("job_done", message_id="a", duration=1.0)
    assert minute.metrics.due == 110.0
    assert minute.flush(59.9) == []
    assert len(minute.flush(0.1)) == 1
    assert minute.metrics.due == 170.0


def test_a_minute_in_which_nothing_happened_writes_nothing() -> None:
    minute = Minute()
    assert minute.flush() == []
    minute("job_done", message_id="a", duration=1.0)
    assert len(minute.flush()) == 1
    assert minute.flush() == []


def test_a_long_job_shows_as_a_busy_slot_in_each_minute_that_it_takes() -> None:
    minute = Minute()
    minute("job_started", message_id="a", waited=0.0)
    minute("job_started", message_id="b", waited=0.0)
    (first,) = minute.flush()
    assert first == {"Queue": "jobs", "JobWait": [0.0, 0.0], "BusySlots": 2.0, "DiskUsed": 30.5}
    minute.now += 30
    minute("job_given_back", message_id="b", duration=90.0)
    (second,) = minute.flush(30)
    assert second == {"Queue": "jobs", "JobsGivenBack": 1, "JobDuration": [90.0], "BusySlots": 1.5, "DiskUsed": 30.5}
    (third,) = minute.flush()
    assert third == {"Queue": "jobs", "BusySlots": 1.0, "DiskUsed": 30.5}


def test_what_is_left_is_written_when_the_worker_stops() -> None:
    minute = Minute()
    minute("job_done", message_id="a", duration=1.0)
    (line,) = minute.flush(2, last=True)
    assert line["JobsDone"] == 1
    assert minute.flush(0, last=True) == []


@given(st.lists(st.floats(0, 43_200), min_size=1, max_size=400))
def test_a_line_has_all_values_that_fit_and_else_a_sample_with_the_highest(values: list[float]) -> None:
    minute = Minute()
    for number, value in enumerate(values):
        minute("job_started", message_id=number, waited=value)
        minute("job_done", message_id=number, duration=value)
    (line,) = minute.flush()
    assert line["JobsDone"] == len(values)
    for found in (line["JobDuration"], line["JobWait"]):
        if len(values) < MAX_VALUES:
            assert found == values
        else:
            assert len(found) == MAX_VALUES
            assert set(found) <= set(values)
            assert max(found) == max(values)


def test_the_sample_is_fair_to_late_values() -> None:
    minute = Minute()
    for number in range(10_000):
        minute("job_done", message_id=number, duration=float(number))
    (line,) = minute.flush()
    early = sum(value < 5_000 for value in line["JobDuration"])
    assert 20 <= early <= 80  # 49.5 are expected; outside once in 10 ** 9 runs


def test_a_line_stands_in_the_log_as_it_is() -> None:
    program = 'from worker import logs; logs.setup(); logs.line(\'{"_aws": {}, "percent": "%s"}\')'
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        cwd=Path(logs.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == ('{"_aws": {}, "percent": "%s"}\n', "")


def test_the_disk_is_the_one_of_temporary_files() -> None:
    usage = shutil.disk_usage(tempfile.gettempdir())
    assert disk_percent() == pytest.approx(100 * (1 - usage.free / usage.total), abs=5)

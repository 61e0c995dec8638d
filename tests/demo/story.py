"""`python -m ebb sandbox demo --wake …`, as a user runs it: its exit code and what it prints."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that the demo may take on two cores when everything is installed.
LIMIT = 90
JOBS = 20


@pytest.fixture(scope="class")
def told(request: pytest.FixtureRequest) -> tuple[subprocess.CompletedProcess[str], float]:
    began = time.monotonic()
    command = [sys.executable, "-m", "ebb", "sandbox", "demo", "--wake", request.cls.wake]
    environment = {**os.environ, "COLUMNS": "160"}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return result, time.monotonic() - began


def _chapter(output: str, title: str) -> str:
    """The text between a heading and the next one."""
    found = re.search(rf"^── [^\n]*{re.escape(title)}[^\n]*\n(.*?)(?=^── |\Z)", output, re.MULTILINE | re.DOTALL)
    assert found, f"no chapter {title!r} in\n{output}"
    return found[1]


class Story:
    """What each demo shows. One file per way of waking, so that they can run side by side."""

    wake: str

    def test_the_demo_goes_well_within_its_time(self, told: tuple[subprocess.CompletedProcess[str], float]) -> None:
        result, seconds = told
        assert result.returncode == 0, result.stdout + result.stderr
        assert seconds < LIMIT
        assert "Traceback" not in result.stdout + result.stderr

    def test_the_engines_own_output_shows_create_then_no_change_then_destroy(
        self,
        told: tuple[subprocess.CompletedProcess[str], float],
    ) -> None:
        output = told[0].stdout
        up = re.search(r"^ +\+ (\d+) created$", _chapter(output, "pulumi up "), re.MULTILINE)
        again = re.search(r"^ +(\d+) unchanged$", _chapter(output, "A second pulumi up"), re.MULTILINE)
        destroyed = re.search(r"^ +- (\d+) deleted$", _chapter(output, "pulumi destroy"), re.MULTILINE)
        assert up
        assert again
        assert destroyed
        assert up[1] == again[1] == destroyed[1]

    def test_the_timeline_goes_from_zero_to_four_tasks_and_back(
        self,
        told: tuple[subprocess.CompletedProcess[str], float],
    ) -> None:
        lines = _chapter(told[0].stdout, "20 jobs to http://127.0.0.1:").splitlines()
        assert lines[0].split() == ["time", "depth", "in", "flight", "desired", "running", "done"]
        rows = [line.split() for line in lines[1:] if line.strip()]
        running, done = [int(row[5]) for row in rows], [int(row[6]) for row in rows]
        assert (running[0], max(running), running[-1]) == (0, 4, 0)
        assert done == sorted(done)
        assert done[-1] == JOBS - 1
        desired = [int(row[4]) for row in rows]
        in_flight = [int(row[3]) for row in rows]
        assert any(0 < desired[n + 1] < desired[n] and in_flight[n + 1] for n in range(len(rows) - 1)), (
            "a scale-in at work"
        )

    def test_the_first_task_is_asked_for_by_whom_the_settings_say(
        self, told: tuple[subprocess.CompletedProcess[str], float]
    ) -> None:
        line = re.search(
            r"^The first task was asked for \d+ s after the first job: (.*)$", told[0].stdout, re.MULTILINE
        )
        assert line
        by_alarm = "monitor alarm scaling-out-" in line[1]
        assert by_alarm == (self.wake == "metrics")
        assert by_alarm != (line[1] == "minimum capacity was set to 1.")

    def test_the_closing_table_tells_each_job(self, told: tuple[subprocess.CompletedProcess[str], float]) -> None:
        rows = _chapter(told[0].stdout, "What became of the jobs").strip().splitlines()[1:]
        assert len(rows) == JOBS
        endings = [re.split(r" {2,}", row.strip())[-1] for row in rows]
        assert endings.count("done") == JOBS - 1
        assert endings.count("in the dead-letter queue") == 1
        attempts = {
            kind: [int(row.split()[-2]) for row in rows if kind in row] for kind in ("long", "by GET", "fails once")
        }
        assert attempts == {"long": [1], "by GET": [1], "fails once": [2, 2]}

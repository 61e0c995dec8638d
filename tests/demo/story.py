"""`ebb sandbox demo --wake …`, as a user runs it: its exit code, what it prints, and the engine's own lines."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which a demo that hangs is ended.
LIMIT = 1500
#: Lines that the demo may print when all goes well.
MAX_LINES = 120
JOBS = 20


class Demo:
    """One demo that ran to its end: `command` in `folder`."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        self.code, self.output, self.errors = done.returncode, done.stdout, done.stderr

    def chapter(self, title: str) -> str:
        """The text between a heading and the next one."""
        heading = rf"^── [^\n]*{re.escape(title)}[^\n]*\n(.*?)(?=^── |\Z)"
        found = re.search(heading, self.output, re.MULTILINE | re.DOTALL)
        assert found, f"no chapter {title!r} in\n{self.output}"
        return found[1]

    def number(self, title: str, text: str) -> int:
        """The number that stands before these words in a chapter."""
        found = re.search(rf"(\d+) {text}", self.chapter(title))
        assert found, self.chapter(title)
        return int(found[1])


@pytest.fixture(scope="class")
def demo(request: pytest.FixtureRequest) -> Demo:
    return Demo([sys.executable, "-m", "ebb", "sandbox", "demo", "--wake", request.cls.wake], ROOT, os.environ)


class Story:
    """What each demo shows. One file per way of waking, so that they can run side by side."""

    wake: str

    def test_every_check_passes(self, demo: Demo) -> None:
        assert demo.code == 0, demo.output + demo.errors
        assert demo.errors == ""
        found = re.search(r"^── (\d+) of (\d+) checks passed", demo.output, re.MULTILINE)
        assert found
        assert found[1] == found[2]

    def test_it_prints_few_lines_and_the_last_one_says_how_to_go_on(self, demo: Demo) -> None:
        lines = demo.output.splitlines()
        assert len(lines) <= MAX_LINES
        assert lines[-1] == (
            "Next: write a job of your own in worker/handler.py (README, “Write a job”) and run it here with "
            "`make up STACK=dev`."
        )

    def test_a_second_up_changes_nothing_and_destroy_deletes_it_all(self, demo: Demo) -> None:
        made = demo.number("pulumi up of the stack sandbox", "resources created")
        assert demo.number("pulumi destroy", "resources deleted, none left") == made
        assert demo.chapter("A second pulumi up").strip() == "It would change nothing."

    def test_the_engines_own_lines_are_in_the_file_that_is_named(self, demo: Demo) -> None:
        found = re.search(r"The engine's own lines are in (\S+)\.$", demo.output, re.MULTILINE)
        assert found
        lines = Path(found[1]).read_text(encoding="utf-8")
        made = demo.number("pulumi up of the stack sandbox", "resources created")
        assert re.findall(r"^ +\+ (\d+) created$", lines, re.MULTILINE) == [str(made)]
        # the second up, and destroy, which runs the program first
        assert re.findall(r"^ +(\d+) unchanged$", lines, re.MULTILINE) == [str(made)] * 2
        assert re.findall(r"^ +- (\d+) deleted$", lines, re.MULTILINE) == [str(made)]

    def test_the_timeline_goes_from_zero_to_four_tasks_and_back(self, demo: Demo) -> None:
        head, *lines = demo.chapter("20 jobs to http://127.0.0.1:").splitlines()
        assert head.split() == ["time", "waiting", "in", "flight", "desired", "running", "done"]
        rows = [line.split() for line in lines if re.fullmatch(r" +[\d.]+ s( +\d+){5}", line)]
        running, done = [int(row[5]) for row in rows], [int(row[6]) for row in rows]
        assert (running[0], max(running), running[-1]) == (0, 4, 0)
        assert done == sorted(done)
        assert done[-1] == JOBS - 2  # one fails, one is cancelled
        desired, in_flight = [int(row[4]) for row in rows], [int(row[3]) for row in rows]
        at_work = [0 < desired[n + 1] < desired[n] and in_flight[n + 1] > 0 for n in range(len(rows) - 1)]
        assert any(at_work), "a scale-in while a job is in flight"

    def test_the_first_task_is_asked_for_by_what_the_settings_say(self, demo: Demo) -> None:
        sentence = r"^The first task was asked for \d+ s of AWS's time after the first job: (.*)$"
        line = re.search(sentence, demo.output, re.MULTILINE)
        assert line
        by_alarm = "monitor alarm scaling-start-" in line[1]
        assert by_alarm == (self.wake == "metrics")
        assert by_alarm or re.fullmatch(r"minimum capacity was set to [1-4]\.", line[1])

    def test_the_table_has_each_kind_of_job_with_its_attempts_and_result(self, demo: Demo) -> None:
        head, *rows = demo.chapter("Results of the jobs").strip().splitlines()
        assert re.split(r" {2,}", head.strip()) == ["jobs", "what", "attempts", "result"]
        assert sorted(re.split(r" {2,}", row.strip()) for row in rows) == [
            ["1", "by GET", "1", "done"],
            ["1", "cancelled", "1", "cancelled"],
            ["1", "fails always", "3", "in the dead-letter queue"],
            ["1", "long", "1", "done"],
            ["14", "short", "1", "done"],
            ["2", "fails once", "2", "done"],
        ]

    def test_the_api_shows_progress_and_the_result_of_one_job_and_cancels_another(self, demo: Demo) -> None:
        lines = demo.chapter("What the API said of the long job").strip().splitlines()
        said = [re.split(r" {2,}", line.strip(), maxsplit=2)[1:] for line in lines]
        words = [" ".join(parts) for parts in said]
        assert any(re.search(r"GET /jobs/\S+ +200 +running, progress 0\.\d \(sleeping\)", text) for text in words)
        assert any(re.search(r"GET /jobs/\S+ +200 +succeeded, result \{'frames': 240\}", text) for text in words)
        assert any(re.search(r"DELETE /jobs/\S+ +202 +running", text) for text in words)
        assert any(re.search(r"GET /jobs/\S+ +200 +cancelled", text) for text in words)

"""A job's progress: from the job into a file, and from there to the table or the log."""

import os
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from tests.worker.conftest import Logged
from tests.worker.sqs_stub import message_of
from worker import progress
from worker.aws.table import JobTable
from worker.core.events import Follow, Followed, Kind, Message, Outcome
from worker.follower import Follower
from worker.job import Job
from worker.progress import NoProgressError, Progress

JOB = Job(id="1", body="")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress"))
    return str(tmp_path / "progress")


@pytest.mark.parametrize(
    ("fraction", "note", "expected"),
    [
        (0.4, "encoding", Progress(0.4, "encoding")),
        (1, "", Progress(1.0)),
        (-0.1, " two\nlines\t", Progress(0.0, "two lines")),
        (1.0000001, "x" * 2000, Progress(1.0, "x" * 1000)),
        (float("inf"), "\ud800 \U0001f600", Progress(1.0, "? \U0001f600")),
    ],
)
def test_the_last_progress_is_read_as_it_was_given(path: str, fraction: float, note: str, expected: Progress) -> None:
    JOB.progress(0.9, "before")
    JOB.progress(fraction, note)
    assert progress.read(path) == expected


@pytest.mark.parametrize("fraction", [float("nan"), "0.4", None, [], 10**400])
def test_what_is_no_number_is_one_clear_error(path: str, fraction: Any) -> None:
    with pytest.raises(ValueError, match=r"the fraction of job\.progress must be a number from 0 to 1, not "):
        JOB.progress(fraction)
    with pytest.raises(TypeError, match=r"the note of job\.progress must be text, not 7"):
        JOB.progress(0.5, cast(Any, 7))
    assert progress.read(path) is None


def test_outside_of_a_worker_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    JOB.progress(0.5, "in a unit test")


def test_a_folder_that_is_gone_ends_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.VARIABLE, "/none/progress")
    JOB.progress(0.5)
    assert progress.read("/none/progress") is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('echo "0.4 encoding" > $EBB_PROGRESS_FILE', Progress(0.4, "encoding")),
        ("printf 0.4 > $EBB_PROGRESS_FILE", Progress(0.4)),
        ("for i in 0.1 0.2 0.3; do echo $i >> $EBB_PROGRESS_FILE; done", Progress(0.3)),
        ("yes 0.1 | head -c 100000 > $EBB_PROGRESS_FILE; echo '0.7 x y' >> $EBB_PROGRESS_FILE", Progress(0.7, "x y")),
        ("mkfifo $EBB_PROGRESS_FILE", None),
        ("ln -s /dev/zero $EBB_PROGRESS_FILE", None),
        ("true", None),
    ],
)
def test_a_program_writes_lines_and_the_last_one_counts(path: str, script: str, expected: Progress | None) -> None:
    subprocess.run(["sh", "-c", script], check=True, env=os.environ)
    assert progress.read(path) == expected


@pytest.mark.parametrize("text", ["40%", "nan", "encoding", "\x00\xff"])
def test_a_line_that_is_no_number_is_one_sentence(path: str, text: str) -> None:
    Path(path).write_text(text)
    with pytest.raises(NoProgressError, match=r"the last line of \$EBB_PROGRESS_FILE must be a number from 0 to 1"):
        progress.read(path)


class Table:
    """A job table with the answer that a test sets, and what was written."""

    def __init__(self) -> None:
        self.written: list[Progress] = []
        self.kind, self.error = Kind.OK, cast("Exception | None", None)
        self.cancelled_ids = frozenset[str]()

    def progress(self, _: Message, found: Progress) -> Outcome:
        self.written.append(found)
        return Outcome(self.kind)

    def cancelled(self, _: Any) -> frozenset[str]:
        if self.error:
            raise self.error
        return self.cancelled_ids


def test_a_progress_is_written_once_and_again_only_after_a_failure(path: str) -> None:
    table, told = Table(), list[Followed]()
    follower = Follower(cast(JobTable, table), told.append)
    message = message_of()
    follow, paths = Follow(((message, 0),)), {message.id: path}
    follower.follow(follow, paths)
    JOB.progress(0.2)
    table.kind = Kind.RETRYABLE
    follower.follow(follow, paths)
    table.kind = Kind.OK
    for _ in range(3):
        follower.follow(follow, paths)
    JOB.progress(0.3)
    follower.follow(follow, paths)
    assert table.written == [Progress(0.2), Progress(0.2), Progress(0.3)]
    assert told == [Followed()] * 6


def test_the_core_hears_of_cancelled_jobs_before_any_progress_is_written_and_though_the_table_is_away(
    path: str,
) -> None:
    table, told = Table(), list[Followed]()
    clock = iter([0.0, 100.0])  # the time is over when the first progress is due
    follower = Follower(cast(JobTable, table), told.append, clock=lambda: next(clock))
    message = message_of()
    JOB.progress(0.2)
    table.cancelled_ids = frozenset({message.id})
    follower.follow(Follow(((message, 0),)), {message.id: path})
    assert (told, table.written) == ([Followed(frozenset({message.id}))], [])
    table.error = OSError("no answer")
    Follower(cast(JobTable, table), told.append).follow(Follow(((message, None),)), {})
    assert told[-1] == Followed()


def test_without_a_table_progress_is_only_logged(path: str, logged: Logged) -> None:
    follower = Follower(None, lambda _: None)
    message = Message(job=Job(id="job-7", message_id="m", body="", attempt=2), handle="h")
    JOB.progress(0.2, "half")
    for _ in range(2):
        follower.follow(Follow(((message, 0),)), {message.id: path})
    (line,) = logged()
    shown = {"event": "job_progress", "message_id": "m", "job_id": "job-7", "attempt": 2, "progress": 0.2}
    assert shown.items() <= line.items()
    assert line["note"] == "half"


def test_a_progress_that_cannot_be_read_is_logged_once(path: str, logged: Logged) -> None:
    table, message = Table(), message_of()
    follower = Follower(cast(JobTable, table), lambda _: None)
    Path(path).write_text("40%")
    for _ in range(2):
        follower.follow(Follow(((message, 0),)), {message.id: path})
    (line,) = logged()
    assert (line["event"], line["message_id"], line["level"]) == ("progress_ignored", message.id, "WARNING")
    JOB.progress(0.4)
    follower.follow(Follow(((message, 0),)), {message.id: path})
    assert (table.written, logged()) == ([Progress(0.4)], [])

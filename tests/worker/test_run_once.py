"""`python -m worker --once`: one job through the worker's own loop."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from components import _container
from settings import read
from tests.worker.once import HANDLER, LIMIT, ROOT, Run, environment
from worker import run_once
from worker.core.endings import Ending

REJECTED = "Rejected; a worker would move the message to the dead-letter queue"

Once = Callable[..., Run]


@pytest.fixture
def once(tmp_path: Path) -> Once:
    """Runs a job with this body and the handler of this text, in an empty environment."""

    def once(body: str | bytes, handler: str | None = None, *arguments: str, **variables: str) -> Run:
        (tmp_path / "job").write_bytes(body if isinstance(body, bytes) else body.encode())
        if handler is not None:
            (tmp_path / "jobs.py").write_text(dedent(HANDLER) + dedent(handler))
            variables["EBB_HANDLER"] = "jobs:handle"
        done = subprocess.run(
            [sys.executable, "-m", "worker", "--once", "job", *arguments],
            check=False,
            cwd=tmp_path,
            env=environment(tmp_path, **variables),
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        return Run(done.returncode, done.stdout, done.stderr, tmp_path / "note")

    return once


def test_a_job_that_is_done_exits_with_0_and_logs_as_a_worker_does(once: Once) -> None:
    run = once('{"film": 7}', "import logging\ndef handle(job): logging.info('film %s', job.json()['film'])")
    assert run.code == 0
    assert run.events == ["started", "job_started", "job_done", "stopping", "stopped"]
    (film,) = [line for line in run.lines if line.get("message")]
    assert (film["message"], film["message_id"], film["attempt"]) == ("film 7", "once", 1)
    done = run.lines[run.lines.index(film) + 1]
    assert run.sentence == f"Done in {done['duration']} seconds."


@pytest.mark.parametrize(
    ("does", "code", "event", "sentence"),
    [
        ("raise KeyError('film')", 1, "job_failed", "Failed; a worker would try again: KeyError: 'film'"),
        (
            "os._exit(3)",
            1,
            "job_failed",
            "Failed; a worker would try again: the handler's process exited with 3",
        ),
        (
            "raise Retry('not there yet', after=60)",
            75,
            "job_retried",
            "The job asked for another attempt in 60 seconds: not there yet",
        ),
        ("raise Retry(after=5)", 75, "job_retried", "The job asked for another attempt in 5 seconds: no reason"),
        (
            "raise Reject('no such film')",
            65,
            "job_rejected",
            f"{REJECTED}: no such film",
        ),
        (
            "job.json()",
            65,
            "job_rejected",
            f"{REJECTED}: the body is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
    ],
)
def test_how_the_handler_ends_is_the_exit_code_the_log_event_and_one_sentence(
    once: Once, does: str, code: int, event: str, sentence: str
) -> None:
    run = once("film", f"def handle(job):\n    {does}")
    assert (run.code, run.sentence) == (code, sentence)
    assert run.events == ["started", "job_started", event, "stopping", "stopped"]


def test_a_failure_is_logged_with_its_traceback(once: Once) -> None:
    run = once("film", "def handle(job):\n    raise KeyError('film')")
    (failed,) = [line for line in run.lines if line.get("event") == "job_failed"]
    assert failed["error"] == "KeyError: 'film'"
    assert 'jobs.py", line' in failed["traceback"]


def test_an_empty_body_and_one_that_is_too_long_are_rejected(once: Once) -> None:
    handler = "def handle(job): note.write_text('ran')"
    assert [once(" ", handler).code, once("12345", handler, EBB_MAX_BODY_BYTES="4").code] == [65, 65]
    assert once("12345", handler, EBB_MAX_BODY_BYTES="4").note is None


def test_the_job_has_the_id_once_and_the_attempt_and_attributes_of_the_arguments(once: Once) -> None:
    handler = "def handle(job): note.write_text(repr((job.id, job.attempt, job.attributes, job.group, job.body)))"
    assert once("film", handler).note == repr(("once", 1, {}, None, "film"))
    run = once("film", handler, "--attempt", "3", "--attribute", "colour=blue", "--attribute", "a=b=c")
    assert run.note == repr(("once", 3, {"colour": "blue", "a": "b=c"}, None, "film"))


def test_the_time_limit_stops_the_job(once: Once) -> None:
    run = once("film", "def handle(job): time.sleep(600)", EBB_JOB_TIMEOUT="1")
    assert (run.code, run.sentence) == (1, "Stopped at its time limit, EBB_JOB_TIMEOUT = 1 seconds.")
    assert "job_timed_out" in run.events


def test_a_command_runs_as_in_a_worker(once: Once) -> None:
    run = once("grüße", EBB_COMMAND='["sh", "-c", "cat > $NOTES; exit 75"]')
    assert (run.code, run.note) == (75, "grüße")
    assert run.sentence.startswith("The job asked for another attempt in ")


def test_without_a_setting_the_users_handler_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from worker import config; print(config.read_job({}).handler)"],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "worker.handler:handle\n"


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1", "AttributeError: module 'jobs' has no attribute 'handle'"),
        ("def handle(): pass", "TypeError: jobs:handle must take one argument, the job"),
        ("os._exit(3)", "the handler's process exited with 3"),
    ],
)
def test_a_handler_that_cannot_be_used_is_one_sentence(once: Once, handler: str, sentence: str) -> None:
    run = once("film", handler)
    assert (run.code, run.sentence) == (78, f"The handler jobs:handle cannot be used: {sentence}")
    assert run.events == ["handler_broken", "stopping", "stopped"]


def test_a_command_that_does_not_exist_is_one_sentence(once: Once) -> None:
    run = once("film", EBB_COMMAND='["/no/such/program"]')
    assert run.code == 78
    assert run.sentence == (
        "The command cannot be used: the program '/no/such/program' of EBB_COMMAND does not exist or is not executable"
    )


def test_bad_settings_are_one_sentence(once: Once) -> None:
    run = once("film", EBB_JOB_TIMEOUT="soon", EBB_HANDLER="jobs")
    assert (run.code, run.lines) == (78, [])
    assert run.sentence == (
        "EBB_HANDLER must be module:function, not 'jobs'; "
        "EBB_JOB_TIMEOUT must be a whole number of seconds from 0 to 43200, not 'soon'."
    )


def test_it_needs_neither_boto3_nor_an_aws_account(once: Once, tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError('no boto3 here')")
    (tmp_path / "botocore.py").write_text("raise ImportError('no botocore here')")
    assert once("film", "def handle(job): pass").code == 0


def test_each_ending_of_a_job_has_an_exit_code() -> None:
    assert set(run_once.EXIT_CODES) == set(Ending)


def test_a_longer_grace_needs_no_other_setting(once: Once) -> None:
    handler = """
        def handle(job):
            assert job.stopping.wait(600)
            time.sleep(0.6)  # longer than the grace of the shortest stop timeout
            note.write_text("saved")
        """
    run = once("film", handler, EBB_JOB_TIMEOUT="1", EBB_GRACE="50")
    assert (run.code, run.note) == (1, "saved")


def test_the_defaults_are_those_of_a_stack_except_the_stop_timeout() -> None:
    stack = read({})
    deployed = _container.environment(stack.worker, stack.jobs) | {
        "EBB_VISIBILITY_TIMEOUT": str(stack.queue.visibility_timeout)
    }
    for name, value in run_once.DEFAULTS.items():
        if name in deployed and name != "EBB_STOP_TIMEOUT":
            assert float(value) == float(deployed[name]), name


def test_progress_and_result_are_shown(once: Once) -> None:
    handler = """
        def handle(job):
            job.progress(0.4, "half")
            time.sleep(3)
            job.progress(0.9)
            return {"frames": 7, "name": "Übung"}
        """
    run = once("film", handler)
    assert run.code == 0
    assert run.sentence.endswith('. Result: {"frames": 7, "name": "Übung"}')
    (progress,) = [line for line in run.lines if line.get("event") == "job_progress"]
    assert (progress["progress"], progress["note"], progress["message_id"]) == (0.4, "half", "once")
    (done,) = [line for line in run.lines if line.get("event") == "job_done"]
    assert (done["progress"], done["result"]) == (0.9, {"frames": 7, "name": "Übung"})


def test_a_result_that_is_dropped_is_reported(once: Once) -> None:
    run = once("film", "def handle(job): return {1, 2}")
    reason = "the result was dropped: it is not JSON: Object of type set is not JSON serializable"
    assert (run.code, run.sentence.partition(" seconds. ")[2]) == (0, f"But {reason}.")

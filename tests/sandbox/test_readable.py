"""The log of tasks as people read it: real lines of the worker, and lines of the user's own code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ebb.project import read_settings
from ebb.sandbox.log_follower import ENDINGS, STARTED, TaskLine
from ebb.sandbox.readable import BROKEN, QUIET, WORDS, Readable

JOB = "4998a9a8-a0e9-406e-ae1e-d40dd4c7c003"
TRACEBACK = "Traceback (most recent call last):\n  File \"/app/handler.py\", line 3, in handle\nKeyError: 'x'\n"
SNAPSHOT = f"/tmp/ebb-sandbox-1/images/{'0a' * 32}/1"


def shown(*written: dict[str, Any] | str, **worker: Any) -> list[tuple[str, bool]]:
    readable = Readable(read_settings({"ebb:worker": worker}))
    lines = [TaskLine(0.0, "f0c85895aaaa", one, None) for one in written if isinstance(one, str)]
    lines += [TaskLine(0.0, "f0c85895aaaa", json.dumps(one), one) for one in written if isinstance(one, dict)]
    return [line for one in lines for line in readable.lines(one)]


def event(name: str, level: str = "INFO", **fields: Any) -> dict[str, Any]:
    return {"time": "2026-11-28T01:14:50.925+00:00", "level": level, "event": name, **fields}


def job(name: str, level: str = "INFO", **fields: Any) -> dict[str, Any]:
    return event(name, level, message_id=JOB, attempt=2, **fields)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (job("job_started", waited=5.9), [("job 4998a9a8 started, attempt 2", False)]),
        (job("job_done", duration=0.021), [("job 4998a9a8 done after 0.021 s", False)]),
        (
            job("job_rejected", "WARNING", duration=0.1, reason="not JSON"),
            [("job 4998a9a8 rejected after 0.1 s: not JSON", True)],
        ),
        (
            job(
                "job_failed",
                "WARNING",
                duration=1.5,
                error="KeyError: 'x'",
                traceback=TRACEBACK.replace('"/', f'"{SNAPSHOT}/'),
            ),
            [
                ("job 4998a9a8 failed after 1.5 s: KeyError: 'x'", True),
                *((f"    {line}", True) for line in TRACEBACK.splitlines()),
            ],
        ),
        (job("lease_lost", "WARNING", duration=3), [("job 4998a9a8 lease lost after 3 s", True)]),
    ],
)
def test_how_a_job_begins_and_ends_is_one_line(record: dict[str, Any], expected: list[tuple[str, bool]]) -> None:
    assert shown(record) == expected


def test_what_the_users_code_prints_and_logs_is_there_in_its_own_words() -> None:
    logged = {"time": "…", "level": "INFO", "message": "Hello", "logger": "worker.handler", "message_id": JOB}
    warned = {**logged, "level": "WARNING", "message": "Slow", "traceback": "Traceback\nValueError: v"}
    assert shown("plain text", '{"their": "json"}', logged, warned) == [
        ("task f0c85895 | plain text", False),
        ('task f0c85895 | {"their": "json"}', False),
        ("job 4998a9a8 | Hello", False),
        ("job 4998a9a8 | WARNING: Slow", True),
        ("    Traceback", True),
        ("    ValueError: v", True),
    ]


def test_a_path_in_the_image_is_what_its_users_know() -> None:
    broken = event("handler_broken", "ERROR", error=f'File "{SNAPSHOT}/app/worker/handler.py", line 1')
    assert shown(broken)[0][0].startswith('worker.handler:handle cannot be imported: File "/app/worker/handler.py", l')


def test_a_handler_that_cannot_be_imported_is_one_sentence_and_its_traceback_is_shown_once() -> None:
    error = "ModuleNotFoundError: No module named 'x'"
    broken = event("handler_broken", "ERROR", error=error, traceback="Traceback\nE")
    sentence = (
        f"worker.handler:handle cannot be imported: {error}. Correct it, press Ctrl-C and start again; "
        "until then ECS starts one task after another."
    )
    assert shown(broken, broken) == [(sentence, True), ("    Traceback", True), ("    E", True), (sentence, True)]


def test_a_command_that_cannot_be_run_is_named() -> None:
    broken = event("handler_broken", "ERROR", error="no such program: encode")
    ((sentence, problem),) = shown(broken, command=["encode", "--fast"])
    assert sentence.startswith("encode --fast cannot be run: no such program: encode.")
    assert problem


def test_a_workers_usual_events_and_its_metrics_are_left_out_and_others_are_put_into_words() -> None:
    metrics = {"_aws": {"CloudWatchMetrics": []}, "JobsDone": 1}
    usual = [event("started", queue_url="q"), event("stopping", running=0), event("stopped"), metrics]
    assert shown(*usual) == []
    assert shown(event("protection_refused", "ERROR", reason="no", consequence="receives nothing; asks again")) == [
        ("task f0c85895 gets no task protection: no: receives nothing; asks again", True)
    ]
    assert shown(event("gave_up", "WARNING", message_ids=[JOB])) == [
        ("task f0c85895 ends before AWS has answered about its jobs: message ids 4998a9a8", True)
    ]


def test_each_event_of_the_worker_has_words() -> None:
    """Events are the first argument of a call that logs, or a name that is chosen for it before."""
    sources = "".join(path.read_text() for path in (Path(__file__).parents[2] / "worker").rglob("*.py"))
    calls = re.findall(r"(?:observe|event|format_event)\(\s*\"([a-z_]+)\"", sources)
    chosen = re.findall(r"\bname = \"([a-z_]+)\" if .* else \"([a-z_]+)\"", sources)
    assert len(chosen) == 3
    named = {*calls, *(name for pair in chosen for name in pair)}
    assert named - {STARTED, BROKEN, *ENDINGS, *QUIET} == set(WORDS)

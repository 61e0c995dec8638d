import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.waiting import LIMIT
from tests.worker.configs import VARIABLES
from worker import config
from worker.config import Config
from worker.variables import ConfigError

EVERY = VARIABLES | {
    "EBB_CONCURRENCY": "8",
    "EBB_HANDLER": "jobs.video:encode",
    "EBB_JOB_TIMEOUT": "100",
    "EBB_PROTECTION": "off",
    "EBB_MAX_BODY_BYTES": "2097152",
    "EBB_PAYLOAD_BUCKET": "bodies",
    "EBB_JOB_TABLE": "jobs",
    "EBB_RETENTION_SECONDS": "345600",
    "EBB_MAX_RECEIVE_COUNT": "5",
    "EBB_EVENTS": "on",
    "EBB_KEEP_SECONDS": "86400",
    "EBB_METRICS": "on",
    "EBB_HEALTH_FILE": "/tmp/health",
    "EBB_GRACE": "5",
    "EBB_MAX_JOBS_PER_CHILD": "1000",
    "ECS_AGENT_URI": "http://169.254.170.2/v3/task",
}
OPTIONAL = (EVERY.keys() - VARIABLES.keys()) | {"EBB_COMMAND"}


def _refusal(**changes: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config.read(VARIABLES | changes)
    return str(caught.value)


def test_the_settings_are_the_environment() -> None:
    assert config.read(EVERY) == Config(
        queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
        dead_letter_url="https://sqs.us-east-1.amazonaws.com/123456789012/jobs-dead",
        region="us-east-1",
        visibility_timeout=300,
        stop_timeout=120,
        backoff_base=10.0,
        backoff_cap=900.5,
        concurrency=8,
        handler="jobs.video:encode",
        job_timeout=100,
        max_grace=5,
        max_jobs_per_child=1000,
        protection=False,
        agent_uri="http://169.254.170.2/v3/task",
        max_body_bytes=2_097_152,
        payload_bucket="bodies",
        job_table="jobs",
        keep_seconds=86_400,
        retention_seconds=345_600,
        max_receive_count=5,
        events=True,
        metrics=True,
        health_file="/tmp/health",
    )


@pytest.mark.parametrize("optional", [{}, dict.fromkeys(OPTIONAL, "")])
def test_what_is_not_set_or_empty_has_its_default(optional: dict[str, str]) -> None:
    assert config.read(VARIABLES | optional) == Config(
        queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
        dead_letter_url="https://sqs.us-east-1.amazonaws.com/123456789012/jobs-dead",
        region="us-east-1",
        visibility_timeout=300,
        stop_timeout=120,
        backoff_base=10.0,
        backoff_cap=900.5,
        concurrency=1,
        handler="worker.handler:handle",
        command=(),
        job_timeout=None,
        protection=True,
        agent_uri=None,
        max_body_bytes=1_048_576,
        payload_bucket=None,
        job_table=None,
        keep_seconds=31_536_000,
        retention_seconds=1_209_600,
        max_receive_count=None,
        events=False,
        metrics=False,
        health_file=None,
    )


def test_a_command_takes_the_handler_s_place() -> None:
    settings = config.read(VARIABLES | {"EBB_COMMAND": '["ffmpeg", "-i", "-", ""]'})
    assert settings.command == ("ffmpeg", "-i", "-", "")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        *((name, "", f"{name} must be set.") for name in VARIABLES),
        ("EBB_QUEUE_URL", "jobs", "EBB_QUEUE_URL must be a queue's URL, not 'jobs'."),
        ("EBB_QUEUE_URL", "https://", "EBB_QUEUE_URL must be a queue's URL, not 'https://'."),
        ("EBB_QUEUE_URL", "https://sqs/a b", "EBB_QUEUE_URL must be a queue's URL, not 'https://sqs/a b'."),
        ("EBB_DEAD_LETTER_QUEUE_URL", "dead", "EBB_DEAD_LETTER_QUEUE_URL must be a queue's URL, not 'dead'."),
        (
            "EBB_DEAD_LETTER_QUEUE_URL",
            VARIABLES["EBB_QUEUE_URL"],
            "EBB_DEAD_LETTER_QUEUE_URL must be another queue's URL than EBB_QUEUE_URL.",
        ),
        *(
            ("EBB_AWS_REGION", value, f"EBB_AWS_REGION must be a region's name, not {value!r}.")
            for value in ("here!", "-us", "us-east-1.", "x" * 64)
        ),
        *(
            (name, value, f"{name} must be {kind} of {unit} from {least} to {most}, not {value!r}.")
            for name, kind, unit, least, most, values in [
                ("EBB_VISIBILITY_TIMEOUT", "a whole number", "seconds", 0, 43200, ["5m", "-1", "43201", "1.5", "nan"]),
                ("EBB_STOP_TIMEOUT", "a whole number", "seconds", 2, 120, ["1", "121", "x"]),
                ("EBB_BACKOFF_BASE", "a number", "seconds", 0, 43200, ["-0.1", "inf"]),
                ("EBB_BACKOFF_CAP", "a number", "seconds", 0, 43200, ["43200.5", "nan"]),
                ("EBB_CONCURRENCY", "a whole number", "jobs", 1, 100, ["0", "101", "2.5", "many"]),
                ("EBB_JOB_TIMEOUT", "a whole number", "seconds", 0, 43200, ["-1", "43201", "0.5", "inf"]),
                ("EBB_MAX_BODY_BYTES", "a whole number", "bytes", 1, 5368709120, ["0", "5368709121", "1 MiB"]),
                ("EBB_KEEP_SECONDS", "a whole number", "seconds", 1, 31536000, ["0", "31536001", "-inf"]),
                ("EBB_RETENTION_SECONDS", "a whole number", "seconds", 60, 1209600, ["59", "1209601", "4d"]),
                ("EBB_MAX_RECEIVE_COUNT", "a whole number", "receives", 1, 1000, ["0", "1001", "1.5"]),
            ]
            for value in values
        ),
        *(("EBB_PROTECTION", value, f"EBB_PROTECTION must be on or off, not {value!r}.") for value in ("true", "On")),
        ("EBB_METRICS", "1", "EBB_METRICS must be on or off, not '1'."),
        ("EBB_EVENTS", "1", "EBB_EVENTS must be on or off, not '1'."),
        *(
            ("EBB_HANDLER", value, f"EBB_HANDLER must be module:function, not {value!r}.")
            for value in (
                "handle",
                "jobs.video:",
                ":handle",
                "jobs..video:encode",
                "jobs/video.py:encode",
                "a:b:c",
                "a:b.c",
            )
        ),
        *(
            (
                "EBB_COMMAND",
                value,
                f"EBB_COMMAND must be a JSON list of a program and its arguments, not {value!r}.",
            )
            for value in (
                "[" * 100_000,
                "ffmpeg -i -",
                "[]",
                '"ffmpeg"',
                '["ffmpeg", 1]',
                '[""]',
                "{}",
                "null",
                '[["a"]]',
            )
        ),
    ],
)
def test_a_bad_setting_is_one_sentence(name: str, value: str, sentence: str) -> None:
    assert _refusal(**{name: value}) == sentence


def test_settings_that_do_not_go_together_are_one_sentence() -> None:
    assert _refusal(EBB_HANDLER="a:b", EBB_COMMAND='["c"]') == (
        "EBB_HANDLER and EBB_COMMAND exclude each other: set only one of them."
    )
    assert _refusal(EBB_BACKOFF_BASE="20", EBB_BACKOFF_CAP="9.5") == (
        "EBB_BACKOFF_BASE must not exceed EBB_BACKOFF_CAP, which is 9.5, but is 20."
    )


@pytest.mark.parametrize(("timeout", "given"), [("", "is not set"), ("0", "is not set"), ("111", "is 111")])
def test_protection_may_be_off_only_where_a_stop_leaves_a_job_its_time(timeout: str, given: str) -> None:
    assert _refusal(EBB_PROTECTION="off", EBB_JOB_TIMEOUT=timeout) == (
        "EBB_PROTECTION may be off only when EBB_JOB_TIMEOUT lets a job end within EBB_STOP_TIMEOUT less its margin, "
        f"110 seconds, but it {given}."
    )
    assert not config.read(VARIABLES | {"EBB_PROTECTION": "off", "EBB_JOB_TIMEOUT": "110"}).protection


def test_a_health_file_that_cannot_be_written_is_reported_and_the_worker_exits_78(tmp_path: Path) -> None:
    environment = VARIABLES | {"EBB_HEALTH_FILE": str(tmp_path / "no" / "health")}
    root = Path(config.__file__).parents[1]
    argv = [sys.executable, "-m", "worker"]
    done = subprocess.run(argv, check=False, env=environment, cwd=root, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == os.EX_CONFIG
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (line["level"], line["event"]) == ("ERROR", "bad_settings")
    assert line["error"].startswith("EBB_HEALTH_FILE: the worker must be able to write ")


def test_all_bad_settings_are_in_one_log_line_and_the_worker_exits_78() -> None:
    environment = VARIABLES | {"EBB_QUEUE_URL": "", "EBB_STOP_TIMEOUT": "500", "EBB_CONCURRENCY": "none"}
    root = Path(config.__file__).parents[1]
    argv = [sys.executable, "-m", "worker"]
    done = subprocess.run(argv, check=False, env=environment, cwd=root, capture_output=True, text=True, timeout=20)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr == ""
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (line["level"], line["event"]) == ("ERROR", "bad_settings")
    assert line["error"] == (
        "EBB_QUEUE_URL must be set; EBB_STOP_TIMEOUT must be a whole number of seconds from 2 to 120, not '500'; "
        "EBB_CONCURRENCY must be a whole number of jobs from 1 to 100, not 'none'."
    )


VALUES = st.one_of(
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["on", "off", "a:b", "https://a/b.fifo", '["a"]', "9" * 5_000, "1e400", "٣", "1_0"]),
)


@given(st.dictionaries(st.sampled_from(sorted({*EVERY, "EBB_COMMAND"})), VALUES), st.booleans())
def test_any_environment_gives_settings_or_one_sentence(changes: dict[str, str], complete: bool) -> None:
    sentence = None
    try:
        settings = config.read((VARIABLES if complete else {}) | changes)
    except ConfigError as error:
        sentence = str(error)
    if sentence is not None:
        assert sentence.startswith("EBB_")
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return
    assert 30 <= settings.visibility_timeout <= 43_200
    assert 0 <= settings.backoff_base <= settings.backoff_cap <= 43_200
    assert 1 <= settings.concurrency <= 100
    assert 1 <= settings.max_job_seconds <= 43_200
    assert settings.fifo is settings.queue_url.endswith(".fifo")


@given(stop_timeout=st.integers(2, 120), visibility=st.integers(0, 43_200), wanted=st.floats(0, 50))
def test_time_outs_fit_into_each_other(stop_timeout: int, visibility: int, wanted: float) -> None:
    """A receive ends before its message is visible again; receive, drain and stopping a child fit a stop."""
    grace = min(wanted, max(2, stop_timeout / 2 - 8))
    changes = {"EBB_STOP_TIMEOUT": stop_timeout, "EBB_VISIBILITY_TIMEOUT": visibility, "EBB_GRACE": grace}
    settings = config.read(VARIABLES | {name: str(value) for name, value in changes.items()})
    assert settings.visibility_timeout >= 30
    assert 1 <= settings.wait <= 20
    assert settings.wait + 5 < settings.visibility_timeout
    assert settings.wait < stop_timeout
    assert settings.drain >= stop_timeout / 2
    assert settings.grace == pytest.approx(min(grace, stop_timeout / 8) if stop_timeout < 16 else grace)
    give_back = stop_timeout - settings.drain - settings.grace
    assert give_back == pytest.approx(8) if stop_timeout / 2 >= grace + 8 else give_back >= stop_timeout / 4
    assert settings.short_grace == min(settings.grace, 2)


def test_a_grace_that_does_not_fit_into_the_stop_timeout_is_refused() -> None:
    sentence = "EBB_GRACE must be at most 22, half of EBB_STOP_TIMEOUT less 8 seconds, but is 22.5."
    assert _refusal(EBB_STOP_TIMEOUT="60", EBB_GRACE="22.5") == sentence

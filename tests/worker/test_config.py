import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import __main__ as program
from worker import config
from worker.config import Config, SettingsError

GOOD = {
    "EBB_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
    "EBB_VISIBILITY_TIMEOUT": "300",
    "EBB_STOP_TIMEOUT": "120",
    "EBB_BACKOFF_BASE": "10",
    "EBB_BACKOFF_CAP": "900.5",
    "AWS_REGION": "us-east-1",
}


def test_the_settings_are_the_environment() -> None:
    assert config.read(GOOD | {"ECS_AGENT_URI": "http://169.254.170.2/v3/task"}) == Config(
        queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
        region="us-east-1",
        visibility_timeout=300,
        stop_timeout=120,
        backoff_base=10.0,
        backoff_cap=900.5,
        agent_uri="http://169.254.170.2/v3/task",
    )
    assert config.read(GOOD).agent_uri is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("EBB_QUEUE_URL", "", "EBB_QUEUE_URL must be set."),
        ("EBB_QUEUE_URL", "jobs", "EBB_QUEUE_URL must be a queue's URL, not 'jobs'."),
        ("AWS_REGION", "", "AWS_REGION must be set."),
        *(
            (name, value, f"{name} must be {kind} of seconds from {least} to {most}, not {value!r}.")
            for name, kind, least, most, values in [
                ("EBB_VISIBILITY_TIMEOUT", "a whole number", 0, 43200, ["5m", "-1", "43201", "1.5", "nan"]),
                ("EBB_STOP_TIMEOUT", "a whole number", 2, 120, ["1", "121", "x"]),
                ("EBB_BACKOFF_BASE", "a number", 0, 43200, ["-0.1", "inf"]),
                ("EBB_BACKOFF_CAP", "a number", 0, 43200, ["43200.5", "nan"]),
            ]
            for value in values
        ),
    ],
)
def test_a_bad_setting_is_one_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        config.read(GOOD | {name: value})
    assert str(caught.value) == sentence


def test_all_bad_settings_are_told_in_one_log_line_and_the_worker_exits_78() -> None:
    environment = GOOD | {"EBB_QUEUE_URL": "", "EBB_STOP_TIMEOUT": "500"}
    root = Path(program.__file__).parents[1]
    argv = [sys.executable, "-m", "worker"]
    done = subprocess.run(argv, check=False, env=environment, cwd=root, capture_output=True, text=True, timeout=20)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr == ""
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (line["level"], line["event"]) == ("ERROR", "bad_settings")
    assert line["error"] == (
        "EBB_QUEUE_URL must be set; EBB_STOP_TIMEOUT must be a whole number of seconds from 2 to 120, not '500'."
    )


@given(stop_timeout=st.integers(2, 120), visibility=st.integers(0, 43_200))
def test_time_outs_fit_into_each_other(stop_timeout: int, visibility: int) -> None:
    """A receive ends before its message is visible again; receive, drain and stopping a child fit a stop."""
    settings = config.read(GOOD | {"EBB_STOP_TIMEOUT": str(stop_timeout), "EBB_VISIBILITY_TIMEOUT": str(visibility)})
    assert settings.visibility_timeout >= 30
    assert 1 <= settings.wait <= 20
    assert settings.wait < settings.wait + program.READ_MARGIN < settings.visibility_timeout
    assert settings.wait < stop_timeout
    assert settings.drain + settings.grace < stop_timeout


def test_a_client_tries_once_within_seconds_in_the_settings_region() -> None:
    client = program.client(config.read(GOOD | {"AWS_REGION": "eu-central-1"}), 5)
    assert client.meta.region_name == "eu-central-1"
    options = client.meta.config
    assert (options.connect_timeout, options.read_timeout, options.retries["total_max_attempts"]) == (3, 5, 1)

"""Where a stack is found: a sandbox that runs on this machine, by a file that it leaves for the commands."""

import os
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    TokenRetrievalError,
)

from ebb.ops.cli.common import names
from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack, read
from ebb.project import ROOT
from ebb.sandbox import running

OUTPUTS = {
    "queue_url": "http://127.0.0.1:1/000000000000/jobs-1",
    "dead_letter_queue_url": "http://127.0.0.1:1/000000000000/dead-1",
    "job_table_name": "table-1",
    "cluster_name": "cluster-1",
    "service_name": "service-1",
    "api_url": "http://127.0.0.1:1/run",
    "alarm_names": {"oldest": "monitoring-oldest-1"},
}
ANNOUNCED = running.Running(
    name="mine",
    process=os.getpid(),
    endpoint="http://127.0.0.1:1",
    region="eu-west-1",
    speed=60,
    epoch=1000,
    config={"aws:region": "eu-west-1"},
    outputs=OUTPUTS,
)


def test_a_running_sandbox_is_found_by_its_stack_s_name_until_it_ends() -> None:
    with running.announced(ANNOUNCED):
        assert running.find("mine") == ANNOUNCED
        assert running.find("other") is None
        assert running.find("../running/mine") is None
        assert running.names() == ["mine"]
        assert names("mi") == ["mine"]
        found = read("mine")
        assert (found.sandbox, found.region, found.table_name) == (ANNOUNCED, "eu-west-1", "table-1")
        assert found.alarm_names == {"oldest": "monitoring-oldest-1"}
        assert (found.queue_name, found.fifo, found.api_key_id) == ("jobs-1", False, None)
        assert found.clients()("sqs").meta.endpoint_url == "http://127.0.0.1:1"
    assert running.find("mine") is None
    assert running.names() == []


def test_the_file_of_a_sandbox_is_the_user_s_alone(tmp_path: Path) -> None:
    with running.announced(ANNOUNCED):
        (file,) = (tmp_path / "cache" / "running").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


KILLED = """
import os, signal
from ebb.sandbox import running
from tests.ops.test_stack import ANNOUNCED
with running.announced(ANNOUNCED):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_file_of_a_sandbox_that_was_killed_is_ignored(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert len(list((tmp_path / "cache" / "running").iterdir())) == 1
    assert running.find("mine") is None
    assert running.names() == []
    with running.announced(ANNOUNCED):
        assert running.find("mine") == ANNOUNCED


def test_of_two_sandboxes_with_one_name_the_younger_is_found_and_then_the_older_again() -> None:
    younger = replace(ANNOUNCED, process=1)
    with running.announced(ANNOUNCED):
        time.sleep(0.05)  # files' times are not finer than some milliseconds on some systems
        with running.announced(younger):
            assert running.find("mine") == younger
        assert running.find("mine") == ANNOUNCED
        assert running.names() == ["mine"]


def test_metrics_of_a_sandbox_have_simulated_times_and_those_of_aws_real_ones() -> None:
    place = {"name": "x", "queue_url": "u", "cluster_name": "c", "service_name": "s"}
    assert Stack(**place, sandbox=ANNOUNCED).clock.at(1002) == 1120  # type: ignore[arg-type]
    assert Stack(**place).clock.at(1002) == pytest.approx(1002)  # type: ignore[arg-type]


def test_the_clients_have_the_region_of_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs-1"
    stack = Stack(name="dev", queue_url=url, cluster_name="c", service_name="s")
    assert stack.clients()("sqs").meta.region_name == "eu-central-1"


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no."}}, "DescribeServices")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            NoCredentialsError(),
            "There are no AWS credentials: sign in, such as with `aws sso login`, or set AWS_PROFILE.",
        ),
        (
            TokenRetrievalError(provider="sso", error_msg="expired"),
            (
                "The AWS credentials have expired (Error when retrieving token from sso: expired): sign in, such as "
                "with `aws sso login`, or set AWS_PROFILE."
            ),
        ),
        (
            refused("ExpiredTokenException"),
            (
                "AWS does not accept the credentials (ExpiredTokenException): sign in, such as with `aws sso login`, "
                "or set AWS_PROFILE."
            ),
        ),
        (NoRegionError(), "There is no AWS region: set `aws:region` in the stack's file, or AWS_REGION."),
        (
            EndpointConnectionError(endpoint_url="https://sqs"),
            (
                "AWS does not answer: check the network and the region. Could not connect to the endpoint URL: "
                '"https://sqs"'
            ),
        ),
        (
            refused("ClusterNotFoundException"),
            (
                "AWS refused DescribeServices: ClusterNotFoundException: no. Are these the account and the region of "
                "the stack?"
            ),
        ),
        (refused("AccessDeniedException"), "AWS refused DescribeServices: AccessDeniedException: no."),
    ],
)
def test_what_aws_or_the_connection_refuses_is_said_with_what_to_do(error: Exception, sentence: str) -> None:
    with pytest.raises(OpsError) as raised, refusals():
        raise error
    assert str(raised.value) == sentence

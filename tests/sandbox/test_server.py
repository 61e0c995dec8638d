"""The launcher of MiniStack, alone."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ebb.sandbox.emulators.ministack.server import MiniStackError, Server
from tests.helpers.waiting import alive


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


def queue_url(server: Server) -> str:
    session: Any = boto3.Session(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    return str(session.client("sqs", endpoint_url=server.endpoint).create_queue(QueueName="q")["QueueUrl"])


def test_it_serves_on_a_free_port_and_again_on_the_same_one(server: Server, tmp_path: Path) -> None:
    server.wait_until_ready()
    assert queue_url(server) == f"{server.endpoint}/000000000000/q"
    server.kill()
    assert not alive(server.process.pid)
    successor = Server(tmp_path, port=server.port)
    try:
        successor.wait_until_ready()
        assert successor.endpoint == server.endpoint
        assert queue_url(successor) == f"{server.endpoint}/000000000000/q"
    finally:
        successor.kill()


def test_a_frozen_one_accepts_connections_and_answers_later(server: Server) -> None:
    server.wait_until_ready()
    server.freeze()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /_ministack/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        server.thaw()
        connection.settimeout(180)
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_the_child_gets_no_variable_about_aws_or_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "corp")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    server = Server(tmp_path, environment={"MINE": "1"})
    try:
        names = subprocess.check_output(["ps", "eww", "-o", "command=", "-p", str(server.process.pid)], text=True)
        assert "MINE=1" in names
        assert f"PATH={os.environ['PATH']}" in names
        assert "AWS_PROFILE" not in names
        assert "PYTHONWARNINGS" not in names
    finally:
        server.kill()


def test_one_that_ends_at_once_is_reported_with_its_last_line(tmp_path: Path) -> None:
    server = Server(tmp_path, module="ebb.no_such_module")
    with pytest.raises(MiniStackError, match=r"^MiniStack did not start: .*No module named ebb\.no_such_module$"):
        server.wait_until_ready()
    server.kill()

"""The page's side of a deployed stack: what a look takes, and what happens when the stack is away."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ebb.ops.stack import OpsError, Stack
from ebb.page import source as module
from ebb.page.clients import CountedClients
from ebb.page.server import TOKEN_HEADER
from ebb.page.source import StackSource
from ebb.project import ROOT

#: Requests of a look, as docs/page.md counts them: tasks and queue 3, jobs of each state 7.
REQUESTS = 10


class Client:
    """A client whose requests are announced as botocore does."""

    def __init__(self) -> None:
        self.meta = self.events = self
        self.handlers: list[Any] = []

    def register(self, event: str, handler: Any) -> None:
        assert event == "before-send"
        self.handlers.append(handler)

    def request(self) -> None:
        for handler in self.handlers:
            assert handler(request="r", event_name="before-send.sqs.X") is None, "botocore sends it"


def test_the_requests_of_the_last_minute_are_counted_and_a_client_is_made_once() -> None:
    made, clock = list[str](), [0.0]

    def make(service: str) -> Client:
        made.append(service)
        return Client()

    clients = CountedClients(make, lambda: clock[0])
    for clock[0], service in ((0, "sqs"), (30, "ecs"), (59, "sqs")):
        clients(service).request()
    assert (made, clients.requests_a_minute()) == (["sqs", "ecs"], 3)
    clock[0] = 61
    assert clients.requests_a_minute() == 2


def test_a_look_takes_few_requests_and_alarms_are_asked_more_rarely(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SANDBOX_OVERVIEW_SECONDS", 600.0)
    source = StackSource(stack.name)
    first = source.state()["requests_a_minute"]
    assert 20 < first - REQUESTS < 40
    assert source.state()["requests_a_minute"] == first + REQUESTS
    source.redrive(["none"])
    assert source.state()["requests_a_minute"] > first + 2 * REQUESTS, "dead letters are counted again"


def test_a_look_has_the_stack_s_numbers(stack: Stack) -> None:
    seen = StackSource(stack.name).state()
    known = {"stack": "sandbox", "sandbox": True, "waiting": 0, "minimum": 0, "maximum": 4, "dead": 0, "paused": False}
    assert {name: seen[name] for name in known} == known
    assert seen["place"] == "sandbox on this machine, 60 times as fast as AWS"
    assert {alarm["name"] for alarm in seen["alarms"] if alarm["scales"]} >= {"scaling-out", "scaling-zero"}
    json.dumps(seen)


def test_a_stack_without_a_table_has_no_list_of_jobs(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read", lambda _: replace(stack, table_name=None))
    source = StackSource(stack.name)
    assert (source.state()["jobs"], source.search("x")) == (None, None)


def test_after_an_error_the_stack_is_found_anew(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    source = StackSource(stack.name)
    expired = ClientError({"Error": {"Code": "ExpiredToken", "Message": "The token has expired"}}, "DescribeServices")

    def refuse(_self: Any, _service: str) -> Any:
        raise expired

    with monkeypatch.context() as patch:
        patch.setattr(CountedClients, "__call__", refuse)
        with pytest.raises(OpsError, match=r"^AWS does not accept the credentials \(ExpiredToken\): sign in"):
            source.state()
    assert source.state()["maximum"] == 4


def test_a_sandbox_that_has_ended_is_not_taken_for_a_stack_in_aws(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = StackSource(stack.name)
    monkeypatch.setattr(module, "read", lambda _: replace(stack, sandbox=None))
    monkeypatch.setattr(module, "Service", lambda *_: (_ for _ in ()).throw(OpsError("AWS does not answer.")))
    with pytest.raises(OpsError, match="AWS does not answer"):
        source.state()
    with pytest.raises(OpsError, match=r"^The sandbox of stack sandbox has ended\.$"):
        source.send("{}", None)


def test_a_body_that_is_no_job_is_one_sentence(stack: Stack) -> None:
    with pytest.raises(Exception, match=r"^The job was not sent: a job is a JSON object"):
        StackSource(stack.name).send("[1]", None)


def test_the_command_prints_the_address_and_ctrl_c_ends_it(stack: Stack) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "ebb", "page", "--stack", stack.name]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address, _, token = process.stdout.readline().split()[-1].partition("#")
        request = urllib.request.Request(f"{address}api/state", headers={TOKEN_HEADER: token})
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["stack"] == stack.name
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "Ctrl-C ends it.\n"
    assert process.returncode == 0

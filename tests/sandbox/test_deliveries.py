"""Events reach the targets of their rules: an HTTP server that fails at first, and the dead-letter queue after that."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ebb.sandbox.controllers.deliveries import EventBridge
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import until

ROLE = "arn:aws:iam::000000000000:role/r"


class Hook(HTTPServer):
    """A webhook that answers with these statuses, one after the other, and then with the last one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.statuses: list[int] = [200]
        self.retry_after = "0"
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []


class Answering(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers), json.loads(body)))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bridge(region: Region) -> Iterator[EventBridge]:
    bridge = EventBridge(region)
    bridge.start()
    yield bridge
    bridge.stop()


def deploy(region: Region, url: str, **target: Any) -> None:
    """A rule for the ends of this stack's jobs, whose target is the URL."""
    events = region.client("events")
    events.create_connection(
        Name="hook",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer s"}},
    )
    connection = events.describe_connection(Name="hook")["ConnectionArn"]
    destination = events.create_api_destination(
        Name="hook", ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST"
    )
    pattern = {"source": ["ebb"], "detail": {"stack": ["jobs"]}}
    events.put_rule(Name="ended", EventPattern=json.dumps(pattern))
    one = {"Id": "hook", "Arn": destination["ApiDestinationArn"], "RoleArn": ROLE, **target}
    events.put_targets(Rule="ended", Targets=[one])


def put(region: Region, stack: str = "jobs") -> None:
    detail = json.dumps({"id": "j", "stack": stack, "note": "é"})
    entry = {"Source": "ebb", "DetailType": "Job Succeeded", "Detail": detail}
    assert region.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def dead_letters(region: Region) -> str:
    sqs = region.client("sqs")
    return str(sqs.create_queue(QueueName="dead")["QueueUrl"])


DEAD = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:dead"}}


@pytest.mark.usefixtures("bridge")
def test_a_webhook_gets_an_event_with_its_header_also_when_it_fails_at_first(region: Region, hook: Hook) -> None:
    hook.statuses = [500, 429, 200]
    deploy(region, f"http://127.0.0.1:{hook.server_port}/hook")
    put(region, stack="another")
    put(region)
    until(lambda: len(hook.requests) == 3)
    headers, event = hook.requests[-1]
    assert headers["Authorization"] == "Bearer s"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert (event["source"], event["detail-type"], event["version"]) == ("ebb", "Job Succeeded", "0")
    assert event["detail"] == {"id": "j", "stack": "jobs", "note": "é"}
    assert len({each["id"] for _, each in hook.requests}) == 1, "a repeat has the same id"
    until(lambda: [each.text for each in region.events if each.kind == "delivery"])
    assert [each.text for each in region.events if each.kind == "error"] == []


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    ("status", "retry_after", "policy", "attempts", "exhausted"),
    [
        (500, "0", {"MaximumRetryAttempts": 2}, 3, "MaximumRetryAttempts"),
        (503, "3600", {"MaximumEventAgeInSeconds": 60}, 1, "MaximumEventAgeInSeconds"),
        (400, "0", {}, 1, None),
    ],
)
def test_what_a_webhook_does_not_take_is_in_the_dead_letter_queue(  # noqa: PLR0917 - a row of the table
    region: Region, hook: Hook, status: int, retry_after: str, policy: Any, attempts: int, exhausted: str | None
) -> None:
    url = dead_letters(region)
    hook.statuses, hook.retry_after = [status], retry_after
    deploy(region, f"http://127.0.0.1:{hook.server_port}/hook", RetryPolicy=policy, **DEAD)
    put(region)

    def dead() -> Any:
        sqs = region.client("sqs")
        return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    (message,) = until(dead)
    about = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["detail"]["id"] == "j"
    assert (about["ERROR_MESSAGE"], about["RETRY_ATTEMPTS"]) == (f"HTTP status {status}", str(attempts - 1))
    assert about.get("EXHAUSTED_RETRY_CONDITION") == exhausted
    assert len(hook.requests) == attempts


@pytest.mark.usefixtures("bridge")
def test_the_sandbox_calls_no_other_machine(region: Region) -> None:
    deploy(region, "https://hooks.example.com/jobs")
    put(region)
    until(lambda: [each for each in region.events if each.kind == "error"])
    (error,) = [each.text for each in region.events if each.kind == "error"]
    assert error.endswith("the sandbox calls no server of another machine, such as https://hooks.example.com/jobs")


@pytest.mark.usefixtures("bridge")
def test_a_queue_gets_an_event_or_a_constant(region: Region) -> None:
    url = dead_letters(region)
    target = {"Id": "q", "Arn": DEAD["DeadLetterConfig"]["Arn"]}
    region.client("events").put_rule(Name="r", EventPattern='{"source": ["ebb"]}')
    region.client("events").put_targets(Rule="r", Targets=[target, {**target, "Id": "c", "Input": '{"constant": 1}'}])
    put(region)
    bodies: list[Any] = []

    def both() -> bool:
        found = region.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        bodies.extend(json.loads(each["Body"]) for each in found)
        return len(bodies) == 2

    until(both)
    assert {"constant": 1} in bodies
    assert [body["detail"]["id"] for body in bodies if "detail" in body] == ["j"]

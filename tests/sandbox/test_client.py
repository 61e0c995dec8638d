"""Jobs that are sent to the deployed API, with each kind of authentication, and what arrives in the queue."""

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ebb.sandbox.client import Client, NotAcceptedError
from ebb.sandbox.demo import WORKER
from ebb.sandbox.sandbox import Sandbox
from tests.helpers.waiting import LIMIT

NO_TABLE = {"ebb:jobs": {"keep_days": None}}
FIFO = {"ebb:queue": {"fifo": True, "name": "jobs.fifo"}}
DIRECT = {"ebb:scaling": {"direct": True}}
#: What a job is sent with, or how: overrides of the stack.
WAYS: dict[str, dict[str, Any]] = {
    "nothing": NO_TABLE,
    "a signature": NO_TABLE | {"ebb:api": {"auth": "iam"}},
    "an API key, with a job table": {"ebb:api": {"auth": "api_key"}},
    "a group and a deduplication id": NO_TABLE | FIFO,
    "a group and an idempotency key, with a job table": FIFO,
    "nothing, through the workflow": NO_TABLE | DIRECT,
    "a group and a deduplication id, through the workflow": NO_TABLE | FIFO | DIRECT,
}


@pytest.fixture(scope="module", params=WAYS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The stack deployed in one of the ways. No task takes the messages."""
    with Sandbox(in_process=True, overrides=WAYS[request.param], image=WORKER, say=lambda _: None) as sandbox:
        sandbox.deployment.up()
        sandbox.tasks.stop()
        yield sandbox


def _received(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The messages in the queue by the job's id, without a job table by their own."""
    url = sandbox.deployment.outputs()["queue_url"]
    found = sandbox.region.client("sqs").receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=1,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    return {
        message.get("MessageAttributes", {}).get("EbbJobId", {}).get("StringValue", message["MessageId"]): message
        for message in found.get("Messages", [])
    }


def _status(send: Callable[[], str]) -> int:
    with pytest.raises(NotAcceptedError) as refused:
        send()
    match = re.fullmatch(r"(?:POST|GET) http://127\.0\.0\.1\S* was answered (\d+): .*\.", str(refused.value), re.DOTALL)
    assert match, refused.value
    return int(match[1])


def test_a_job_by_post_by_get_and_by_the_curl_line_arrives_as_it_was_sent(sandbox: Sandbox) -> None:
    client = sandbox.client()
    posted, got = client.post({"text": "ä & b=c"}), client.get("x y&z=1+1")
    answer = subprocess.check_output(client.curl({"n": "it's"}), shell=True, text=True, timeout=LIMIT)
    curled = json.loads(answer)["id" if sandbox.settings.jobs.table else "messageId"]
    received = _received(sandbox)
    assert {name: message["Body"] for name, message in received.items()} == {
        posted: '{"text": "\\u00e4 & b=c"}',
        got: "x y&z=1+1",
        curled: '{"n": "it\'s"}',
    }
    groups = [message["Attributes"].get("MessageGroupId") for message in received.values()]
    assert len(set(groups)) == (3 if sandbox.settings.queue.fifo else 1)


def test_a_caller_without_a_signature_or_key_is_refused_where_one_is_needed(sandbox: Sandbox) -> None:
    url = {"api_url": sandbox.deployment.outputs()["api_url"]}
    like = (FIFO if sandbox.settings.queue.fifo else {}) | ({} if sandbox.settings.jobs.table else NO_TABLE)
    stranger = Client(sandbox.region, Sandbox("sandbox", overrides=like).settings, url)
    if sandbox.settings.api.auth == "none":
        assert stranger.post({"n": 1})
    else:
        assert _status(lambda: stranger.post({"n": 1})) == (401 if sandbox.settings.api.auth == "iam" else 403)


def test_what_the_sender_did_wrong_is_4xx_and_what_the_queue_lacks_5xx(sandbox: Sandbox) -> None:
    client = sandbox.client()
    assert _status(lambda: client.post({"a": "x" * 1_048_577})) == 413
    assert _status(lambda: client.get("")) == 400
    assert _status(lambda: client.get("\x01")) == 400
    sandbox.region.client("sqs").delete_queue(QueueUrl=sandbox.deployment.outputs()["queue_url"])
    assert _status(lambda: client.post({"a": 1})) == 502


def test_an_api_that_is_gone_is_one_sentence(sandbox: Sandbox) -> None:
    with socket.socket() as closed:  # bound, and not listening
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/run"
        client = Client(sandbox.region, sandbox.settings, {**sandbox.deployment.outputs(), "api_url": url})
        with pytest.raises(NotAcceptedError, match=r"had no answer: .*refused"):
            client.post({"n": 1})

"""Jobs that are sent to the deployed API, with each kind of authentication, and what arrives in the queue."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from ebb.sandbox.client import Client, NotAcceptedError
from ebb.sandbox.sandbox import Sandbox
from tests.helpers.waiting import LIMIT

FIFO = {"ebb:queue": {"fifo": True, "name": "jobs.fifo"}}
WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a signature": {"ebb:api": {"auth": "iam"}},
    "an API key": {"ebb:api": {"auth": "api_key"}},
    "a group and a deduplication id": FIFO,
}


def _received(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The messages in the queue by id."""
    url = sandbox.deployment.outputs()["queue_url"]
    found = sandbox.region.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"]
    )
    return {message["MessageId"]: message for message in found.get("Messages", [])}


@pytest.mark.parametrize("way", WAYS)
def test_a_job_by_post_by_get_and_by_the_curl_line_arrives_as_it_was_sent(way: str) -> None:
    with Sandbox(in_process=True, overrides=WAYS[way], say=lambda _: None) as sandbox:
        sandbox.tasks.stop()  # no task takes the messages
        sandbox.deployment.up()
        client = sandbox.client()
        posted, got = client.post({"text": "ä & b=c"}), client.get("x y&z=1+1")
        answer = subprocess.check_output(client.curl({"n": "it's"}), shell=True, text=True, timeout=LIMIT)
        curled = json.loads(answer)["messageId"]
        received = _received(sandbox)
        assert {name: message["Body"] for name, message in received.items()} == {
            posted: '{"text": "\\u00e4 & b=c"}',
            got: "x y&z=1+1",
            curled: '{"n": "it\'s"}',
        }
        groups = [message["Attributes"].get("MessageGroupId") for message in received.values()]
        assert len(set(groups)) == (3 if "ebb:queue" in WAYS[way] else 1)


@pytest.mark.parametrize("way", ["a signature", "an API key"])
def test_a_caller_without_it_is_refused_in_one_sentence(way: str) -> None:
    with Sandbox(in_process=True, overrides=WAYS[way], say=lambda _: None) as sandbox:
        sandbox.deployment.up()
        url = {"api_url": sandbox.deployment.outputs()["api_url"]}
        stranger = Client(sandbox.region, Sandbox("sandbox").settings, url)
        with pytest.raises(NotAcceptedError, match=r"^POST http://127\.0\.0\.1.* was answered 403: .*\.$"):
            stranger.post({"n": 1})


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "FIFO"])
@pytest.mark.parametrize("direct", [False, True], ids=["sqs", "direct"])
def test_what_the_sender_did_wrong_is_4xx_and_what_the_queue_lacks_5xx(direct: bool, fifo: bool) -> None:
    overrides = {"ebb:scaling": {"direct": direct}, "ebb:api": {"get_endpoint": True}, **(FIFO if fifo else {})}
    with Sandbox(in_process=True, overrides=overrides, say=lambda _: None) as sandbox:
        sandbox.tasks.stop()
        sandbox.deployment.up()
        client = sandbox.client()

        def status(send: Callable[[], str]) -> int:
            with pytest.raises(NotAcceptedError) as refused:
                send()
            match = re.search(r"answered (\d+)", str(refused.value))
            assert match, refused.value
            return int(match[1])

        assert status(lambda: client.post({"a": "x" * 1_048_577})) == 413
        assert status(lambda: client.get("")) == 400
        assert status(lambda: client.get("\x01")) == 400
        sandbox.region.client("sqs").delete_queue(QueueUrl=sandbox.deployment.outputs()["queue_url"])
        assert status(lambda: client.post({"a": 1})) == 502


def test_an_api_that_is_gone_is_one_sentence() -> None:
    with Sandbox(in_process=True, say=lambda _: None) as sandbox:
        sandbox.deployment.up()
        client = sandbox.client()
    with pytest.raises(NotAcceptedError, match=r"had no answer: .*refused"):
        client.post({"n": 1})

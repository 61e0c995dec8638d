from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.emulator import Emulator
from tests.worker.harness import TestQueue


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path)
    yield emulator
    emulator.close()


def everything(queue: TestQueue) -> dict[str, Any]:
    """All that is visible, by body."""
    answers = {}
    while message := queue.take():
        answers[message["Body"]] = message
    return answers


def test_what_was_answered_is_known_after_kill_9(emulator: Emulator) -> None:
    queue = TestQueue(emulator.client, emulator.client.create_queue(QueueName="jobs")["QueueUrl"])
    for body in ("deleted", "given back", "held", "new"):
        queue.send(body, MessageAttributes={"of": {"DataType": "String", "StringValue": body}})
        if body != "new":
            handle = (queue.take() or {})["ReceiptHandle"]
        if body == "deleted":
            queue.client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)
        if body == "held":
            queue.client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=100)
        if body == "given back":
            returned = handle
    queue.client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=returned, VisibilityTimeout=0)
    emulator.kill()
    emulator.start()
    assert queue.counts() == (2, 1)
    queue.client.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)  # its handle, too
    found = everything(queue)
    assert set(found) == {"given back", "new"}
    assert found["given back"]["Attributes"]["ApproximateReceiveCount"] == "2"
    assert found["new"]["Attributes"]["ApproximateReceiveCount"] == "1"
    emulator.kill()
    emulator.start()  # the journal was made anew at the last start
    assert queue.counts() == (0, 2)


def test_a_redrive_to_the_dead_letter_queue_outlives_kill_9(emulator: Emulator) -> None:
    dead = TestQueue(emulator.client, emulator.client.create_queue(QueueName="dead")["QueueUrl"])
    policy = f'{{"maxReceiveCount": "1", "deadLetterTargetArn": "{dead.arn}"}}'
    attributes = {"VisibilityTimeout": "0", "RedrivePolicy": policy}
    url = emulator.client.create_queue(QueueName="jobs", Attributes=attributes)["QueueUrl"]
    queue = TestQueue(emulator.client, url)
    queue.send("poison")
    assert queue.take()
    assert queue.take() is None
    emulator.kill()
    emulator.start()
    assert queue.counts() == (0, 0)
    assert set(everything(dead)) == {"poison"}

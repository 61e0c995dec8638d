"""Moving a queue's messages: all of them, in order, with what belongs to them, and none is lost half-way."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ebb.ops.moving import BATCH, move
from ebb.ops.stack import OpsError, Stack

REGION = "eu-central-1"
BINARY = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("ebb.ops.moving.WAIT_SECONDS", 0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("sqs", REGION)


def create(sqs: Any, name: str) -> str:
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    return str(sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"])


def stack(url: str) -> Stack:
    return Stack(name="dev", provider={"region": REGION}, queue_url=url, cluster_name="c", service_name="s")


def messages(sqs: Any, url: str) -> list[dict[str, Any]]:
    """All visible messages, in order; each is deleted."""
    found: list[dict[str, Any]] = []
    while batch := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["MessageGroupId"],
        MessageAttributeNames=["All"],
    ).get("Messages"):
        found += batch
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def bodies(sqs: Any, url: str) -> list[str]:
    return [message["Body"] for message in messages(sqs, url)]


def test_a_move_takes_every_message_of_many_receives(sqs: Any) -> None:
    old, new = create(sqs, "old"), create(sqs, "new")
    sent = [str(number) for number in range(2 * BATCH + 3)]
    for body in sent:
        sqs.send_message(QueueUrl=old, MessageBody=body)
    assert move(stack(new), old) == len(sent)
    assert sorted(bodies(sqs, new)) == sorted(sent)
    assert bodies(sqs, old) == []


def test_a_moved_message_keeps_its_attributes(sqs: Any) -> None:
    old, new = create(sqs, "old"), create(sqs, "new")
    attributes = {"text": {"DataType": "String", "StringValue": "a"}, "bytes": BINARY}
    sqs.send_message(QueueUrl=old, MessageBody="x", MessageAttributes=attributes)
    assert move(stack(new), old) == 1
    assert [message["MessageAttributes"] for message in messages(sqs, new)] == [attributes]


def test_a_move_between_standard_queues_keeps_the_group_and_the_trace(sqs: Any) -> None:
    old, new = create(sqs, "old"), create(sqs, "new")
    trace = {"DataType": "String", "StringValue": "Root=1-67f1a2b3-4c5d6e7f8091a2b3c4d5e6f7"}
    sqs.send_message(
        QueueUrl=old, MessageBody="x", MessageGroupId="tenant-7", MessageSystemAttributes={"AWSTraceHeader": trace}
    )
    assert move(stack(new), old) == 1
    (moved,) = sqs.receive_message(QueueUrl=new, MessageSystemAttributeNames=["MessageGroupId", "AWSTraceHeader"])[
        "Messages"
    ]
    assert moved["Attributes"] == {"MessageGroupId": "tenant-7", "AWSTraceHeader": trace["StringValue"]}


def test_a_move_between_fifo_queues_keeps_groups_and_order(sqs: Any) -> None:
    old, new = create(sqs, "old.fifo"), create(sqs, "new.fifo")
    sent = [(f"g{number % 3}", f"d{number}") for number in range(25)]
    for group, key in sent:
        sqs.send_message(QueueUrl=old, MessageBody=key, MessageGroupId=group, MessageDeduplicationId=key)
    assert move(stack(new), old) == len(sent)
    moved = messages(sqs, new)
    for group in ("g0", "g1", "g2"):
        of = [message for message in moved if message["Attributes"]["MessageGroupId"] == group]
        assert [message["Body"] for message in of] == [key for each, key in sent if each == group]
    assert len(moved) == len(sent)


def test_two_jobs_with_one_deduplication_id_are_both_moved(sqs: Any) -> None:
    new = create(sqs, "new.fifo")
    for name in ("one.fifo", "two.fifo"):
        old = create(sqs, name)
        sqs.send_message(QueueUrl=old, MessageBody=name, MessageGroupId="g", MessageDeduplicationId="7")
        assert move(stack(new), old) == 1
    assert bodies(sqs, new) == ["one.fifo", "two.fifo"]


def test_a_message_without_a_group_gets_a_separate_one_in_a_fifo_queue(sqs: Any) -> None:
    old, new = create(sqs, "old"), create(sqs, "new.fifo")
    for body in ("same", "same"):
        sqs.send_message(QueueUrl=old, MessageBody=body)
    assert move(stack(new), old) == 2
    moved = messages(sqs, new)
    assert [message["Body"] for message in moved] == ["same", "same"]
    assert len({message["Attributes"]["MessageGroupId"] for message in moved}) == 2


def test_a_move_from_a_fifo_queue_to_a_standard_one_leaves_the_group_out(sqs: Any) -> None:
    old, new = create(sqs, "old.fifo"), create(sqs, "new")
    sqs.send_message(QueueUrl=old, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    assert move(stack(new), old) == 1
    assert bodies(sqs, new) == ["x"]


class Broken:
    """SQS whose call of this name raises at its n-th time."""

    def __init__(self, sqs: Any, call: str, at: int) -> None:
        self._sqs, self._call, self._left = sqs, call, at

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            self._left -= 1
            if not self._left:
                raise KeyboardInterrupt
        return getattr(self._sqs, name)


@pytest.mark.parametrize("call", ["send_message", "delete_message"])
def test_a_move_that_is_stopped_loses_no_message_and_can_be_repeated(sqs: Any, call: str) -> None:
    old, new = create(sqs, "old"), create(sqs, "new")
    sent = [str(number) for number in range(12)]
    for body in sent:
        sqs.send_message(QueueUrl=old, MessageBody=body)
    broken = Broken(sqs, call, at=4)
    with pytest.raises(KeyboardInterrupt):
        move(stack(new), old, client=lambda _: broken)
    arrived = bodies(sqs, new)
    assert len(arrived) == {"send_message": 3, "delete_message": 4}[call]
    attributes = sqs.get_queue_attributes(QueueUrl=old, AttributeNames=["All"])["Attributes"]
    hidden = int(attributes["ApproximateNumberOfMessagesNotVisible"])
    assert hidden == 7, "the rest of the first batch is visible again after the visibility timeout"
    assert hidden + int(attributes["ApproximateNumberOfMessages"]) == len(sent) - 3
    assert move(stack(new), old) == 2
    assert set(arrived).isdisjoint(bodies(sqs, new))


def test_a_move_to_another_queue_than_the_stacks(sqs: Any) -> None:
    old, new, other = create(sqs, "old"), create(sqs, "new"), create(sqs, "other")
    sqs.send_message(QueueUrl=old, MessageBody="x")
    assert move(stack(new), old, other) == 1
    assert (bodies(sqs, new), bodies(sqs, other)) == ([], ["x"])


def test_a_move_from_a_queue_to_itself_is_refused(sqs: Any) -> None:
    queue = create(sqs, "jobs")
    with pytest.raises(OpsError, match=r"is the queue to which its messages would be moved: name another one\.$"):
        move(stack(queue), queue)


def test_a_queue_that_is_gone_is_one_sentence(sqs: Any) -> None:
    queue = create(sqs, "jobs")
    with pytest.raises(OpsError, match=r"queue does not exist") as caught:
        move(stack(queue), f"{queue}-gone")
    assert "\n" not in str(caught.value)

"""What a dead letter carries, and how it fits into a message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.harness import Sqs, TestQueue
from tests.worker.sqs_stub import OK, Stub, all_messages, error_answer, message_of, queue_of
from worker.aws import sqs as module
from worker.aws.sqs import MAX_REASON_BYTES
from worker.core.events import (
    DeadLetter,
    Kind,
    Receive,
)


def test_a_dead_letter_has_the_body_the_attributes_the_reason_and_the_source(queue: TestQueue) -> None:
    attributes = {
        "colour": {"DataType": "String", "StringValue": "blau"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    queue.send("the body", MessageAttributes=attributes)
    ours = queue_of(queue)
    (message,) = ours.receive(Receive(1, 0)).messages
    dead = DeadLetter(message, "not a \x00 number\ud800")
    answered = ours.dead_letter(dead)
    assert (answered.call, answered.asked_at, answered.outcomes) == (dead, 7.0, {message.handle: OK})
    (copy,) = all_messages(queue.dead)
    assert copy["Body"] == "the body"
    values = {
        name: value.get("StringValue", value.get("BinaryValue")) for name, value in copy["MessageAttributes"].items()
    }
    assert values == {
        "colour": "blau",
        "raw": b"\x00\xff",
        "EbbReason": "not a \ufffd number\ufffd",
        "EbbSource": queue.url,
    }


def test_a_dead_letter_of_a_fifo_queue_is_sent_once_and_stays_in_its_group(sqs: Sqs) -> None:
    queue = sqs.queue(FifoQueue="true")
    sent = queue.send("the body", MessageGroupId="group", MessageDeduplicationId="only-once")
    ours = queue_of(queue)
    (message,) = ours.receive(Receive(1, 0)).messages
    for _ in range(2):  # as after a lost answer
        assert ours.dead_letter(DeadLetter(message, "bad")).outcomes == {message.handle: OK}
    (copy,) = all_messages(queue.dead)
    assert copy["Attributes"]["MessageGroupId"] == "group"
    assert copy["Attributes"]["MessageDeduplicationId"] == sent
    assert queue.dead.counts() == (0, 1)


def _attributes(count: int) -> dict[str, Any]:
    return {f"name-{number}": {"DataType": "String", "StringValue": "v"} for number in range(count)}


@pytest.mark.parametrize(
    ("own", "added"),
    [(0, {"EbbReason", "EbbSource"}), (8, {"EbbReason", "EbbSource"}), (9, {"EbbReason"}), (10, set())],
)
def test_a_dead_letter_s_own_attributes_come_first(stub: Stub, own: int, added: set[str]) -> None:
    stub.plan = [(200, {"MessageId": "copy"})]
    message = message_of(attributes=_attributes(own))
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes == {message.handle: OK}
    assert set(stub.asked[0][1]["MessageAttributes"]) == set(message.attributes) | added


def test_a_dead_letter_that_dies_again_has_the_newer_reason(stub: Stub) -> None:
    stub.plan = [(200, {"MessageId": "copy"})]
    old = {"EbbReason": {"DataType": "String", "StringValue": "old"}}
    stub.queue.dead_letter(DeadLetter(message_of(attributes=_attributes(9) | old), "new"))
    sent = stub.asked[0][1]["MessageAttributes"]
    assert len(sent) == 10
    assert sent["EbbReason"]["StringValue"] == "new"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "InvalidParameterValue"), (400, "InvalidMessageContents"), (413, "RequestEntityTooLarge")],
)
def test_a_dead_letter_that_is_too_long_goes_without_reason_and_is_then_refused(
    stub: Stub, status: int, code: str
) -> None:
    message = message_of(attributes=_attributes(1))
    no = (status, error_answer(code))
    stub.plan = [no, (200, {"MessageId": "copy"}), no, no]
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes == {message.handle: OK}
    assert set(stub.asked[1][1]["MessageAttributes"]) == {"name-0"}
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes[message.handle].kind is Kind.REFUSED
    assert len(stub.asked) == 4


@given(st.text(max_size=3000))
def test_any_reason_is_made_one_that_sqs_takes(reason: str) -> None:
    text = module._clean(reason)
    assert 1 <= len(text.encode()) <= MAX_REASON_BYTES
    assert not module.FORBIDDEN_CHARACTERS.search(text)
    if (
        len(reason.encode(errors="replace")) <= MAX_REASON_BYTES
        and reason
        and not module.FORBIDDEN_CHARACTERS.search(reason)
    ):
        assert text == reason

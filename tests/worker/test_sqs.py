"""The calls about messages, against an emulator of SQS."""

import uuid

import pytest

from tests.worker.harness import Sqs, TestQueue
from tests.worker.sqs_stub import OK, message_of, queue_of, sqs_config
from worker.aws.sqs import Queue
from worker.core.events import (
    ChangeVisibility,
    DeadLetter,
    Delete,
    Kind,
    Receive,
    Received,
)
from worker.job import Job


def test_a_message_comes_with_all_that_a_job_and_a_dead_letter_need(sqs: Sqs) -> None:
    queue = sqs.queue(FifoQueue="true")
    attributes = {
        "colour": {"DataType": "String", "StringValue": "blau"},
        "count": {"DataType": "Number", "StringValue": "3"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    sent = queue.send(
        "the body",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": trace}},
        MessageGroupId="group",
        MessageDeduplicationId="only-once",
    )
    receive = Receive(10, 0)
    received = queue_of(queue).receive(receive)
    assert (received.receive, received.asked_at, received.error) == (receive, 7.0, None)
    (message,) = received.messages
    assert message.job == Job(
        id=sent,
        body="the body",
        attributes={"colour": "blau", "count": "3", "raw": b"\x00\xff"},
        attempt=1,
        group="group",
        trace=trace,
    )
    assert {name: value["DataType"] for name, value in message.attributes.items()} == {
        "colour": "String",
        "count": "Number",
        "raw": "Binary",
    }
    assert message.deduplication_id == "only-once"
    assert 1_700_000_000 < message.sent_at < 10_000_000_000


@pytest.mark.parametrize(
    ("given", "known"), [("job-17_A", True), ("", False), ("a b", False), ("x" * 129, False), ("é", False)]
)
def test_a_job_has_the_id_that_the_api_gave_out_or_else_its_message_s(sqs: Sqs, given: str, known: bool) -> None:
    queue = sqs.queue()
    attributes = {"EbbJobId": {"DataType": "String", "StringValue": given}} if given else {}
    sent = queue.send("body", MessageAttributes=attributes)
    (message,) = queue_of(queue).receive(Receive(1, 0)).messages
    assert (message.job.id, message.job.message_id, message.id) == (given if known else sent, sent, sent)
    assert message.job.attributes == {}
    assert set(message.attributes) == ({"EbbJobId"} if given else set())  # a dead letter keeps it


def test_as_many_messages_come_as_were_asked_for_and_stay_hidden(queue: TestQueue) -> None:
    for number in range(5):
        queue.send(str(number))
    received = queue_of(queue).receive(Receive(3, 0))
    assert len(received.messages) == 3
    assert len({message.handle for message in received.messages}) == 3
    assert queue.counts() == (2, 3)


def test_an_empty_queue_is_no_error(queue: TestQueue) -> None:
    assert queue_of(queue).receive(Receive(1, 0)) == Received(Receive(1, 0), 7.0)


def test_messages_are_given_back_and_deleted_in_batches(queue: TestQueue) -> None:
    for number in range(4):
        queue.send(str(number))
    ours = queue_of(queue)
    first, second, third, fourth = ours.receive(Receive(10, 0)).messages
    hide = ChangeVisibility(((first, 0), (second, 0), (third, 600)))
    answered = ours.change_visibility(hide)
    assert (answered.call, answered.asked_at) == (hide, 7.0)
    assert answered.outcomes == {first.handle: OK, second.handle: OK, third.handle: OK}
    assert queue.counts() == (2, 2)
    delete = Delete((third, fourth))
    answered = ours.delete(delete)
    assert (answered.call, answered.asked_at) == (delete, 7.0)
    assert answered.outcomes == {third.handle: OK, fourth.handle: OK}
    assert queue.counts() == (2, 0)


def test_a_lost_lease_in_a_batch_is_reported_for_its_message_only(queue: TestQueue) -> None:
    queue.send("kept")
    queue.send("deleted")
    ours = queue_of(queue)
    kept, deleted = ours.receive(Receive(10, 0)).messages
    ours.delete(Delete((deleted,)))
    outcomes = ours.change_visibility(ChangeVisibility(((kept, 60), (deleted, 60)), urgent=True)).outcomes
    assert outcomes[kept.handle] == OK
    assert outcomes[deleted.handle].kind is Kind.LOST


def test_a_queue_that_is_not_there_is_trouble_and_not_an_exception(sqs: Sqs) -> None:
    url = f"{sqs.endpoint}/000000000000/none-{uuid.uuid4().hex}"
    ours = Queue(sqs_config(url, url), sqs.client, sqs.client, sqs.client)
    message = message_of()
    received = ours.receive(Receive(1, 0))
    assert received.messages == ()
    assert "NonExistentQueue" in str(received.error) or "QueueDoesNotExist" in str(received.error)
    for answered in (ours.change_visibility(ChangeVisibility(((message, 0),))), ours.delete(Delete((message,)))):
        assert answered.outcomes[message.handle].kind is Kind.RETRYABLE
    assert ours.dead_letter(DeadLetter(message, "bad")).outcomes[message.handle].kind is Kind.RETRYABLE

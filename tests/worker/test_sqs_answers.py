"""What the worker makes of each of SQS's answers, also of those that the emulator does not give."""

from dataclasses import replace
from typing import Any

import pytest

from tests.worker.configs import URL
from tests.worker.sqs_stub import OK, Stub, error_answer, message_of, sqs_client, sqs_config
from worker.aws.sqs import SYSTEM_ATTRIBUTES, Queue
from worker.core.events import (
    Answered,
    ChangeVisibility,
    DeadLetter,
    Delete,
    Kind,
    Message,
    Outcome,
    Receive,
    Received,
)
from worker.job import Job

NOT_AVAILABLE = (
    "Value handle for parameter ReceiptHandle is invalid. "
    "Reason: Message does not exist or is not available for visibility timeout change."
)
BEYOND = (
    "Value 30 for parameter VisibilityTimeout is invalid. "
    "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."
)
LOST = [
    ("AWS.SimpleQueueService.MessageNotInflight", "The specified message isn't in flight."),
    ("MessageNotInflight", "The specified message isn't in flight."),
    ("ReceiptHandleIsInvalid", "The input receipt handle is invalid."),
    ("InvalidParameterValue", NOT_AVAILABLE),
    ("InvalidParameterValue", BEYOND),
    ("InvalidParameterValueException", NOT_AVAILABLE),
]


@pytest.mark.parametrize(("code", "text"), LOST)
def test_each_of_sqs_s_ways_to_say_it_is_a_lost_lease(stub: Stub, code: str, text: str) -> None:
    failed = {"Id": "1", "SenderFault": True, "Code": code, "Message": text}
    stub.plan = [(200, {"Successful": [{"Id": "0"}], "Failed": [failed]}), (400, error_answer(code, text))]
    held, lost = message_of(0), message_of(1)
    outcomes = stub.queue.change_visibility(ChangeVisibility(((held, 30), (lost, 30)))).outcomes
    assert outcomes == {held.handle: OK, lost.handle: Outcome(Kind.LOST, f"{code}: {text}")}
    assert stub.queue.change_visibility(ChangeVisibility(((lost, 30),))).outcomes[lost.handle].kind is Kind.LOST


def test_an_error_about_a_whole_batch_does_not_say_whose_lease_is_lost(stub: Stub) -> None:
    stub.plan = [(400, error_answer("ReceiptHandleIsInvalid"))]
    outcomes = stub.queue.delete(Delete((message_of(0), message_of(1)))).outcomes
    assert [outcome.kind for outcome in outcomes.values()] == [Kind.RETRYABLE] * 2


def test_what_an_answer_does_not_mention_or_fails_otherwise_is_trouble(stub: Stub) -> None:
    failed = {"Id": "2", "SenderFault": False, "Code": "InternalError", "Message": "later"}
    stub.plan = [(200, {"Successful": [{"Id": "0"}, {"Id": "9"}], "Failed": [failed]})]
    first, second, third = (message_of(number) for number in range(3))
    assert stub.queue.delete(Delete((first, second, third))).outcomes == {
        first.handle: OK,
        second.handle: Outcome(Kind.RETRYABLE, "SQS's answer does not mention the message"),
        third.handle: Outcome(Kind.RETRYABLE, "InternalError: later"),
    }
    (asked,) = stub.asked
    assert asked == (
        "DeleteMessageBatch",
        {"QueueUrl": URL, "Entries": [{"Id": str(n), "ReceiptHandle": f"handle-{n}"} for n in range(3)]},
    )


NOT_SQS = b"<html>not SQS</html>"
TROUBLES = [
    (400, error_answer("ThrottlingException")),
    (400, error_answer("RequestThrottled")),
    (400, error_answer("AccessDeniedException")),
    (400, error_answer("KmsThrottled")),
    (400, error_answer("QueueDoesNotExist")),
    (500, error_answer("InternalFailure")),
    (503, b"busy"),
    (200, NOT_SQS),
    (200, []),
    (200, b"null"),
    (200, None),
]


@pytest.mark.parametrize(("status", "answer"), TROUBLES)
def test_a_call_that_fails_is_trouble_after_one_try(stub: Stub, status: int, answer: Any) -> None:
    message = message_of()
    hide, delete = ChangeVisibility(((message, 30),), urgent=True), Delete((message,))
    stub.plan = [(status, answer)] * 2
    assert stub.queue.change_visibility(hide).outcomes[message.handle].kind is Kind.RETRYABLE
    assert stub.queue.delete(delete).outcomes[message.handle].kind is Kind.RETRYABLE
    assert len(stub.asked) == 2
    stub.plan = [(status, answer)]
    received = stub.queue.receive(Receive(10, 0))
    assert received.messages == ()
    assert bool(received.error) is (answer != NOT_SQS)  # which botocore takes for an answer without messages
    stub.plan = [(status, answer)]
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes[message.handle].kind is Kind.RETRYABLE
    assert len(stub.asked) == 4


def test_the_time_of_each_call_is_from_before_its_request(stub: Stub) -> None:
    message = message_of()
    stub.plan = [(200, {}), (200, {}), (500, {}), (200, {}), (200, {}), (200, {"MessageId": "copy"})]
    answers: list[Received | Answered] = [
        stub.queue.receive(Receive(1, 0)),
        stub.queue.change_visibility(ChangeVisibility(((message, 30),), urgent=True)),
        stub.queue.change_visibility(ChangeVisibility(((message, 30),), urgent=True)),  # fails
        stub.queue.change_visibility(ChangeVisibility(((message, 0),))),
        stub.queue.delete(Delete((message,))),
        stub.queue.dead_letter(DeadLetter(message, "bad")),
    ]
    assert [answer.asked_at for answer in answers] == [0, 1, 2, 3, 4, 5]


def test_a_malformed_message_does_not_take_the_others_with_it(stub: Stub) -> None:
    good = {"MessageId": "m", "ReceiptHandle": "h", "Body": "b"}
    bad: list[Any] = [
        {"MessageId": "no handle", "Body": "b"},
        {"ReceiptHandle": "no id", "Body": "b"},
        good | {"Attributes": {"ApproximateReceiveCount": "many"}},
        None,
    ]
    stub.plan = [(200, {"Messages": [*bad, good, {"MessageId": "n", "ReceiptHandle": "i"}]})]
    received = stub.queue.receive(Receive(10, 0))
    assert received.messages == (
        Message(job=Job(id="m", body="b"), handle="h"),
        Message(job=Job(id="n", body=""), handle="i"),
    )
    assert received.error is None


def test_a_receive_asks_for_a_lease_of_five_minutes_though_the_queue_has_twelve_hours(stub: Stub) -> None:
    stub.plan = [(200, {})]
    config = replace(sqs_config(), visibility_timeout=43_200)
    Queue(config, stub.client, stub.client, stub.client).receive(Receive(1, 0))
    assert stub.asked[0][1]["VisibilityTimeout"] == 300


def test_the_receive_attempt_id_is_sent_only_when_there_is_one(stub: Stub) -> None:
    stub.plan = [(200, {}), (200, {})]
    stub.queue.receive(Receive(7, 20))
    stub.queue.receive(Receive(7, 20, "attempt"))
    plain = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 7,
        "WaitTimeSeconds": 20,
        "VisibilityTimeout": 30,
        "MessageSystemAttributeNames": SYSTEM_ATTRIBUTES,
        "MessageAttributeNames": ["All"],
    }
    assert stub.asked == [
        ("ReceiveMessage", plain),
        ("ReceiveMessage", plain | {"ReceiveRequestAttemptId": "attempt"}),
    ]


def test_extensions_have_a_client_of_their_own() -> None:
    first, second = Stub(), Stub()
    try:
        urgent = sqs_client(first.endpoint)
        settle = sqs_client(second.endpoint)
        queue = Queue(sqs_config(), settle, urgent, settle)
        for stub in (first, second):
            stub.plan = [(200, {"Successful": [{"Id": "0"}]})]
        queue.change_visibility(ChangeVisibility(((message_of(), 30),), urgent=True))
        queue.change_visibility(ChangeVisibility(((message_of(), 0),)))
        assert [body["Entries"][0]["VisibilityTimeout"] for _, body in first.asked] == [30]
        assert [body["Entries"][0]["VisibilityTimeout"] for _, body in second.asked] == [0]
    finally:
        first.close()
        second.close()

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import botocore.config
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.waiting import LIMIT
from tests.worker.harness import Sqs, TestQueue
from worker.aws import sqs as module
from worker.aws.sqs import MAX_REASON_BYTES, SYSTEM_ATTRIBUTES, Queue
from worker.config import Config
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

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
OK = Outcome(Kind.OK)


def _client(endpoint: str) -> Any:
    options = botocore.config.Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    session = boto3.Session("test", "test", region_name="us-east-1")
    return session.client("sqs", endpoint_url=endpoint, config=options)


def _config(url: str = URL, dead: str = URL + "-dead") -> Config:
    return Config(
        queue_url=url,
        dead_letter_url=dead,
        region="us-east-1",
        visibility_timeout=30,
        stop_timeout=30,
        backoff_base=0,
        backoff_cap=0,
    )


def _queue(queue: TestQueue) -> Queue:
    return Queue(_config(queue.url, queue.dead.url), queue.client, queue.client, queue.client, clock=lambda: 7.0)


def _message(number: int = 0, **changes: Any) -> Message:
    return Message(job=Job(id=f"id-{number}", body="body"), handle=f"handle-{number}", **changes)


def _all(queue: TestQueue) -> list[dict[str, Any]]:
    return list(
        queue.client.receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
    )


# -- against the emulator


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
    received = _queue(queue).receive(receive)
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


def test_as_many_messages_come_as_were_asked_for_and_stay_hidden(queue: TestQueue) -> None:
    for number in range(5):
        queue.send(str(number))
    received = _queue(queue).receive(Receive(3, 0))
    assert len(received.messages) == 3
    assert len({message.handle for message in received.messages}) == 3
    assert queue.counts() == (2, 3)


def test_an_empty_queue_is_no_error(queue: TestQueue) -> None:
    assert _queue(queue).receive(Receive(1, 0)) == Received(Receive(1, 0), 7.0)


def test_messages_are_given_back_and_deleted_in_batches(queue: TestQueue) -> None:
    for number in range(4):
        queue.send(str(number))
    ours = _queue(queue)
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
    ours = _queue(queue)
    kept, deleted = ours.receive(Receive(10, 0)).messages
    ours.delete(Delete((deleted,)))
    outcomes = ours.change_visibility(ChangeVisibility(((kept, 60), (deleted, 60)), urgent=True)).outcomes
    assert outcomes[kept.handle] == OK
    assert outcomes[deleted.handle].kind is Kind.LOST


def test_a_queue_that_is_not_there_is_trouble_and_not_an_exception(sqs: Sqs) -> None:
    url = f"{sqs.endpoint}/000000000000/none-{uuid.uuid4().hex}"
    ours = Queue(_config(url, url), sqs.client, sqs.client, sqs.client)
    message = _message()
    received = ours.receive(Receive(1, 0))
    assert received.messages == ()
    assert "NonExistentQueue" in str(received.error) or "QueueDoesNotExist" in str(received.error)
    for answered in (ours.change_visibility(ChangeVisibility(((message, 0),))), ours.delete(Delete((message,)))):
        assert answered.outcomes[message.handle].kind is Kind.RETRYABLE
    assert ours.dead_letter(DeadLetter(message, "bad")).outcomes[message.handle].kind is Kind.RETRYABLE


def test_a_dead_letter_has_the_body_the_attributes_the_reason_and_the_source(queue: TestQueue) -> None:
    attributes = {
        "colour": {"DataType": "String", "StringValue": "blau"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    queue.send("the body", MessageAttributes=attributes)
    ours = _queue(queue)
    (message,) = ours.receive(Receive(1, 0)).messages
    dead = DeadLetter(message, "not a \x00 number\ud800")
    answered = ours.dead_letter(dead)
    assert (answered.call, answered.asked_at, answered.outcomes) == (dead, 7.0, {message.handle: OK})
    (copy,) = _all(queue.dead)
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
    ours = _queue(queue)
    (message,) = ours.receive(Receive(1, 0)).messages
    for _ in range(2):  # as after a lost answer
        assert ours.dead_letter(DeadLetter(message, "bad")).outcomes == {message.handle: OK}
    (copy,) = _all(queue.dead)
    assert copy["Attributes"]["MessageGroupId"] == "group"
    assert copy["Attributes"]["MessageDeduplicationId"] == sent
    assert queue.dead.counts() == (0, 1)


# -- answers that the emulator does not give


class Stub:
    """An endpoint that gives the planned answers, each a status and a body (None: cuts the connection)."""

    def __init__(self) -> None:
        self.plan: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.asked.append((self.headers["X-Amz-Target"].partition(".")[2], body))
                status, answer = stub.plan.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.client = client = _client(self.endpoint)
        # its clock counts requests
        self.queue = Queue(_config(), client, client, client, clock=lambda: float(len(self.asked)))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(LIMIT)


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


def _error(code: str, message: str = "no") -> dict[str, str]:
    return {"__type": f"com.amazonaws.sqs#{code}", "message": message}


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
    stub.plan = [(200, {"Successful": [{"Id": "0"}], "Failed": [failed]}), (400, _error(code, text))]
    held, lost = _message(0), _message(1)
    outcomes = stub.queue.change_visibility(ChangeVisibility(((held, 30), (lost, 30)))).outcomes
    assert outcomes == {held.handle: OK, lost.handle: Outcome(Kind.LOST, f"{code}: {text}")}
    assert stub.queue.change_visibility(ChangeVisibility(((lost, 30),))).outcomes[lost.handle].kind is Kind.LOST


def test_an_error_about_a_whole_batch_does_not_say_whose_lease_is_lost(stub: Stub) -> None:
    stub.plan = [(400, _error("ReceiptHandleIsInvalid"))]
    outcomes = stub.queue.delete(Delete((_message(0), _message(1)))).outcomes
    assert [outcome.kind for outcome in outcomes.values()] == [Kind.RETRYABLE] * 2


def test_what_an_answer_does_not_mention_or_fails_otherwise_is_trouble(stub: Stub) -> None:
    failed = {"Id": "2", "SenderFault": False, "Code": "InternalError", "Message": "later"}
    stub.plan = [(200, {"Successful": [{"Id": "0"}, {"Id": "9"}], "Failed": [failed]})]
    first, second, third = (_message(number) for number in range(3))
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
    (400, _error("ThrottlingException")),
    (400, _error("RequestThrottled")),
    (400, _error("AccessDeniedException")),
    (400, _error("KmsThrottled")),
    (400, _error("QueueDoesNotExist")),
    (500, _error("InternalFailure")),
    (503, b"busy"),
    (200, NOT_SQS),
    (200, []),
    (200, b"null"),
    (200, None),
]


@pytest.mark.parametrize(("status", "answer"), TROUBLES)
def test_a_call_that_fails_is_trouble_after_one_try(stub: Stub, status: int, answer: Any) -> None:
    message = _message()
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
    message = _message()
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
    config = replace(_config(), visibility_timeout=43_200)
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


def _attributes(count: int) -> dict[str, Any]:
    return {f"name-{number}": {"DataType": "String", "StringValue": "v"} for number in range(count)}


@pytest.mark.parametrize(
    ("own", "added"),
    [(0, {"EbbReason", "EbbSource"}), (8, {"EbbReason", "EbbSource"}), (9, {"EbbReason"}), (10, set())],
)
def test_a_dead_letter_s_own_attributes_come_first(stub: Stub, own: int, added: set[str]) -> None:
    stub.plan = [(200, {"MessageId": "copy"})]
    message = _message(attributes=_attributes(own))
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes == {message.handle: OK}
    assert set(stub.asked[0][1]["MessageAttributes"]) == set(message.attributes) | added


def test_a_dead_letter_that_dies_again_has_the_newer_reason(stub: Stub) -> None:
    stub.plan = [(200, {"MessageId": "copy"})]
    old = {"EbbReason": {"DataType": "String", "StringValue": "old"}}
    stub.queue.dead_letter(DeadLetter(_message(attributes=_attributes(9) | old), "new"))
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
    message = _message(attributes=_attributes(1))
    no = (status, _error(code))
    stub.plan = [no, (200, {"MessageId": "copy"}), no, no]
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes == {message.handle: OK}
    assert set(stub.asked[1][1]["MessageAttributes"]) == {"name-0"}
    assert stub.queue.dead_letter(DeadLetter(message, "bad")).outcomes[message.handle].kind is Kind.REFUSED
    assert len(stub.asked) == 4


def test_extensions_have_a_client_of_their_own() -> None:
    first, second = Stub(), Stub()
    try:
        urgent = _client(first.endpoint)
        settle = _client(second.endpoint)
        queue = Queue(_config(), settle, urgent, settle)
        for stub in (first, second):
            stub.plan = [(200, {"Successful": [{"Id": "0"}]})]
        queue.change_visibility(ChangeVisibility(((_message(), 30),), urgent=True))
        queue.change_visibility(ChangeVisibility(((_message(), 0),)))
        assert [body["Entries"][0]["VisibilityTimeout"] for _, body in first.asked] == [30]
        assert [body["Entries"][0]["VisibilityTimeout"] for _, body in second.asked] == [0]
    finally:
        first.close()
        second.close()


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

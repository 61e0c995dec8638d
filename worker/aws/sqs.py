"""The calls to SQS. Each is tried once and raises no error of SQS or of the network: the core decides what follows."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from worker import logs
from worker.aws.errors import RETRYABLE_ERRORS, code, short_code, status
from worker.config import Config
from worker.core.events import Answered, ChangeVisibility, DeadLetter, Delete, Kind, Message, Outcome, Receive, Received
from worker.job import Job

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import MessageSystemAttributeNameType
    from types_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchResultTypeDef,
        DeleteMessageBatchResultTypeDef,
        MessageTypeDef,
    )

    _BatchAnswer = ChangeMessageVisibilityBatchResultTypeDef | DeleteMessageBatchResultTypeDef

#: Error codes of SQS (standard and FIFO) and its emulators for a receipt handle without a lease. InvalidParameterValue
#: stands for "not available for visibility timeout change" and "beyond the limit [43200 seconds]".
LEASE_LOST_CODES = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"})
#: Error codes for a message that SQS will never accept: too long, or with characters that it forbids.
REFUSED_CODES = frozenset(
    {"InvalidParameterValue", "InvalidMessageContents", "InvalidAttributeValue", "ValidationError"}
)
SYSTEM_ATTRIBUTES: "Sequence[MessageSystemAttributeNameType]" = [
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SentTimestamp",
]
OK = Outcome(Kind.OK)
HTTP_CONTENT_TOO_LARGE = 413
#: SQS quotas, "Message attributes".
MAX_ATTRIBUTES = 10
#: Attributes that a dead letter gets: the reason, and the URL of the queue that it comes from.
REASON_ATTRIBUTE = "EbbReason"
SOURCE_ATTRIBUTE = "EbbSource"
#: The attribute with the id that the API gave out.
JOB_ID_ATTRIBUTE = "EbbJobId"
JOB_ID = re.compile("[A-Za-z0-9_-]{1,128}")
#: The reason counts towards the message's length.
MAX_REASON_BYTES = 1024
#: Characters that a message must not contain (SQS API, SendMessage).
FORBIDDEN_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Queue:
    """One SQS queue and its dead-letter queue.

    `polling` waits long for messages. `urgent` (extensions) and `settle` (the rest) answer or fail within seconds.
    """

    def __init__(
        self,
        config: Config,
        polling: "SQSClient",
        urgent: "SQSClient",
        settle: "SQSClient",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._clock = config, clock
        self._polling, self._urgent, self._settle = polling, urgent, settle

    def receive(self, receive: Receive) -> Received:
        """The messages, or the error. An unreadable entry is logged; SQS makes it visible again."""
        asked_at = self._clock()
        attempt: Any = {"ReceiveRequestAttemptId": receive.attempt_id} if receive.attempt_id else {}
        try:
            answer = self._polling.receive_message(
                QueueUrl=self._config.queue_url,
                MaxNumberOfMessages=receive.count,
                WaitTimeSeconds=receive.wait,
                VisibilityTimeout=self._config.lease,
                MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
                MessageAttributeNames=["All"],
                **attempt,
            )
        except RETRYABLE_ERRORS as error:
            return Received(receive, asked_at, error=str(error))
        return Received(receive, asked_at, tuple(_messages(answer.get("Messages") or [])))

    def change_visibility(self, change: ChangeVisibility) -> Answered:
        """Make up to 10 messages visible after their seconds; the outcome of each."""
        asked_at = self._clock()
        call = partial(
            (self._urgent if change.urgent else self._settle).change_message_visibility_batch,
            QueueUrl=self._config.queue_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds}
                for number, (message, seconds) in enumerate(change.entries)
            ],
        )
        return Answered(change, asked_at, _outcomes(call, change.messages))

    def delete(self, delete: Delete) -> Answered:
        """Delete up to 10 messages. A standard queue accepts old handles too, so the lease must be held."""
        asked_at = self._clock()
        call = partial(
            self._settle.delete_message_batch,
            QueueUrl=self._config.queue_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.handle} for number, message in enumerate(delete.messages)
            ],
        )
        return Answered(delete, asked_at, _outcomes(call, delete.messages))

    def dead_letter(self, dead: DeadLetter) -> Answered:
        """Send a copy to the dead-letter queue; without reason and source if SQS refuses it with them.

        A FIFO copy's deduplication id is the message id: a repeated call adds no second copy. Two messages that the
        sender gave one id, more than five minutes apart, are both kept.
        """
        message = dead.message
        arguments: dict[str, Any] = {"QueueUrl": self._config.dead_letter_url, "MessageBody": message.job.body}
        if self._config.fifo:
            arguments["MessageGroupId"] = message.job.group or message.id
            arguments["MessageDeduplicationId"] = message.id
        asked_at = self._clock()
        outcome = self._send(arguments, _labelled(message.attributes, dead.reason, self._config.queue_url))
        if outcome.kind is Kind.REFUSED:
            outcome = self._send(arguments, message.attributes)
        return Answered(dead, asked_at, {message.handle: outcome})

    def _send(self, arguments: dict[str, Any], attributes: Mapping[str, Any]) -> Outcome:
        try:
            answer = self._settle.send_message(**arguments, MessageAttributes=attributes)
        except RETRYABLE_ERRORS as error:
            refused = code(error) in REFUSED_CODES or status(error) == HTTP_CONTENT_TOO_LARGE
            return Outcome(Kind.REFUSED if refused else Kind.RETRYABLE, str(error))
        if not answer.get("MessageId"):
            return Outcome(Kind.RETRYABLE, "SQS's answer does not say that it has the message")
        return OK


def _outcomes(call: "Callable[[], _BatchAnswer]", messages: Sequence[Message]) -> dict[str, Outcome]:
    """The outcome by receipt handle; the message at `number` is the entry with this Id."""
    handles = {str(number): message.handle for number, message in enumerate(messages)}
    try:
        answer = call()
    except RETRYABLE_ERRORS as error:
        # An error of the whole batch is about a handle only when there is just one.
        lost = len(messages) == 1 and code(error) in LEASE_LOST_CODES
        return dict.fromkeys(handles.values(), Outcome(Kind.LOST if lost else Kind.RETRYABLE, str(error)))
    missing = Outcome(Kind.RETRYABLE, "SQS's answer does not mention the message")
    outcomes = dict.fromkeys(handles.values(), missing)
    for success in answer.get("Successful") or []:
        if handle := handles.get(success["Id"]):
            outcomes[handle] = OK
    for failure in answer.get("Failed") or []:
        if handle := handles.get(failure["Id"]):
            kind = Kind.LOST if short_code(failure["Code"]) in LEASE_LOST_CODES else Kind.RETRYABLE
            outcomes[handle] = Outcome(kind, f"{failure['Code']}: {failure.get('Message')}")
    return outcomes


def _messages(entries: "Iterable[MessageTypeDef]") -> Iterable[Message]:
    for entry in entries:
        try:
            yield _message(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logs.event("receive_failed", logging.ERROR, error=f"a message cannot be read: {error!r}")


def _message(raw: "MessageTypeDef") -> Message:
    system = raw.get("Attributes") or {}
    attributes = raw.get("MessageAttributes") or {}
    values = {name: value.get("StringValue", value.get("BinaryValue")) for name, value in attributes.items()}
    given = values.pop(JOB_ID_ATTRIBUTE, None)
    job = Job(
        id=given if isinstance(given, str) and JOB_ID.fullmatch(given) else raw["MessageId"],
        message_id=raw["MessageId"],
        body=raw.get("Body") or "",  # the child rejects an empty body
        attributes={name: value for name, value in values.items() if value is not None},
        attempt=int(system.get("ApproximateReceiveCount", 1)),
        group=system.get("MessageGroupId"),
        trace=system.get("AWSTraceHeader"),
    )
    return Message(
        job=job,
        handle=raw["ReceiptHandle"],
        sent_at=int(system.get("SentTimestamp", 0)) / 1000,
        attributes=attributes,
        deduplication_id=system.get("MessageDeduplicationId"),
    )


def _labelled(attributes: Mapping[str, Any], reason: str, source: str) -> dict[str, Any]:
    """The attributes with reason and source, as far as there is room: the sender's own come first."""
    labelled = dict(attributes)
    for name, value in ((REASON_ATTRIBUTE, _clean(reason)), (SOURCE_ATTRIBUTE, source)):
        if name in labelled or len(labelled) < MAX_ATTRIBUTES:
            labelled[name] = {"DataType": "String", "StringValue": value}
    return labelled


def _clean(reason: str) -> str:
    """The reason without forbidden characters, at most MAX_REASON_BYTES long."""
    text = FORBIDDEN_CHARACTERS.sub("\ufffd", reason[:MAX_REASON_BYTES])
    return text.encode()[:MAX_REASON_BYTES].decode(errors="ignore") or "no reason given"

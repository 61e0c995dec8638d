"""The queue's calls: each is tried once and never raises about SQS or the network, so that the core decides."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from worker import logs
from worker.config import Config
from worker.core.events import Answered, DeadLetter, Delete, Hide, Kind, Message, Outcome, Receive, Received
from worker.job import Job

#: A call went wrong, or its answer was lost or is not SQS's (botocore falls over JSON of another shape): it may be
#: tried again.
TROUBLE = (BotoCoreError, ClientError, OSError, AttributeError, TypeError, ValueError)
#: What SQS, by its kind of queue, and its emulators answer about a receipt handle that holds no lease any longer.
#: Invalid parameters: "not available for visibility timeout change", "beyond the limit [43200 seconds]".
LEASE_LOST = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"})
#: What SQS answers about a message that it will never take: too long, or not made of its characters.
NEVER_TAKEN = frozenset({"InvalidParameterValue", "InvalidMessageContents", "InvalidAttributeValue", "ValidationError"})
#: What is read of SQS's own attributes.
SYSTEM_ATTRIBUTES = [
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SentTimestamp",
]
OK = Outcome(Kind.OK)
#: HTTP status of a request that is too long.
TOO_LARGE = 413
#: Attributes of a message at the most (SQS quotas, "Message attributes").
MOST_ATTRIBUTES = 10
#: Attributes that a dead letter gets besides its own: why, and the URL of the queue that it comes from.
REASON, SOURCE = "EbbReason", "EbbSource"
#: Bytes of a reason at the most: it counts towards the message's length.
LONGEST_REASON = 1024
#: What a message must not contain (SQS API, SendMessage).
NOT_TAKEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Queue:
    """One SQS queue and its dead-letter queue.

    `polling` waits long for messages; `urgent` (extensions) and `settle` (the rest) answer or fail within seconds.
    """

    def __init__(
        self, config: Config, polling: Any, urgent: Any, settle: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config, self._clock = config, clock
        self._polling, self._urgent, self._settle = polling, urgent, settle

    def receive(self, receive: Receive) -> Received:
        """The messages that came, or the error; an entry that cannot be read is logged and left to its visibility."""
        asked_at = self._clock()
        attempt = {"ReceiveRequestAttemptId": receive.attempt_id} if receive.attempt_id else {}
        try:
            answer = self._polling.receive_message(
                QueueUrl=self._config.queue_url,
                MaxNumberOfMessages=receive.count,
                WaitTimeSeconds=receive.wait,
                VisibilityTimeout=self._config.visibility_timeout,
                MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
                MessageAttributeNames=["All"],
                **attempt,
            )
            return Received(receive, asked_at, tuple(_messages(answer.get("Messages") or [])))
        except TROUBLE as error:
            return Received(receive, asked_at, error=str(error))

    def hide(self, hide: Hide) -> Answered:
        """Let up to 10 messages be visible again after their seconds; the outcome of each."""
        call = (self._urgent if hide.urgent else self._settle).change_message_visibility_batch
        entries = [{"ReceiptHandle": message.handle, "VisibilityTimeout": seconds} for message, seconds in hide.entries]
        asked_at = self._clock()
        return Answered(hide, asked_at, self._batch(call, entries))

    def delete(self, delete: Delete) -> Answered:
        """Delete up to 10 messages. SQS says yes to old handles of a standard queue too: check the lease before."""
        asked_at = self._clock()
        entries = [{"ReceiptHandle": message.handle} for message in delete.messages]
        return Answered(delete, asked_at, self._batch(self._settle.delete_message_batch, entries))

    def dead_letter(self, dead: DeadLetter) -> Answered:
        """Send a copy to the dead-letter queue; without reason and source where it is refused with them.

        A FIFO copy's deduplication id is the message id: a repeated call adds no second copy, while two messages
        that the sender gave one id, more than five minutes apart, are both kept.
        """
        message = dead.message
        arguments: dict[str, Any] = {"QueueUrl": self._config.dead_letter_url, "MessageBody": message.job.body}
        if self._config.fifo:
            arguments["MessageGroupId"] = message.job.group or message.job.id
            arguments["MessageDeduplicationId"] = message.job.id
        asked_at = self._clock()
        outcome = self._send(arguments, _labelled(message.attributes, dead.reason, self._config.queue_url))
        if outcome.kind is Kind.REFUSED:
            outcome = self._send(arguments, message.attributes)
        return Answered(dead, asked_at, {message.handle: outcome})

    def _send(self, arguments: dict[str, Any], attributes: Mapping[str, Any]) -> Outcome:
        try:
            answer = self._settle.send_message(**arguments, MessageAttributes=attributes)
            if not answer.get("MessageId"):  # a yes of whoever it may be, but not SQS's
                return Outcome(Kind.TROUBLE, "SQS's answer does not say that it has the message")
        except TROUBLE as error:
            never = _code(error) in NEVER_TAKEN or _status(error) == TOO_LARGE
            return Outcome(Kind.REFUSED if never else Kind.TROUBLE, str(error))
        return Outcome(Kind.OK)

    def _batch(self, call: Callable[..., Any], entries: list[dict[str, Any]]) -> dict[str, Outcome]:
        """The outcome by receipt handle. Of an entry that the answer does not mention nothing is known: trouble."""
        handles = {str(number): entry["ReceiptHandle"] for number, entry in enumerate(entries)}
        asked = [{"Id": number} | entry for number, entry in zip(handles, entries, strict=True)]
        try:
            answer = dict(call(QueueUrl=self._config.queue_url, Entries=asked))
        except TROUBLE as error:
            # An answer about the whole batch says which handle it means only when there is one.
            lost = len(entries) == 1 and _code(error) in LEASE_LOST
            outcome = Outcome(Kind.LOST if lost else Kind.TROUBLE, str(error))
            return dict.fromkeys(handles.values(), outcome)
        outcomes = dict.fromkeys(handles.values(), Outcome(Kind.TROUBLE, "SQS's answer does not mention the message"))
        for entry in answer.get("Successful") or []:
            if handle := handles.get(entry.get("Id")):
                outcomes[handle] = OK
        for entry in answer.get("Failed") or []:
            if handle := handles.get(entry.get("Id")):
                kind = Kind.LOST if _bare(entry.get("Code")) in LEASE_LOST else Kind.TROUBLE
                outcomes[handle] = Outcome(kind, f"{entry.get('Code')}: {entry.get('Message')}")
        return outcomes


def _bare(code: str | None) -> str:
    """SQS's older protocol wrote AWS.SimpleQueueService.MessageNotInflight, and the newer one may still."""
    return (code or "").rpartition(".")[2].removesuffix("Exception")


def _code(error: Exception) -> str:
    return _bare(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else ""


def _status(error: Exception) -> int | None:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(error, ClientError) else None


def _messages(entries: Iterable[Any]) -> Iterable[Message]:
    for entry in entries:
        try:
            yield _message(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logs.event("receive_failed", logging.ERROR, error=f"a message cannot be read: {error!r}")


def _message(raw: Mapping[str, Any]) -> Message:
    system = raw.get("Attributes") or {}
    attributes = raw.get("MessageAttributes") or {}
    values = {name: value.get("StringValue", value.get("BinaryValue")) for name, value in attributes.items()}
    job = Job(
        id=raw["MessageId"],
        body=raw.get("Body") or "",  # an empty body is the child's to reject
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
    for name, value in ((REASON, _text(reason)), (SOURCE, source)):
        if name in labelled or len(labelled) < MOST_ATTRIBUTES:
            labelled[name] = {"DataType": "String", "StringValue": value}
    return labelled


def _text(reason: str) -> str:
    """The reason, of characters that SQS takes and no longer than LONGEST_REASON."""
    taken = NOT_TAKEN.sub("\ufffd", reason[:LONGEST_REASON])
    return taken.encode()[:LONGEST_REASON].decode(errors="ignore") or "no reason given"

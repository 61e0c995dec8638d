"""The queue's calls: each is one request, so that whoever calls decides about the next try."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from worker.job import Job

#: A call went wrong, or its answer was lost: it may be tried again.
TROUBLE = (BotoCoreError, ClientError)
#: What SQS, by its kind of queue, and its emulators answer about a receipt handle that holds no lease any longer.
#: Invalid parameters: "not available for visibility timeout change", "beyond the limit [43200 seconds]".
LEASE_LOST = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"})


class LeaseLostError(Exception):
    """The message is no longer ours: it is visible again, deleted, or at its 12 hours."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message received: the job, the handle of this receive, and the clock's time before it was asked for."""

    job: Job
    handle: str
    asked_at: float


class Queue:
    """One SQS queue. `polling` waits long for a message; `quick` answers or fails within seconds."""

    def __init__(
        self, url: str, visibility_timeout: int, polling: Any, quick: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.visibility_timeout = visibility_timeout
        self._url, self._polling, self._quick, self._clock = url, polling, quick, clock

    def receive(self, wait: int) -> Message | None:
        """The next message, or None when none came within `wait` seconds; raises TROUBLE."""
        asked_at = self._clock()
        answer = self._polling.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=wait,
            VisibilityTimeout=self.visibility_timeout,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        for raw in answer.get("Messages", []):
            return Message(job=_job(raw), handle=raw["ReceiptHandle"], asked_at=asked_at)
        return None

    def hide(self, message: Message, seconds: int) -> None:
        """Let the message be visible again that many seconds from now; raises LeaseLostError or TROUBLE."""
        self._settle("change_message_visibility", message, VisibilityTimeout=seconds)

    def delete(self, message: Message) -> None:
        """Delete it; raises LeaseLostError or TROUBLE. SQS says yes to old handles too: check the lease before."""
        self._settle("delete_message", message)

    def _settle(self, call: str, message: Message, **arguments: Any) -> None:
        try:
            getattr(self._quick, call)(QueueUrl=self._url, ReceiptHandle=message.handle, **arguments)
        except ClientError as error:
            # SQS's older protocol wrote AWS.SimpleQueueService.MessageNotInflight, and the newer one may still.
            code = error.response.get("Error", {}).get("Code", "").rpartition(".")[2].removesuffix("Exception")
            if code in LEASE_LOST:
                raise LeaseLostError(str(error)) from error
            raise


def _job(raw: dict[str, Any]) -> Job:
    system = raw.get("Attributes", {})
    attributes = raw.get("MessageAttributes", {})
    return Job(
        id=raw["MessageId"],
        body=raw["Body"],
        attributes={name: value.get("StringValue", value.get("BinaryValue")) for name, value in attributes.items()},
        attempt=int(system.get("ApproximateReceiveCount", 1)),
        group=system.get("MessageGroupId"),
    )

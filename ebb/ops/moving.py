"""Moves the messages of one queue to another one: each is deleted only after it was sent."""

from collections.abc import Callable
from typing import Any

from ebb.ops import resending
from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack

#: Messages of one receive, and seconds that it waits for one (SQS API, ReceiveMessage).
BATCH, WAIT_SECONDS = 10, 5
#: Seconds in which a batch must have been sent and deleted; then its messages are visible again.
HIDDEN_SECONDS = 120


def move(stack: Stack, source: str, target: str | None = None, client: Callable[[str], Any] | None = None) -> int:
    """Move the messages of the queue `source` to the stack's queue, or to `target`. Returns their number.

    Each keeps its attributes, group and trace. A move that was stopped can be repeated. Raises OpsError.
    """
    to = target or stack.queue_url
    if source == to:
        raise OpsError(f"{source} is the queue to which its messages would be moved: name another one.")
    with refusals():
        sqs = (client or stack.clients())("sqs")
    moved = 0
    while True:
        with refusals():
            received = sqs.receive_message(
                QueueUrl=source,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageSystemAttributeNames=list(resending.ATTRIBUTES),
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not received:
                return moved
            for message in received:  # one by one: this keeps the order in a message group
                sqs.send_message(QueueUrl=to, **resending.request(message, fifo=to.endswith(".fifo")))
                sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
                moved += 1

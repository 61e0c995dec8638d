"""Finds one message in the dead-letter queue."""

from dataclasses import dataclass

from components.aws_clients import Clients
from components.workflows.job_states import JOB_ID
from ebb.ops.refusals import refusals
from ebb.ops.stack import Stack

#: Receives of ten messages each, and seconds that those which were looked at are hidden from the next receive.
RECEIVES, HIDDEN_SECONDS = 50, 10


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A dead letter: SQS's id, and when it was sent (Unix time)."""

    message_id: str
    sent: float


def find(stack: Stack, job_id: str, client: Clients) -> DeadLetter | None:
    """The dead letter of a job, by the job's id or the message's."""
    if stack.dead_letter_queue_url is None:
        return None
    with refusals():
        sqs = client("sqs")
        for _ in range(RECEIVES):
            found = sqs.receive_message(
                QueueUrl=stack.dead_letter_queue_url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=[JOB_ID],
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            for message in found:
                given = message.get("MessageAttributes", {}).get(JOB_ID, {}).get("StringValue")
                if job_id in (message["MessageId"], given):
                    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
                    return DeadLetter(message_id=message["MessageId"], sent=sent)
            if not found:
                return None
    return None

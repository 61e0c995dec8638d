"""The dead letters of a stack: look at them, send chosen ones to the queue again, delete them.

SQS has no list: each look receives messages, which are hidden meanwhile, and gives them back.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ebb.ops import resending
from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack

#: Messages of one receive, and seconds that it waits for one (SQS API, ReceiveMessage).
BATCH, WAIT_SECONDS = 10, 1
#: Seconds in which a look must have ended; then its messages are visible again, and it would not end.
HIDDEN_SECONDS = 600
#: Seconds between two looks at a move task.
MOVE_LOOK_SECONDS = 2.0
#: Attributes that the worker and the API set: the job's id; what only a dead letter has.
JOB_ID, REASON, SOURCE = "EbbJobId", "EbbReason", "EbbSource"
#: The states of a job whose message is a dead letter.
_ENDED = {":failed": {"S": "failed"}, ":rejected": {"S": "rejected"}, ":queued": {"S": "queued"}}

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A dead letter. `job`: the job's id; `sent`: Unix time. `error`, `reference` and `state` if they are known."""

    message_id: str
    job: str
    sent: float
    receives: int
    body: str
    group: str | None
    error: str | None
    reference: str | None
    state: str | None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead letters: all that every given part fits. Ids are the message's or the job's; texts are a part."""

    ids: tuple[str, ...] = ()
    body: str | None = None
    error: str | None = None
    reference: str | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Choice()

    def fits(self, letter: DeadLetter) -> bool:
        """Whether this one is chosen."""
        return (
            (not self.ids or letter.message_id in self.ids or letter.job in self.ids)
            and (self.body is None or self.body in letter.body)
            and (self.error is None or self.error in (letter.error or ""))
            and (self.reference is None or self.reference == letter.reference)
        )


class DeadLetters:
    """The dead letters of a deployed stack. Each method raises OpsError."""

    def __init__(self, stack: Stack, client: Callable[[str], Any] | None = None) -> None:
        if not stack.dead_letter_queue_url:
            raise OpsError(f"Stack {stack.name} has no output dead_letter_queue_url: run `pulumi up`.")
        self._stack, self._url = stack, stack.dead_letter_queue_url
        with refusals():
            self._client = client or stack.clients()
            self._sqs = self._client("sqs")

    def count(self) -> int:
        """About how many there are: SQS's number."""
        with refusals():
            name = "ApproximateNumberOfMessages"
            return int(self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])["Attributes"][name])

    def look(self, choice: Choice | None = None, limit: int | None = None) -> list[DeadLetter]:
        """The chosen dead letters, the oldest first, at most `limit`."""
        found = [letter for letter, _ in self._each(choice or Choice(), lambda _: False, limit)]
        return sorted(found, key=lambda letter: letter.sent)

    def redrive(self, choice: Choice) -> int:
        """Send the chosen ones to the queue again, with their ids and groups; how many."""
        return len(list(self._each(choice, self._send_again)))

    def redrive_all(self, say: Say = lambda _: None, sleep: Callable[[float], None] = time.sleep) -> int:
        """Have SQS move all of them to the queue; how many. `say` gets the progress."""
        with refusals():
            source = self._arn(self._url)
            self._sqs.start_message_move_task(SourceArn=source, DestinationArn=self._arn(self._stack.queue_url))
            while True:
                task = self._sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"][0]
                moved, all_of_them = (
                    task.get("ApproximateNumberOfMessagesMoved", 0),
                    task.get("ApproximateNumberOfMessagesToMove", 0),
                )
                if task["Status"] not in {"RUNNING", "CANCELLING"}:
                    break
                say(f"{moved} of {all_of_them} moved")
                sleep(MOVE_LOOK_SECONDS)
        if task["Status"] != "COMPLETED":
            raise OpsError(
                f"SQS moved {moved} of {all_of_them} messages and stopped: {task['Status']} "
                f"{task.get('FailureReason', '')}".rstrip()
                + ". Run the command again for the rest."
            )
        return int(moved)

    def purge(self, choice: Choice) -> int:
        """Delete the chosen ones; how many."""
        return len(list(self._each(choice, lambda _: True)))

    def purge_all(self) -> None:
        """Delete all of them. SQS takes up to a minute (SQS API, PurgeQueue)."""
        with refusals():
            self._sqs.purge_queue(QueueUrl=self._url)

    def _arn(self, url: str) -> str:
        return str(self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def _each(
        self, choice: Choice, act: Callable[[Mapping[str, Any]], bool], limit: int | None = None
    ) -> Iterator[tuple[DeadLetter, bool]]:
        """The chosen ones, each after `act`. Those for which it returns True are deleted; all others are given back."""
        kept: list[dict[str, Any]] = []
        end = time.monotonic() + HIDDEN_SECONDS
        left = len(choice.ids) if choice.ids else limit
        try:
            while left is None or left > 0:
                if time.monotonic() > end:
                    raise OpsError(
                        f"A look at the dead letters takes at most {HIDDEN_SECONDS} seconds, and there are more: "
                        "--limit shows fewer, --all is for all of them."
                    )
                messages = self._receive()
                if not messages:
                    return
                for letter, message in zip(self._letters(messages), messages, strict=True):
                    kept.append(message)
                    if not choice.fits(letter) or (left is not None and left <= 0):
                        continue
                    left = None if left is None else left - 1
                    with refusals():
                        done = act(message)
                        if done:
                            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                            kept.pop()
                    yield letter, done
        finally:
            self._give_back(kept)

    def _receive(self) -> list[dict[str, Any]]:
        with refusals():
            found: list[dict[str, Any]] = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
        return found

    def _give_back(self, messages: list[dict[str, Any]]) -> None:
        for start in range(0, len(messages), BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for number, message in enumerate(messages[start : start + BATCH])
            ]
            with refusals():
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def _letters(self, messages: list[dict[str, Any]]) -> list[DeadLetter]:
        jobs = self._jobs({_job_id(message) for message in messages})
        return [_letter(message, jobs.get(_job_id(message), {})) for message in messages]

    def _jobs(self, ids: set[str]) -> Mapping[str, Mapping[str, str]]:
        """The jobs of the table by id: their error, reference and state."""
        table = self._stack.table_name
        if table is None:
            return {}
        names = {"#id": "id", "#error": "error", "#reference": "reference", "#state": "state"}
        keys = [{"id": {"S": each}} for each in sorted(ids)]
        wanted = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        items: list[dict[str, Any]] = []
        with refusals():
            while keys:  # a throttled table leaves some out
                answer = self._client("dynamodb").batch_get_item(RequestItems={table: {"Keys": keys, **wanted}})
                items += answer["Responses"].get(table, [])
                keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        found = [{name: str(next(iter(value.values()))) for name, value in item.items()} for item in items]
        return {job["id"]: job for job in found}

    def _send_again(self, message: Mapping[str, Any]) -> bool:
        """Send the job again, and let the table say that it waits. A worker that has it already changes nothing."""
        own = message.get("MessageAttributes", {})
        request = resending.request(message, fifo=self._stack.fifo, without=(REASON, SOURCE))
        self._sqs.send_message(QueueUrl=self._stack.queue_url, **request)
        if self._stack.table_name and JOB_ID in own:
            self._wait_again(self._stack.table_name, own[JOB_ID]["StringValue"])
        return True

    def _wait_again(self, table: str, job: str) -> None:
        dynamodb = self._client("dynamodb")
        try:
            dynamodb.update_item(
                TableName=table,
                Key={"id": {"S": job}},
                UpdateExpression="SET #state = :queued REMOVE #error, finished",
                ConditionExpression="#state IN (:failed, :rejected)",
                ExpressionAttributeNames={"#state": "state", "#error": "error"},
                ExpressionAttributeValues=_ENDED,
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return


def _job_id(message: Mapping[str, Any]) -> str:
    given = message.get("MessageAttributes", {}).get(JOB_ID)
    return str(given["StringValue"] if given else message["MessageId"])


def _letter(message: Mapping[str, Any], job: Mapping[str, str]) -> DeadLetter:
    own, system = message.get("MessageAttributes", {}), message.get("Attributes", {})
    reason = own.get(REASON, {}).get("StringValue")
    return DeadLetter(
        message_id=message["MessageId"],
        job=_job_id(message),
        sent=int(system.get("SentTimestamp", 0)) / 1000,
        receives=int(system.get("ApproximateReceiveCount", 0)),
        body=message["Body"],
        group=system.get("MessageGroupId"),
        error=reason or job.get("error"),
        reference=job.get("reference"),
        state=job.get("state"),
    )


def one_line(text: str, width: int) -> str:
    """The text in one line of this width. JSON loses its white space."""
    try:
        text = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"

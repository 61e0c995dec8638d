"""The job table: the state of each job. Each write is conditional: a late or doubled worker overwrites nothing newer.

A claim is `owner` (a worker's receive of one message) and `until` (Unix time at which it ends). Each call is tried once
and raises no error of DynamoDB or of the network: the core decides what follows.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker import logs
from worker.aws.errors import RETRYABLE_ERRORS, code
from worker.aws.items import CANCEL, CLAIM, FINISH, HELD, RELEASE, Update, expiry, number, plain, text, whole
from worker.core.endings import FINAL, JobState
from worker.core.events import Answered, Claim, Finish, Kind, Message, Outcome, Release
from worker.job import log_fields
from worker.progress import Progress

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

#: The key that the check at start reads; no job has it.
CHECK_KEY = "ebb-check"
#: Keys of one call (DynamoDB API, BatchGetItem).
MAX_KEYS = 100
MAX_ERROR_CHARACTERS = 1_000
#: The state of a job that has ended, in an item that release 0.1.0 wrote. Its other state, running, is the same.
DONE_IN_0_1 = "done"


class JobTableError(Exception):
    """The table is not usable; the text is one sentence for the user."""


class JobTable:
    """The job table. `keep`: seconds that a job is kept after its end; `retention`: those that the queue keeps one.

    `clock` is the worker's, in which claims are given; `epoch` the Unix time, which the table has.
    """

    def __init__(
        self,
        table: str,
        client: "DynamoDBClient",
        *,
        keep: int,
        retention: int,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._table, self._client, self._keep, self._retention = table, client, keep, retention
        self._clock, self._epoch = clock, epoch
        self._worker = uuid.uuid4().hex

    def check(self) -> None:
        """Show that the table answers, before any job is received. Raises JobTableError."""
        try:
            self._client.get_item(TableName=self._table, Key={"id": {"S": CHECK_KEY}})
        except RETRYABLE_ERRORS as error:
            raise JobTableError(f"the job table {self._table} cannot be read: {error}") from error

    def claim(self, claim: Claim) -> Answered:
        """Claim the job: OK, FINISHED, CANCELLED, TAKEN by another worker for its seconds, or RETRYABLE."""
        message, asked_at, now = claim.message, self._clock(), self._epoch()
        until = self._unix(claim.until)
        update = Update(CLAIM)
        update.set(
            state=text(JobState.RUNNING),
            owner=self._owner(message),
            until=number(until),
            started=whole(now),
            attempt=whole(message.job.attempt),
            message_id=text(message.id),
            expires=expiry(until + self._retention + self._keep),
        )
        update.set_if_new(created=whole(message.sent_at or now))
        update.remove("sending", "progress", "note", "error", "result", "finished", "cancel")
        outcome = self._update(message, update, sent=whole(message.sent_at))
        return Answered(claim, asked_at, {message.handle: outcome})

    def finish(self, finish: Finish) -> Answered:
        """Write the final state: OK, FINISHED if it has one, LOST if another worker has the job, or RETRYABLE."""
        message, asked_at, now = finish.message, self._clock(), self._epoch()
        update = Update(CANCEL if finish.state is JobState.CANCELLED else FINISH)
        update.set(
            state=text(finish.state),
            finished=whole(now),
            attempt=whole(message.job.attempt),
            message_id=text(message.id),
            expires=expiry(now + self._keep),
        )
        update.set_if_new(created=whole(message.sent_at or now))
        update.set_or_remove(error=_error(finish.error), result=text(finish.result) if finish.result else None)
        update.set_known(**_progress(finish.progress))
        update.remove("owner", "until", "sending")
        outcome = self._update(message, update)
        if outcome.kind is Kind.FINISHED and self._is_ours(finish, outcome.job or {}):
            outcome = Outcome(Kind.OK, job=outcome.job)  # an earlier try, whose answer was lost
        elif outcome.kind is Kind.TAKEN:
            outcome = Outcome(Kind.LOST, outcome.error, job=outcome.job)
        elif outcome.kind is Kind.CANCELLED and finish.state is JobState.CANCELLED:
            outcome = Outcome(Kind.RETRYABLE, "the claim of the cancelled job has not ended yet")
        return Answered(finish, asked_at, {message.handle: outcome})

    def release(self, release: Release) -> Answered:
        """End the claim, if it is ours: OK, CANCELLED if the caller has cancelled the job meanwhile, or RETRYABLE."""
        message, asked_at = release.message, self._clock()
        update = Update(RELEASE)
        update.set(state=text(JobState.QUEUED))
        update.set_known(error=_error(release.error))
        update.remove("owner", "until")
        outcome = self._update(message, update)
        if outcome.kind not in {Kind.RETRYABLE, Kind.CANCELLED}:
            outcome = Outcome(Kind.OK, job=outcome.job)
        return Answered(release, asked_at, {message.handle: outcome})

    def extend(self, message: Message, until: float) -> None:
        """Let the claim end later, as the lease does. A failure is logged: the job continues by its lease."""
        unix = self._unix(until)
        update = Update(HELD)
        update.set(until=number(unix), expires=expiry(unix + self._retention + self._keep))
        outcome = self._update(message, update)
        if outcome.kind is not Kind.OK:
            logs.event("extension_failed", logging.WARNING, **log_fields(message.job), error=outcome.error)

    def progress(self, message: Message, progress: Progress) -> Outcome:
        """Write how much of the job is done: OK, RETRYABLE, or another kind if the claim is not ours any more."""
        update = Update(HELD)
        update.set_known(**_progress(progress))
        if not progress.note:
            update.remove("note")
        return self._update(message, update)

    def cancelled(self, messages: Iterable[Message]) -> frozenset[str]:
        """The ids of the messages whose jobs the caller has cancelled while they are ours. Raises RETRYABLE_ERRORS."""
        ours = {message.job.id: message for message in messages}
        names = {"#id": "id", "#owner": "owner", "#cancel": "cancel"}
        found: set[str] = set()
        for start in range(0, len(ours), MAX_KEYS):
            keys = list(ours)[start : start + MAX_KEYS]
            wanted: Any = {"Keys": [{"id": {"S": key}} for key in keys], "ProjectionExpression": ", ".join(names)}
            wanted["ExpressionAttributeNames"] = names
            answer = self._client.batch_get_item(RequestItems={self._table: wanted})
            items: list[Any] = (answer.get("Responses") or {}).get(self._table) or []
            for item in items:
                message = ours[item["id"]["S"]]
                if "cancel" in item and item.get("owner") == self._owner(message):
                    found.add(message.id)
        return frozenset(found)

    def _is_ours(self, finish: Finish, job: Mapping[str, Any]) -> bool:
        message = finish.message
        found = job.get("state"), job.get("message_id"), job.get("attempt")
        return found == (finish.state, message.id, message.job.attempt)

    def _owner(self, message: Message) -> dict[str, str]:
        # One job can have two messages, both in this worker. A newer receive of a message continues with its claim.
        return {"S": f"{self._worker}/{message.id}"}

    def _unix(self, until: float) -> float:
        return self._epoch() + until - self._clock()

    def _update(self, message: Message, update: Update, **values: dict[str, str]) -> Outcome:
        """OK with the job; what the item that failed the condition says; or RETRYABLE."""
        known = values | {"me": self._owner(message), "now": number(self._epoch()), "message": text(message.id)}
        known["attempt"] = whole(message.job.attempt)
        call = partial(
            self._client.update_item,
            TableName=self._table,
            Key={"id": {"S": message.job.id}},
            **update.arguments(known),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        try:
            answer: Any = call()
        except RETRYABLE_ERRORS as error:
            if not isinstance(error, ClientError) or code(error) != "ConditionalCheckFailed":
                return Outcome(Kind.RETRYABLE, str(error))
            item: Any = error.response.get("Item") or {}
            return self._found(item, message)
        return Outcome(Kind.OK, job=plain(answer.get("Attributes") or {}))

    def _found(self, item: Mapping[str, Any], message: Message) -> Outcome:
        job = plain(item)
        if job.get("state") == DONE_IN_0_1:
            job["state"] = JobState.SUCCEEDED
        if job.get("state") in FINAL:
            return Outcome(Kind.FINISHED, "the job has ended before", job=job)
        left = float(job.get("until", 0)) - self._epoch()
        ours = item.get("owner") == self._owner(message) and job.get("attempt", 0) <= message.job.attempt
        free = job.get("state") != JobState.RUNNING or ours or left < 0
        if "cancel" in job and free:
            return Outcome(Kind.CANCELLED, "the caller has cancelled the job", job=job)
        # Visibility has whole seconds. With 0 the message would be received again at once, and use up its attempts.
        return Outcome(Kind.TAKEN, "another worker has the job", max(1.0, math.ceil(left)), job=job)


def _error(error: str | None) -> dict[str, str] | None:
    return text(error[:MAX_ERROR_CHARACTERS]) if error else None


def _progress(progress: Progress | None) -> dict[str, dict[str, str] | None]:
    if progress is None:
        return {}
    return {"progress": number(progress.fraction), "note": text(progress.note) if progress.note else None}

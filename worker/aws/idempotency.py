"""The idempotency store: a job that has finished does not run again when SQS delivers its message again.

One DynamoDB item per message id: `state` (running, done), `owner` (one worker), `until` (Unix time at which the claim
of a running job ends) and `expires` (the table's TTL attribute). Each call is tried once and raises no error of
DynamoDB or of the network.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker import logs
from worker.aws.errors import RETRYABLE_ERRORS, code
from worker.core.events import Answered, Claim, Finish, Kind, Message, Outcome, ReleaseClaim

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

#: The key that the check at start reads; no message has it.
CHECK_KEY = "ebb-check"
#: Short names in expressions: some of the attributes' own names are reserved words of DynamoDB.
NAMES = {"#id": "id", "#state": "state", "#owner": "owner", "#until": "until", "#expires": "expires"}
OWNED = "#owner = :owner AND #state = :running"


class IdempotencyError(Exception):
    """The store is not usable; the text is one sentence for the user."""


class IdempotencyStore:
    """The store in one DynamoDB table. `seconds`: how long a finished job is remembered.

    `clock` is the worker's, in which claims are given; `epoch` the Unix time, which the table has.
    """

    def __init__(
        self,
        table: str,
        seconds: int,
        client: "DynamoDBClient",
        *,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._table, self._seconds, self._client = table, seconds, client
        self._clock, self._epoch = clock, epoch
        # The core has each message once, so this worker may repeat a call, and continue with a newer receive.
        self._owner = {"S": uuid.uuid4().hex}

    def check(self) -> None:
        """Show that the table answers, before any job is received. Raises IdempotencyError."""
        try:
            self._client.get_item(TableName=self._table, Key={"id": {"S": CHECK_KEY}})
        except RETRYABLE_ERRORS as error:
            raise IdempotencyError(f"the table {self._table} of finished jobs cannot be read: {error}") from error

    def claim(self, claim: Claim) -> Answered:
        """Claim the job: OK, FINISHED, TAKEN by another worker for its seconds, or RETRYABLE."""
        asked_at, now, until = self._clock(), self._epoch(), self._unix(claim.until)
        call = partial(
            self._client.put_item,
            TableName=self._table,
            Item=self._item(claim.message, "running", until + self._seconds) | {"until": _milliseconds(until)},
            ConditionExpression=f"attribute_not_exists(#id) OR #expires < :now OR ({OWNED}) "
            "OR (#state = :running AND #until < :now)",
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues=self._owned() | {":now": _milliseconds(now)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return Answered(claim, asked_at, {claim.message.handle: self._outcome(call)})

    def finish(self, finish: Finish) -> Answered:
        """Record that the job is done: OK, LOST when another worker has claimed it since, or RETRYABLE."""
        asked_at = self._clock()
        call = partial(
            self._client.put_item,
            TableName=self._table,
            Item=self._item(finish.message, "done", self._epoch() + self._seconds),
            ConditionExpression="attribute_not_exists(#id) OR #owner = :owner",
            ExpressionAttributeNames={"#id": "id", "#owner": "owner"},
            ExpressionAttributeValues={":owner": self._owner},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        outcome = self._outcome(call)
        if outcome.kind is Kind.TAKEN:
            outcome = Outcome(Kind.LOST, outcome.error)
        return Answered(finish, asked_at, {finish.message.handle: outcome})

    def release_claim(self, release: ReleaseClaim) -> Answered:
        """Release the claim, if it is ours: OK or RETRYABLE."""
        asked_at = self._clock()
        call = partial(
            self._client.delete_item,
            TableName=self._table,
            Key=_key(release.message),
            ConditionExpression=OWNED,
            ExpressionAttributeNames={"#owner": "owner", "#state": "state"},
            ExpressionAttributeValues=self._owned(),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        outcome = self._outcome(call)
        if outcome.kind is not Kind.RETRYABLE:
            outcome = Outcome(Kind.OK)
        return Answered(release, asked_at, {release.message.handle: outcome})

    def extend(self, message: Message, until: float) -> None:
        """Let the claim end later, as the lease does. A failure is logged: the job continues by its lease."""
        unix = self._unix(until)
        call = partial(
            self._client.update_item,
            TableName=self._table,
            Key=_key(message),
            UpdateExpression="SET #until = :until, #expires = :expires",
            ConditionExpression=OWNED,
            ExpressionAttributeNames={name: NAMES[name] for name in ("#owner", "#state", "#until", "#expires")},
            ExpressionAttributeValues=self._owned()
            | {":until": _milliseconds(unix), ":expires": _whole_seconds(unix + self._seconds)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        outcome = self._outcome(call)
        if outcome.kind is not Kind.OK:
            job = message.job
            fields = {"message_id": job.id, "attempt": job.attempt, "group": job.group}
            logs.event("extension_failed", logging.WARNING, **fields, error=outcome.error)

    def _unix(self, until: float) -> float:
        return self._epoch() + until - self._clock()

    def _item(self, message: Message, state: str, expires: float) -> dict[str, Any]:
        return _key(message) | {"state": {"S": state}, "owner": self._owner, "expires": _whole_seconds(expires)}

    def _owned(self) -> dict[str, Any]:
        return {":owner": self._owner, ":running": {"S": "running"}}

    def _outcome(self, call: Callable[[], object]) -> Outcome:
        """OK; FINISHED or TAKEN by the item that failed the condition; or RETRYABLE."""
        try:
            call()
        except RETRYABLE_ERRORS as error:
            if not isinstance(error, ClientError) or code(error) != "ConditionalCheckFailed":
                return Outcome(Kind.RETRYABLE, str(error))
            item: Any = error.response.get("Item", {})
        else:
            return Outcome(Kind.OK)
        if item.get("state") == {"S": "done"}:
            return Outcome(Kind.FINISHED, "the job has finished before")
        left = float(item.get("until", {}).get("N", 0)) - self._epoch()
        # Visibility has whole seconds. With 0 the message would be received again at once, and use up its attempts.
        return Outcome(Kind.TAKEN, "another worker has the job", max(1.0, math.ceil(left)))


def _key(message: Message) -> dict[str, Any]:
    return {"id": {"S": message.job.id}}


def _whole_seconds(seconds: float) -> dict[str, str]:
    """Rounded up: TTL needs whole seconds."""
    return {"N": str(math.ceil(seconds))}


def _milliseconds(seconds: float) -> dict[str, str]:
    """Seconds to the millisecond: a claim must not end later than its lease."""
    return {"N": f"{seconds:.13g}"}

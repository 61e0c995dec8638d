"""The idempotency store: a job that has finished is not done again, however often SQS delivers it.

One DynamoDB item per message id: `state` (running, done), `owner` (the worker that has it), `until` (Unix time at
which a running one's claim ends) and `expires` (the table's TTL attribute). Each call is tried once and never raises
about DynamoDB or the network.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from worker import logs
from worker.core.events import Answered, Claim, Finish, Forget, Kind, Message, Outcome

#: A call went wrong, or its answer was lost or is not DynamoDB's (botocore falls over JSON of another shape): it may be
#: tried again.
TROUBLE = (BotoCoreError, ClientError, OSError, AttributeError, TypeError, ValueError)
#: Tries of the proof at start, and the seconds between them.
TRIES, PAUSE = 3, 1.0
#: The key that the proof asks for; no message has it.
PROOF = "ebb-proof"
#: Shorter names: several of the attributes' are DynamoDB's reserved words.
NAMES = {"#id": "id", "#state": "state", "#owner": "owner", "#until": "until", "#expires": "expires"}
OURS = "#owner = :owner AND #state = :running"


class OnceError(Exception):
    """The store cannot be had; the text is one sentence for the user."""


class Once:
    """The idempotency store in one DynamoDB table, which remembers a finished job for so many seconds.

    `clock` is the worker's, in which claims are given; `epoch` the Unix time, which the table has.
    """

    def __init__(
        self,
        table: str,
        seconds: int,
        client: Any,
        *,
        clock: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._table, self._seconds, self._client = table, seconds, client
        self._clock, self._epoch, self._sleep = clock, epoch, sleep
        # Of this worker, whose core has a message once: so a call may be repeated, and a newer receive goes on with it.
        self._owner = {"S": uuid.uuid4().hex}

    def prove(self) -> None:
        """Show, before any job is taken, that the table answers; raises OnceError when it does not."""
        for attempt in range(1, TRIES + 1):
            try:
                self._client.get_item(TableName=self._table, Key={"id": {"S": PROOF}})
            except TROUBLE as error:
                if attempt == TRIES:
                    raise OnceError(f"the table {self._table} of finished jobs cannot be read: {error}") from error
                self._sleep(PAUSE)
            else:
                return

    def claim(self, claim: Claim) -> Answered:
        """Take the job: OK, FINISHED before, TAKEN by another for its seconds, or TROUBLE."""
        asked_at, now, until = self._clock(), self._epoch(), self._unix(claim.until)
        outcome = self._write(
            "put_item",
            Item=self._item(claim.message, "running", until + self._seconds) | {"until": _exact(until)},
            ConditionExpression=f"attribute_not_exists(#id) OR #expires < :now OR ({OURS}) "
            "OR (#state = :running AND #until < :now)",
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues=self._ours() | {":now": _exact(now)},
        )
        return Answered(claim, asked_at, {claim.message.handle: outcome})

    def finish(self, finish: Finish) -> Answered:
        """Remember that the job is done: OK, LOST when another worker has taken it meanwhile, or TROUBLE."""
        asked_at = self._clock()
        outcome = self._write(
            "put_item",
            Item=self._item(finish.message, "done", self._epoch() + self._seconds),
            ConditionExpression="attribute_not_exists(#id) OR #owner = :owner",
            ExpressionAttributeNames={"#id": "id", "#owner": "owner"},
            ExpressionAttributeValues={":owner": self._owner},
        )
        if outcome.kind is Kind.TAKEN:
            outcome = Outcome(Kind.LOST, outcome.error)
        return Answered(finish, asked_at, {finish.message.handle: outcome})

    def forget(self, forget: Forget) -> Answered:
        """Give the claim up, if it is ours: OK, or TROUBLE."""
        asked_at = self._clock()
        outcome = self._write("delete_item", **self._running(forget.message))
        if outcome.kind is not Kind.TROUBLE:
            outcome = Outcome(Kind.OK)
        return Answered(forget, asked_at, {forget.message.handle: outcome})

    def extend(self, message: Message, until: float) -> None:
        """Let the claim end later, as the lease does; a failure is logged: the job goes on, by its lease."""
        arguments = self._running(message)
        arguments["ExpressionAttributeNames"] |= {"#until": "until", "#expires": "expires"}
        unix = self._unix(until)
        arguments["ExpressionAttributeValues"] |= {":until": _exact(unix), ":expires": _number(unix + self._seconds)}
        outcome = self._write("update_item", UpdateExpression="SET #until = :until, #expires = :expires", **arguments)
        if outcome.kind is not Kind.OK:
            job = message.job
            known = {"message_id": job.id, "attempt": job.attempt, "group": job.group}
            logs.event("extension_failed", logging.WARNING, **known, error=outcome.error)

    def _unix(self, until: float) -> float:
        return self._epoch() + until - self._clock()

    def _item(self, message: Message, state: str, expires: float) -> dict[str, Any]:
        key = {"S": message.job.id}
        return {"id": key, "state": {"S": state}, "owner": self._owner, "expires": _number(expires)}

    def _ours(self) -> dict[str, Any]:
        return {":owner": self._owner, ":running": {"S": "running"}}

    def _running(self, message: Message) -> dict[str, Any]:
        return {
            "Key": {"id": {"S": message.job.id}},
            "ConditionExpression": OURS,
            "ExpressionAttributeNames": {"#owner": "owner", "#state": "state"},
            "ExpressionAttributeValues": self._ours(),
        }

    def _write(self, call: str, **arguments: Any) -> Outcome:
        """OK; FINISHED or TAKEN as the item says that the condition was refused for; or TROUBLE."""
        try:
            getattr(self._client, call)(
                TableName=self._table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                return Outcome(Kind.TROUBLE, str(error))
            item: Any = error.response.get("Item", {})
            if item.get("state") == {"S": "done"}:
                return Outcome(Kind.FINISHED, "the job has been finished before")
            left = float(item.get("until", {}).get("N", 0)) - self._epoch()
            # Visibility has whole seconds. None would be a new receive at once, and again, until all are spent.
            return Outcome(Kind.TAKEN, "another worker has the job", max(1.0, math.ceil(left)))
        except TROUBLE as error:
            return Outcome(Kind.TROUBLE, str(error))
        return Outcome(Kind.OK)


def _number(seconds: float) -> dict[str, str]:
    """Whole seconds, as TTL needs them, later rather than earlier."""
    return {"N": str(math.ceil(seconds))}


def _exact(seconds: float) -> dict[str, str]:
    """To the millisecond: a claim ends with its lease, and not after the message is there again."""
    return {"N": f"{seconds:.13g}"}

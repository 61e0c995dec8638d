"""The job table of a simulation with the worker's own expressions, and what must hold for each write by anybody."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from tests.followed.items import TABLE, Attributes, Items
from tests.worker.judge import Judge, Past
from tests.worker.simulated_table import Item, Table
from worker import logs
from worker.aws.table import JobTable
from worker.core.endings import JobState
from worker.core.events import Claim, Finish, Message, Outcome, Release

DAY = 86_400


class RealTable(Table):
    """As `Table`, but each write is one of worker/aws/table.py or of the workflows: `items` only repeats it."""

    def __init__(
        self,
        clock: Callable[[], float],
        judge: Judge,
        *,
        keep_days: int,
        retention_days: int,
    ) -> None:
        super().__init__(clock, judge.fail)
        self._judge, self._keep, self._retention = judge, keep_days * DAY, retention_days * DAY
        self.client = Items(self._written)
        self._workers: dict[str, JobTable] = {}
        #: Jobs whose caller got 202.
        self.accepted: set[str] = set()

    def call(self, worker: str, call: Claim | Finish | Release, until: float) -> Outcome:
        """As the worker makes the call."""
        table = self._of(worker)
        match call:
            case Claim():
                answered = table.claim(replace(call, until=until))
            case Finish():
                answered = table.finish(call)
            case Release():
                answered = table.release(call)
        return answered.outcomes[call.message.handle]

    def extend(self, worker: str, message: Message, until: float) -> None:
        """As the worker does it, without its log."""
        with patch.object(logs.OUTPUT, "write"):
            self._of(worker).extend(message, until)

    def cancelled(self, worker: str, messages: Iterable[Message]) -> frozenset[str]:
        """As the worker asks."""
        return self._of(worker).cancelled(messages)

    def known(self, job_id: str) -> bool:
        """Whether a caller who asks finds the job."""
        item = self.client.item(job_id)
        return item is not None and _number(item, "expires") >= self._clock()

    def _of(self, worker: str) -> JobTable:
        if worker not in self._workers:
            client: Any = self.client
            self._workers[worker] = JobTable(
                TABLE, client, keep=self._keep, retention=self._retention, clock=self._clock, epoch=self._clock
            )
        return self._workers[worker]

    def _written(self, id_: str, before: Attributes | None, after: Attributes | None) -> None:
        if after is None:
            if id_ in self.accepted:
                self._fail("the item of an accepted job is deleted", id_)
            self.items.pop(id_, None)
            return
        # until it has a message
        self._judge.past.setdefault(id_, Past(None))
        state = JobState(after["state"]["S"])
        self._judge.note("table", (id_, str(state), after.get("attempt"), after.get("message_id", {}).get("S")))
        old = JobState(before["state"]["S"]) if before else None
        item = self.items.setdefault(id_, Item(state))
        item.message_id = after["message_id"]["S"] if "message_id" in after else item.message_id
        item.until = _number(after, "until")
        item.cancel = _number(after, "cancel") or None
        attempt = int(_number(after, "attempt"))
        if (state, attempt) != (item.state, item.attempt):
            if state is JobState.SCHEDULED:
                self._fail(f"{old} becomes scheduled", id_)
            item.attempt = attempt
            self._becomes(id_, item, state)
        if state is JobState.CANCELLED and old in {JobState.QUEUED, JobState.SCHEDULED}:
            self._judge.jobs.cancelled(id_, state)
        if state is JobState.RUNNING and item.cancel and before and "cancel" not in before:
            self._judge.jobs.cancelled(id_, state)


def _number(item: Attributes, name: str) -> float:
    return float(item[name]["N"]) if name in item else 0.0

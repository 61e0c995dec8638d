"""Which calls to make about the messages in flight: extensions in time, and the calls that settle them, in batches."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from worker.config import Config
from worker.core.endings import OPTIONAL, Ending, Step, final_state, steps
from worker.core.events import (
    Answered,
    Call,
    ChangeVisibility,
    Claim,
    DeadLetter,
    Delete,
    Finish,
    Kind,
    Notify,
    Observe,
    Outcome,
    Release,
)
from worker.core.in_flight import InFlight, State
from worker.core.lease import MAX_CALL_SECONDS

#: Entries of one batch (SQS API, DeleteMessageBatch).
MAX_BATCH_ENTRIES = 10
#: Calls in flight at the same time of each kind: extensions, other calls to SQS, and calls to the table and the bus.
MAX_CALLS = 4
#: Extensions that are due within so long go into one batch.
EXTEND_TOGETHER_SECONDS = 1
RETRY_PAUSE_SECONDS = 1.0
#: After so many tries an event is left out.
MAX_NOTIFY_TRIES = 5
#: After so many tries a rejected job counts as failed: SQS moves it to the dead-letter queue after its last attempt.
MAX_DEAD_LETTER_TRIES = 5
OF_TABLE = (Claim, Finish, Release, Notify)


class Settling:
    """Makes calls, never two at the same time about one message, and records their answers."""

    def __init__(self, config: Config, observe: Observe, jitter: Callable[[float, float], float]) -> None:
        self._table, self._events = config.job_table is not None, config.job_table is not None and config.events
        self._observe = observe
        self._fifo, self._attempts, self._jitter = config.fifo, config.max_receive_count, jitter
        self._extensions = 0
        self._others: list[Call] = []
        #: The steps whose last call did not succeed: the table, or the event bus, is away.
        self._failing: set[Step] = set()

    @property
    def table(self) -> bool:
        """Whether there is a job table: a job starts with a claim only."""
        return self._table

    @property
    def idle(self) -> bool:
        """Whether no call is in flight."""
        return not self._extensions and not self._others

    def extensions(self, now: float, items: Iterable[InFlight]) -> list[Call]:
        """Extend the leases that are due."""
        due = [item for item in items if item.call is None and self._extendable(now, item)]
        if not any(item.lease.due <= now for item in due):
            return []
        calls: list[Call] = []
        for batch in _batches(due):
            if self._extensions == MAX_CALLS:
                break
            self._extensions += 1
            entries = tuple((item.message, item.lease.extension(now)) for item in batch)
            calls.append(_send(batch, ChangeVisibility(entries, urgent=True)))
        return calls

    def begin(self, item: InFlight, ending: Ending, *, delay: float = 0.0, taken: bool = False, **details: Any) -> None:
        """An attempt ended in this way. `taken`: another worker has the job, and its claim stays."""
        final = None if taken else final_state(ending, item.message.job.attempt, self._attempts)
        claimed = item.claim_sent and not taken
        needed = steps(ending, final, table=self._table, events=self._events, claimed=claimed)
        item.settle(ending, final, needed, delay, **details)

    def settlements(self, now: float, items: Iterable[InFlight], leave_by: float) -> list[Call]:
        """The next call for each message that is settling, and the claim for each that needs one.

        `leave_by`: from then on the worker settles its messages without a table or bus that is away.
        """
        ready = [item for item in items if item.call is None and item.lease.held(now) and not item.lease.short(now)]
        for item in ready:
            while item.steps and self._left_out(now, item, leave_by):
                skipped = item.steps[0].name.lower()
                self._observe("left_out", logging.WARNING, step=skipped, state=item.final, **item.log_fields)
                item.next_step()
        ready = [item for item in ready if item.retry_at <= now]
        calls: list[Call] = []
        for item in ready:
            single = self._single(item)
            if single and self._free(type(single)):
                item.claim_sent |= isinstance(single, Claim)
                calls.append(self._sent([item], single))
        for step, kind in ((Step.DELETE, Delete), (Step.CHANGE_VISIBILITY, ChangeVisibility)):
            waiting = [item for item in ready if item.steps and item.steps[0] is step]
            for batch in _batches(waiting):
                # While a call of this kind is in flight, a batch may fill. FIFO does not wait: its group is blocked.
                alone = not any(isinstance(call, kind) for call in self._others)
                if self._free(kind) and (alone or self._fifo or len(batch) == MAX_BATCH_ENTRIES):
                    calls.append(self._sent(batch, _settle(now, batch, step)))
        return calls

    def _free(self, kind: type[Call]) -> bool:
        """Whether one more call of this kind may be made: calls to a table that is away hold up no others."""
        return sum(isinstance(other, OF_TABLE) == issubclass(kind, OF_TABLE) for other in self._others) < MAX_CALLS

    def _left_out(self, now: float, item: InFlight, leave_by: float) -> bool:
        """Whether the message must not wait for its next step any longer."""
        step = item.steps[0]
        if step not in OPTIONAL:
            return False
        lease = item.lease
        last = not lease.extension(now) and lease.deadline - now < 2 * MAX_CALL_SECONDS  # the end of the 12 hours
        leaving = (now >= leave_by or last) and (item.tries > 0 or step in self._failing)
        return leaving or (step is Step.NOTIFY and item.tries >= MAX_NOTIFY_TRIES)

    def answered(self, event: Answered) -> None:
        """A call is no longer in flight."""
        if isinstance(event.call, ChangeVisibility) and event.call.urgent:
            self._extensions -= 1
        else:
            self._others = [call for call in self._others if call is not event.call]

    def step_done(self, now: float, item: InFlight, outcome: Outcome) -> bool:
        """Record a step's outcome; False when the lease, or the job, is lost."""
        step = item.steps[0]
        if item.newer:
            item.renew()
            item.tries = 0
            return True
        if outcome.kind is Kind.LOST and not (step is Step.DELETE and item.delete_unanswered):
            return False
        retryable = outcome.kind is Kind.RETRYABLE
        if step in OPTIONAL:
            (self._failing.add if retryable else self._failing.discard)(step)
            item.job = outcome.job or item.job
        no_copy = step is Step.DEAD_LETTER and retryable and item.tries >= MAX_DEAD_LETTER_TRIES
        if outcome.kind is Kind.REFUSED or no_copy:
            self.begin(item, Ending.FAILED, delay=item.delay, error=outcome.error)
        elif outcome.kind is Kind.CANCELLED:
            self.begin(item, Ending.CANCELLED)
        elif retryable:
            item.delete_unanswered |= step is Step.DELETE
            self.try_again(now, item)
        else:
            item.next_step()
        return True

    def claim_done(self, now: float, item: InFlight, outcome: Outcome) -> None:
        """Record the answer to a claim, unless it ended the attempt."""
        if item.newer:
            item.renew()
        elif outcome.kind is Kind.OK:
            item.claimed = True
        else:
            self.try_again(now, item)

    def try_again(self, now: float, item: InFlight) -> None:
        """Schedule the next try of a call that failed."""
        item.tries += 1
        item.retry_at = now + self._jitter(0.5, 1) * RETRY_PAUSE_SECONDS * min(item.tries, 5)

    def _extendable(self, now: float, item: InFlight) -> bool:
        lease = item.lease
        if not lease.held(now) or not lease.extension(now) or lease.due > now + EXTEND_TOGETHER_SECONDS:
            return False
        # A settling one too: its calls may fail or wait. One whose job is being stopped must outlast the grace.
        return item.state is not State.STOPPING or not (item.ending and item.ending.lost)

    def _single(self, item: InFlight) -> Call | None:
        step = item.steps[0] if item.steps else None
        if step is Step.DEAD_LETTER:
            return DeadLetter(item.message, str(item.details.get("reason")))
        if step is Step.FINISH and item.final:
            value, progress = (item.result.value, item.result.progress) if item.result else (None, None)
            return Finish(item.message, item.final, item.error, value if item.ending is Ending.DONE else None, progress)
        if step is Step.RELEASE:
            return Release(item.message, item.error if item.ending is not Ending.GIVEN_BACK else None)
        if step is Step.NOTIFY:
            return Notify(item.message, item.job or _known(item))
        if item.state is State.WAITING and self._table and not item.claimed:
            return Claim(item.message, item.lease.deadline)
        return None

    def _sent(self, batch: list[InFlight], call: Call) -> Call:
        self._others.append(call)
        return _send(batch, call)


def _known(item: InFlight) -> dict[str, Any]:
    """The job, if the table has not shown it."""
    job = item.message.job
    return {"id": job.id, "state": str(item.final), "attempt": job.attempt, "message_id": job.message_id}


def _settle(now: float, batch: list[InFlight], step: Step) -> Call:
    if step is Step.DELETE:
        return Delete(tuple(item.message for item in batch))
    entries = []
    for item in batch:
        seconds = item.lease.allowed(now, item.delay)
        entries.append((item.message, seconds))
        if item.ending is not Ending.GIVEN_BACK:
            item.details["retry_in"] = seconds
    return ChangeVisibility(tuple(entries))


def _batches(items: list[InFlight]) -> list[list[InFlight]]:
    return [items[start : start + MAX_BATCH_ENTRIES] for start in range(0, len(items), MAX_BATCH_ENTRIES)]


def _send(batch: list[InFlight], call: Call) -> Call:
    for item in batch:
        item.call = call
    return call

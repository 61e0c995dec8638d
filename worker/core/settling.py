"""Which calls to make about the messages in flight: extensions in time, and the calls that settle them, in batches."""

import math
from collections.abc import Callable, Iterable

from worker.core.events import (
    Answered,
    Call,
    ChangeVisibility,
    Claim,
    DeadLetter,
    Delete,
    Finish,
    Kind,
    Outcome,
    ReleaseClaim,
)
from worker.core.in_flight import Ending, InFlight, State, Step

#: Entries of one batch (SQS API, DeleteMessageBatch).
MAX_BATCH_ENTRIES = 10
#: Calls in flight at the same time; extensions have the same number again.
MAX_CALLS = 4
#: Extensions that are due within so long go into one batch.
EXTEND_TOGETHER_SECONDS = 1
RETRY_PAUSE_SECONDS = 1.0
#: After so many tries a message is settled without the idempotency store.
MAX_STORE_TRIES = 5
#: After so many tries a rejected job counts as failed: SQS moves it to the dead-letter queue after its last attempt.
MAX_DEAD_LETTER_TRIES = 5


class Settling:
    """Makes calls, never two at the same time about one message, and records their answers."""

    def __init__(self, *, store: bool, fifo: bool, jitter: Callable[[float, float], float]) -> None:
        self._store, self._fifo, self._jitter = store, fifo, jitter
        self._extensions = 0
        self._others: list[Call] = []

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

    def settlements(self, now: float, items: Iterable[InFlight]) -> list[Call]:
        """The next call for each message that is settling, and the claim for each that needs one."""
        ready = [
            item
            for item in items
            if item.call is None and item.retry_at <= now and item.lease.held(now) and not item.lease.short(now)
        ]
        calls: list[Call] = []
        for item in ready:
            single = self._single(item)
            if single and len(self._others) < MAX_CALLS:
                calls.append(self._sent([item], single))
        for step, kind in ((Step.DELETE, Delete), (Step.CHANGE_VISIBILITY, ChangeVisibility)):
            waiting = [item for item in ready if item.steps and item.steps[0] is step]
            for batch in _batches(waiting):
                # While a call of this kind is in flight, a batch may fill. FIFO does not wait: its group is blocked.
                alone = not any(isinstance(call, kind) for call in self._others)
                if len(self._others) < MAX_CALLS and (alone or self._fifo or len(batch) == MAX_BATCH_ENTRIES):
                    calls.append(self._sent(batch, _settle(now, batch, step)))
        return calls

    def answered(self, event: Answered) -> None:
        """A call is no longer in flight."""
        if isinstance(event.call, ChangeVisibility) and event.call.urgent:
            self._extensions -= 1
        else:
            self._others = [call for call in self._others if call is not event.call]

    def step_done(self, now: float, item: InFlight, outcome: Outcome) -> bool:
        """Record a step's outcome; False when the lease is lost."""
        step = item.steps[0]
        if item.newer:
            item.renew()
            item.tries = 0
            return True
        if outcome.kind is Kind.LOST and not (step is Step.DELETE and item.delete_unanswered):
            return False
        retryable = outcome.kind is Kind.RETRYABLE
        no_copy = step is Step.DEAD_LETTER and retryable and item.tries >= MAX_DEAD_LETTER_TRIES
        no_store = step in {Step.FINISH, Step.RELEASE_CLAIM} and retryable and item.tries >= MAX_STORE_TRIES
        if outcome.kind is Kind.REFUSED or no_copy:
            item.settle(Ending.FAILED, store=self._store, error=outcome.error, delay=item.delay)
        elif retryable and not no_store:
            item.delete_unanswered |= step is Step.DELETE
            self.try_again(now, item)
        else:
            item.steps.popleft()
            item.tries, item.retry_at = 0, -math.inf
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
        if step is Step.FINISH:
            return Finish(item.message)
        if step is Step.RELEASE_CLAIM:
            return ReleaseClaim(item.message)
        if item.state is State.WAITING and self._store and not item.claimed:
            return Claim(item.message, item.lease.deadline)
        return None

    def _sent(self, batch: list[InFlight], call: Call) -> Call:
        self._others.append(call)
        return _send(batch, call)


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

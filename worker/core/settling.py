"""Which calls to make about the messages held: extensions in time, and what settles them, in batches."""

import math
from collections.abc import Callable, Iterable

from worker.core.events import Answered, Call, Claim, DeadLetter, Delete, Finish, Forget, Hide, Kind, Message, Outcome
from worker.core.in_flight import Ending, Held, State, Step

#: Entries of one batch (SQS API, DeleteMessageBatch), and calls at once, at the most: those that extend have their own.
MOST_ENTRIES, MOST_CALLS = 10, 4
#: Seconds in which an answer comes or the client gives up: to connect, to read, and one to spare.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 5
CALL_LIMIT = CONNECT_TIMEOUT + READ_TIMEOUT + 1
#: Extensions due within so many seconds go together.
TOGETHER = 1
#: Seconds between tries of a call that failed.
PAUSE = 1.0
#: Tries at the idempotency store before a message is settled without it, and at the dead-letter queue before a rejected
#: job has merely failed: then SQS itself moves it there, after its last attempt.
STORE_TRIES, DEAD_LETTER_TRIES = 5, 5


class Settling:
    """Makes calls, never two at once about one message, and takes note of their answers."""

    def __init__(self, *, store: bool, fifo: bool, jitter: Callable[[float, float], float]) -> None:
        self._store, self._fifo, self._jitter = store, fifo, jitter
        self._urgent = 0
        self._others: list[Call] = []

    @property
    def idle(self) -> bool:
        """Whether no call is in flight."""
        return not self._urgent and not self._others

    def extensions(self, now: float, held: Iterable[Held]) -> list[Call]:
        """Extend the leases that are due, or too short for the call that shall settle their message."""
        due = [one for one in held if one.call is None and self._extendable(now, one)]
        if not any(one.lease.due <= now for one in due):
            return []
        calls: list[Call] = []
        for batch in _batches(due):
            if self._urgent == MOST_CALLS:
                break
            self._urgent += 1
            entries = tuple((one.message, one.lease.extension(now)) for one in batch)
            calls.append(_send(batch, Hide(entries, urgent=True)))
        return calls

    def settlements(self, now: float, held: Iterable[Held]) -> list[Call]:
        """The next step of each message that is settled; of what waits for a claim, the claim."""
        ready = [
            one
            for one in held
            if one.call is None and one.retry_at <= now and one.lease.held(now) and not _short(now, one)
        ]
        calls: list[Call] = []
        for one in ready:
            single = self._single(one)
            if single and len(self._others) < MOST_CALLS:
                calls.append(self._sent([one], single))
        for step in (Step.DELETE, Step.HIDE):
            waiting = [one for one in ready if one.steps and one.steps[0] is step]
            for batch in _batches(waiting):
                # While one of its kind is in flight a batch may fill; FIFO groups wait for theirs, so there it goes.
                alone = not any(isinstance(call, Delete if step is Step.DELETE else Hide) for call in self._others)
                if len(self._others) < MOST_CALLS and (alone or self._fifo or len(batch) == MOST_ENTRIES):
                    calls.append(self._sent(batch, _settle(now, batch, step)))
        return calls

    def answered(self, event: Answered) -> None:
        """A call is no longer in flight."""
        if isinstance(event.call, Hide) and event.call.urgent:
            self._urgent -= 1
        else:
            self._others = [call for call in self._others if call is not event.call]

    def step_done(self, now: float, one: Held, outcome: Outcome) -> bool:
        """Take note of a step's outcome; False when the lease is lost."""
        step = one.steps[0]
        if one.newer:
            one.renew()
            one.tries = 0
            return True
        if outcome.kind is Kind.LOST and not (step is Step.DELETE and one.unsure):
            return False
        in_vain = step is Step.DEAD_LETTER and outcome.kind is Kind.TROUBLE and one.tries >= DEAD_LETTER_TRIES
        if outcome.kind is Kind.REFUSED or in_vain:
            one.settle(Ending.FAILED, store=self._store, error=outcome.error, delay=one.delay)
        elif outcome.kind is Kind.TROUBLE and not (step in {Step.FINISH, Step.FORGET} and one.tries >= STORE_TRIES):
            one.unsure |= step is Step.DELETE
            self.try_again(now, one)
        else:
            one.steps.popleft()
            one.tries, one.retry_at = 0, -math.inf
        return True

    def try_again(self, now: float, one: Held) -> None:
        """Let a call that failed wait a little."""
        one.tries += 1
        one.retry_at = now + self._jitter(0.5, 1) * PAUSE * min(one.tries, 5)

    def _extendable(self, now: float, one: Held) -> bool:
        if not one.lease.held(now) or not one.lease.extension(now) or one.lease.due > now + TOGETHER:
            return False
        return one.state is not State.STOPPING  # a settled one is soon gone, unless its calls fail or wait their turn

    def _single(self, one: Held) -> Call | None:
        step = one.steps[0] if one.steps else None
        if step is Step.DEAD_LETTER:
            return DeadLetter(one.message, str(one.details.get("reason")))
        if step is Step.FINISH:
            return Finish(one.message)
        if step is Step.FORGET:
            return Forget(one.message)
        if one.state is State.WAITING and self._store and not one.claimed:
            return Claim(one.message, one.lease.deadline)
        return None

    def _sent(self, batch: list[Held], call: Call) -> Call:
        self._others.append(call)
        return _send(batch, call)


def messages(call: Call) -> tuple[Message, ...]:
    """The messages that a call is about."""
    match call:
        case Hide(entries):
            return tuple(message for message, _ in entries)
        case Delete(several):
            return several
        case DeadLetter(message) | Claim(message) | Finish(message) | Forget(message):
            return (message,)


def _short(now: float, one: Held) -> bool:
    """Whether what is left of the lease is too short for a call, and can be extended."""
    return one.lease.deadline - now < CALL_LIMIT and one.lease.extension(now) > 0


def _settle(now: float, batch: list[Held], step: Step) -> Call:
    if step is Step.DELETE:
        return Delete(tuple(one.message for one in batch))
    entries = []
    for one in batch:
        seconds = one.lease.pause(now, one.delay)
        entries.append((one.message, seconds))
        if one.ending is not Ending.GIVEN_BACK:
            one.details["retry_in"] = seconds
    return Hide(tuple(entries))


def _batches(several: list[Held]) -> list[list[Held]]:
    return [several[start : start + MOST_ENTRIES] for start in range(0, len(several), MOST_ENTRIES)]


def _send(batch: list[Held], call: Call) -> Call:
    for one in batch:
        one.call = call
    return call

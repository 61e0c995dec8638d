"""When to ask the queue for messages, and for how many: never for more than can start now."""

import math
from collections.abc import Callable

from worker.config import Config
from worker.core.events import Receive, Received
from worker.core.lease import backoff

#: Messages of one receive, and receives at once, at the most (SQS API, ReceiveMessage; ours).
MOST_MESSAGES, MOST_RECEIVES = 10, 4
#: Seconds that a receive waits for more slots to become free while jobs run: one for many costs as one for one.
GATHER = 0.003
#: Seconds between receives that failed, at the most.
LONGEST_PAUSE = 20
#: Seconds in which a FIFO queue repeats its answer to the same attempt (SQS API, ReceiveRequestAttemptId).
REPEATABLE = 300
#: Seconds above a receive's wait in which its answer must come: together less than config.LEAST_VISIBILITY.
READ_MARGIN = 5
#: Seconds after which a receive without an answer or an error means that the worker is stuck.
STUCK_AFTER = 60


class Receiving:
    """The receives in flight. One waits for messages; more are made while each answer is full."""

    def __init__(self, config: Config, new_id: Callable[[], str], jitter: Callable[[float, float], float]) -> None:
        self._config, self._new_id, self._jitter = config, new_id, jitter
        self._in_flight: list[tuple[Receive, float]] = []
        #: Receives without an answer that a FIFO queue will repeat, with the time until which it does.
        self._unanswered: list[tuple[Receive, float]] = []
        self._failures = 0
        self._flowing = False
        #: When the next receive may be made.
        self.next_at = -math.inf
        #: Until when one waits for more free slots.
        self.gather_until = math.inf
        #: Whether the last answer said that nothing is visible; whoever acts on it takes it back.
        self.dry = False
        #: Whether messages came since the last answer without any.
        self._fresh = False

    @property
    def reserved(self) -> int:
        """Messages that may be on their way."""
        return sum(receive.count for receive, _ in self._in_flight)

    @property
    def idle(self) -> bool:
        """Whether no receive is in flight."""
        return not self._in_flight

    def stuck(self, now: float) -> bool:
        """Whether a receive has neither been answered nor timed out, long after it should have."""
        return any(now > began + receive.wait + STUCK_AFTER for receive, began in self._in_flight)

    def wanted(self, now: float, free: int, *, busy: bool) -> list[Receive]:
        """The receives to make, for so many free slots; `busy`: whether a job is in hand.

        When the last job is done the next receive does not wait: is the queue empty, the protection goes at once.
        """
        made: list[Receive] = []
        most = 1 if self._config.fifo else MOST_MESSAGES
        free -= self.reserved
        while free > 0 and now >= self.next_at and len(self._in_flight) < MOST_RECEIVES:
            # A second one beside the long poll is worth its price only while there is plenty of work.
            if self._in_flight and not (self._flowing and free >= most):
                break
            if busy and free < min(most, self._config.concurrency):
                self.gather_until = min(self.gather_until, now + GATHER)
                if now < self.gather_until:
                    break
            self.gather_until = math.inf
            receive = self._next(now, min(free, most), self._config.wait if busy or not self._fresh else 0)
            self._in_flight.append((receive, now))
            made.append(receive)
            free -= receive.count
        return made

    def answered(self, now: float, event: Received) -> None:
        """Take note of an answer or an error."""
        began = next(began for receive, began in self._in_flight if receive is event.receive)
        self._in_flight = [pair for pair in self._in_flight if pair[0] is not event.receive]
        if event.error is None:
            self._failures = 0
            self.dry, self._fresh = not event.messages, bool(event.messages)
            self._flowing = len(event.messages) == event.receive.count
            return
        self._failures += 1
        self._flowing = False
        self.next_at = now + backoff(self._failures, 1, LONGEST_PAUSE, self._jitter)
        if event.receive.attempt_id:
            self._unanswered.append((event.receive, began + REPEATABLE))

    def _next(self, now: float, count: int, wait: int) -> Receive:
        while self._unanswered:
            receive, until = self._unanswered.pop(0)
            if now < until:
                return Receive(receive.count, wait, receive.attempt_id)
        # One message at a time of a FIFO queue: while it is in flight SQS gives out no other of its group, so the
        # order within a group, and what a failure holds back, are SQS's own.
        return Receive(count, wait, self._new_id() if self._config.fifo else None)

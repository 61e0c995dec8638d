"""When to request messages from the queue, and how many: at most as many as can start now."""

import math
from collections.abc import Callable

from worker.config import Config
from worker.core.backoff import backoff
from worker.core.events import Receive, Received

#: Messages of one receive (SQS API, ReceiveMessage).
MAX_MESSAGES = 10
#: Receives in flight at the same time (our own limit).
MAX_RECEIVES = 4
#: While jobs run, a receive waits so long for more free slots: one receive of ten costs as much as one of one.
COLLECT_SECONDS = 0.003
MAX_PAUSE_SECONDS = 20
#: A FIFO queue repeats its answer to the same attempt id for so long (SQS API, ReceiveRequestAttemptId).
REPEATABLE_SECONDS = 300
#: Time for the answer above a receive's wait; both together are less than config.MIN_VISIBILITY_SECONDS.
READ_MARGIN_SECONDS = 5
#: A receive without an answer or an error for so long means that the worker is stuck.
STUCK_SECONDS = 60


class Receiving:
    """The receives in flight. One waits for messages; more are made while each answer is full."""

    def __init__(self, config: Config, new_id: Callable[[], str], jitter: Callable[[float, float], float]) -> None:
        self._config, self._new_id, self._jitter = config, new_id, jitter
        self._in_flight: list[tuple[Receive, float]] = []
        #: FIFO receives without an answer, and until when the queue repeats their answer.
        self._unanswered: list[tuple[Receive, float]] = []
        self._failures = 0
        self._last_was_full = False
        self.next_at = -math.inf
        #: Until when a receive waits for more free slots.
        self.collect_until = math.inf

    @property
    def reserved(self) -> int:
        """The number of messages that may arrive."""
        return sum(receive.count for receive, _ in self._in_flight)

    @property
    def idle(self) -> bool:
        """Whether no receive is in flight."""
        return not self._in_flight

    def stuck(self, now: float) -> bool:
        """Whether a receive has no answer and no error long after its time-out."""
        return any(now > began + receive.wait + STUCK_SECONDS for receive, began in self._in_flight)

    def due(self, now: float, free: int, *, busy: bool) -> list[Receive]:
        """The receives to make now for `free` slots. `busy`: whether the worker has a job."""
        made: list[Receive] = []
        most = 1 if self._config.fifo else MAX_MESSAGES
        free -= self.reserved
        while free > 0 and now >= self.next_at and len(self._in_flight) < MAX_RECEIVES:
            # A second receive next to the long poll is worth its price only while there is much work.
            if self._in_flight and not (self._last_was_full and free >= most):
                break
            if busy and free < min(most, self._config.concurrency):
                self.collect_until = min(self.collect_until, now + COLLECT_SECONDS)
                if now < self.collect_until:
                    break
            self.collect_until = math.inf
            receive = self._next(now, min(free, most))
            self._in_flight.append((receive, now))
            made.append(receive)
            free -= receive.count
        return made

    def answered(self, now: float, event: Received) -> None:
        """Record an answer or an error."""
        began = next(began for receive, began in self._in_flight if receive is event.receive)
        self._in_flight = [pair for pair in self._in_flight if pair[0] is not event.receive]
        if event.error is None:
            self._failures = 0
            self._last_was_full = len(event.messages) == event.receive.count
            return
        self._failures += 1
        self._last_was_full = False
        self.next_at = now + backoff(self._failures, 1, MAX_PAUSE_SECONDS, self._jitter)
        if event.receive.attempt_id:
            self._unanswered.append((event.receive, began + REPEATABLE_SECONDS))

    def _next(self, now: float, count: int) -> Receive:
        wait = self._config.wait
        while self._unanswered:
            receive, until = self._unanswered.pop(0)
            if now < until:
                return Receive(receive.count, wait, receive.attempt_id)
        # A FIFO queue gives one message at a time. While it is in flight SQS holds back the rest of its group, so SQS
        # itself keeps the group's order.
        return Receive(count, wait, self._new_id() if self._config.fifo else None)

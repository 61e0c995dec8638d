"""The job queue: messages visible and in flight, with FIFO groups, receive counts and retention."""

import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ebb.forecast.durations import MINUTE
from ebb.forecast.load.workloads import Arrival
from ebb.forecast.model.backlog import Backlog, Message
from ebb.forecast.model.context import Context

#: Seconds between two removals of messages whose retention has ended.
EXPIRES_EVERY = MINUTE
#: Messages of one receive (SQS API, ReceiveMessage).
MAX_MESSAGES = 10
#: Seconds for which past counts are kept.
COUNTS_SECONDS = 120
#: "Each 64 KB chunk of a payload is billed as 1 request" (SQS pricing).
REQUEST_BYTES = 64 * 1024


def sqs_requests(size: int) -> int:
    """The billed requests of one call with so many bytes of bodies."""
    return max(1, math.ceil(size / REQUEST_BYTES))


class Receiver(Protocol):
    """A worker that waits in a long poll."""

    def deliver(self) -> None:
        """Receive: a message is visible."""

    def end(self) -> None:
        """The simulation ends."""


class SimulatedQueue:
    """SQS. `pollers` wait in a long poll; a message that becomes visible goes to one of them at random."""

    def __init__(self, context: Context) -> None:
        self._setup = context.scenario.queue
        self._clock, self._record, self._random = context.clock, context.record, context.random
        #: The visible messages of a standard queue, and of each group of a FIFO queue.
        self._backlog = Backlog()
        self._groups: dict[str, Backlog] = {}
        #: FIFO groups whose first message can be received, and those with a message in flight.
        self._ready: deque[str] = deque()
        self._locked: set[str] = set()
        #: Messages in flight, and those that came back.
        self._received: dict[Message, None] = {}
        #: Whether `_expire` is due.
        self._expires = False
        self.visible = self.in_flight = 0
        #: With a watcher, the last times at which the counts changed, with the counts since then.
        self._keeps_counts = context.scenario.wake.watches
        self._counts: deque[tuple[float, int, int]] = deque([(-math.inf, 0, 0)])
        self.pollers: list[Receiver] = []
        #: Called at each action on the queue.
        self.touched: Callable[[], None] = lambda: None

    @property
    def messages(self) -> int:
        """All messages."""
        return self.visible + self.in_flight

    def counts(self, age: float) -> tuple[int, int]:
        """Messages visible and in flight, so many seconds ago (at most COUNTS_SECONDS)."""
        time = self._clock.now - age
        return next((visible, in_flight) for since, visible, in_flight in reversed(self._counts) if since <= time)

    def send(self, arrival: Arrival) -> None:
        """Add a message."""
        self.touched()
        if not self._expires:
            self._expires = True
            self._clock.at(arrival.time + self._setup.retention, self._expire)
        if self._setup.fifo:
            self._group(arrival.group).add(arrival)
        else:
            self._backlog.add(arrival)
        self._appeared(arrival.group)

    def receive(self, count: int) -> list[Message]:
        """At most `count` messages. A message beyond its receive count goes to the dead-letter queue instead."""
        self.touched()
        received: list[Message] = []
        changed = False
        while len(received) < count:
            message = self._next()
            if message is None:
                break
            changed = True
            self.visible -= 1
            message.hidden = True
            if message.delivery >= self._setup.max_receive_count:
                self._forget(message)
                self._unlock(message)
                if not message.done:
                    self._record.dead += 1
                    self._record.last_ended = self._clock.now
                continue
            self.in_flight += 1
            message.delivery += 1
            message.received_at = self._clock.now
            self._received[message] = None
            received.append(message)
        if changed:
            self._note()
        return received

    def delete(self, message: Message) -> None:
        """Remove a message, if it is still there."""
        if message.gone:
            return
        self._forget(message)
        if message.hidden:
            self.in_flight -= 1
            self._unlock(message)
        else:
            self.visible -= 1
            (self._group(message.group) if self._setup.fifo else self._backlog).remove(message)
        self._note()
        self._offer()

    def reappear(self, message: Message, delivery: int) -> None:
        """End the visibility timeout of this delivery. An older delivery than the newest changes nothing."""
        if message.gone or not message.hidden or message.delivery != delivery:
            return
        self.in_flight -= 1
        self._unlock(message)
        message.hidden = False
        if self._setup.fifo:
            self._group(message.group).put_back(message, first=True)
        else:
            self._backlog.put_back(message, first=False)
        self._appeared(message.group)

    def _group(self, name: str) -> Backlog:
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Backlog(name)
        return group

    def _appeared(self, group: str) -> None:
        """A message became visible."""
        self.visible += 1
        if self._setup.fifo and len(self._groups[group]) == 1 and group not in self._locked:
            self._ready.append(group)
        self._note()
        self._offer()

    def _offer(self) -> None:
        while self.pollers and (self._ready or len(self._backlog)):
            index = self._random.randrange(len(self.pollers))
            self.pollers[index], self.pollers[-1] = self.pollers[-1], self.pollers[index]
            self.pollers.pop().deliver()

    def _next(self) -> Message | None:
        if not self._setup.fifo:
            return self._backlog.pop() if len(self._backlog) else None
        while self._ready:
            name = self._ready.popleft()
            group = self._groups.get(name)
            if name in self._locked or not group:
                continue
            self._locked.add(name)
            return group.pop()
        return None

    def _unlock(self, message: Message) -> None:
        if not self._setup.fifo:
            return
        self._locked.discard(message.group)
        if self._groups.get(message.group):
            self._ready.append(message.group)
        else:
            self._groups.pop(message.group, None)

    def _forget(self, message: Message) -> None:
        message.gone = True
        self._received.pop(message, None)

    def _expire(self) -> None:
        """Remove the messages whose retention has ended."""
        now = self._clock.now
        before = now - self._setup.retention + 1e-6
        for message in [each for each in self._received if each.sent_at <= before]:
            if not message.done:
                self._expired()
            self.delete(message)
        backlogs = list(self._groups.values()) if self._setup.fifo else [self._backlog]
        for backlog in backlogs:
            while backlog.oldest_new <= before:
                backlog.drop_new()
                self.visible -= 1
                self._expired()
        self._note()
        oldest = min(
            min((each.sent_at for each in self._received), default=math.inf),
            min((each.oldest_new for each in backlogs), default=math.inf),
        )
        self._expires = oldest < math.inf
        if self._expires:
            self._clock.at(max(now + EXPIRES_EVERY, oldest + self._setup.retention), self._expire)

    def _expired(self) -> None:
        self._record.expired += 1
        self._record.last_ended = self._clock.now

    def _note(self) -> None:
        now, record = self._clock.now, self._record
        record.changed_at = now
        record.visible.note(now, self.visible)
        record.in_flight.note(now, self.in_flight)
        if self._keeps_counts:
            self._keep(now)

    def _keep(self, now: float) -> None:
        counts = self._counts
        if counts[-1][0] == now:
            counts.pop()
        counts.append((now, self.visible, self.in_flight))
        while counts[1][0] < now - COUNTS_SECONDS:
            counts.popleft()

"""The job queue: messages visible and in flight, with FIFO groups, receive counts and retention."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from ebb.forecast.model.context import Context
from ebb.forecast.workloads import Arrival

#: Messages of one receive (SQS API, ReceiveMessage).
MAX_MESSAGES = 10


class Message:
    """A job's message.

    `delivery` counts all receives, so it identifies the newest receipt handle. `runs`: tasks that work on it now; more
    than one if its visibility timeout ended during a job. `done`: a worker has finished the job. `gone`: the message
    has left the queue.
    """

    __slots__ = (
        *("delivery", "done", "failing", "gone", "group", "hidden", "received_at", "runs", "seconds", "sent_at"),
        "started",
    )

    def __init__(self, arrival: Arrival) -> None:
        self.sent_at, self.seconds, self.group, self.failing = arrival
        self.delivery = 0
        self.hidden = self.started = self.gone = self.done = False
        self.received_at = 0.0
        self.runs = 0


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
        #: Messages that can be received; of a FIFO group only the first.
        self._ready: deque[Message] = deque()
        self._groups: dict[str, deque[Message]] = {}
        #: FIFO groups with a message in flight.
        self._locked: set[str] = set()
        #: All messages, oldest first, for the retention.
        self._ages: deque[Message] = deque()
        self.visible = self.in_flight = 0
        self.pollers: list[Receiver] = []
        #: Called at each action on the queue.
        self.touched: Callable[[], None] = lambda: None

    @property
    def messages(self) -> int:
        """All messages."""
        return self.visible + self.in_flight

    def send(self, arrival: Arrival) -> None:
        """Add a message."""
        self.touched()
        message = Message(arrival)
        if not self._ages:
            self._clock.at(arrival.time + self._setup.retention, self._expire)
        self._ages.append(message)
        self._appear(message, first=False)

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
                message.gone = True
                self._unlock(message)
                if not message.done:
                    self._record.dead += 1
                    self._record.last_ended = self._clock.now
                continue
            self.in_flight += 1
            message.delivery += 1
            message.received_at = self._clock.now
            received.append(message)
        if changed:
            self._note()
        return received

    def delete(self, message: Message) -> None:
        """Remove a message, if it is still there."""
        if message.gone:
            return
        message.gone = True
        if message.hidden:
            self.in_flight -= 1
            self._unlock(message)
        else:
            self.visible -= 1
            if self._setup.fifo and (group := self._groups.get(message.group)):
                group.remove(message)
        self._note()
        self._offer()

    def reappear(self, message: Message, delivery: int) -> None:
        """End the visibility timeout of this delivery. An older delivery than the newest changes nothing."""
        if message.gone or not message.hidden or message.delivery != delivery:
            return
        self.in_flight -= 1
        self._unlock(message)
        self._appear(message, first=True)

    def _appear(self, message: Message, *, first: bool) -> None:
        message.hidden = False
        self.visible += 1
        if self._setup.fifo:
            group = self._groups.setdefault(message.group, deque())
            (group.appendleft if first else group.append)(message)
            if len(group) == 1 and message.group not in self._locked:
                self._ready.append(message)
        else:
            self._ready.append(message)
        self._note()
        self._offer()

    def _offer(self) -> None:
        while self._ready and self.pollers:
            index = self._random.randrange(len(self.pollers))
            self.pollers[index], self.pollers[-1] = self.pollers[-1], self.pollers[index]
            self.pollers.pop().deliver()

    def _next(self) -> Message | None:
        while self._ready:
            message = self._ready.popleft()
            if not self._setup.fifo:
                if not message.gone:
                    return message
                continue
            group = self._groups.get(message.group)
            if message.group in self._locked or not group:
                continue
            self._locked.add(message.group)
            return group.popleft()
        return None

    def _unlock(self, message: Message) -> None:
        if not self._setup.fifo:
            return
        self._locked.discard(message.group)
        group = self._groups.get(message.group)
        if group:
            self._ready.append(group[0])
        else:
            self._groups.pop(message.group, None)

    def _expire(self) -> None:
        """Remove the messages whose retention has ended."""
        now, retention = self._clock.now, self._setup.retention
        while self._ages:
            oldest = self._ages[0]
            if not oldest.gone:
                if oldest.sent_at + retention > now + 1e-6:
                    self._clock.at(oldest.sent_at + retention, self._expire)
                    return
                if not oldest.done:
                    self._record.expired += 1
                    self._record.last_ended = now
                self.delete(oldest)
            self._ages.popleft()

    def _note(self) -> None:
        now, record = self._clock.now, self._record
        record.changed_at = now
        record.visible.note(now, self.visible)
        record.in_flight.note(now, self.in_flight)

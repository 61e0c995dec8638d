"""Visible messages in the order in which they are received. A message that was never received takes 16 bytes."""

import math
from array import array
from collections import deque

from ebb.forecast.load.workloads import Arrival

#: Received messages are removed from the arrays when there are so many, so that each costs constant time.
TRIM = 4096


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


class Backlog:
    """The visible messages of a queue, or of one message group."""

    def __init__(self, group: str = "0") -> None:
        self._group = group
        #: Of the messages that were never received. A job that fails has negative seconds.
        self._sent_at, self._seconds = array("d"), array("d")
        #: The place of the first of them in the arrays, and the number of those that have left.
        self._head = self._left = 0
        #: Messages that were received and came back, each with the number that leaves before it.
        self._returned: deque[tuple[int, Message]] = deque()

    def __len__(self) -> int:
        return len(self._sent_at) - self._head + len(self._returned)

    @property
    def oldest_new(self) -> float:
        """When the oldest message that was never received was sent; infinite without one."""
        return self._sent_at[self._head] if self._head < len(self._sent_at) else math.inf

    def add(self, arrival: Arrival) -> None:
        """A new message, the last one."""
        self._sent_at.append(arrival.time)
        self._seconds.append(-arrival.seconds if arrival.failing else arrival.seconds)

    def put_back(self, message: Message, *, first: bool) -> None:
        """A message returns, as the first one or as the last one."""
        if first:
            self._returned.appendleft((0, message))
        else:
            self._returned.append((self._left + len(self._sent_at) - self._head, message))

    def pop(self) -> Message:
        """The first message. Raises IndexError without one."""
        if self._returned and self._returned[0][0] <= self._left:
            return self._returned.popleft()[1]
        seconds = self._seconds[self._head]
        message = Message(Arrival(self._sent_at[self._head], abs(seconds), self._group, math.copysign(1, seconds) < 0))
        self.drop_new()
        return message

    def drop_new(self) -> None:
        """Remove the first message that was never received."""
        self._left += 1
        self._head += 1
        if self._head >= TRIM and 2 * self._head >= len(self._sent_at):
            del self._sent_at[: self._head], self._seconds[: self._head]
            self._head = 0

    def remove(self, message: Message) -> None:
        """Remove a message that came back."""
        self._returned = deque(each for each in self._returned if each[1] is not message)

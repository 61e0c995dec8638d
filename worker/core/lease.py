"""The right to work on a message: how long it is held, and by how much it can be extended. Times: seconds."""

import math
import random
from collections.abc import Callable

from worker.config import GRACE, MOST_VISIBILITY

#: Seconds kept from SQS's 12 hours: it refuses an extension beyond them, rather than shorten it.
END_MARGIN = 5
#: Seconds before the lease runs out at which its job is stopped: SIGTERM, the grace, SIGKILL, and one to spare.
STOP_BEFORE = GRACE + 1


class Lease:
    """Times of the clock that a lease's holder must keep to. `asked_at` is before the request that got the message."""

    def __init__(self, asked_at: float, timeout: int) -> None:
        self.timeout = timeout
        #: 12 hours from the receive SQS takes the message back, extended or not (SQS developer guide, visibility).
        self.end = asked_at + MOST_VISIBILITY - END_MARGIN
        self.deadline = min(asked_at + timeout, self.end)
        #: When the next extension is due.
        self.due = asked_at + timeout / 3
        self.lost = False

    def extension(self, now: float) -> int:
        """Seconds of visibility to ask for; 0 when that would not move the deadline, as at the end of 12 hours."""
        seconds = self.pause(now, self.timeout)
        return seconds if now + seconds > self.deadline else 0

    def extend(self, asked_at: float, seconds: int) -> None:
        """Take note that the extension asked for at that time was granted."""
        self.deadline = asked_at + seconds
        self.due = asked_at + self.timeout / 3

    def held(self, now: float) -> bool:
        """Whether the message is still ours alone."""
        return not self.lost and now < self.deadline

    @property
    def stop_at(self) -> float:
        """When the job must be stopped, unless the lease is extended before."""
        return self.deadline - STOP_BEFORE

    @property
    def last(self) -> bool:
        """Whether the 12 hours end with this deadline, give or take that visibility is counted in whole seconds."""
        return self.end - self.deadline < END_MARGIN

    def pause(self, now: float, seconds: float) -> int:
        """That many seconds of visibility, cut down to what SQS still allows."""
        return max(0, min(round(seconds), math.floor(self.end - now)))


def backoff(attempt: int, base: float, cap: float, jitter: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds before the next attempt: full jitter, from 0 to the base doubled at each attempt, capped."""
    doublings = min(attempt - 1, 32)  # beyond any cap, and short of a float's end
    return jitter(0, min(cap, base * 2**doublings))

"""When to ask whether running jobs are cancelled, and to report their progress."""

import math
from collections.abc import Iterable

from worker.core.events import Follow
from worker.core.in_flight import InFlight, State

#: Time between two questions. A cancelled job ends after this time, that of a call, and its grace at the latest.
FOLLOW_SECONDS = 5.0
#: In a sandbox that runs faster than real time it is shorter, down to this.
MIN_FOLLOW_SECONDS = 0.5


class Following:
    """At most one question at a time."""

    def __init__(self, speed: float) -> None:
        self._every = max(MIN_FOLLOW_SECONDS, FOLLOW_SECONDS / speed)
        self._in_flight = False
        #: When the next question is due; never while there is no job.
        self.next_at = math.inf

    def due(self, now: float, items: Iterable[InFlight], *, active: bool) -> Follow | None:
        """The question to ask now. `active`: a job runs or waits to start."""
        if not active:
            self.next_at = math.inf
        elif self.next_at == math.inf:
            self.next_at = now + self._every
        if now < self.next_at or self._in_flight:
            return None
        self.next_at = now + self._every
        jobs = tuple((item.message, item.slot) for item in items if _followed(item))
        self._in_flight = bool(jobs)
        return Follow(jobs) if jobs else None

    def answered(self) -> None:
        """The question has its answer."""
        self._in_flight = False


def _followed(item: InFlight) -> bool:
    return item.state is State.RUNNING or (item.state is State.WAITING and item.claimed)

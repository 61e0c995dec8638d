"""Notices a worker that fails every job. Where the worker is broken, sound jobs must not use up their attempts."""

import math

from worker.core.backoff import doubled
from worker.core.endings import Ending

#: Failures in a row, of different messages, after which the worker itself is in doubt.
MAX_FAILURES = 5
#: Pause before the next job then. It doubles with each failure.
FIRST_PAUSE_SECONDS = 1
MAX_PAUSE_SECONDS = 60
#: The worker is unhealthy when it has failed every job for so long.
UNHEALTHY_SECONDS = 600
FAILURES = {Ending.FAILED, Ending.TIMED_OUT}
SUCCESSES = {Ending.DONE, Ending.REJECTED}


class Breaker:
    """Counts failures in a row. Open: one job at a time, each after a pause."""

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._pauses = 0
        self._first_at = self._last_at = math.inf
        self._unable_first_at = math.inf
        #: How long no job could be tried: from the first to the last time, without a success.
        self.unable_seconds = 0.0
        self.next_at = -math.inf

    @property
    def open(self) -> bool:
        """Whether the worker itself is in doubt."""
        return self._pauses > 0

    @property
    def lasting(self) -> bool:
        """Whether it has been open, with failures only, for so long that the worker is unhealthy."""
        return self.open and self._last_at >= self._first_at + UNHEALTHY_SECONDS

    def ended(self, now: float, message_id: str, ending: Ending, *, unable: bool = False) -> bool:
        """Record an attempt; True when this one opens or closes the breaker. `unable`: no job could have run."""
        was_open = self.open
        if ending in FAILURES or unable:
            self._failed.add(message_id)
            self._first_at, self._last_at = min(self._first_at, now), now
            if unable:
                self._unable_first_at = min(self._unable_first_at, now)
                self.unable_seconds = now - self._unable_first_at
            if unable or len(self._failed) >= MAX_FAILURES or self.open:
                self._pauses += 1
                self.next_at = now + doubled(self._pauses, FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
        elif ending in SUCCESSES:
            self._failed.clear()
            self._pauses, self._first_at, self.next_at = 0, math.inf, -math.inf
            self._unable_first_at, self.unable_seconds = math.inf, 0.0
        return self.open != was_open

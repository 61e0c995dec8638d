"""When a task's worker asks for ECS task protection: what worker/core/protection.py does, for an agent that answers.

The worker must not be imported here: tests/forecast/model/test_protection.py compares both.
"""

import math
from collections.abc import Callable

from ebb.forecast.durations import MINUTE

#: Minutes of protection (ECS API, UpdateTaskProtection).
MAX_PROTECTION_MINUTES = 2880
#: Minutes of protection beyond twice the longest job.
SPARE_PROTECTION_MINUTES = 10
#: Seconds by which protection must exceed the longest job.
PROTECTION_MARGIN_SECONDS = 60
#: Requested before the first receive, in minutes: a granted request proves that ECS has room for this task.
PROOF_MINUTES = 1
#: Seconds that protection is kept after the last job.
HOLD_SECONDS = 60
#: Seconds after which a task that a deployment blocks asks again.
BLOCKED_SECONDS = 60
#: A busy task releases its protection between two jobs after so many seconds, and takes no job for so many.
RELEASE_AFTER_SECONDS = 600
RELEASED_SECONDS = 30


class Protection:
    """The protection that was requested, and what ECS answered. `longest`: seconds of the longest job."""

    def __init__(self, *, needed: bool, longest: float, jitter: Callable[[float, float], float]) -> None:
        self._needed, self._jitter = needed, jitter
        #: Seconds of protection that a job needs when it starts.
        self.enough = longest + PROTECTION_MARGIN_SECONDS
        self._seconds = float(
            MINUTE * min(MAX_PROTECTION_MINUTES, 2 * math.ceil(longest / MINUTE) + SPARE_PROTECTION_MINUTES)
        )
        self._until = -math.inf
        self._asking = False
        #: Whether ECS granted protection and neither blocked it since nor was it released between two jobs.
        self._room = not needed
        #: Whether the last request was denied (DEPLOYMENT_BLOCKED).
        self.blocked = False
        self._next_at = -math.inf
        self._release_at = self._idle_since = math.inf

    def covers(self, now: float) -> bool:
        """Whether a job that starts now is protected until it ends, or needs no protection."""
        return not self._needed or (not self._asking and self._until - now >= self.enough)

    def may_receive(self, now: float, *, active: bool) -> bool:
        """Whether a job that is received now will be protected, as far as ECS has said. `active`: there are jobs."""
        if not self._needed:
            return True
        return self._room and not self._releasing(now) and (not active or self.covers(now))

    def request(self, now: float, *, active: bool) -> float | None:
        """Seconds of protection to request now; 0 ends it, None: no request."""
        if active:
            self._idle_since = math.inf
        elif self._idle_since == math.inf:
            self._idle_since = now
        if not self._needed or self._asking:
            return None
        seconds = self._wanted(now, active=active)
        if seconds is None or (seconds and now < self._next_at):
            return None
        self._asking = True
        return seconds

    def answered(self, now: float, seconds: float, asked_at: float, *, granted: bool) -> None:
        """Record ECS's answer."""
        self._asking, self.blocked = False, not granted
        if not granted:
            self._room, self._next_at = False, now + self._jitter(0.75, 1) * BLOCKED_SECONDS
        elif seconds:
            if now >= self._until:
                self._release_at = now + self._jitter(0.98, 1) * RELEASE_AFTER_SECONDS
            self._until, self._room = asked_at + seconds, True
        else:
            if self._releasing(now):
                self._room, self._next_at = False, now + self._jitter(1, 1.5) * RELEASED_SECONDS
            self._until = -math.inf

    def times(self) -> tuple[float, ...]:
        """When `request` or `may_receive` may have a new answer."""
        return (self._next_at, self._release_at, self._idle_since + HOLD_SECONDS) if self._needed else ()

    def _releasing(self, now: float) -> bool:
        return self._release_at <= now < self._until

    def _wanted(self, now: float, *, active: bool) -> float | None:
        protected = now < self._until
        releases = not self._room or self._releasing(now)
        if active:
            return None if (protected and releases) or self.covers(now) else self._seconds
        if protected and (releases or now >= self._idle_since + HOLD_SECONDS):
            return 0
        return None if self._room else float(PROOF_MINUTES * MINUTE)

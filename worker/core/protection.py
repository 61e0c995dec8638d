"""When to request ECS task protection, and when to release it: between jobs, so that a deployment gets its turn.

ECS denies protection (DEPLOYMENT_BLOCKED) while as many tasks are protected as the service desires. So a granted
request is the proof that this task may work, and it comes before the first receive.
"""

import math
from collections.abc import Callable

from worker.config import Config
from worker.core.backoff import backoff
from worker.core.events import Denial, Protect, Protected

#: ECS API, UpdateTaskProtection.
MAX_PROTECTION_MINUTES = 2880
#: Protection outlasts the longest job by this: time to stop the job and to give its message back.
PROTECTION_MARGIN_SECONDS = 60
#: Requested beyond twice the longest job, so that a series of short jobs needs few requests.
SPARE_PROTECTION_MINUTES = 10
#: The least that ECS grants: enough for the first receive.
PROOF_MINUTES = 1
#: Protection is kept for so long after the last job: the next job may come soon.
HOLD_SECONDS = 60
#: A task that a deployment blocks asks again after so long.
BLOCKED_SECONDS = 60
#: A busy task releases its protection between two jobs after so long, and takes no job for some seconds. A deployment
#: or a scale-in can stop it then. ECS does not tell a protected task that it is to be stopped.
RELEASE_AFTER_SECONDS = 600
RELEASED_SECONDS = 30
#: Maximum pause between requests without an answer; ECS throttles all tasks of an account together.
MAX_PAUSE_SECONDS = 30


class Protection:
    """The protection that was requested, and what the agent answered."""

    def __init__(self, config: Config, jitter: Callable[[float, float], float]) -> None:
        self._needed = config.protection and config.agent_uri is not None
        self._max_job_seconds, self._jitter = config.max_job_seconds, jitter
        self._minutes = min(
            MAX_PROTECTION_MINUTES, 2 * math.ceil(self._max_job_seconds / 60) + SPARE_PROTECTION_MINUTES
        )
        self._hold, self._blocked, self._release_after, self._released = (
            seconds / config.speed
            for seconds in (HOLD_SECONDS, BLOCKED_SECONDS, RELEASE_AFTER_SECONDS, RELEASED_SECONDS)
        )
        #: The task is protected surely until the first, and perhaps until the second.
        self._sure_until = self._until = -math.inf
        self._in_flight = False
        #: Whether ECS granted protection and neither blocked it since nor was it released.
        self._room = not self._needed
        self.blocked = False
        self._next_at = -math.inf
        self._failures = 0
        self.failing_since, self.error = math.inf, ""
        self._release_at = math.inf
        self._idle_since = math.inf

    def covers(self, now: float) -> bool:
        """Whether a job that starts now is protected until it ends, or needs no protection."""
        if not self._needed:
            return True
        return not self._in_flight and self._sure_until - now >= self._max_job_seconds + PROTECTION_MARGIN_SECONDS

    def may_receive(self, now: float, *, active: bool) -> bool:
        """Whether a job that is received now will be protected, as far as ECS has said. `active`: there are jobs."""
        if not self._needed:
            return True
        proved = self._room and not self._failures and not self._releasing(now)
        return proved and (not active or self.covers(now))

    def request(self, now: float, *, active: bool) -> Protect | None:
        """The request to make now. `active`: a job runs or waits to start."""
        if active:
            self._idle_since = math.inf
        elif self._idle_since == math.inf:
            self._idle_since = now
        if not self._needed or self._in_flight:
            return None
        minutes = self._wanted(now, active=active)
        early = now < self._next_at and (minutes or self._failures)
        if minutes is None or early:
            return None
        self._in_flight = True
        return Protect(minutes)

    def times(self) -> list[float]:
        """When `request` may have something new to say."""
        if not self._needed:
            return []
        return [self._next_at, self._release_at, self._idle_since + self._hold]

    def answered(self, now: float, event: Protected) -> None:
        """Record the agent's answer."""
        self._in_flight = False
        minutes = event.protect.minutes
        if event.denial in {None, Denial.BLOCKED}:
            self._failures, self.failing_since, self.error = 0, math.inf, ""
            self.blocked = event.denial is Denial.BLOCKED
        if self.blocked and event.denial:
            self._room = False
            self._next_at = now + self._jitter(0.75, 1) * self._blocked
        elif event.denial:
            self._failures += 1
            self.failing_since, self.error = min(self.failing_since, now), event.error or ""
            self._next_at = now + backoff(self._failures, 1, MAX_PAUSE_SECONDS, self._jitter)
            if not minutes:  # a failed request to end it may have had its effect: do not rely on it
                self._sure_until = min(self._sure_until, event.asked_at)
        elif minutes:
            if now >= self._until:
                self._release_at = now + self._jitter(0.98, 1) * self._release_after
            self._sure_until = self._until = event.asked_at + minutes * 60
            self._room = True
        else:
            if self._releasing(now):
                self._room, self._next_at = False, now + self._jitter(1, 1.5) * self._released
            self._sure_until = self._until = -math.inf

    def _releasing(self, now: float) -> bool:
        return self._release_at <= now < self._until

    def _wanted(self, now: float, *, active: bool) -> int | None:
        """Minutes of protection to request: 0 ends it, None: no request."""
        protected = now < self._until
        if protected and not active:
            unused = now >= self._idle_since + self._hold
            if unused or self._releasing(now) or not self._room:
                return 0
        if active:
            # A job that runs is protected until its end. Blocked or letting go, the worker only waits for that.
            stays = protected and (not self._room or self._releasing(now))
            return None if stays or self.covers(now) else self._minutes
        return None if self._room and not self._failures else PROOF_MINUTES

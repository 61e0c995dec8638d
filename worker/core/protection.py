"""When to request ECS task protection: before the first job, before it expires during a job, after the last job."""

import math

from worker.config import Config
from worker.core.events import Denial, Protect, Protected

#: ECS API, UpdateTaskProtection.
MAX_PROTECTION_MINUTES = 2880
#: Protection outlasts the longest job by this: time to stop the job and to give its message back.
PROTECTION_MARGIN_SECONDS = 60
#: Requested beyond twice the longest job, so that a series of short jobs needs few requests.
SPARE_PROTECTION_MINUTES = 10


class Protection:
    """The protection that was requested, and what the agent answered."""

    def __init__(self, config: Config) -> None:
        self._needed = config.protection and config.agent_uri is not None
        self._max_job_seconds = config.max_job_seconds
        self._minutes = min(
            MAX_PROTECTION_MINUTES, 2 * math.ceil(self._max_job_seconds / 60) + SPARE_PROTECTION_MINUTES
        )
        self._expires = -math.inf
        self._in_flight = False
        #: Whether the agent has accepted a request; nothing is received before.
        self.available = not self._needed

    @property
    def on(self) -> bool:
        """Whether the task is protected."""
        return self._expires > -math.inf

    def covers(self, now: float) -> bool:
        """Whether a job that starts now is protected until it ends, or needs no protection."""
        if not self._needed:
            return True
        return not self._in_flight and self._expires - now >= self._max_job_seconds + PROTECTION_MARGIN_SECONDS

    def request(self, now: float, *, waiting: bool, idle: bool) -> Protect | None:
        """The request to make now. `waiting`: a job waits to start; `idle`: no job runs and the queue is empty."""
        if self._in_flight:
            return None
        if not self.available:
            return self._send(Protect(0, check=True))
        if waiting and not self.covers(now):
            return self._send(Protect(self._minutes))
        if idle and self.on:
            return self._send(Protect(0))
        return None

    def answered(self, event: Protected) -> None:
        """Record the agent's answer."""
        self._in_flight = False
        if event.denial is Denial.BLOCKED or event.error is not None:
            if not event.protect.minutes:  # a failed request to end it may have had its effect: do not rely on it
                self._expires = min(self._expires, event.asked_at)
            return
        self.available = True
        minutes = event.protect.minutes
        self._expires = event.asked_at + minutes * 60 if minutes else -math.inf

    def _send(self, protect: Protect) -> Protect:
        self._in_flight = True
        return protect

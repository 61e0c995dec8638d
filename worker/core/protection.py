"""When to ask for ECS task protection: at the edges between idle and busy, and before it would end under a job."""

import math

from worker.config import Config
from worker.core.events import Denial, Protect, Protected

#: Minutes that protection may be asked for at the most (ECS API, UpdateTaskProtection).
MOST_MINUTES = 2880
#: Seconds that protection must outlast the longest job: stopping it, and giving its message back.
OUTLAST = 60
#: Minutes asked for beyond twice the longest job: short jobs in a row need a new request now and then only.
SPARE = 10


class Guard:
    """The task's protection, as far as it was asked for and granted."""

    def __init__(self, config: Config) -> None:
        self._wanted = config.protection and config.agent_uri is not None
        self._longest = config.longest_job
        self._minutes = min(MOST_MINUTES, 2 * math.ceil(self._longest / 60) + SPARE)
        self._expires = -math.inf
        self._asking = False
        #: Whether it was shown that protection can be had: before that, nothing may be received.
        self.proved = not self._wanted

    @property
    def on(self) -> bool:
        """Whether the task is protected."""
        return self._expires > -math.inf

    def covers(self, now: float) -> bool:
        """Whether a job that starts now is protected to its end, or needs no protection."""
        return not self._wanted or (not self._asking and self._expires - now >= self._longest + OUTLAST)

    def wanted(self, now: float, *, waiting: bool, idle: bool) -> Protect | None:
        """What to ask for now. `waiting`: a job waits to start; `idle`: nothing runs and the queue is empty."""
        if self._asking:
            return None
        if not self.proved:
            return self._ask(Protect(0, proof=True))
        if waiting and not self.covers(now):
            return self._ask(Protect(self._minutes))
        if idle and self.on:
            return self._ask(Protect(0))
        return None

    def answered(self, event: Protected) -> None:
        """Take note of the agent's answer."""
        self._asking = False
        if event.denial is Denial.BLOCKED or event.error is not None:
            if not event.protect.minutes:  # it may have been taken back all the same: it covers no other job
                self._expires = min(self._expires, event.asked_at)
            return
        self.proved = True
        minutes = event.protect.minutes
        self._expires = event.asked_at + minutes * 60 if minutes else -math.inf

    def _ask(self, protect: Protect) -> Protect:
        self._asking = True
        return protect

"""Whether this worker may take a job: it needs a child, protection, and jobs that do not all fail here."""

import logging
import math
import os
from collections.abc import Callable, Iterator

from worker.config import Config
from worker.core.breaker import Breaker
from worker.core.children import Children
from worker.core.endings import Ending
from worker.core.events import Denial, Ended, Lost, Observe, Protected, Ready, Starting
from worker.core.protection import Protection
from worker.job import Result, Verdict

#: A worker that cannot begin is unhealthy after so long, until it can or leaves.
UNABLE_SECONDS = 60
REPEAT_SECONDS = 60


class Capacity:
    """The children, the protection and the breaker, and what follows from them together."""

    def __init__(self, config: Config, observe: Observe, jitter: Callable[[float, float], float]) -> None:
        self._config, self._observe = config, observe
        self.children = Children(config.concurrency, config.start_timeout)
        self.protection = Protection(config, jitter)
        self._breaker = Breaker()
        self._began_at = math.inf
        self._started = False
        self._logged: dict[str, float] = {}

    @property
    def free(self) -> list[int]:
        """Slots that can take a job."""
        return self.children.free

    @property
    def room(self) -> int:
        """How many more jobs may be in hand."""
        return min(len(self.free), 1) if self._breaker.open else len(self.free)

    def record(self, now: float, event: Starting | Ready | Lost | Protected) -> None:
        """Record an event of a child or of the agent."""
        match event:
            case Starting(slot):
                self.children.starting(now, slot)
            case Ready(slot, None):
                self.children.ready(now, slot)
            case Ready(slot, error, trace):
                self.children.failed(slot, error or "")
                self._observe("handler_broken", logging.ERROR, error=error, traceback=trace)
            case Lost(slot, error):
                self.children.lost(now, slot)
                self._observe("child_lost", logging.WARNING, error=error)
            case Protected():
                self._answered(now, event)

    def ended(self, now: float, event: Ended) -> None:
        """A slot has no job any more."""
        self.children.took()
        if event.alive:
            self.children.ready(now, event.slot)
        else:
            self.children.lost(now, event.slot)

    def judged(self, now: float, message_id: str, ending: Ending, result: Result | None) -> None:
        """An attempt ended. `result`: what its child said, unless the worker stopped it."""
        unable = result is not None and result.verdict is Verdict.UNABLE
        if result and unable:
            self._observe("handler_broken", logging.ERROR, error=result.reason)
        if self._breaker.ended(now, message_id, ending, unable=unable):
            if self._breaker.open:
                self._observe("jobs_fail", logging.ERROR, consequence="one job at a time, with pauses")
            else:
                self._observe("jobs_succeed", consequence="as many jobs as before")

    def _answered(self, now: float, event: Protected) -> None:
        blocked = self.protection.blocked
        self.protection.answered(now, event)
        if event.denial is Denial.BLOCKED:
            if not blocked:
                self._observe("deployment_blocked", reason=event.error, consequence="receives nothing; asks again")
        elif event.denial:
            name = "protection_refused" if event.protect.minutes else "release_failed"
            if now >= self._logged.get(name, -math.inf) + REPEAT_SECONDS:
                self._logged[name] = now
                self._observe(name, logging.WARNING, reason=event.error, consequence="receives nothing; asks again")

    def may_receive(self, now: float, *, active: bool) -> bool:
        """Whether to receive. `active`: a job runs or waits to start."""
        if self._began_at == math.inf:
            self._began_at = now
            self.children.begin(now)
        protected = self.protection.may_receive(now, active=active)
        if not self._started and protected and self.children.open(now):
            self._started = True
            self._observe("started", queue_url=self._config.queue_url, concurrency=self._config.concurrency)
        if not self._started or not protected or self.children.overlong(now):
            return False
        return bool(self.free) and (not self._breaker.open or (not active and now >= self._breaker.next_at))

    def may_start(self, now: float, *, busy: bool) -> bool:
        """Whether a received job may start. `busy`: another one runs."""
        sound = not self._breaker.open or (not busy and now >= self._breaker.next_at)
        return sound and self.protection.covers(now)

    def refusal(self, *, first: bool) -> str | None:
        """Why a message is of no use here. `first`: its job would be the next one."""
        if self.protection.blocked:
            return "a deployment has no room for this task"
        if self._breaker.open and not first:
            return "this worker fails its jobs"
        return None

    def overdue(self, now: float) -> Iterator[int]:
        """The slots whose child must be ended, because its import takes too long."""
        for slot in self.children.overdue(now):
            self._observe("handler_broken", logging.ERROR, error=self.children.error)
            yield slot

    def hopeless(self, now: float) -> int | None:
        """The exit code, after minutes of trying: ECS replaces a task at once, and bills each for a minute."""
        if now >= self.protection.failing_since + self._config.start_timeout:
            reason = self.protection.error
            self._observe("no_protection", logging.ERROR, reason=reason, consequence="the worker ends")
            return os.EX_UNAVAILABLE
        if self.children.hopeless(now):
            self._observe("no_handler", logging.ERROR, reason=self.children.error, consequence="the worker ends")
            return os.EX_CONFIG
        if self._breaker.unable_seconds >= self._config.start_timeout:
            reason = f"no job could be tried for {self._breaker.unable_seconds:.0f} seconds"
            self._observe("no_handler", logging.ERROR, reason=reason, consequence="the worker ends")
            return os.EX_CONFIG
        return None

    def problem(self, now: float, *, busy: int) -> str | None:
        """Why this worker is unhealthy. Running jobs are more important than a slot that has no child."""
        if busy:
            return None
        if missing := self.children.overlong(now):
            return f"{len(missing)} slots have no process for the handler: {self.children.error or 'none was started'}"
        if self._breaker.lasting:
            return "each job of the last minutes failed"
        if not self._started and now >= self._began_at + UNABLE_SECONDS and not self.protection.blocked:
            return self.protection.error or self.children.error or None
        return None

    def times(self) -> list[float]:
        """When something here may be due."""
        times = [self._breaker.next_at, self.protection.failing_since + self._config.start_timeout]
        return times + self.protection.times() + self.children.times()

"""What the workers of a service have in common."""

import math

from ebb.forecast.model.context import Context
from ebb.forecast.model.protection import Protection
from ebb.forecast.model.queue import MAX_MESSAGES
from settings.limits import MAX_VISIBILITY_SECONDS

#: A job is stopped this long before SQS's 12 hours end: END_MARGIN_SECONDS + STOP_BEFORE_SECONDS in
#: worker/core/lease.py, which must not be imported here (tests/test_shared_facts.py).
JOB_END_MARGIN_SECONDS = 8


class Shared:
    """What the workers of a service have in common."""

    def __init__(self, context: Context) -> None:
        self.scenario, self.assumptions = context.scenario, context.assumptions
        self.clock, self.record, self.random = context.clock, context.record, context.random
        worker, queue = self.scenario.worker, self.scenario.queue
        self.heartbeat = worker.heartbeat and queue.visibility_timeout > 0
        #: Seconds after which a job is stopped.
        limit = MAX_VISIBILITY_SECONDS - JOB_END_MARGIN_SECONDS if self.heartbeat else math.inf
        self.max_job = min(worker.job_timeout or math.inf, limit)
        self.max_messages = 1 if queue.fifo else MAX_MESSAGES
        self.extend_every = queue.visibility_timeout / 3 if self.heartbeat else math.inf
        #: Running jobs of all tasks.
        self.busy = 0
        self.crash, self.body = context.crash, context.body
        self._worked, self._worked_until = 0.0, self.clock.now

    def change_busy(self, change: int) -> None:
        """A job starts (1) or ends (-1)."""
        self._worked, self._worked_until = self.worked, self.clock.now
        self.busy += change

    def protection(self) -> Protection:
        """Of one task."""
        worker = self.scenario.worker
        return Protection(
            needed=worker.protection,
            longest=worker.job_timeout or MAX_VISIBILITY_SECONDS,
            jitter=self.random.uniform,
        )

    @property
    def worked(self) -> float:
        """Seconds of all jobs until now."""
        return self._worked + self.busy * (self.clock.now - self._worked_until)

"""The watcher, and the looks at the queue that the API's workflow starts (components/workflows/waking.py)."""

from collections.abc import Callable

from ebb.forecast.durations import MINUTE
from ebb.forecast.model.context import Context
from ebb.forecast.model.metrics import Metrics
from ebb.forecast.model.queue import SimulatedQueue
from ebb.forecast.model.service import SimulatedService
from policy import sizing


class Minimum:
    """The target's minimum: `floor` is the one by scheduled actions, `registered` the one that was registered last."""

    def __init__(self, floor: int, register: Callable[[int], None]) -> None:
        self.floor = self.registered = floor
        self.register = register


class Watcher:
    """Registers the number of tasks that the jobs have use for, each minute and after a job that wakes the service."""

    def __init__(
        self, context: Context, metrics: Metrics, queue: SimulatedQueue, service: SimulatedService, minimum: Minimum
    ) -> None:
        self._metrics = metrics
        self._tasks, self._limit = context.scenario.wake.tasks, context.scenario.maximum
        self._stack_minimum = context.scenario.minimum
        self._assumptions, self._clock, self._random = context.assumptions, context.clock, context.random
        self._record, self._queue, self._service, self._minimum = context.record, queue, service, minimum
        #: When the minimum is taken back.
        self._taken_back_at = 0.0
        phase = self._assumptions.schedule_phase(self._random) * MINUTE
        self._clock.every(MINUTE, phase, self._watch, self._skipped)

    def sent(self) -> None:
        """The API's workflow for one job: it starts looks if nothing runs and little waits."""
        self._record.workflows += 1
        self._record.sqs += 1
        visible, in_flight = self._counts()
        if not in_flight and self._random.random() * visible < sizing.STARTS:
            self._record.workflows += 1
            if self._look(1, raises_only=True):
                self._record.workflow_seconds += sum(sizing.PAUSES)
                later = self._clock.now
                for pause in sizing.PAUSES:
                    later += pause
                    self._clock.at(later, self._look_again)

    def _watch(self) -> None:
        self._skipped(1, self._clock.now)
        self._look(self._minimum.floor, raises_only=False)

    def _skipped(self, number: int, last: float) -> None:
        self._metrics.touched(last)
        if last >= 0:
            self._record.schedules += number
            self._record.workflows += number
            self._record.sqs += number

    def _look_again(self) -> None:
        self._look(1, raises_only=True)

    def _look(self, floor: int, *, raises_only: bool) -> bool:
        """Whether a new minimum starts tasks."""
        service, registered = self._service, self._minimum.registered
        least = sizing.least(
            self._tasks.need(*self._counts(), 0), floor=floor, desired=service.desired, limit=self._limit
        )
        changes = sizing.changes(least, registered=registered, running=service.running, desired=service.desired)
        if (least < registered and raises_only) or not changes:
            return False
        if sizing.beyond(least, floor):
            self._taken_back_at = self._clock.now + sizing.TAKE_BACK_SECONDS
            self._clock.at(self._taken_back_at, self._take_back)
        self._minimum.register(least)
        return least > service.desired

    def _take_back(self) -> None:
        if self._clock.now >= self._taken_back_at:
            self._minimum.register(self._stack_minimum)

    def _counts(self) -> tuple[int, int]:
        return self._queue.counts(self._assumptions.count_lag(self._random))

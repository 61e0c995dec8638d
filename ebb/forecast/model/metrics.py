"""What CloudWatch knows of the queue and the service: samples, when they arrive, and when the queue is asleep."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from ebb.forecast.model.assumptions import Distribution
from ebb.forecast.model.context import Context
from ebb.scaling.alarms import Alarm, Metric
from ebb.scaling.expressions import Series
from ebb.scaling.statistics import STATISTICS, StatisticSet

MINUTE = 60
#: Seconds between the points of high-resolution ECS metrics (AWS containers blog, 2026).
FAST = 20
#: Names of what a recipe publishes by its own Lambda function once a minute, under any namespace.
CUSTOM = ("BacklogPerTask", "TotalMessages")


@dataclass(frozen=True, slots=True)
class Sample:
    """A data point of one or more metrics, in CloudWatch from `known_at` on."""

    time: float
    known_at: float
    sets: tuple[StatisticSet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is the case now; `busy` jobs run, and `worked` are the seconds of all jobs so far."""

    visible: int
    in_flight: int
    running: int
    busy: int
    worked: float


class Rows:
    """The newest samples of one source."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._samples: deque[Sample] = deque()
        #: The same by minute, as nearly all alarms read them.
        self._minutes: dict[int, list[Sample]] = {}

    def add(self, sample: Sample) -> None:
        """Keep it, and forget those beyond every alarm's evaluation range."""
        self._samples.append(sample)
        self._minutes.setdefault(int(sample.time // MINUTE), []).append(sample)
        while self._samples[0].time < sample.time - self._window:
            self._minutes.pop(int(self._samples.popleft().time // MINUTE), None)

    def pass_over(self, seconds: float) -> None:
        """All samples are so much younger."""
        samples, self._samples = self._samples, deque()
        self._minutes.clear()
        for sample in samples:
            self.add(replace(sample, time=sample.time + seconds, known_at=sample.known_at + seconds))

    def series(self, column: int, statistic: str, period: int, number: int, now: float) -> Series:
        """The newest complete periods, oldest first, as far as they are known by now."""
        compute = STATISTICS[statistic]
        if period == MINUTE:
            newest = int(now // MINUTE)
            minutes = self._minutes
            return tuple(
                None
                if samples is None or samples[-1].known_at > now
                else compute([each.sets[column] for each in samples])
                for samples in map(minutes.get, range(newest - number, newest))
            )
        step = min(period, MINUTE)
        end = math.floor(now / step) * step
        start = end - number * period
        found: list[list[StatisticSet]] = [[] for _ in range(number)]
        for sample in self._samples:
            if start <= sample.time < end and sample.known_at <= now:
                found[int((sample.time - start) // period)].append(sample.sets[column])
        return tuple(compute(sets) if sets else None for sets in found)


_QUEUE = {
    "ApproximateNumberOfMessagesVisible": 0,
    "ApproximateNumberOfMessagesNotVisible": 1,
    "ApproximateNumberOfMessagesDelayed": 2,
}
_SERVICE = {"CPUUtilization": 0, "RunningTaskCount": 1}


class Metrics:
    """Samples the queue and the service, and answers what an alarm would find."""

    def __init__(self, context: Context, counts: Callable[[], Counts], awake: Callable[[], bool]) -> None:
        world, clock, random = context.world, context.clock, context.random
        self._setup, self._world, self._clock, self._random = context.setup, world, clock, random
        self._counts, self._awake = counts, awake
        alarms = [rule.alarm for rule in context.setup.rules]
        window = max((alarm.period * alarm.range for alarm in alarms), default=0) + 5 * MINUTE
        self._rows = {kind: Rows(window) for kind in ("queue", "service", "custom")}
        where = {metric: _column(metric) for alarm in alarms for metric in alarm.metrics}
        self._sources = {
            id(alarm): [
                (query.id, self._rows[where[query.source][0]], where[query.source][1], query.source.statistic)
                for query in alarm.queries
                if isinstance(query.source, Metric)
            ]
            for alarm in alarms
        }
        self._touched_at = clock.now
        self._resume_at = -math.inf
        kinds = {kind for kind, _ in where.values()}
        if "queue" in kinds:
            clock.every(world.sample, world.sample_phase(random) % world.sample, self._sample_queue)
        if "service" in kinds:
            fast = any(alarm.period < MINUTE for alarm in alarms)
            self._ecs_delay: Distribution = world.ecs_delay_fast if fast else world.ecs_delay
            every = FAST if fast else MINUTE
            self._ecs_every, self._worked = every, 0.0
            clock.every(every, world.sample_phase(random) % every, self._sample_service, self._passed_service)
        if "custom" in kinds:
            self._awake = lambda: True  # the function reads the queue's attributes
            clock.every(MINUTE, world.schedule_phase(random) * MINUTE, self._sample_custom)

    def of(self, alarm: Alarm) -> dict[str, Series]:
        """The points of an alarm's evaluation range, by the ids of its metrics' queries."""
        now, period, number = self._clock.now, alarm.period, alarm.range
        return {
            name: rows.series(column, statistic, period, number, now)
            for name, rows, column, statistic in self._sources[id(alarm)]
        }

    def touch(self) -> None:
        """There was an action on the queue."""
        now = self._clock.now
        if now - self._touched_at >= self._world.dormancy and now >= self._resume_at:
            self._resume_at = now + self._world.resume(self._random)
        self._touched_at = now

    def touched(self, time: float) -> None:
        """There was one at that time, and nothing slept before it."""
        self._touched_at = max(self._touched_at, time)

    def pass_over(self, seconds: float) -> None:
        """So many seconds, whole minutes, in which all samples were as the last: they are the newest still."""
        if self._awake():
            self.touched(self._clock.now + seconds)
        for rows in self._rows.values():
            rows.pass_over(seconds)

    @property
    def next_change(self) -> float:
        """When the queue's metrics fall asleep or wake by themselves."""
        now = self._clock.now
        if now < self._resume_at:
            return self._resume_at
        asleep_at = self._touched_at + self._world.dormancy
        return asleep_at if asleep_at > now and not self._awake() else math.inf

    def _sample_queue(self) -> None:
        if self._awake():
            self.touch()
        now = self._clock.now
        if now - self._touched_at < self._world.dormancy and now >= self._resume_at:
            counts = self._counts()
            sets = tuple(map(StatisticSet.of, (counts.visible, counts.in_flight, 0)))
            self._rows["queue"].add(Sample(now, now + self._world.publish(self._random), sets))

    def _sample_service(self) -> None:
        counts = self._counts()
        if counts.running:  # no task, no data
            now, task = self._clock.now, self._setup.task
            # the utilisation of a period is that of all of it: what begins in its midst counts in part
            able = counts.running * self._setup.worker.concurrency * self._ecs_every
            share = min(1.0, (counts.worked - self._worked) / able)
            cpu = task.idle_cpu + (task.busy_cpu - task.idle_cpu) * share
            sets = tuple(StatisticSet.of(value, counts.running) for value in (cpu, counts.running))
            self._rows["service"].add(Sample(now, now + self._ecs_delay(self._random), sets))
        self._worked = counts.worked

    def _passed_service(self, _: int, last: float) -> None:
        """The work since the last of the samples that were passed over is what the next one tells of."""
        counts = self._counts()
        self._worked = counts.worked + (last - self._clock.now) * counts.busy

    def _sample_custom(self) -> None:
        counts, now = self._counts(), self._clock.now
        self.touch()
        values = (counts.visible / max(counts.running, 1), counts.visible + counts.in_flight)
        sets = tuple(map(StatisticSet.of, values))
        self._rows["custom"].add(Sample(now, now + self._world.custom_delay(self._random), sets))


def _column(metric: Metric) -> tuple[str, int]:
    """Where a metric is sampled. Raises ValueError for one that the forecast does not have."""
    if metric.namespace == "AWS/SQS" and metric.name in _QUEUE:
        return "queue", _QUEUE[metric.name]
    if metric.namespace in ("AWS/ECS", "ECS/ContainerInsights") and metric.name in _SERVICE:
        return "service", _SERVICE[metric.name]
    if not metric.namespace.startswith("AWS/") and metric.name in CUSTOM:
        return "custom", CUSTOM.index(metric.name)
    raise ValueError(f"The forecast does not know the metric {metric.name} of {metric.namespace}.")

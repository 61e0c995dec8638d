"""What CloudWatch knows of the queue and the service: samples, when they arrive, and when the queue is dormant."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from ebb.forecast.durations import MINUTE
from ebb.forecast.model.assumptions import Distribution
from ebb.forecast.model.context import Context
from ebb.scaling.alarms import Alarm, Metric
from ebb.scaling.expressions import Series
from ebb.scaling.statistics import STATISTICS, StatisticSet

#: Seconds between the data points of high-resolution ECS metrics (AWS containers blog, 2026).
FAST_SECONDS = 20
#: The metrics of each source, in the order of a sample's sets. The model has no delayed messages.
QUEUE = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
SERVICE = ("CPUUtilization", "RunningTaskCount")
#: Metrics that a baseline's Lambda function publishes each minute, in any namespace.
CUSTOM = ("BacklogPerTask", "TotalMessages")


@dataclass(frozen=True, slots=True)
class Sample:
    """A data point of one or more metrics, in CloudWatch from `known_at` on."""

    time: float
    known_at: float
    sets: tuple[StatisticSet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The present state: messages, tasks, `busy` jobs, and `worked`, the seconds of all jobs so far."""

    visible: int
    in_flight: int
    running: int
    busy: int
    worked: float


class SampleWindow:
    """The newest samples of one source, over so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: deque[Sample] = deque()
        #: The same samples by minute, because most alarms have periods of a minute.
        self._minutes: dict[int, list[Sample]] = {}
        #: Statistics of minutes whose samples are all known, by column and statistic: they are final.
        self._final: dict[tuple[int, str], dict[int, float]] = {}

    def add(self, sample: Sample) -> None:
        """Add a sample and drop those that left the window."""
        self._samples.append(sample)
        self._minutes.setdefault(int(sample.time // MINUTE), []).append(sample)
        while self._samples[0].time < sample.time - self._seconds:
            minute = int(self._samples.popleft().time // MINUTE)
            self._minutes.pop(minute, None)
            for final in self._final.values():
                final.pop(minute, None)

    def skip(self, seconds: float) -> None:
        """Move all samples to a later time."""
        samples, self._samples = self._samples, deque()
        self._minutes.clear()
        self._final.clear()
        for sample in samples:
            self.add(replace(sample, time=sample.time + seconds, known_at=sample.known_at + seconds))

    def series(self, column: int, statistic: str, period: int, number: int, now: float) -> Series:
        """The newest complete periods, oldest first, with the samples that are known now."""
        compute = STATISTICS[statistic]
        if period == MINUTE:
            newest = int(now // MINUTE)
            final = self._final.setdefault((column, statistic), {})
            values = [final.get(minute) for minute in range(newest - number, newest)]
            for place, minute in enumerate(range(newest - number, newest)):
                if values[place] is None and (samples := self._minutes.get(minute)) and samples[-1].known_at <= now:
                    values[place] = final[minute] = compute([each.sets[column] for each in samples])
            return tuple(values)
        step = min(period, MINUTE)
        end = math.floor(now / step) * step
        start = end - number * period
        found: list[list[StatisticSet]] = [[] for _ in range(number)]
        for sample in self._samples:
            if start <= sample.time < end and sample.known_at <= now:
                found[int((sample.time - start) // period)].append(sample.sets[column])
        return tuple(compute(sets) if sets else None for sets in found)


class Metrics:
    """Samples the queue and the service, and returns the data points of alarms.

    `used()` says whether messages, long polls or a schedule keep the queue active.
    """

    def __init__(self, context: Context, counts: Callable[[], Counts], used: Callable[[], bool]) -> None:
        assumptions, clock, random = context.assumptions, context.clock, context.random
        self._scenario, self._assumptions = context.scenario, assumptions
        self._clock, self._random = clock, random
        self._counts, self._used = counts, used
        alarms = [rule.alarm for rule in context.scenario.rules]
        seconds = max((alarm.period * alarm.range for alarm in alarms), default=0) + 5 * MINUTE
        self._windows = {source: SampleWindow(seconds) for source in ("queue", "service", "custom")}
        where = {metric: _column(metric) for alarm in alarms for metric in alarm.metrics}
        self._queries = {
            id(alarm): [
                (query.id, self._windows[where[query.source][0]], where[query.source][1], query.source.statistic)
                for query in alarm.queries
                if isinstance(query.source, Metric)
            ]
            for alarm in alarms
        }
        self._touched_at = clock.now
        self._resume_at = -math.inf
        sources = {source for source, _ in where.values()}
        if "queue" in sources:
            clock.every(assumptions.sample, assumptions.sample_phase(random) % assumptions.sample, self._sample_queue)
        if "service" in sources:
            fast = any(alarm.period < MINUTE for alarm in alarms)
            self._ecs_delay: Distribution = assumptions.ecs_delay_fast if fast else assumptions.ecs_delay
            self._ecs_interval = FAST_SECONDS if fast else MINUTE
            self._worked = 0.0
            phase = assumptions.sample_phase(random) % self._ecs_interval
            clock.every(self._ecs_interval, phase, self._sample_service, self._service_skipped)
        if "custom" in sources:
            self._used = lambda: True  # the function reads the queue's attributes
            clock.every(MINUTE, assumptions.schedule_phase(random) * MINUTE, self._sample_custom)

    def of(self, alarm: Alarm) -> dict[str, Series]:
        """The data points of an alarm's evaluation range, by the ids of its metrics' queries."""
        now, period, number = self._clock.now, alarm.period, alarm.range
        return {
            name: window.series(column, statistic, period, number, now)
            for name, window, column, statistic in self._queries[id(alarm)]
        }

    def touch(self) -> None:
        """Record an action on the queue now. If the queue was dormant, its metrics resume later."""
        now = self._clock.now
        if now - self._touched_at >= self._assumptions.dormancy and now >= self._resume_at:
            self._resume_at = now + self._assumptions.resume(self._random)
        self._touched_at = now

    def touched(self, time: float) -> None:
        """Record an action at `time`, at which the queue was not dormant."""
        self._touched_at = max(self._touched_at, time)

    def skip(self, seconds: float) -> None:
        """Skip whole minutes in which all samples are as the last one, so that one stays the newest."""
        if self._used():
            self.touched(self._clock.now + seconds)
        for window in self._windows.values():
            window.skip(seconds)

    @property
    def next_change(self) -> float:
        """When the queue becomes dormant or its metrics resume, without any action; infinite for never."""
        now = self._clock.now
        if now < self._resume_at:
            return self._resume_at
        dormant_at = self._touched_at + self._assumptions.dormancy
        return dormant_at if dormant_at > now and not self._used() else math.inf

    def _sample_queue(self) -> None:
        if self._used():
            self.touch()
        now = self._clock.now
        if now - self._touched_at < self._assumptions.dormancy and now >= self._resume_at:
            counts = self._counts()
            sets = tuple(map(StatisticSet.of, (counts.visible, counts.in_flight, 0)))
            self._windows["queue"].add(Sample(now, now + self._assumptions.publish(self._random), sets))

    def _sample_service(self) -> None:
        counts = self._counts()
        if counts.running:  # a service without tasks sends no data
            now, task = self._clock.now, self._scenario.task
            # the average over the interval: a job that starts in it counts in part
            capacity = counts.running * self._scenario.worker.concurrency * self._ecs_interval
            share = min(1.0, (counts.worked - self._worked) / capacity)
            cpu = task.idle_cpu + (task.busy_cpu - task.idle_cpu) * share
            sets = tuple(StatisticSet.of(value, counts.running) for value in (cpu, counts.running))
            self._windows["service"].add(Sample(now, now + self._ecs_delay(self._random), sets))
        self._worked = counts.worked

    def _service_skipped(self, _: int, last: float) -> None:
        """The next sample covers the work since the last skipped one."""
        counts = self._counts()
        self._worked = counts.worked + (last - self._clock.now) * counts.busy

    def _sample_custom(self) -> None:
        counts, now = self._counts(), self._clock.now
        self.touch()
        values = (counts.visible / max(counts.running, 1), counts.visible + counts.in_flight)
        sets = tuple(map(StatisticSet.of, values))
        self._windows["custom"].add(Sample(now, now + self._assumptions.custom_delay(self._random), sets))


def _column(metric: Metric) -> tuple[str, int]:
    """The source that samples a metric, and its place in the samples. Raises ValueError for an unknown metric."""
    if metric.namespace == "AWS/SQS" and metric.name in QUEUE:
        return "queue", QUEUE.index(metric.name)
    if metric.namespace in ("AWS/ECS", "ECS/ContainerInsights") and metric.name in SERVICE:
        return "service", SERVICE.index(metric.name)
    if not metric.namespace.startswith("AWS/") and metric.name in CUSTOM:
        return "custom", CUSTOM.index(metric.name)
    raise ValueError(f"The forecast does not know the metric {metric.name} of {metric.namespace}.")

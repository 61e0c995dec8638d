"""What a run records: change points, events and counts, and the time of the last change."""

from ebb.forecast.durations import HOUR
from ebb.forecast.model.histogram import Histogram
from ebb.forecast.model.outcome import Timeline
from ebb.scaling.activities import ScalingActivity
from ebb.scaling.alarms import AlarmChange

#: Change points of one line. Beyond this number the line becomes coarser, so that memory stays constant.
MAX_POINTS = 20_000
#: Alarm changes, activities and notes of one run, each. Later ones are dropped.
MAX_EVENTS = 20_000


class Line:
    """A value over time, as change points."""

    def __init__(self, start: float, value: int = 0) -> None:
        self._times, self._values = [start], [value]
        #: Seconds: changes that are closer together are one change.
        self._grain = 0.0

    def note(self, time: float, value: int) -> None:
        """Record the value from this time on."""
        if time - self._times[-1] <= self._grain:
            self._values[-1] = value
            return
        self._times.append(time)
        self._values.append(value)
        if len(self._times) > MAX_POINTS:
            self._coarsen()

    def _coarsen(self) -> None:
        self._grain = max(2 * self._grain, 2 * (self._times[-1] - self._times[0]) / MAX_POINTS)
        times, values = self._times, self._values
        self._times, self._values = [], []
        for time, value in zip(times, values, strict=True):
            if self._times and time - self._times[-1] <= self._grain:
                self._values[-1] = value
            else:
                self._times.append(time)
                self._values.append(value)

    def points(self, start: float) -> Timeline:
        """The change points from `start` on. The first one is the value at `start`."""
        points: list[tuple[float, int]] = []
        for time, value in zip(self._times, self._values, strict=True):
            if time <= start:
                points = [(start, value)]
            elif not points or points[-1][1] != value:
                points.append((time, value))
        return tuple(points)


class Record:
    """All that a run records. `changed_at` is the last time at which something changed that scaling depends on."""

    def __init__(self, start: float) -> None:
        self.changed_at = start
        self.visible, self.in_flight = Line(start), Line(start)
        self.desired, self.running = Line(start), Line(start)
        self.alarms: list[AlarmChange] = []
        self.activities: list[ScalingActivity] = []
        self.notes: list[tuple[float, str]] = []
        self._last_note: dict[str, str] = {}
        self.waits, self.latencies = Histogram(), Histogram()
        self.wakes: list[float] = []
        #: When a job was sent to a service without messages and tasks, until the next job starts.
        self.waking_since: float | None = None
        self.sent = self.scheduled = self.done = self.dead = self.expired = 0
        self.failed = self.killed = self.give_backs = self.blocked = self.reclaims = self.launches = 0
        self.first_sent: float | None = None
        self.last_ended: float | None = None
        self.task_seconds = self.spot_seconds = self.work_seconds = 0.0
        self.sqs = self.schedules = self.workflows = self.received = self.table_writes = 0
        self.refused = 0
        #: Jobs that were sent on the UTC day with most of them, and the seconds that all jobs take.
        self.busiest_day, self.sent_seconds = 0, 0.0
        #: The worker's calls of SQS; `sqs` has those of all, in units of 64 KB.
        self.worker_calls = 0
        #: The tasks that each deployment replaced, by its time.
        self.replaced: dict[float, int] = {}
        self.traces = self.deployment_seconds = self.workflow_seconds = 0.0
        #: The worker's metrics and the hours in which they have data: a custom metric is billed by the hour.
        self.metric_hours: set[tuple[str, int]] = set()

    def worker_called(self, calls: int = 1, *, units: int = 1) -> None:
        """Record calls of the worker to SQS, each of so many units of 64 KB."""
        self.worker_calls += calls
        self.sqs += calls * units

    def job_started(self) -> None:
        """Record an attempt: the claim in the table of jobs."""
        self.table_writes += 1

    def job_ended(self, since: float, now: float, extended: int) -> None:
        """Record the end of an attempt, its writes to the table of jobs and its metrics."""
        self.table_writes += 1 + extended
        self.metric("JobWait", since)
        self.metric("JobDuration", now)
        for hour in range(int(since // HOUR), int(now // HOUR) + 1):
            for name in ("BusySlots", "DiskUsed"):
                self.metric(name, hour * HOUR)

    def metric(self, name: str, time: float) -> None:
        """Record that a worker writes a metric."""
        self.metric_hours.add((name, int(time // HOUR)))

    def alarm(self, change: AlarmChange) -> None:
        """Record that an alarm changed its state."""
        self.changed_at = change.time
        if len(self.alarms) < MAX_EVENTS:
            self.alarms.append(change)

    def activity(self, activity: ScalingActivity) -> None:
        """Record that the desired count changed."""
        if len(self.activities) < MAX_EVENTS:
            self.activities.append(activity)

    def note(self, time: float, policy: str, text: str) -> None:
        """Record why a policy did not act, unless that was its last note."""
        if self._last_note.get(policy) != text and len(self.notes) < MAX_EVENTS:
            self._last_note[policy] = text
            self.notes.append((time, text))

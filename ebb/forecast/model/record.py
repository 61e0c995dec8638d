"""What a run keeps of itself: change points, and the time of the last change."""

from ebb.forecast.model.outcome import Timeline
from ebb.scaling.activities import ScalingActivity
from ebb.scaling.alarms import AlarmChange

#: Change points kept of one line: beyond them it is kept more coarsely, so that memory stays flat.
MOST_POINTS = 20_000
#: Alarm changes, activities and notes kept of a run, each.
MOST_EVENTS = 20_000


class Line:
    """A value over time, as change points."""

    def __init__(self, start: float, value: int = 0) -> None:
        self._times, self._values = [start], [value]
        self._grain = 0.0

    def note(self, time: float, value: int) -> None:
        """From now on it is this."""
        if time - self._times[-1] <= self._grain:
            self._values[-1] = value
            return
        self._times.append(time)
        self._values.append(value)
        if len(self._times) > MOST_POINTS:
            self._coarsen()

    def _coarsen(self) -> None:
        self._grain = max(2 * self._grain, 2 * (self._times[-1] - self._times[0]) / MOST_POINTS)
        times, values = self._times, self._values
        self._times, self._values = [], []
        for time, value in zip(times, values, strict=True):
            if self._times and time - self._times[-1] <= self._grain:
                self._values[-1] = value
            else:
                self._times.append(time)
                self._values.append(value)

    def points(self, start: float) -> Timeline:
        """The change points from `start` on, the value at it first."""
        points: list[tuple[float, int]] = []
        for time, value in zip(self._times, self._values, strict=True):
            if time <= start:
                points = [(start, value)]
            elif not points or points[-1][1] != value:
                points.append((time, value))
        return tuple(points)


class Record:
    """All that a run notes. `changed_at` is when something last changed on which scaling depends."""

    def __init__(self, start: float) -> None:
        self.changed_at = start
        self.visible, self.in_flight = Line(start), Line(start)
        self.desired, self.running = Line(start), Line(start)
        self.alarms: list[AlarmChange] = []
        self.activities: list[ScalingActivity] = []
        self.notes: list[tuple[float, str]] = []
        self._said: dict[str, str] = {}
        self.waits: list[float] = []
        self.latencies: list[float] = []
        self.wakes: list[float] = []
        self.waking: float | None = None
        self.sent = self.done = self.dead = self.expired = 0
        self.failed = self.killed = self.give_backs = self.blocked = self.reclaims = self.launches = 0
        self.first_sent: float | None = None
        self.last_ended: float | None = None
        self.task_seconds = self.spot_seconds = self.work_seconds = 0.0
        self.sqs = self.api = self.schedules = self.workflows = 0

    def alarm(self, change: AlarmChange) -> None:
        """An alarm changed its state."""
        self.changed_at = change.time
        if len(self.alarms) < MOST_EVENTS:
            self.alarms.append(change)

    def activity(self, activity: ScalingActivity) -> None:
        """The desired count changed."""
        if len(self.activities) < MOST_EVENTS:
            self.activities.append(activity)

    def say(self, time: float, about: str, text: str) -> None:
        """Why something did not happen, unless that was said last."""
        if self._said.get(about) != text and len(self.notes) < MOST_EVENTS:
            self._said[about] = text
            self.notes.append((time, text))

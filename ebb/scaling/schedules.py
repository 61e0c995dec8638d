"""Schedule expressions of AWS, and the scheduled actions of Application Auto Scaling. Times in Unix seconds.

Sources: application-auto-scaling-scheduled-scaling.html, scheduled-scaling-using-cron-expressions.html and
API_PutScheduledAction.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ebb.scaling.cron import Cron

_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`at(…)`, `rate(…)` or `cron(…)` in an IANA time zone. Raises ValueError, one sentence, for what AWS refuses."""

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _ = self._zone, self._times

    def next(self, after: float, origin: float = 0.0) -> float | None:
        """The first time later than `after`, or None; a rate counts from `origin`."""
        kind, times = self._times
        if kind == "rate":
            return origin + (max(0, (after - origin) // times) + 1) * times
        if kind == "at":
            return times if times > after else None
        return self._next_by_cron(after)

    @cached_property
    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"The time zone {self.timezone!r} is not known.") from error

    @cached_property
    def _times(self) -> tuple[str, float]:
        """The kind, and a rate's seconds or a single time."""
        if match := re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", self.expression):
            value = int(match[1])
            if not value or (value == 1) == bool(match[3]):
                raise ValueError(
                    f"The schedule {self.expression!r} needs a rate above 0, with its unit in singular or plural."
                )
            return "rate", value * float(_UNIT_SECONDS[match[2]])
        if match := re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", self.expression):
            try:
                return "at", datetime.fromisoformat(match[1]).replace(tzinfo=self._zone).timestamp()
            except ValueError as error:
                raise ValueError(f"The schedule {self.expression!r} names a time that does not exist.") from error
        _ = self._cron
        return "cron", 0.0

    @cached_property
    def _cron(self) -> Cron:
        match = re.fullmatch(r"cron\((.+)\)", self.expression)
        fields = match[1].split() if match else []
        if len(fields) == 6:
            fields = ["0", *fields]
        if len(fields) != 7:
            raise ValueError(
                f"The schedule {self.expression!r} is none of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and "
                "cron(minutes hours day-of-month month day-of-week year)."
            )
        try:
            return Cron.read(fields)
        except ValueError as error:
            raise ValueError(f"The schedule {self.expression!r} cannot be read: {error}.") from error

    def _next_by_cron(self, after: float) -> float | None:
        # EventBridge Scheduler documents that a local time which daylight saving time skips does not run, and that one
        # which it repeats runs once (schedule-types.html). Application Auto Scaling says only that it adjusts.
        start = datetime.fromtimestamp(after, self._zone)
        for day in self._cron.days(start.date()):
            for moment in self._cron.moments:
                local = datetime.combine(day, moment, self._zone)
                found = local.timestamp()
                if found > after and datetime.fromtimestamp(found, self._zone).replace(fold=0) == local:
                    return found
        return None


@dataclass(frozen=True, kw_only=True)
class ScheduledAction:
    """New limits for a scalable target at the times of a schedule, with the fields of PutScheduledAction.

    `start` and `end` bound a recurring schedule. Raises ValueError, one sentence, for limits that AWS refuses.
    """

    name: str
    schedule: Schedule
    minimum: int | None = None
    maximum: int | None = None
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"Scheduled action {self.name}: needs a minimum or a maximum capacity.")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(
                f"Scheduled action {self.name}: the minimum {self.minimum} must not exceed the maximum {self.maximum}."
            )

    def next(self, after: float, created: float = 0.0) -> float | None:
        """The first execution later than `after`, or None; a rate without `start` counts from `created`."""
        # a start time is an execution, too: "performs the action at this time, and then … on the specified recurrence"
        recurring = not self.schedule.expression.startswith("at")
        if self.start is not None and recurring and after < self.start:
            found: float | None = self.start
        else:
            found = self.schedule.next(after, created if self.start is None else self.start)
        over = found is None or (self.end is not None and recurring and found > self.end)
        return None if over else found

    def between(self, after: float, until: float, created: float = 0.0) -> Iterator[float]:
        """The executions later than `after`, up to `until`."""
        found = self.next(after, created)
        while found is not None and found <= until:
            yield found
            found = self.next(found, created)

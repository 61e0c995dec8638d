"""Schedule expressions of AWS, at(…), rate(…) and cron(…), and the scheduled actions of Application Auto Scaling.

Sources: "Scheduled scaling" and "Schedule recurring scaling actions using cron expressions" in the Application Auto
Scaling user guide (application-auto-scaling-scheduled-scaling.html, scheduled-scaling-using-cron-expressions.html),
API_PutScheduledAction, and the EventBridge guides for the fields of cron (eb-cron-expressions.html).
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock_time
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
#: "1-7 or SUN-SAT": Sunday is the first day.
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
#: "Year: 1970-2199".
_YEARS = (1970, 2199)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When something runs; `expression` in AWS's words, times in seconds since the epoch.

    "By default, the times are in UTC"; with a time zone (IANA's name) "it automatically adjusts for daylight saving
    time". Raises ValueError, in one sentence, for an expression or a time zone that AWS refuses.
    """

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _ = self._zone, self._times

    def next(self, after: float, origin: float = 0.0) -> float | None:
        """The first time later than `after`, None when there is none; a rate counts from `origin`."""
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
        """The kind, and for a rate its seconds, for a single time that time."""
        if match := re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", self.expression):
            value = int(match[1])
            if not value or (value == 1) == bool(match[3]):
                raise ValueError(f"The schedule {self.expression!r} needs a rate above 0, and a unit in its number.")
            return "rate", value * float(_UNITS[match[2]])
        if match := re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", self.expression):
            try:
                return "at", datetime.fromisoformat(match[1]).replace(tzinfo=self._zone).timestamp()
            except ValueError as error:
                raise ValueError(f"The schedule {self.expression!r} names a time that does not exist.") from error
        _ = self._cron
        return "cron", 0.0

    @cached_property
    def _cron(self) -> "_Cron":
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
            return _Cron.read(fields)
        except ValueError as error:
            raise ValueError(f"The schedule {self.expression!r} cannot be read: {error}.") from error

    def _next_by_cron(self, after: float) -> float | None:
        """The first time of the cron expression.

        A local time that daylight saving time skips is skipped, and one that it repeats counts once: so EventBridge
        Scheduler documents it (schedule-types.html); Application Auto Scaling says only that it adjusts.
        """
        start = datetime.fromtimestamp(after, self._zone)
        for day in self._cron.days(start.date()):
            for moment in self._cron.moments:
                local = datetime.combine(day, moment, self._zone)
                found = local.timestamp()
                if found > after and datetime.fromtimestamp(found, self._zone).replace(fold=0) == local:
                    return found
        return None


@dataclass(frozen=True)
class _Cron:
    """The fields of a cron expression: "Minutes, Hours, Day of month, Month, Day of week, Year"."""

    moments: tuple[clock_time, ...]
    in_month: str
    months: frozenset[int]
    in_week: str
    years: frozenset[int]

    @classmethod
    def read(cls, fields: list[str]) -> "_Cron":
        seconds, minutes, hours, in_month, month, in_week, year = (field.upper() for field in fields)
        if in_month not in "*?" and in_week not in "*?":
            raise ValueError("one of day-of-month and day-of-week must be ?")
        moments = tuple(
            clock_time(hour, minute, second)
            for hour in sorted(_values(hours, 0, 23))
            for minute in sorted(_values(minutes, 0, 59))
            for second in sorted(_values(seconds, 0, 59))
        )
        found = cls(moments, in_month, _values(month, 1, 12, _MONTHS), in_week, _values(year, *_YEARS))
        found.matching(2000, 1)  # reads the fields of the day
        return found

    def days(self, start: date) -> Iterator[date]:
        """The days that match, from `start` on."""
        for year in sorted(each for each in self.years if each >= start.year):
            for month in sorted(self.months):
                if (year, month) >= (start.year, start.month):
                    for day in sorted(self.matching(year, month)):
                        if (found := date(year, month, day)) >= start:
                            yield found

    def matching(self, year: int, month: int) -> set[int]:
        """The days of a month that both fields allow."""
        last = calendar.monthrange(year, month)[1]
        every = range(1, last + 1)
        weekday = {day: calendar.weekday(year, month, day) + 1 for day in every}  # 1 is Monday, 7 Sunday
        field = self.in_month
        if field in "*?":
            days = set(every)
        elif field == "L":
            days = {last}
        elif field in ("LW", "WL"):
            days = {_nearest_workday(last, last, weekday)}
        elif match := re.fullmatch(r"(\d+)W", field):
            days = {_nearest_workday(min(day, last), last, weekday) for day in _values(match[1], 1, 31)}
        else:
            days = {day for day in _values(field, 1, 31) if day <= last}
        return days & self._in_week(weekday, last)

    def _in_week(self, weekday: dict[int, int], last: int) -> set[int]:
        """The days that the field day-of-week allows: lists and ranges, 6L (the last Friday), FRI#2 (the second)."""
        field = self.in_week
        if field in "*?":
            return set(weekday)
        if field == "L":
            field = "SAT"
        if match := re.fullmatch(r"(\w+)L", field):
            allowed, days = _values(match[1], 1, 7, _WEEKDAYS), range(last - 6, last + 1)
        elif match := re.fullmatch(r"(\w+)#([1-5])", field):
            allowed, nth = _values(match[1], 1, 7, _WEEKDAYS), int(match[2])
            days = range(7 * nth - 6, min(7 * nth, last) + 1)
        else:
            allowed, days = _values(field, 1, 7, _WEEKDAYS), range(1, last + 1)
        return {day for day in days if weekday[day] % 7 + 1 in allowed}


def _nearest_workday(day: int, last: int, weekday: dict[int, int]) -> int:
    """W: "the weekday closest to" a day of the month, in the same month."""
    if weekday[day] == 6:
        return day - 1 if day > 1 else day + 2
    if weekday[day] == 7:
        return day + 1 if day < last else day - 2
    return day


def _values(field: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """A field's values: * and lists of numbers, names, ranges and steps ("0/15")."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if not match:
            raise ValueError(f"{part!r} is not a value, a list, a range or a step")
        first = least if match[1] == "*" else _number(match[1], least, most, names)
        open_end = match[1] == "*" or match[3]
        last = _number(match[2], least, most, names) if match[2] else most if open_end else first
        step = int(match[3] or 1)
        if not step:
            raise ValueError(f"the step in {part!r} must be above 0")
        # a range over the end, as FRI-MON
        found.update(
            range(first, last + 1, step) if first <= last else [*range(first, most + 1), *range(least, last + 1)]
        )
    return frozenset(found)


def _number(text: str, least: int, most: int, names: dict[str, int] | None) -> int:
    value = (names or {}).get(text, int(text) if text.isdecimal() else least - 1)
    if not least <= value <= most:
        raise ValueError(f"{text} is not one of {least} to {most}")
    return value


@dataclass(frozen=True, kw_only=True)
class ScheduledAction:
    """New limits for a scalable target at the times of a schedule; the fields are PutScheduledAction's.

    `start` and `end` (seconds since the epoch) bound a recurring schedule. Raises ValueError, in one sentence.
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
        """The first execution later than `after`, None when there is none.

        "If you specify a start time, Application Auto Scaling performs the action at this time, and then performs the
        action based on the specified recurrence. If you specify an end time, the action stops repeating after it."
        """
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

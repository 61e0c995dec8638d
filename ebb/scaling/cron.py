"""The fields of AWS's cron expressions (EventBridge guide, eb-cron-expressions.html)."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from datetime import time as clock_time

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
#: "1-7 or SUN-SAT".
WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
#: "1970-2199".
_YEARS = (1970, 2199)


@dataclass(frozen=True)
class Cron:
    """A cron expression: its times of day, and the fields that select its days."""

    moments: tuple[clock_time, ...]
    in_month: str
    months: frozenset[int]
    in_week: str
    years: frozenset[int]

    @classmethod
    def read(cls, fields: list[str]) -> "Cron":
        """The seven fields as text: seconds to year. Raises ValueError for what AWS refuses."""
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
        found.matching(2000, 1)  # raises for a field that cannot be read
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
        """The days of a month that the fields day-of-month and day-of-week both select."""
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
        """The days that the field day-of-week selects, such as MON-FRI, 6L (the last Friday), FRI#2 (the second)."""
        field = self.in_week
        if field in "*?":
            return set(weekday)
        if field == "L":
            field = "SAT"
        if match := re.fullmatch(r"(\w+)L", field):
            allowed, days = _values(match[1], 1, 7, WEEKDAYS), range(last - 6, last + 1)
        elif match := re.fullmatch(r"(\w+)#([1-5])", field):
            allowed, nth = _values(match[1], 1, 7, WEEKDAYS), int(match[2])
            days = range(7 * nth - 6, min(7 * nth, last) + 1)
        else:
            allowed, days = _values(field, 1, 7, WEEKDAYS), range(1, last + 1)
        return {day for day in days if weekday[day] % 7 + 1 in allowed}


def _nearest_workday(day: int, last: int, weekday: dict[int, int]) -> int:
    """W: "the weekday closest to" a day of the month, in the same month."""
    if weekday[day] == 6:
        return day - 1 if day > 1 else day + 2
    if weekday[day] == 7:
        return day + 1 if day < last else day - 2
    return day


def _values(field: str, minimum: int, maximum: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """The values of a field: `*`, or a list of numbers, names, ranges and steps such as 0/15."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if not match:
            raise ValueError(f"{part!r} is not a value, a list, a range or a step")
        first = minimum if match[1] == "*" else _number(match[1], minimum, maximum, names)
        open_end = match[1] == "*" or match[3]
        last = _number(match[2], minimum, maximum, names) if match[2] else maximum if open_end else first
        step = int(match[3] or 1)
        if not step:
            raise ValueError(f"the step in {part!r} must be above 0")
        if first <= last:
            found.update(range(first, last + 1, step))
        else:  # a range such as FRI-MON
            found.update(range(first, maximum + 1), range(minimum, last + 1))
    return frozenset(found)


def _number(text: str, minimum: int, maximum: int, names: dict[str, int] | None) -> int:
    value = (names or {}).get(text, int(text) if text.isdecimal() else minimum - 1)
    if not minimum <= value <= maximum:
        raise ValueError(f"{text} is not one of {minimum} to {maximum}")
    return value

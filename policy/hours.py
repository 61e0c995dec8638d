"""The least number of tasks over the week, and the cron expressions that follow it.

Days, hours and minutes are those of the settings' time zone; AWS turns them into instants, daylight saving included
(an hour that a shift of the clocks repeats is run through once: EventBridge Scheduler user guide, "Daylight savings
time on EventBridge Scheduler").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from settings import Scaling

#: As cron counts them, so that a range of days rises.
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
HOUR, DAY = 60, 24 * 60  # minutes
WEEK = len(DAYS) * DAY


@dataclass(frozen=True, order=True)
class Moments:
    """Moments of the week at which this is the least number of tasks, as a cron expression has them."""

    minimum: int
    minutes: str
    hours: str
    days: str

    @property
    def cron(self) -> str:
        """As EventBridge Scheduler and Application Auto Scaling write it."""
        return f"cron({self.minutes} {self.hours} ? * {self.days} *)"


def week(scaling: Scaling) -> tuple[int, ...]:
    """The least number of tasks in each minute of the week, from Sunday on."""
    minimum = [scaling.min_tasks] * WEEK
    for hours in scaling.warm_hours:
        start, stop = _minute(hours.start), _minute(hours.stop)
        length = (stop - start) % DAY or DAY
        for day in hours.days:
            first = DAYS.index(day) * DAY + start
            for minute in range(first, first + length):
                minimum[minute % WEEK] = max(minimum[minute % WEEK], hours.min_tasks)
    return tuple(minimum)


def changes(scaling: Scaling) -> tuple[Moments, ...]:
    """The moments at which the least number of tasks changes; none without warm hours.

    Hours that never end are said once a day.
    """
    if not scaling.warm_hours:
        return ()
    minimum = week(scaling)
    moments = [minute for minute in range(WEEK) if minimum[minute] != minimum[minute - 1]]
    days: dict[tuple[int, int], list[int]] = {}
    for minute in moments or range(0, WEEK, DAY):
        day, time = divmod(minute, DAY)
        days.setdefault((minimum[minute], time), []).append(day)
    return tuple(
        Moments(least, str(time % HOUR), str(time // HOUR), _list(on, DAYS)) for (least, time), on in days.items()
    )


def minutes(scaling: Scaling) -> tuple[Moments, ...]:
    """Each minute of the week just once, in as few cron expressions as days of equal hours allow."""
    minimum = week(scaling)
    days: dict[tuple[int, str, str], list[int]] = {}
    for day in range(len(DAYS)):
        hours: dict[tuple[int, str], list[int]] = {}
        for hour in range(24):
            first = day * DAY + hour * HOUR
            for least, part in groupby(range(first, first + HOUR), key=minimum.__getitem__):
                run = [minute % HOUR for minute in part]
                hours.setdefault((least, "*" if len(run) == HOUR else f"{run[0]}-{run[-1]}"), []).append(hour)
        for (least, minutes_), of in hours.items():
            days.setdefault((least, minutes_, _list(of, range(24))), []).append(day)
    return tuple(Moments(least, minutes_, of, _list(on, DAYS)) for (least, minutes_, of), on in days.items())


def _minute(time: str) -> int:
    hours, minutes_ = time.split(":")
    return int(hours) * HOUR + int(minutes_)


def _list(numbers: Sequence[int], names: Sequence[object]) -> str:
    """A field of a cron expression: all, or runs and single ones."""
    if len(numbers) == len(names):
        return "*"
    return ",".join(str(names[a]) if a == b else f"{names[a]}-{names[b]}" for a, b in _runs(numbers))


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]

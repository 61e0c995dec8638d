"""The minimum number of tasks over the week, and cron expressions that follow it.

Days, hours and minutes are in the settings' time zone. AWS converts them to UTC, daylight saving time included: an hour
that occurs twice runs once (EventBridge Scheduler user guide, "Daylight savings time on EventBridge Scheduler").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import get_args

from settings import Scaling
from settings.forms import Day

#: From Sunday, as cron counts them, so that a range of days ascends.
DAYS: tuple[str, ...] = (*get_args(Day)[-1:], *get_args(Day)[:-1])
HOUR = 60  # minutes
DAY = 24 * HOUR
WEEK = len(DAYS) * DAY


@dataclass(frozen=True, order=True)
class Moments:
    """Moments of the week, as fields of a cron expression, and the minimum number of tasks at these moments."""

    minimum: int
    minutes: str
    hours: str
    days: str

    @property
    def cron(self) -> str:
        """The expression for EventBridge Scheduler and Application Auto Scaling."""
        return f"cron({self.minutes} {self.hours} ? * {self.days} *)"


def week(scaling: Scaling) -> tuple[int, ...]:
    """The minimum number of tasks in each minute of the week, from Sunday 00:00."""
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
    """The moments at which the minimum changes; empty without warm hours.

    A minimum that never changes is repeated once a day.
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
        Moments(tasks, str(time % HOUR), str(time // HOUR), _field(on, DAYS)) for (tasks, time), on in days.items()
    )


def minutes(scaling: Scaling) -> tuple[Moments, ...]:
    """Every minute of the week exactly once. Days with equal hours share their expressions."""
    minimum = week(scaling)
    days: dict[tuple[int, str, str], list[int]] = {}
    for day in range(len(DAYS)):
        hours: dict[tuple[int, str], list[int]] = {}
        for hour in range(24):
            first = day * DAY + hour * HOUR
            for tasks, part in groupby(range(first, first + HOUR), key=minimum.__getitem__):
                run = [minute % HOUR for minute in part]
                hours.setdefault((tasks, "*" if len(run) == HOUR else f"{run[0]}-{run[-1]}"), []).append(hour)
        for (tasks, minutes_), of in hours.items():
            days.setdefault((tasks, minutes_, _field(of, range(24))), []).append(day)
    return tuple(Moments(tasks, minutes_, of, _field(on, DAYS)) for (tasks, minutes_, of), on in days.items())


def _minute(time: str) -> int:
    hours, minutes_ = time.split(":")
    return int(hours) * HOUR + int(minutes_)


def _field(numbers: Sequence[int], names: Sequence[object]) -> str:
    """A field of a cron expression: `*`, or ranges and single values. The numbers ascend."""
    if len(numbers) == len(names):
        return "*"
    return ",".join(str(names[a]) if a == b else f"{names[a]}-{names[b]}" for a, b in _runs(numbers))


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]

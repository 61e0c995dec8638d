"""The minimum number of tasks over time, by the scheduled actions of warm hours. Times in Unix seconds."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ebb.forecast.durations import DAY
from ebb.forecast.load.dates import ORIGIN
from ebb.forecast.scenario.scenario import Scenario
from ebb.scaling.schedules import ScheduledAction

#: Days in which each weekly action ran at least once, even if daylight saving time skipped one of its times.
WEEKLY_ACTION_DAYS = 15
WEEK = 7 * DAY


def at(scenario: Scenario, time: float) -> int:
    """The minimum that the last scheduled action has set."""
    return _changes(scenario.wake.warm_hours, scenario.minimum, scenario.maximum, time, time)[0][1]


def task_seconds(scenario: Scenario, start: float, end: float) -> float:
    """Seconds of the minimum's tasks in a time."""
    return _task_seconds(_changes(scenario.wake.warm_hours, scenario.minimum, scenario.maximum, start, end), end)


@lru_cache(maxsize=64)
def mean(scenario: Scenario) -> float:
    """The mean over a week of local time: a change of the clocks moves the hours but keeps their number."""
    actions = tuple(
        replace(action, schedule=replace(action.schedule, timezone="UTC")) for action in scenario.wake.warm_hours
    )
    changes = _changes(actions, scenario.minimum, scenario.maximum, ORIGIN, ORIGIN + WEEK)
    return _task_seconds(changes, ORIGIN + WEEK) / WEEK


def _changes(
    actions: tuple[ScheduledAction, ...], minimum: int, maximum: int, start: float, end: float
) -> list[tuple[float, int]]:
    """The minimum at the start, and each change up to the end, with their times."""
    runs = sorted(_runs(actions, start - WEEKLY_ACTION_DAYS * DAY, end))
    before = [value for time, value in runs if time <= start]
    first = before[-1] if before else minimum
    return [(start, min(first, maximum)), *((time, min(value, maximum)) for time, value in runs if time > start)]


def _runs(actions: tuple[ScheduledAction, ...], after: float, until: float) -> Iterator[tuple[float, int]]:
    for action in actions:
        if action.minimum is not None:
            for time in action.between(after, until):
                yield time, action.minimum


def _task_seconds(changes: list[tuple[float, int]], end: float) -> float:
    ends = [*(time for time, _ in changes[1:]), end]
    return sum(value * (later - time) for (time, value), later in zip(changes, ends, strict=True))

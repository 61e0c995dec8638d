"""Alarms on a series of minutes, in virtual time."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from ebb.scaling.alarms import Alarm, Metric, Query, State
from ebb.scaling.statistics import STATISTICS, StatisticSet
from policy.plan import AlarmPlan

#: A source (policy.plan.Source) and the name of one of its metrics.
Key = tuple[str, str]
#: The data points of a minute; a metric that is not in it has none.
Minute = Mapping[Key, StatisticSet]
MINUTE = 60  # seconds


class Span(NamedTuple):
    """So many equal minutes."""

    minutes: int
    values: Minute


class Change(NamedTuple):
    """A change of state at the end of a minute."""

    minute: int
    state: State


def alarm(role: str, plan: AlarmPlan) -> Alarm:
    """A planned alarm as the model evaluates it."""
    metrics = tuple(
        Query(
            id=each.id,
            source=Metric(
                namespace=each.namespace, name=each.name, dimensions=(("of", each.of),), statistic=each.statistic
            ),
        )
        for each in plan.metrics
    )
    computed = () if plan.expression is None else (Query(id="e", source=plan.expression),)
    return Alarm(
        name=role,
        period=plan.period,
        evaluation_periods=plan.evaluation_periods,
        datapoints_to_alarm=plan.datapoints_to_alarm,
        threshold=plan.threshold,
        comparison=plan.comparison,
        missing=plan.missing,
        queries=(*metrics, *computed),
        watched="e" if computed else metrics[0].id,
    )


def changes(alarm: Alarm, day: Sequence[Span]) -> list[Change]:
    """When the alarm changes its state. Before the day all minutes were as its first one, and the alarm was in OK.

    Between two spans nothing changes, so only so many minutes are evaluated as the alarm looks back on.
    """
    length = alarm.period // MINUTE
    back = alarm.range * length
    numbers = [number for number, span in enumerate(day) for _ in range(span.minutes)]

    @cache
    def value(found: Metric, spans: tuple[int, ...]) -> float | None:
        key = (found.dimensions[0][1], found.name)
        sets = [point for number in spans if (point := day[number].values.get(key)) is not None]
        return STATISTICS[found.statistic](sets) if sets else None

    state, made, begin = State.OK, [], 0
    for span in day:
        for now in range(begin + 1, begin + min(span.minutes, back + 1) + 1):
            periods = [
                tuple(numbers[max(0, minute)] for minute in range(end - length, end))
                for end in range(now - back + length, now + 1, length)
            ]
            points = {each: tuple(value(each, period) for period in periods) for each in alarm.metrics}
            found = alarm.evaluate(alarm.series(points), state, float(MINUTE * now)).state
            if found is not state:
                made.append(Change(now, found))
            state = found
        begin += span.minutes
    return made


def merged(minutes: Sequence[Minute]) -> list[Span]:
    """The minutes, equal neighbours as one span."""
    spans: list[Span] = []
    for minute in minutes:
        if spans and spans[-1].values == minute:
            spans[-1] = spans[-1]._replace(minutes=spans[-1].minutes + 1)
        else:
            spans.append(Span(1, minute))
    return spans

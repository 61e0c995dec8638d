"""CloudWatch metric alarms: their metrics, and the state that follows from the data points.

Sources: AlarmThatSendsEmail.html, alarm-evaluation.html and alarms-and-missing-data.html (CloudWatch user guide).
"""

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ebb.scaling import expressions
from ebb.scaling.expressions import Expression, Series

Missing = Literal["missing", "ignore", "breaching", "notBreaching"]
Comparison = Literal[
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
]
#: "Every metric math expression in an alarm can use as many as 10 metrics."
MAX_METRICS = 10
#: Seconds; "valid values are 10, 20, 30, and any multiple of 60" (API_PutMetricAlarm).
HIGH_RESOLUTION_PERIODS = (10, 20, 30)
#: Seconds of all evaluation periods together, for periods below an hour and from an hour on (cloudwatch_limits.html).
MAX_EVALUATED_SECONDS = 86_400
MAX_EVALUATED_SECONDS_BY_HOURS = 604_800
_COMPARISONS: dict[Comparison, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_TREATED_AS = {"breaching": "Breaching", "notBreaching": "NonBreaching", "ignore": "Ignore"}


class State(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric with a statistic; `dimensions` are sorted (name, value) pairs."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """One entry of an alarm's `Metrics`: a metric, or an expression over the other ids."""

    id: str
    source: Metric | str


@dataclass(frozen=True, kw_only=True)
class AlarmChange:
    """A change of an alarm's state at `time` (seconds)."""

    time: float
    alarm: str
    before: State
    state: State
    reason: str


def evaluation_range(period: int, periods: int) -> int:
    """The number of periods that CloudWatch retrieves for an alarm with so many evaluation periods."""
    # The guide says only "a higher number of data points than the number specified as Evaluation Periods" (5 for 3).
    # Observed on Stack Overflow: a 1 of 1 alarm of 60 s kept its state for 7 minutes (64045238). One of a day kept it
    # for 3 to 4 days (72093282).
    return periods + (5 if period <= 60 else 2)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm with the fields of PutMetricAlarm. `watched` is the id of the query that returns data.

    Raises ValueError, one sentence, for what CloudWatch refuses.
    """

    name: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: Comparison
    missing: Missing
    queries: tuple[Query, ...]
    watched: str

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(f"Alarm {self.name}: {problem}.")

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # compiled expressions cannot be pickled

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics to retrieve."""
        return tuple(query.source for query in self.queries if isinstance(query.source, Metric))

    @cached_property
    def treatment(self) -> Missing:
        """How missing data is treated: alarms with metrics of AWS/DynamoDB "always ignore missing data"."""
        return "ignore" if any(metric.namespace == "AWS/DynamoDB" for metric in self.metrics) else self.missing

    @property
    def range(self) -> int:
        """The number of periods to retrieve."""
        return evaluation_range(self.period, self.evaluation_periods)

    @property
    def interval(self) -> int:
        """Seconds between two evaluations ("High-resolution alarms")."""
        return 10 if self.period in HIGH_RESOLUTION_PERIODS else 60

    def series(self, points: Mapping[Metric, Series]) -> Series:
        """The watched series, from each metric's points over the evaluation range. Raises ValueError for a circle."""
        return self.compute({each.id: points[each.source] for each in self.queries if isinstance(each.source, Metric)})

    def compute(self, values: Mapping[str, Series]) -> Series:
        """The same from points by query id, which is faster."""
        steps = self._steps
        if len(steps) == 1:
            return steps[0][1].evaluate(values)
        known = dict(values)
        for name, expression in steps:
            known[name] = expression.evaluate(known)
        return known[self.watched]

    @cached_property
    def _steps(self) -> tuple[tuple[str, Expression], ...]:
        """The expressions that the watched one needs, in the order of their computation."""
        left = {query.id: expressions.parse(query.source) for query in self.queries if isinstance(query.source, str)}
        found: list[tuple[str, Expression]] = []
        known = {query.id for query in self.queries} - left.keys()
        while self.watched not in known:
            ready = [name for name, expression in left.items() if expression.names <= known]
            if not ready:
                raise ValueError(f"Alarm {self.name}: the expressions {', '.join(sorted(left))} refer to each other.")
            found += [(name, left.pop(name)) for name in ready]
            known.update(ready)
        return tuple(found)

    def evaluate(self, series: Series, previous: State, end: float = 0.0) -> "Evaluation":
        """Evaluate `series`, the evaluation range, oldest first. Its newest period ends at `end` (Unix seconds)."""
        # With enough real points CloudWatch evaluates the newest of them. Otherwise it "fills in the missing data
        # points with the result you specified", and "uses missing data points only as few times as possible".
        n, threshold, holds = self.evaluation_periods, self.threshold, _COMPARISONS[self.comparison][0]
        points = tuple([value for value in series if value is not None][-n:])
        breaching = sum([holds(value, threshold) for value in points])
        filled = n - len(points)
        if filled and breaching == len(points) and self.treatment in ("missing", "ignore"):
            state = self._undecided(series, breaching, previous)
        else:
            needed = self.datapoints_to_alarm - (filled if self.treatment == "breaching" else 0)
            state = State.ALARM if breaching >= needed else State.OK
        return Evaluation(state, points, self, series, previous, end)

    def breaches(self, value: float) -> bool:
        """Whether one value breaches the threshold."""
        return _COMPARISONS[self.comparison][0](value, self.threshold)

    def _undecided(self, series: Series, breaching: int, previous: State) -> State:
        """The state if points are missing and all others breach."""
        if breaching >= self.datapoints_to_alarm:
            return State.ALARM
        if self.treatment == "ignore":
            return previous
        # Fewer points are enough for ALARM if "the oldest available breaching data point is at least as old as
        # Datapoints to Alarm".
        oldest = next((index for index, value in enumerate(series) if value is not None), len(series))
        old_enough = breaching and len(series) - oldest >= self.datapoints_to_alarm
        return State.ALARM if old_enough else State.INSUFFICIENT_DATA

    def _problems(self) -> Iterator[str]:
        """What PutMetricAlarm refuses."""
        n, m, ids = self.evaluation_periods, self.datapoints_to_alarm, {query.id for query in self.queries}
        if self.period not in HIGH_RESOLUTION_PERIODS and (self.period < 60 or self.period % 60):
            yield f"the period must be 10, 20, 30 or a multiple of 60 seconds, got {self.period}"
        if not 1 <= m <= n:
            yield f"datapoints to alarm must be 1 to {n} (the evaluation periods), got {m}"
        maximum = MAX_EVALUATED_SECONDS_BY_HOURS if self.period >= 3600 else MAX_EVALUATED_SECONDS
        if self.period * n > maximum:
            yield f"the evaluation periods must last at most {maximum} seconds together, got {self.period * n}"
        if self.watched not in ids:
            yield "no query returns data"
        if len(self.metrics) > MAX_METRICS:
            yield f"at most {MAX_METRICS} metrics, got {len(self.metrics)}"
        for query in self.queries:
            if isinstance(query.source, str):
                for name in expressions.parse(query.source).names - ids:
                    yield f"{query.source!r} refers to {name}, which is not defined"


class Evaluation(NamedTuple):
    """The result of one evaluation. `points` are the real values that decided, oldest first: policies receive them."""

    state: State
    points: tuple[float, ...]
    alarm: Alarm
    series: Series
    previous: State
    end: float

    def change(self, now: float) -> AlarmChange | None:
        """The change of state, None if the state stays."""
        if self.state is self.previous:
            return None
        return AlarmChange(time=now, alarm=self.alarm.name, before=self.previous, state=self.state, reason=self.reason)

    @property
    def reason(self) -> str:
        """StateReason in CloudWatch's words."""
        alarm, n = self.alarm, self.alarm.evaluation_periods
        first = self.end - len(self.series) * alarm.period
        timed = [(value, first + index * alarm.period) for index, value in enumerate(self.series)]
        real = [(value, start) for value, start in timed if value is not None][-n:]
        filled = n - len(real)
        verb = "was" if filled == 1 else "were"
        if self.state is State.INSUFFICIENT_DATA:
            return f"Insufficient Data: {_count(filled, 'datapoint')} {verb} unknown."
        shown = [each for each in real if alarm.breaches(each[0]) == (self.state is State.ALARM)]
        if not shown:
            none = "" if real else f"no datapoints were received for {_count(n, 'period')} and "
            treated = f"{verb} treated as [{_TREATED_AS[alarm.treatment]}]"
            return f"Threshold Crossed: {none}{_count(filled, 'missing datapoint')} {treated}."
        listed = ", ".join(f"{value} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for value, at in shown)
        verb = ("was" if len(shown) == 1 else "were") + (" not" if self.state is State.OK else "")
        text = (
            f"Threshold Crossed: {len(shown)} out of the last {n} datapoints [{listed}] {verb} "
            f"{_COMPARISONS[alarm.comparison][1]} the threshold ({float(alarm.threshold)})"
        )
        if self.state is self.previous:
            return f"{text}."
        needed = alarm.datapoints_to_alarm if self.state is State.ALARM else n - alarm.datapoints_to_alarm + 1
        before = State.OK if self.state is State.ALARM else State.ALARM
        return f"{text} (minimum {_count(needed, 'datapoint')} for {before} -> {self.state} transition)."

    def reason_data(self, now: float) -> str:
        """StateReasonData: the JSON without which SetAlarmState executes no scaling action."""
        return json.dumps(
            {
                "version": "1.0",
                "queryDate": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                "period": self.alarm.period,
                "recentDatapoints": list(self.points),
                "threshold": self.alarm.threshold,
            }
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

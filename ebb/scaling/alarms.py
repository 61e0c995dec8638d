"""CloudWatch metric alarms: what an alarm reads, and which state follows from the points that it finds.

Sources: "Using Amazon CloudWatch alarms" (AlarmThatSendsEmail.html, alarm-evaluation.html) and "Configuring how
CloudWatch alarms treat missing data" (alarms-and-missing-data.html) in the CloudWatch user guide.
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
SHORT_PERIODS = (10, 20, 30)
#: Seconds that an alarm may look back, with periods under an hour and others (cloudwatch_limits.html).
LONGEST = (86_400, 604_800)
_COMPARISONS: dict[Comparison, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


class State(StrEnum):
    """The three states of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric with a statistic; `dimensions` are sorted pairs, since their order means nothing to CloudWatch."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """One entry of an alarm's `Metrics`: a metric or an expression over the other ids."""

    id: str
    source: Metric | str


@dataclass(frozen=True, kw_only=True)
class AlarmChange:
    """A change of an alarm's state at `time` (seconds), as DescribeAlarmHistory lists it."""

    time: float
    alarm: str
    before: State
    state: State
    reason: str


class Evaluation(NamedTuple):
    """What one evaluation found: `points` are the real values that decided, oldest first, as policies receive them."""

    state: State
    points: tuple[float, ...]
    alarm: "Alarm"
    series: Series
    previous: State
    end: float

    @property
    def reason(self) -> str:
        """StateReason as CloudWatch words it, built when asked for: most evaluations change nothing."""
        return self.alarm.reason(self)

    def change(self, now: float) -> AlarmChange | None:
        """The change of state, None if the state stays."""
        if self.state is self.previous:
            return None
        return AlarmChange(time=now, alarm=self.alarm.name, before=self.previous, state=self.state, reason=self.reason)


def evaluation_range(period: int, periods: int) -> int:
    """How many periods CloudWatch retrieves for an alarm on `periods` of them.

    Documented only as "a higher number of data points than the number specified as Evaluation Periods" (the example: 5
    for 3). Observed: a 1 of 1 alarm of 60 s kept its state for 7 minutes after the last point (Stack Overflow
    64045238), a 1-day alarm for 3 to 4 days (72093282).
    """
    return periods + (5 if period <= 60 else 2)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm on one metric or one expression; the fields are PutMetricAlarm's. `watched` is the id of its series.

    `retrieved` is the evaluation range in periods, if other than evaluation_range() says (the guide's tables: 5 for 3).

    Raises ValueError, in one sentence, for what CloudWatch refuses or this model does not know.
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
    retrieved: int | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(f"Alarm {self.name}: {problem}.")

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # what is compiled is compiled again

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics to retrieve."""
        return tuple(query.source for query in self.queries if isinstance(query.source, Metric))

    @property
    def range(self) -> int:
        """How many periods to retrieve."""
        return self.retrieved or evaluation_range(self.period, self.evaluation_periods)

    @property
    def interval(self) -> int:
        """Seconds between two evaluations: each minute for any period of a minute or more, else each 10 seconds.

        Source: "Evaluating an alarm" (AlarmThatSendsEmail.html), "High-resolution alarms".
        """
        return 10 if self.period in SHORT_PERIODS else 60

    def series(self, points: Mapping[Metric, Series]) -> Series:
        """What the alarm watches, from the points of each of its metrics over the evaluation range.

        Raises ValueError for expressions that refer to each other in a circle.
        """
        return self.compute({each.id: points[each.source] for each in self.queries if isinstance(each.source, Metric)})

    def compute(self, values: Mapping[str, Series]) -> Series:
        """What series() gives, from points by the ids of the metrics' queries: the fast way for many evaluations."""
        steps = self._steps
        if len(steps) == 1:
            return steps[0][1].evaluate(values)
        known = dict(values)
        for name, expression in steps:
            known[name] = expression.evaluate(known)
        return known[self.watched]

    @cached_property
    def _steps(self) -> tuple[tuple[str, Expression], ...]:
        """The expressions that the watched one needs, each after those that it refers to."""
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

    def evaluate(self, series: Series, previous: State, end: float = 0.0) -> Evaluation:
        """The state that follows from `series` (the evaluation range, oldest first) and the state before.

        "If no data points in the evaluation range are missing, or the existing ones are at least Evaluation Periods,
        CloudWatch evaluates the most recent real data points; the treatment of missing data is ignored." Otherwise it
        "fills in the missing data points with the result you specified"; "any real data points in the evaluation range
        are included", and it "uses missing data points only as few times as possible".
        `end` is when the newest period ends, in seconds since the epoch; reasons name the times of points.
        """
        n, threshold, holds = self.evaluation_periods, self.threshold, _COMPARISONS[self.comparison][0]
        points = tuple([value for value in series if value is not None][-n:])
        bad = sum([holds(value, threshold) for value in points])
        filled = n - len(points)
        if filled and bad == len(points) and self.missing in ("missing", "ignore"):
            state = self._undecided(series, bad, previous)
        else:
            breaching = bad + filled if self.missing == "breaching" else bad
            state = State.ALARM if breaching >= self.datapoints_to_alarm else State.OK
        return Evaluation(state, points, self, series, previous, end)

    def breaches(self, value: float) -> bool:
        """Whether one value is on the wrong side of the threshold."""
        return _COMPARISONS[self.comparison][0](value, self.threshold)

    def _undecided(self, series: Series, bad: int, previous: State) -> State:
        """Too few real points, and none of them good.

        Ignore: "the current alarm state is maintained"; missing: INSUFFICIENT_DATA. Both go to ALARM with enough
        breaching points, and `missing` also by the rule on premature transitions: "when the oldest available breaching
        data point is at least as old as Datapoints to Alarm, and all other more recent data points are breaching or
        missing, the alarm goes to ALARM even if the number of data points available is lower than M".
        """
        if bad >= self.datapoints_to_alarm:
            return State.ALARM
        if self.missing == "ignore":
            return previous
        oldest = next((index for index, value in enumerate(series) if value is not None), len(series))
        return State.ALARM if bad and len(series) - oldest >= self.datapoints_to_alarm else State.INSUFFICIENT_DATA

    def reason(self, evaluation: Evaluation) -> str:
        """The text of StateReason, as CloudWatch words it."""
        state, series, n = evaluation.state, evaluation.series, self.evaluation_periods
        starts = [(value, evaluation.end - (len(series) - index) * self.period) for index, value in enumerate(series)]
        times = [(value, start) for value, start in starts if value is not None][-n:]
        filled = n - len(times)
        verb = "was" if filled == 1 else "were"
        if state is State.INSUFFICIENT_DATA:
            return f"Insufficient Data: {_count(filled, 'datapoint')} {verb} unknown."
        shown = [each for each in times if self.breaches(each[0]) == (state is State.ALARM)]
        if not shown:
            none = "" if times else f"no datapoints were received for {_count(n, 'period')} and "
            treated = {"breaching": "Breaching", "notBreaching": "NonBreaching", "ignore": "Ignore"}.get(self.missing)
            return f"Threshold Crossed: {none}{_count(filled, 'missing datapoint')} {verb} treated as [{treated}]."
        listed = ", ".join(f"{value} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for value, at in shown)
        verb = ("was" if len(shown) == 1 else "were") + (" not" if state is State.OK else "")
        text = (
            f"Threshold Crossed: {len(shown)} out of the last {n} datapoints [{listed}] {verb} "
            f"{_COMPARISONS[self.comparison][1]} the threshold ({float(self.threshold)})"
        )
        if state is evaluation.previous:
            return f"{text}."
        needed = self.datapoints_to_alarm if state is State.ALARM else n - self.datapoints_to_alarm + 1
        before = State.OK if state is State.ALARM else State.ALARM
        return f"{text} (minimum {_count(needed, 'datapoint')} for {before} -> {state} transition)."

    def reason_data(self, evaluation: Evaluation, now: float) -> str:
        """StateReasonData: JSON that SetAlarmState must carry for scaling actions to be executed."""
        when = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        points = list(evaluation.points)
        return json.dumps(
            {
                "version": "1.0",
                "queryDate": when,
                "period": self.period,
                "recentDatapoints": points,
                "threshold": self.threshold,
            }
        )

    def _problems(self) -> Iterator[str]:
        """What PutMetricAlarm refuses."""
        n, m, ids = self.evaluation_periods, self.datapoints_to_alarm, {query.id for query in self.queries}
        if self.period not in SHORT_PERIODS and (self.period < 60 or self.period % 60):
            yield f"the period must be 10, 20, 30 or a multiple of 60 seconds, got {self.period}"
        if not 1 <= m <= n:
            yield f"datapoints to alarm must be 1 to {n} (the evaluation periods), got {m}"
        longest = LONGEST[self.period >= 3600]
        if self.period * n > longest:
            yield f"the evaluation periods must not be longer than {longest} seconds together, got {self.period * n}"
        if self.watched not in ids:
            yield "no query returns data"
        if len(self.metrics) > MAX_METRICS:
            yield f"at most {MAX_METRICS} metrics, got {len(self.metrics)}"
        for query in self.queries:
            if isinstance(query.source, str):
                for name in expressions.parse(query.source).names - ids:
                    yield f"{query.source!r} refers to {name}, which is not defined"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""The figures of a forecast as text and rows, for the terminal and the HTML page."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from ebb.forecast.durations import DAY, HOUR, MINUTE
from ebb.forecast.model.outcome import Outcome, Timeline
from ebb.forecast.results import bill
from ebb.forecast.results.findings import Finding
from ebb.forecast.results.monte_carlo import Estimate, Forecast, Spread
from ebb.forecast.results.static_checks import Problem
from ebb.scaling.activities import ScalingActivity

#: In place of a figure that does not exist.
NONE = "-"
#: One in this many is beyond the 95th percentile.
ENOUGH_RUNS = 20
NO_PROBLEMS = "No known problems."


def headline(found: Forecast) -> str:
    """The scenario, the load and the runs, in one line."""
    runs = "1 run" if found.runs == 1 else f"{found.runs} runs"
    return f"{found.scenario.name}: {found.load}, {runs} from seed {found.seed}"


def seconds(value: float) -> str:
    """Such as 143 s, 12.3 min, 3.4 h or 2.1 d; infinite is "never"."""
    if math.isinf(value):
        return "never"
    if value < 10 * MINUTE:
        return f"{value:.0f} s"
    for limit, unit, suffix in ((2 * HOUR, MINUTE, "min"), (2 * DAY, HOUR, "h")):
        if value < limit:
            return f"{value / unit:.1f} {suffix}"
    return f"{value / DAY:.1f} d"


def number(value: float) -> str:
    """Such as 0, 1,200, 3.4 or 0.05."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2g}"


def hours(value: float) -> str:
    """Such as 120.5, 2.35 or 0.041."""
    return f"{value:,.1f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3f}"


def dollars(value: float) -> str:
    """Such as $36.50 or $0.004: two digits also below a cent."""
    return f"${value:,.2f}" if value >= 0.1 or value == 0 else f"${value:.2g}"


def interval(estimate: Estimate, write: Callable[[float], str] = seconds) -> str:
    """The value and, where runs differ, its 95 % interval: 143 s (138 to 150), or 590 s (580 s to 10.2 min)."""
    value, low, high = write(estimate.value), write(estimate.low), write(estimate.high)
    units = {text.partition(" ")[2] for text in (value, low, high)}
    if len(units) == 1:
        low, high = (text.partition(" ")[0] for text in (low, high))
    return value if low == high else f"{value} ({low} to {high})"


def median(spread: Spread | None) -> str:
    """The p50 without its interval."""
    return NONE if spread is None else seconds(spread.p50.value)


def high(spread: Spread | None) -> str:
    """The p95 without its interval."""
    return NONE if spread is None else seconds(spread.p95.value)


def times(found: Forecast) -> list[tuple[str, str, str]]:
    """Rows of name, p50 and p95 with their intervals; none for a load without jobs."""
    rows = (
        ("wake-up: idle to first started", found.wake),
        ("wait: sent to started", found.wait),
        ("latency: sent to done", found.latency),
        ("drain: first sent to last end", found.drain),
    )
    return [(text, interval(spread.p50), interval(spread.p95)) for text, spread in rows if spread is not None]


def few_runs(found: Forecast) -> str:
    """A caution about the 95th percentile; empty with enough runs or without times."""
    if found.runs >= ENOUGH_RUNS or found.drain is None:
        return ""
    return f"p95 says little with fewer than {ENOUGH_RUNS} runs: use --runs {ENOUGH_RUNS}."


def counts(found: Forecast) -> list[tuple[str, str]]:
    """Rows of name, and the mean per run with its interval."""
    return [
        ("jobs sent", number(found.sent)),
        ("jobs done", number(found.done)),
        ("task-hours", interval(found.task_hours, hours)),
        ("tasks started", interval(found.launches, number)),
        ("jobs killed", interval(found.killed, number)),
        ("jobs given back", interval(found.give_backs, number)),
        ("failed attempts", interval(found.failed, number)),
        ("dead letters", interval(found.dead, number)),
        ("jobs left at the end", interval(found.left, number)),
        *([("jobs refused by the API at first", interval(found.refused, number))] if found.refused.value else []),
    ]


def repetition(found: Forecast) -> str:
    """How often the load repeats in the month of the bill."""
    if found.every <= 0:
        return "at this load"
    every = f"{found.every / HOUR:.3g} h" if found.every < 2 * DAY else f"{found.every / DAY:.3g} days"
    return f"at this load, every {every}"


def costs(found: Forecast) -> list[tuple[str, str, str, str]]:
    """Rows of name, US dollars a month idle and at this load, and the price's source. The last row is the total."""
    idle = {part.name: part.dollars for part in found.bill.idle}
    load = {part.name: part.dollars for part in found.bill.load}
    sources = {part.name: part.source for part in (*found.bill.idle, *found.bill.load)}
    rows = [
        (name, dollars(idle[name]) if name in idle else NONE, dollars(load[name]) if name in load else NONE, source)
        for name, source in sources.items()
    ]
    return [*rows, ("total", dollars(found.bill.idle_total), dollars(found.bill.load_total), "")]


def a_million(found: Forecast) -> str:
    """The cost of sending a million jobs, with its parts."""
    parts = bill.a_million(found.scenario)
    listed = ", ".join(f"{part.name} {dollars(part.dollars)}" for part in parts)
    return f"A million jobs sent: {dollars(sum(part.dollars for part in parts))} ({listed})."


def not_in_bill(found: Forecast) -> str:
    """What the stack has and the bill lacks."""
    return f"Not in this bill: {'; '.join(found.scenario.unpriced)}."


def codes(problems: Sequence[Problem]) -> str:
    """The codes of the problems, each once."""
    return ", ".join(dict.fromkeys(problem.code for problem in problems)) or "no known problems"


def remarks(baseline: Finding, own: Finding) -> str:
    """A baseline's known problems, and what it needs that the stack does not need and the bill lacks."""
    stack = own.forecast.scenario.unpriced
    lacks = [part for part in baseline.forecast.scenario.unpriced if part not in stack]
    return "; ".join([codes(baseline.problems), *(f"not in its bill: {part}" for part in lacks)])


#: The columns of the comparison: the scenario's name, then TIMES columns of times, then counts and costs.
TIMES = 5
COMPARISON = (
    "",
    "wake p50",
    "wake p95",
    "latency p50",
    "latency p95",
    "drain p50",
    "task-hours",
    "killed",
    "given back",
    "dead",
    "left",
    "$/month idle",
    "$/month",
)


def comparison(found: Forecast) -> tuple[str, ...]:
    """One row of the comparison."""
    return (
        found.scenario.name,
        median(found.wake),
        high(found.wake),
        median(found.latency),
        high(found.latency),
        median(found.drain),
        hours(found.task_hours.value),
        number(found.killed.value),
        number(found.give_backs.value),
        number(found.dead.value),
        number(found.left.value),
        dollars(found.bill.idle_total),
        dollars(found.bill.load_total),
    )


def why(activity: ScalingActivity, outcome: Outcome) -> str:
    """Why the number of tasks changed: the alarm, and the messages at that time."""
    waiting, running = (_at(line, activity.time) for line in (outcome.visible, outcome.in_flight))
    cause = activity.alarm or activity.cause
    return f"{cause}: {waiting:,} waiting, {running:,} in flight"


def _at(timeline: Timeline, time: float) -> int:
    return timeline[max(0, bisect_right(timeline, time, key=lambda point: point[0]) - 1)][1]

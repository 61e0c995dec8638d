"""What a forecast found, in the words and rows that the terminal and the page both show."""

import math
from collections.abc import Callable, Sequence

from ebb.forecast import bill
from ebb.forecast.checks import Lint
from ebb.forecast.monte_carlo import Estimate, Forecast, Spread

#: What there is none of.
NONE = "-"


def seconds(value: float) -> str:
    """Such as 143 s, 12.3 min, 3.4 h or 2.1 d; never, if infinite."""
    if math.isinf(value):
        return "never"
    if value < 600:
        return f"{value:.0f} s"
    for limit, unit, word in ((7200, 60, "min"), (172_800, 3600, "h")):
        if value < limit:
            return f"{value / unit:.1f} {word}"
    return f"{value / 86_400:.1f} d"


def number(value: float) -> str:
    """Such as 0, 1,200, 3.4 or 0.05: whole where it is whole."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2g}"


def hours(value: float) -> str:
    """Such as 120.5, 2.35 or 0.041."""
    return f"{value:,.1f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3f}"


def dollars(value: float) -> str:
    """Such as $36.50 or $0.004: what is less than a cent still shows."""
    return f"${value:,.2f}" if value >= 0.1 or value == 0 else f"${value:.2g}"


def interval(estimate: Estimate, write: Callable[[float], str] = seconds) -> str:
    """The value and, where runs differ, its 95 % interval: 143 s (138 to 150), or 590 s (580 s to 10.2 min)."""
    value, low, high = write(estimate.value), write(estimate.low), write(estimate.high)
    units = {text.partition(" ")[2] for text in (value, low, high)}
    if len(units) == 1:
        low, high = (text.partition(" ")[0] for text in (low, high))
    return value if low == high else f"{value} ({low} to {high})"


def median(spread: Spread | None) -> str:
    """The p50 alone."""
    return NONE if spread is None else seconds(spread.p50.value)


def high(spread: Spread | None) -> str:
    """The p95 alone."""
    return NONE if spread is None else seconds(spread.p95.value)


def times(found: Forecast) -> list[tuple[str, str, str]]:
    """What it is, p50 and p95 with their intervals; of a load without jobs, nothing."""
    rows = (
        ("wake-up: idle to first started", found.wake),
        ("wait: sent to started", found.wait),
        ("latency: sent to done", found.latency),
        ("drain: first sent to last done", found.drain),
    )
    return [(text, interval(spread.p50), interval(spread.p95)) for text, spread in rows if spread is not None]


def counts(found: Forecast) -> list[tuple[str, str]]:
    """What it is, and the mean of a run with its interval."""
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
    ]


def again(found: Forecast) -> str:
    """How often the load is taken to come in a month."""
    return f"at this load, every {found.every / 3600:.3g} h" if found.every > 0 else "at this load"


def costs(found: Forecast) -> list[tuple[str, str, str, str]]:
    """Each part's name, US dollars a month idle and at this load, and the price's source; the last row is the sum."""
    idle = {part.name: part.dollars for part in found.bill.idle}
    load = {part.name: part.dollars for part in found.bill.load}
    sources = {part.name: part.source for part in (*found.bill.idle, *found.bill.load)}
    rows = [
        (name, dollars(idle[name]) if name in idle else NONE, dollars(load[name]) if name in load else NONE, source)
        for name, source in sources.items()
    ]
    return [*rows, ("together", dollars(found.bill.idle_total), dollars(found.bill.load_total), "")]


def a_million(found: Forecast) -> str:
    """What a million jobs cost on their way into the queue, with the parts."""
    parts = bill.a_million(found.setup)
    listed = ", ".join(f"{part.name} {dollars(part.dollars)}" for part in parts)
    return f"A million jobs sent: {dollars(sum(part.dollars for part in parts))} ({listed})."


def codes(lints: Sequence[Lint]) -> str:
    """The lints' names, each once."""
    return ", ".join(dict.fromkeys(lint.code for lint in lints)) or "nothing known to hurt"


#: Columns of the comparison: the setup's name, TIMES of them times, then counts and costs.
TIMES = 5
AGAINST = (
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


def against(found: Forecast) -> tuple[str, ...]:
    """One row of the comparison."""
    return (
        found.setup.name,
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

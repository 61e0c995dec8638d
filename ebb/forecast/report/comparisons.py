"""Settings side by side, the cost at scale and the assumptions that matter, as rows for the terminal and the page."""

import math
from collections.abc import Callable, Sequence

from ebb.forecast.report.formatting import NONE, dollars, hours, interval, number, seconds
from ebb.forecast.results.findings import Scale, Swing, Versus
from ebb.forecast.results.monte_carlo import Estimate, Forecast

PAIRED = "Differences are over the same seeds, with 95 % intervals."
SCALE_NOTE = (
    "max_tasks grows with the load, up to 5,000. Spot is assumed to have room always. Twice the concurrency assumes "
    "that jobs which share a task take no longer. A figure with ~ is extrapolated: there are too many jobs to simulate."
)


def difference(estimate: Estimate, write: Callable[[float], str] = seconds) -> str:
    """A difference with its sign and interval, such as -61 s (-70 to -52)."""
    return interval(estimate, lambda value: _signed(value, write))


def _signed(value: float, write: Callable[[float], str]) -> str:
    if math.isinf(value):
        return "never" if value > 0 else "no longer never"
    text = write(abs(value))
    return text if text == write(0) else f"{'+' if value > 0 else '-'}{text}"


def differs(estimate: Estimate) -> bool:
    """Whether the interval of a difference does not contain 0."""
    return estimate.low > 0 or estimate.high < 0


def versus(base: Forecast, other: Versus) -> list[tuple[str, str, str, str, bool]]:
    """Rows of figure, the stack's value, the other value, the difference, and whether it is more than chance."""
    rows = []
    for name, estimate in other.differences.items():
        ours, write = figure(base, name)
        theirs, _ = figure(other.finding.forecast, name)
        rows.append((name, write(ours), write(theirs), difference(estimate, write), differs(estimate)))
    return rows


def figure(found: Forecast, name: str) -> tuple[float, Callable[[float], str]]:
    """The value of one of differences.FIGURES, and how it is written."""
    counted = {"jobs killed": found.killed, "dead letters": found.dead, "jobs left": found.left}
    match name.split():
        case [("wake" | "wait" | "latency" | "drain") as time, quantile]:
            return getattr(getattr(found, time), quantile).value, seconds
        case ["task-hours"]:
            return found.task_hours.value, hours
        case ["$", *_]:
            return (found.bill.idle_total if name.endswith("idle") else found.bill.load_total), dollars
    return counted[name].value, number


#: The first columns of the table of scales; the alternatives follow.
SCALES = ("load", "max_tasks", "jobs a month", "wait p95", "$ a month", "$ per 1,000 jobs")


def scales(found: Sequence[Scale]) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of the cost at each scale."""
    names = list(dict.fromkeys(name for scale in found for name in scale.alternatives))
    rows = [
        [
            f"{scale.times:,} x",
            f"{scale.max_tasks:,}",
            f"{scale.jobs_a_month:,.0f}",
            NONE if scale.wait is None else seconds(scale.wait),
            about(scale, scale.dollars),
            about(scale, scale.dollars_per_1000),
            *(about(scale, scale.alternatives[name]) if name in scale.alternatives else NONE for name in names),
        ]
        for scale in found
    ]
    return [*SCALES, *names], rows


def about(scale: Scale, value: float) -> str:
    """Dollars, marked where they are extrapolated."""
    return f"{'~' if scale.extrapolated else ''}{dollars(value)}"


def paying(found: Sequence[Scale]) -> list[str]:
    """For each alternative a sentence: from which load on it costs less."""
    names = dict.fromkeys(name for scale in found for name in scale.alternatives)
    return [_paying(found, name) for name in names]


def _paying(found: Sequence[Scale], name: str) -> str:
    times = pays_from(found, name)
    if times is None:
        return f"With {name} a month costs more at each load that was simulated with it."
    if times == found[0].times:
        return f"With {name} a month costs less at each load that was simulated with it."
    return f"With {name} a month costs less from {times:,} times the load on."


def pays_from(found: Sequence[Scale], name: str) -> int | None:
    """From how many times the load on an alternative costs less, at all larger scales too; None: not at the largest."""
    paying = None
    for scale in reversed(found):
        if name in scale.alternatives:
            if scale.alternatives[name] >= scale.dollars:
                break
            paying = scale.times
    return paying


def swings(found: Sequence[Swing]) -> list[tuple[str, str, str, str, str]]:
    """Rows of assumption, and what 20 % less and 20 % more change: the p95 of the wait, and dollars a month."""
    return [
        (
            swing.assumption,
            difference(swing.wait_less),
            difference(swing.wait_more),
            _signed(swing.dollars_less.value, dollars),
            _signed(swing.dollars_more.value, dollars),
        )
        for swing in found
    ]


def no_effect(names: Sequence[str]) -> str:
    """The assumptions without effect, in a sentence; empty without any."""
    return f"20 % less or more changes nothing here: {', '.join(names)}." if names else ""

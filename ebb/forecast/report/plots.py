"""Plots of one run and of a bill, as SVG elements."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ebb.forecast.durations import DAY, HOUR, MINUTE
from ebb.forecast.model.outcome import Outcome, Timeline
from ebb.forecast.report.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PALE_GREEN,
    RED,
    SHOWN_AS_NONE,
    TIME_TICKS,
    figure,
    short,
    svg,
)
from ebb.forecast.results.bill import Bill
from ebb.forecast.results.monte_carlo import Band
from ebb.scaling.alarms import State

#: A line with more change points is drawn as the range and the mean of so many equal times.
MAX_POINTS, PARTS = 400, 150
STATES = {State.OK: PALE_GREEN, State.ALARM: RED, State.INSUFFICIENT_DATA: PALE}
STATE_LABELS = {State.OK: "OK", State.ALARM: "ALARM", State.INSUFFICIENT_DATA: "no data"}


def queue(outcome: Outcome) -> str:
    """Messages waiting and in flight over time."""
    made, axes = figure(2.4)
    scale = _time_axis(axes, outcome)
    _line(axes, outcome.visible, scale, label="waiting", color=BLUE)
    _line(axes, outcome.in_flight, scale, label="in flight", color=ORANGE, linestyle="--")
    axes.set_ylabel("messages")
    return svg(made, axes, "queue", "Messages waiting and in flight over time")


def tasks(outcome: Outcome, band: Band | None = None) -> str:
    """Desired and running tasks over time, and the running tasks of most runs."""
    made, axes = figure(2.4)
    scale = _time_axis(axes, outcome)
    if band is not None:
        times = np.array(band.times) * scale
        axes.fill_between(
            times, band.low, band.high, step="post", color=GREEN, alpha=0.25, linewidth=0, label="9 of 10 runs"
        )
    _line(axes, outcome.running, scale, label="running", color=GREEN, fill=band is None)
    _line(axes, outcome.desired, scale, label="desired", color=INK, linestyle="--")
    axes.set_ylabel("tasks")
    return svg(made, axes, "tasks", "Desired and running tasks over time")


def alarms(outcome: Outcome, order: Sequence[str] = ()) -> str:
    """The alarms' states over time, one band for each alarm, in this order. Empty if no alarm changed its state."""
    changed = dict.fromkeys(change.alarm for change in outcome.alarms)
    names = list(dict.fromkeys(name for name in (*order, *changed) if name in changed))
    if not names:
        return ""
    made, axes = figure(0.9 + 0.34 * len(names))
    scale = _time_axis(axes, outcome)
    end = outcome.shown_until
    for row, name in enumerate(names):
        changes = [change for change in outcome.alarms if change.alarm == name]
        at, state = 0.0, changes[0].before
        for change in changes:
            _band(axes, row, at * scale, change.time * scale, state)
            at, state = change.time, change.state
        _band(axes, row, at * scale, max(at, end) * scale, state)
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    for state, colour in STATES.items():
        axes.bar(0, 0, color=colour, label=STATE_LABELS[state])
    return svg(made, axes, "alarms", "States of the alarms over time")


def waits(outcome: Outcome) -> str:
    """The share of jobs that waited at most so long. Empty if no job started."""
    bins = outcome.waits.bins()
    if not bins:
        return ""
    made, axes = figure(2.2)
    times = [max(time, SHOWN_AS_NONE) for time, _ in bins]
    shares = [100 * share / outcome.waits.count for share in accumulate(count for _, count in bins)]
    shortest, longest = max(SHOWN_AS_NONE, times[0] / 3), max(times[-1], 10 * times[0])
    axes.step([shortest, *times, longest * 1.2], [0, *shares, 100], where="post", color=BLUE, linewidth=1.6)
    axes.set_xscale("log")
    axes.set_xlim(shortest, longest * 1.2)
    ticks = {time: label for time, label in TIME_TICKS.items() if shortest <= time <= longest * 1.2}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 103)
    axes.set_ylabel("% of jobs")
    axes.set_xlabel("waited at most, from sent to started")
    return svg(made, axes, "waits", "Share of jobs that waited at most so long", legend=False)


def costs(bill: Bill) -> str:
    """The parts of the bill as bars, idle and at this load. Empty without parts."""
    names = list(dict.fromkeys(part.name for part in (*bill.load, *bill.idle)))
    if not names:
        return ""
    idle = {part.name: part.dollars for part in bill.idle}
    load = {part.name: part.dollars for part in bill.load}
    made, axes = figure(0.9 + 0.42 * len(names))
    places = range(len(names))
    axes.barh(
        [place - 0.19 for place in places], [idle.get(name, 0) for name in names], 0.36, color=GREEN, label="idle"
    )
    axes.barh(
        [place + 0.19 for place in places],
        [load.get(name, 0) for name in names],
        0.36,
        color=BLUE,
        label="at this load",
    )
    axes.set_yticks(places, [short(name) for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("US dollars a month")
    return svg(made, axes, "costs", "Parts of the bill, idle and at this load")


def _unit(seconds: float) -> tuple[float, str]:
    for limit, unit, label in ((10 * MINUTE, 1, "s"), (4 * HOUR, MINUTE, "min"), (4 * DAY, HOUR, "h")):
        if seconds < limit:
            return 1 / unit, label
    return 1 / DAY, "days"


def _time_axis(axes: Axes, outcome: Outcome) -> float:
    """Label the axis; the factor from seconds to its unit."""
    end = outcome.shown_until
    scale, unit = _unit(end)
    axes.set_xlim(0, end * scale)
    axes.set_xlabel(f"time from the first job, {unit}" if outcome.sent else f"time, {unit}")
    return scale


def _line(
    axes: Axes, timeline: Timeline, scale: float, *, label: str, color: str, linestyle: str = "-", fill: bool = False
) -> None:
    """Each change; of a line with many changes the range and the mean of equal times."""
    right = axes.get_xlim()[1]
    times = np.array([time for time, _ in timeline] or [0.0]) * scale
    values = np.array([value for _, value in timeline] or [0], float)
    if len(times) > MAX_POINTS:
        edges = np.linspace(0, right, PARTS + 1)
        low, high, values = parts(times, values, edges)
        times = edges[:-1]
        axes.fill_between(times, low, high, step="post", color=color, alpha=0.25, linewidth=0)
        label = f"{label}, mean and range"
    times, values = np.append(times, max(right, times[-1])), np.append(values, values[-1])
    if fill:
        axes.fill_between(times, values, step="post", color=color, alpha=0.35, linewidth=0)
    axes.step(times, values, where="post", color=color, linestyle=linestyle, linewidth=1.4, label=label)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))


Array = NDArray[np.float64]


def parts(times: Array, values: Array, edges: Array) -> tuple[Array, Array, Array]:
    """The minimum, the maximum and the mean over time of a stepped line between each two edges."""
    inside = np.unique(np.concatenate([times[(times > edges[0]) & (times < edges[-1])], edges]))
    held = values[np.maximum(np.searchsorted(times, inside[:-1], side="right") - 1, 0)]
    starts = np.searchsorted(inside, edges[:-1])
    weighted = np.add.reduceat(held * np.diff(inside), starts) / np.diff(edges)
    return np.minimum.reduceat(held, starts), np.maximum.reduceat(held, starts), weighted


def _band(axes: Axes, row: int, start: float, end: float, state: State) -> None:
    axes.barh(row, end - start, left=start, height=0.62, color=STATES[state], linewidth=0)


def sequence(outcome: Outcome, order: Sequence[str] = (), band: Band | None = None) -> Sequence[tuple[str, str]]:
    """The plots of one run with their captions, without empty ones; alarms in this order."""
    drawn: list[tuple[str, str]] = []
    if any(value for line in (outcome.visible, outcome.in_flight) for _, value in line):
        drawn.append(("Messages in the queue", queue(outcome)))
    if any(value for line in (outcome.running, outcome.desired) for _, value in line):
        more = "; the area has the running tasks of 9 of 10 runs" if band else ""
        drawn.append((f"Tasks{more}", tasks(outcome, band)))
    drawn.append(("States of the alarms", alarms(outcome, order)))
    at_once = sum(count for time, count in outcome.waits.bins() if time < SHOWN_AS_NONE)
    share = f"; {100 * at_once / outcome.waits.count:.0f} % waited less than a second" if at_once else ""
    drawn.append((f"Waits of the jobs{share}", waits(outcome)))
    return [(caption, plot) for caption, plot in drawn if plot]

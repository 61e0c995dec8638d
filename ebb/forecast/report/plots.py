"""Plots of one run and of a bill, as SVG elements. The only module that loads matplotlib.

A plot is about as wide as a phone, so that its text keeps its size. Text is SVG text, not outlines.
"""

import io
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebb.forecast.bill import Bill
from ebb.forecast.durations import DAY, HOUR, MINUTE
from ebb.forecast.model.outcome import Outcome, Timeline
from ebb.scaling.alarms import State

#: Inches: 360 points, a phone's column.
WIDTH = 5.0
#: Change points of a line; a reader could not distinguish more.
MAX_POINTS = 1200
#: Seconds: the start of the axis of waits, for all shorter ones.
SHOWN_AS_NONE = 1.0
WAIT_TICKS = {
    1: "1 s",
    10: "10 s",
    MINUTE: "1 min",
    10 * MINUTE: "10 min",
    HOUR: "1 h",
    10 * HOUR: "10 h",
    4 * DAY: "4 d",
}
INK = "#1a1a1a"
FAINT = "#c9c9c9"
# These colours (Okabe and Ito) differ in lightness too, so that they differ when printed in grey.
BLUE = "#0072b2"
ORANGE = "#e69f00"
GREEN = "#009e73"
RED = "#b3261e"
STATES = {State.OK: "#cfe8dd", State.ALARM: RED, State.INSUFFICIENT_DATA: "#e4e4e4"}
STATE_LABELS = {State.OK: "OK", State.ALARM: "ALARM", State.INSUFFICIENT_DATA: "no data"}
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
}


def queue(outcome: Outcome) -> str:
    """Messages waiting and in flight over time."""
    figure, axes = _figure(2.4)
    scale = _time_axis(axes, outcome)
    _line(axes, outcome.visible, scale, label="waiting", color=BLUE)
    _line(axes, outcome.in_flight, scale, label="in flight", color=ORANGE, linestyle="--")
    axes.set_ylabel("messages")
    return _finish(figure, axes, "queue", "Messages waiting and in flight over time")


def tasks(outcome: Outcome) -> str:
    """Desired and running tasks over time."""
    figure, axes = _figure(2.4)
    scale = _time_axis(axes, outcome)
    _line(axes, outcome.running, scale, label="running", color=GREEN, fill=True)
    _line(axes, outcome.desired, scale, label="desired", color=INK, linestyle="--")
    axes.set_ylabel("tasks")
    return _finish(figure, axes, "tasks", "Desired and running tasks over time")


def alarms(outcome: Outcome, order: Sequence[str] = ()) -> str:
    """The alarms' states over time, one band for each alarm, in this order. Empty if no alarm changed its state."""
    changed = dict.fromkeys(change.alarm for change in outcome.alarms)
    names = list(dict.fromkeys(name for name in (*order, *changed) if name in changed))
    if not names:
        return ""
    figure, axes = _figure(0.9 + 0.34 * len(names))
    scale = _time_axis(axes, outcome)
    end = shown_until(outcome)
    for row, name in enumerate(names):
        changes = [change for change in outcome.alarms if change.alarm == name]
        at, state = 0.0, changes[0].before
        for change in changes:
            _band(axes, row, at * scale, change.time * scale, state)
            at, state = change.time, change.state
        _band(axes, row, at * scale, max(at, end) * scale, state)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    for state, colour in STATES.items():
        axes.bar(0, 0, color=colour, label=STATE_LABELS[state])
    return _finish(figure, axes, "alarms", "States of the alarms over time")


def waits(outcome: Outcome) -> str:
    """The share of jobs that waited at most so long. Empty if no job started."""
    bins = outcome.waits.bins()
    if not bins:
        return ""
    figure, axes = _figure(2.2)
    times = [max(time, SHOWN_AS_NONE) for time, _ in bins]
    shares = [100 * share / outcome.waits.count for share in accumulate(count for _, count in bins)]
    longest = max(times[-1], 10 * SHOWN_AS_NONE)
    axes.step([SHOWN_AS_NONE, *times, longest * 1.2], [0, *shares, 100], where="post", color=BLUE, linewidth=1.6)
    axes.set_xscale("log")
    axes.set_xlim(SHOWN_AS_NONE, longest * 1.2)
    ticks = {time: label for time, label in WAIT_TICKS.items() if time <= longest}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 103)
    axes.set_ylabel("% of jobs")
    axes.set_xlabel("waited at most, from sent to started")
    return _finish(figure, axes, "waits", "Share of jobs that waited at most so long", legend=False)


def costs(bill: Bill) -> str:
    """The parts of the bill as bars, idle and at this load. Empty without parts."""
    names = list(dict.fromkeys(part.name for part in (*bill.load, *bill.idle)))
    if not names:
        return ""
    idle = {part.name: part.dollars for part in bill.idle}
    load = {part.name: part.dollars for part in bill.load}
    figure, axes = _figure(0.9 + 0.42 * len(names))
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
    axes.set_yticks(places, [_short(name) for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("US dollars a month")
    return _finish(figure, axes, "costs", "Parts of the bill, idle and at this load")


def shown_until(outcome: Outcome) -> float:
    """The right end of the time axis: shortly after the last change, and within the run."""
    lines = (outcome.visible, outcome.in_flight, outcome.desired, outcome.running)
    last = max((line[-1][0] for line in lines if line), default=0.0)
    return min(outcome.until, max(60.0, last * 1.04)) if outcome.until > 0 else max(60.0, last * 1.04)


def _figure(height: float) -> tuple[Figure, Axes]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        return figure, figure.add_subplot()


def _unit(seconds: float) -> tuple[float, str]:
    for limit, unit, label in ((10 * MINUTE, 1, "s"), (4 * HOUR, MINUTE, "min"), (4 * DAY, HOUR, "h")):
        if seconds < limit:
            return 1 / unit, label
    return 1 / DAY, "days"


def _time_axis(axes: Axes, outcome: Outcome) -> float:
    """Label the axis; the factor from seconds to its unit."""
    end = shown_until(outcome)
    scale, unit = _unit(end)
    axes.set_xlim(0, end * scale)
    axes.set_xlabel(f"time from the first job, {unit}" if outcome.sent else f"time, {unit}")
    return scale


def _line(
    axes: Axes, timeline: Timeline, scale: float, *, label: str, color: str, linestyle: str = "-", fill: bool = False
) -> None:
    points = _thinned(timeline)
    right = axes.get_xlim()[1]
    times = [time * scale for time, _ in points] or [0.0]
    values = [value for _, value in points] or [0]
    times, values = [*times, max(right, times[-1])], [*values, values[-1]]
    if fill:
        axes.fill_between(times, values, step="post", color=color, alpha=0.35, linewidth=0)
    axes.step(times, values, where="post", color=color, linestyle=linestyle, linewidth=1.4, label=label)
    axes.set_ylim(bottom=0)


def _thinned(timeline: Timeline) -> Timeline:
    """At most MAX_POINTS points: of each of equal groups of points the minimum, the maximum and the last one."""
    if len(timeline) <= MAX_POINTS:
        return timeline
    size = -(-len(timeline) // (MAX_POINTS // 2))
    kept: list[tuple[float, int]] = []
    for start in range(0, len(timeline), size):
        chunk = timeline[start : start + size]
        ends = {min(chunk, key=lambda point: point[1]), max(chunk, key=lambda point: point[1]), chunk[-1]}
        kept += sorted(ends)
    return tuple(kept)


def _band(axes: Axes, row: int, start: float, end: float, state: State) -> None:
    axes.barh(row, end - start, left=start, height=0.62, color=STATES[state], linewidth=0)


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:19]}…"


def _finish(figure: Figure, axes: Axes, name: str, label: str, *, legend: bool = True) -> str:
    """The figure as an <svg> element with unique ids, and a label for screen readers."""
    if legend:
        above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3, "borderaxespad": 0.2}
        axes.legend(**above, frameon=False, handlelength=1.4, columnspacing=1.2)
    buffer = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _embeddable(buffer.getvalue(), name, label)


def _embeddable(svg: str, name: str, label: str) -> str:
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def sequence(outcome: Outcome, order: Sequence[str] = ()) -> Sequence[tuple[str, str]]:
    """The plots of one run with their captions, without empty ones; alarms in this order."""
    plots = (
        ("Messages in the queue", queue(outcome)),
        ("Tasks", tasks(outcome)),
        ("States of the alarms", alarms(outcome, order)),
        ("Waits of the jobs", waits(outcome)),
    )
    return [(caption, svg) for caption, svg in plots if svg]

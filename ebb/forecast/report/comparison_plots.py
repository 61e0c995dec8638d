"""Plots that compare: assumptions as a tornado, the cost at scale, and advice, as SVG elements."""

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from ebb.forecast.durations import HOUR
from ebb.forecast.report.drawing import BLUE, GREEN, INK, ORANGE, RED, SHOWN_AS_NONE, figure, short, svg
from ebb.forecast.results.findings import Advice, Option, Scale, Swing
from ebb.forecast.results.monte_carlo import Estimate

#: An axis is logarithmic if its largest value is more than so many times the smallest one.
LOGARITHMIC = 20
#: Labels of a vertical logarithmic axis, by seconds.
TIMES = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", HOUR: "1 h", 10 * HOUR: "10 h", 100 * HOUR: "4 d"}


def tornado(swings: Sequence[Swing]) -> Sequence[tuple[str, str]]:
    """What each assumption changes, largest first: the p95 of the wait, and dollars a month. With captions."""
    plots = (
        ("p95 of the wait", "wait", "seconds", lambda swing: (swing.wait_less, swing.wait_more)),
        ("US dollars a month", "dollars", "US dollars a month", lambda swing: (swing.dollars_less, swing.dollars_more)),
    )
    drawn = (
        (f"Change of the {caption}", _tornado(swings, f"tornado-{name}", unit, ends))
        for caption, name, unit, ends in plots
    )
    return [(caption, plot) for caption, plot in drawn if plot]


def _tornado(swings: Sequence[Swing], name: str, unit: str, ends: Callable[[Swing], tuple[Estimate, Estimate]]) -> str:
    rows = [(swing.assumption, less.value, more.value) for swing in swings for less, more in (ends(swing),)]
    rows = sorted((row for row in rows if row[1] != row[2]), key=lambda row: abs(row[2] - row[1]), reverse=True)
    if not rows:
        return ""
    made, axes = figure(0.9 + 0.34 * len(rows))
    places = range(len(rows))
    axes.barh(places, [less for _, less, _ in rows], 0.6, color=ORANGE, label="20 % less")
    axes.barh(places, [more for _, _, more in rows], 0.6, color=BLUE, label="20 % more")
    axes.axvline(0, color=INK, linewidth=1)
    _names(axes, [text for text, _, _ in rows])
    axes.set_xlabel(unit)
    return svg(made, axes, name, f"Change of {unit} with 20 % less and more of each assumption")


def _names(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def scales(found: Sequence[Scale]) -> str:
    """US dollars for 1,000 jobs at each scale, with the stack's settings and with each alternative."""
    made, axes = figure(2.6)
    axes.plot(
        [scale.times for scale in found],
        [scale.dollars_per_1000 for scale in found],
        color=INK,
        marker="o",
        label="this stack",
    )
    names = dict.fromkeys(name for scale in found for name in scale.alternatives)
    for name, colour, marker in zip(names, (BLUE, ORANGE, GREEN, RED), "sd^v", strict=False):
        points = [scale for scale in found if name in scale.alternatives]
        axes.plot(
            [scale.times for scale in points],
            [scale.alternatives[name] / scale.jobs_a_month * 1000 for scale in points],
            color=colour,
            marker=marker,
            linestyle="--",
            label=name,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([scale.times for scale in found], [f"{scale.times:,} x" for scale in found])
    axes.set_xlabel("load")
    axes.set_ylabel("$ per 1,000 jobs")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    return svg(made, axes, "scales", "US dollars for 1,000 jobs at each load", columns=2)


def frontier(advice: Advice) -> str:
    """The p95 of the wait over dollars a month, of all settings that were tried often."""
    made, axes = figure(3.0)
    today = [advice.today] if advice.today else []
    axes.axhline(advice.wait, color=RED, linestyle=":", label="wanted")
    if advice.budget is not None:
        axes.axvline(advice.budget, color=RED, linestyle=":")
    _points(axes, advice.others, ORANGE, ".", "others")
    axes.step(
        [option.dollars for option in advice.frontier],
        [max(SHOWN_AS_NONE, option.wait_p95.value) for option in advice.frontier],
        where="post",
        color=BLUE,
        linewidth=0.8,
    )
    _points(axes, advice.frontier, BLUE, "o", "none is cheaper and faster")
    _points(axes, today, INK, "s", "the stack as it is")
    _points(axes, [advice.best] if advice.best else [], GREEN, "*", "the advice")
    shown = [advice.wait, *(option.wait_p95.value for option in (*advice.others, *advice.frontier, *today))]
    longest = 1.5 * max((time for time in shown if math.isfinite(time)), default=HOUR)
    axes.set_yscale("log")
    axes.set_ylim(SHOWN_AS_NONE / 1.5, longest)
    ticks = {time: label for time, label in TIMES.items() if time <= longest}
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set_yticks([], minor=True)
    dollars = [option.dollars for option in (*advice.others, *advice.frontier, *today)]
    if max(dollars) > LOGARITHMIC * min(dollars):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_xlabel("US dollars a month")
    axes.set_ylabel("p95 of the wait")
    return svg(made, axes, "frontier", "The p95 of the wait over US dollars a month", columns=2)


def _points(axes: Axes, options: Sequence[Option], colour: str, marker: str, label: str) -> None:
    shown = [option for option in options if math.isfinite(option.wait_p95.value)]
    if shown:
        axes.plot(
            [option.dollars for option in shown],
            [max(SHOWN_AS_NONE, option.wait_p95.value) for option in shown],
            color=colour,
            marker=marker,
            markersize={"*": 13, "o": 6, "s": 7}.get(marker, 5),
            linestyle="",
            label=label,
        )

"""Draws docs/dashboard.svg: the dashboard's own definition, with the data of the busy day (tools/alarm_days)."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components import _dashboard
from ebb.forecast.model.histogram import Histogram
from ebb.scaling.expressions import Series, parse
from ebb.scaling.statistics import STATISTICS
from policy import dashboard, monitoring
from policy.plan import Source
from tools.alarm_days import days
from tools.alarm_days.series import Minute

PAGE = Path(__file__).parents[1] / "docs" / "dashboard.svg"
#: Minutes of a point.
BIN = dashboard.PERIOD // 60
#: Inches of a unit of CloudWatch's grid.
UNIT_X, UNIT_Y = 0.56, 0.38
#: Okabe and Ito's colours, which differ in lightness too.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#b3261e", "#cc79a7", "#56b4e9", "#666666")
INK, FAINT, PAPER = "#1a1a1a", "#c9c9c9", "#ffffff"
LEGEND: Any = {
    "fontsize": 6,
    "ncols": 4,
    "frameon": False,
    "loc": "lower left",
    "bbox_to_anchor": (-0.02, 0.98),
    "handlelength": 1.2,
    "columnspacing": 1.0,
    "borderaxespad": 0.1,
}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ebb",
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "path.simplify_threshold": 0.5,
}


def draw() -> None:
    """Write the picture."""
    plan = dashboard.dashboard(days.SETTINGS)
    names: Any = {source: {"of": source} for source in get_args(Source)}
    roles = list(monitoring.alarms(days.SETTINGS))
    widgets = _dashboard.body(plan, names, roles, "us-east-1")["widgets"]
    height = max(widget["y"] + widget["height"] for widget in widgets)
    minutes = [span.values for span in days.busy_day() for _ in range(span.minutes)][days.BEFORE :]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(dashboard.COLUMNS * UNIT_X, height * UNIT_Y), facecolor=PAPER)
        for widget in widgets:
            _widget(figure, widget, height, minutes, roles)
        figure.savefig(PAGE, metadata={"Date": None, "Creator": None})


def _widget(figure: Figure, widget: Any, height: int, minutes: Sequence[Minute], roles: Sequence[str]) -> None:
    left, top = widget["x"] / dashboard.COLUMNS, 1 - widget["y"] / height
    wide, high = widget["width"] / dashboard.COLUMNS, widget["height"] / height
    properties = widget["properties"]
    match widget["type"]:
        case "text":
            title, _, text = properties["markdown"].removeprefix("**").partition("** ")
            bold: Any = {"fontweight": "bold", "fontsize": 9}
            if not text:
                title, text, bold = "", title, {}
            figure.text(left + 0.01, top - 0.3 * high, title, **bold)
            figure.text(left + 0.01, top - 0.52 * high, _wrapped(text, wide), va="top", fontsize=7, color="#555555")
        case "alarm":
            figure.text(left + 0.01, top - 0.3 * high, properties["title"], fontweight="bold", fontsize=9)
            for place, role in enumerate(roles):
                x, y = left + 0.01 + (place % 9) * 0.109, top - (0.55 + 0.25 * (place // 9)) * high
                figure.text(x, y, f"OK  {role}", fontsize=7, bbox={"facecolor": "#cfe8dd", "edgecolor": "none"})
        case _:
            both = "right" in properties["yAxis"]
            axes = figure.add_axes((left + 0.04, top - 0.88 * high, wide - (0.085 if both else 0.055), 0.74 * high))
            _graph(axes, properties, minutes)


def _wrapped(text: str, wide: float) -> str:
    """The text in lines that fit into this part of the picture's width."""
    lines: list[str] = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > 205 * wide - 4:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def _graph(axes: Axes, properties: Any, minutes: Sequence[Minute]) -> None:
    values = {line[-1]["id"]: _series(line, minutes) for line in properties["metrics"] if len(line) > 1}
    right = axes.twinx() if "right" in properties["yAxis"] else axes
    hours = [place * BIN / 60 for place in range(len(minutes) // BIN)]
    shown = 0
    for line in properties["metrics"]:
        options = line[-1] if len(line) > 1 else line[0]
        if not options.get("visible", True):
            continue
        series = values[options["id"]] if len(line) > 1 else parse(options["expression"]).evaluate(values)
        known = [float("nan") if value is None else value for value in series]
        side = right if options.get("yAxis") == "right" else axes
        side.plot(hours, known, color=COLOURS[shown], linewidth=1, label=options["label"])
        shown += 1
    highest = max((value for series in values.values() for value in series if value is not None), default=1)
    for mark in properties.get("annotations", {}).get("horizontal", ()):
        if mark["value"] < 4 * highest:  # a mark far above the data would flatten it
            axes.axhline(mark["value"], color=COLOURS[3], linewidth=0.8, linestyle=":")
    _finish(axes, right, properties)


def _finish(axes: Axes, right: Axes, properties: Any) -> None:
    for side, name in ((axes, "left"), (right, "right")):
        if name in properties["yAxis"]:
            side.set_ylim(bottom=0, top=max(1.0, side.get_ylim()[1]))
            side.set_ylabel(properties["yAxis"][name]["label"], fontsize=7)
        for spine in ("top", *(() if side is right and right is not axes else ("right",))):
            side.spines[spine].set_visible(False)
        side.tick_params(labelsize=6, color=FAINT)
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 6), [f"{hour:02}:00" for hour in range(0, 25, 6)])
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    lines = axes.get_lines() + (right.get_lines() if right is not axes else [])
    named = [line for line in lines if not str(line.get_label()).startswith("_")]
    axes.legend(named, [str(line.get_label()) for line in named], **LEGEND)


def _series(line: Sequence[Any], minutes: Sequence[Minute]) -> Series:
    """A metric's values, one for each bin."""
    key, statistic = (line[3], line[1]), line[-1]["stat"]
    samples: Mapping[int, Iterable[float]] = days.samples().get(key, {})
    found: list[float | None] = []
    for begin in range(0, len(minutes) - BIN + 1, BIN):
        if key in days.samples():
            times = [value for minute in range(begin, begin + BIN) for value in samples.get(minute, ())]
            found.append(_statistic(times, statistic) if times else None)
            continue
        sets = [point for minute in minutes[begin : begin + BIN] if (point := minute.get(key)) is not None]
        found.append(STATISTICS[_per_minute(statistic)](sets) if sets else None)
    if statistic == "SampleCount":  # one sample for each task and minute
        return tuple(None if value is None else value / BIN for value in found)
    return tuple(found)


def _statistic(values: Sequence[float], statistic: str) -> float:
    share = 1.0 if statistic == "Maximum" else int(statistic.removeprefix("p")) / 100
    return Histogram.of(values).quantile(share)


def _per_minute(statistic: str) -> str:
    return statistic if statistic in STATISTICS else "Maximum"


if __name__ == "__main__":
    draw()
    sys.stdout.write(f"{PAGE}\n")

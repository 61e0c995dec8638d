"""How all plots are drawn: matplotlib's figures as SVG elements, whose colours are those of the page (page.css).

A plot is about as wide as a phone, so that its text keeps its size. Text is SVG text, not outlines.
"""

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebb.forecast.durations import DAY, HOUR, MINUTE

#: Inches: 360 points, a phone's column.
WIDTH = 5.0
#: Seconds: the start of a logarithmic axis of times, for all shorter ones; and its labels.
SHOWN_AS_NONE = 1.0
TIME_TICKS = {
    1: "1 s",
    10: "10 s",
    MINUTE: "1 min",
    2 * MINUTE: "2",
    5 * MINUTE: "5",
    600: "10",
    1800: "30",
    HOUR: "1 h",
    4 * HOUR: "4 h",
    12 * HOUR: "12 h",
    DAY: "1 d",
    4 * DAY: "4 d",
}
INK = "#1a1a1a"
FAINT = "#c9c9c9"
# These colours (Okabe and Ito) differ in lightness too, so that they differ when printed in grey.
BLUE = "#0072b2"
ORANGE = "#e69f00"
GREEN = "#009e73"
RED = "#b3261e"
PALE_GREEN = "#cfe8dd"
PALE = "#e4e4e4"
#: The page's names of these colours: it has others when it is dark.
_VARIABLES = {
    INK: "ink",
    FAINT: "line",
    BLUE: "blue",
    ORANGE: "orange",
    GREEN: "green",
    RED: "red",
    PALE_GREEN: "pale-green",
    PALE: "pale",
}
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


def figure(height: float) -> tuple[Figure, Axes]:
    """An empty figure of this height in inches."""
    with mpl.rc_context(_STYLE):
        made = Figure(figsize=(WIDTH, height), layout="constrained")
        return made, made.add_subplot()


def svg(made: Figure, axes: Axes, name: str, label: str, *, legend: bool = True, columns: int = 3) -> str:
    """The figure as an <svg> element with unique ids, and a label for screen readers."""
    if legend:
        above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns, "borderaxespad": 0.2}
        axes.legend(**above, frameon=False, labelcolor=INK, handlelength=1.4, columnspacing=1.2)
    buffer = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        made.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _embeddable(buffer.getvalue(), name, label)


def _embeddable(text: str, name: str, label: str) -> str:
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for colour, variable in _VARIABLES.items():
        text = text.replace(f": {colour}", f": var(--{variable})")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def short(text: str) -> str:
    """A label that fits."""
    return text if len(text) <= 24 else f"{text[:23]}…"

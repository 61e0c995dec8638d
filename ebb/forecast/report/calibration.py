"""A calibration in tables for the terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ebb.forecast.calibrate.calibration import Calibration
from ebb.forecast.report.formatting import NONE, seconds

#: What each delay is, and what a forecast assumes without a calibration (model/assumptions.py).
DELAYS = {
    "publish": ("SQS's sample to its data point", "8 to 40 s"),
    "reaction": ("alarm to the change of the count", "1 to 5 s"),
    "starts": ("change of the count to a task's first receive", "33 s"),
}


def render(
    found: Calibration, figures: Sequence[tuple[str, float | None, float | None, float | None]]
) -> RenderableType:
    """The delays, and what happened next to forecasts of the same jobs."""
    since, until = (datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d") for time in (found.since, found.until))
    delays = _table("median", "assumed", "in this stack", "95 % interval", "samples")
    for row in _delays(found):
        delays.add_row(*row)
    parts: list[RenderableType] = [Text(f"{found.stack}: {since} to {until}", style="bold"), Text(), delays]
    if figures:
        compared = _table("", "happened", "forecast as assumed", "forecast with these delays")
        for name, *values in figures:
            compared.add_row(name, *(NONE if value is None else seconds(value) for value in values))
        parts += [Text(), compared]
    return Group(*parts)


def _delays(found: Calibration) -> Iterator[tuple[str, ...]]:
    for name, (words, assumed) in DELAYS.items():
        of = getattr(found, name)
        if of is None:
            yield words, assumed, NONE, NONE, NONE
        else:
            yield words, assumed, f"{of.median:.3g} s", f"{of.low:.3g} to {of.high:.3g} s", str(of.samples)
    if found.second is None:
        yield "second at which alarms are evaluated", "any", NONE, NONE, NONE
    else:
        low, high = found.second.low, found.second.high
        yield "second at which alarms are evaluated", "any", f"{low:.0f} to {high:.0f}", NONE, str(found.second.samples)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", overflow="fold")
    return table

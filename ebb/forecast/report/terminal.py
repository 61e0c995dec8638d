"""A forecast on the terminal."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ebb.forecast.checks import Lint
from ebb.forecast.findings import Finding
from ebb.forecast.monte_carlo import Forecast
from ebb.forecast.report import formatting


def show(console: Console, own: Finding, peers: Sequence[Finding] = ()) -> None:
    """Print all of it."""
    console.print(render(own, peers))


def headline(found: Forecast) -> str:
    """What was forecast, in a line."""
    runs = "1 run" if found.runs == 1 else f"{found.runs} runs"
    return f"{found.setup.name}: {found.load}, {runs} from seed {found.seed}"


def render(own: Finding, peers: Sequence[Finding] = ()) -> RenderableType:
    """The tables, one below the other."""
    found = own.forecast
    parts: list[RenderableType] = [Text(headline(found), style="bold"), Text()]
    if times := formatting.times(found):
        parts += [_times(times), Text()]
    parts += [_counts(found), Text(), _costs(found), Text(formatting.a_million(found)), Text()]
    parts.append(_lints(own.lints) if own.lints else Text("Nothing in it is known to hurt."))
    if peers:
        parts += [Text(), _against((own, *peers)), Text(), _legend(peers)]
    return Group(*parts)


def _table(*columns: str, right: bool = True) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index and right else "left", overflow="fold")
    return table


def _times(rows: list[tuple[str, str, str]]) -> Table:
    table = _table("", "p50", "p95", right=False)
    for row in rows:
        table.add_row(*row)
    return table


def _counts(found: Forecast) -> Table:
    table = _table("", "in a run, on average", right=False)
    for text, value in formatting.counts(found):
        killed = text == "jobs killed" and found.killed.value > 0
        table.add_row(text, value, style="bold red" if killed else "")
    return table


def _costs(found: Forecast) -> Table:
    table = _table("US dollars a month", "idle", formatting.again(found))
    rows = formatting.costs(found)
    for name, idle, load, _ in rows[:-1]:
        table.add_row(name, idle, load)
    table.add_section()
    table.add_row(*rows[-1][:3], style="bold")
    return table


def _lints(lints: Sequence[Lint]) -> RenderableType:
    lines = [Padding(Text.assemble((f"{lint.code}: ", "yellow"), lint.text), (0, 0, 0, 2)) for lint in lints]
    return Group(Text("Known to hurt:", style="bold"), *lines)


def _against(findings: Sequence[Finding]) -> RenderableType:
    """Two tables, so that a terminal of 80 columns has room for them."""
    split = 1 + formatting.TIMES
    return Group(
        _compared(findings, [0, *range(1, split)]),
        Text(),
        _compared(findings, [0, *range(split, len(formatting.AGAINST))]),
    )


def _compared(findings: Sequence[Finding], columns: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for index in columns:
        table.add_column(formatting.AGAINST[index], justify="right" if index else "left", overflow="fold")
    for place, finding in enumerate(findings):
        cells = formatting.against(finding.forecast)
        table.add_row(*(cells[index] for index in columns), style="" if place else "bold")
    return table


def _legend(peers: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    for peer in peers:
        table.add_row(peer.forecast.setup.name, f"{peer.title} ({peer.source}); {formatting.codes(peer.lints)}")
    return table

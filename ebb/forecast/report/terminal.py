"""A forecast as tables on the terminal."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ebb.forecast.report import comparisons, formatting
from ebb.forecast.results.findings import Finding, Report, Scale, Versus
from ebb.forecast.results.monte_carlo import Forecast
from ebb.forecast.results.static_checks import Problem


def show(console: Console, report: Report) -> None:
    """Print the forecast."""
    console.print(render(report))


def render(report: Report) -> RenderableType:
    """The tables of the stack, and those that compare it."""
    own, found = report.own, report.own.forecast
    parts: list[RenderableType] = [Text(formatting.headline(found), style="bold"), Text()]
    if times := formatting.times(found):
        caution = formatting.few_runs(found)
        parts += [_times(times), *([Text(caution)] if caution else []), Text()]
    parts += [_counts(found), Text(), _costs(found), Text(formatting.not_in_bill(found))]
    parts += [Text(formatting.a_million(found)), Text()]
    parts.append(_problems(own.problems) if own.problems else Text(formatting.NO_PROBLEMS))
    for versus in report.versus:
        parts += [Text(), _versus(own, versus)]
    if report.baselines:
        parts += [Text(), _comparison((own, *report.baselines)), Text(), _legend(report.own, report.baselines)]
    if report.scales:
        parts += [Text(), _scales(report.scales)]
    if report.swings:
        parts += [Text(), _swings(report)]
    return Group(*parts)


def _versus(own: Finding, versus: Versus) -> RenderableType:
    table = _table("", own.forecast.scenario.name, versus.changes, "difference")
    for name, ours, theirs, difference, differs in comparisons.versus(own.forecast, versus):
        table.add_row(name, ours, theirs, difference, style="" if differs else "dim")
    codes = formatting.codes(versus.finding.problems)
    return Group(table, Text(f"{comparisons.PAIRED} With {versus.changes}: {codes}.", style="dim"))


def _scales(scales: Sequence[Scale]) -> RenderableType:
    columns, rows = comparisons.scales(scales)
    tables: list[RenderableType] = []
    split = len(comparisons.SCALES)
    for chosen in ([*range(split)], [0, *range(split, len(columns))]):
        table = _table(*(columns[index] for index in chosen))
        for row in rows:
            table.add_row(*(row[index] for index in chosen))
        tables += [table, Text()]
    sentences = [*comparisons.paying(scales), comparisons.SCALE_NOTE]
    return Group(*tables, *(Text(sentence) for sentence in sentences))


def _swings(report: Report) -> RenderableType:
    table = _table("", "wait p95 at -20 %", "at +20 %", "$ a month at -20 %", "at +20 %")
    for row in comparisons.swings(report.swings):
        table.add_row(*row)
    return Group(table, Text(comparisons.no_effect(report.no_effect)))


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
    table = _table("", "mean per run", right=False)
    for text, value in formatting.counts(found):
        killed = text == "jobs killed" and found.killed.value > 0
        table.add_row(text, value, style="bold red" if killed else "")
    return table


def _costs(found: Forecast) -> Table:
    table = _table("US dollars a month", "idle", formatting.repetition(found))
    rows = formatting.costs(found)
    for name, idle, load, _ in rows[:-1]:
        table.add_row(name, idle, load)
    table.add_section()
    table.add_row(*rows[-1][:3], style="bold")
    return table


def _problems(problems: Sequence[Problem]) -> RenderableType:
    lines = [
        Padding(Text.assemble((f"{problem.code}: ", "yellow"), problem.text), (0, 0, 0, 2)) for problem in problems
    ]
    return Group(Text("Known problems:", style="bold"), *lines)


def _comparison(findings: Sequence[Finding]) -> RenderableType:
    """Two tables, each narrow enough for a terminal of 80 columns."""
    split = 1 + formatting.TIMES
    return Group(
        _compared(findings, [0, *range(1, split)]),
        Text(),
        _compared(findings, [0, *range(split, len(formatting.COMPARISON))]),
    )


def _compared(findings: Sequence[Finding], columns: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for index in columns:
        table.add_column(formatting.COMPARISON[index], justify="right" if index else "left", overflow="fold")
    for place, finding in enumerate(findings):
        cells = formatting.comparison(finding.forecast)
        table.add_row(*(cells[index] for index in columns), style="" if place else "bold")
    return table


def _legend(own: Finding, baselines: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    for each in baselines:
        table.add_row(each.forecast.scenario.name, f"{each.title} ({each.source}); {formatting.remarks(each, own)}")
    return table

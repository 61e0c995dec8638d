"""A forecast as one self-contained HTML page, for phones, desktop screens and paper."""

from collections.abc import Iterable, Sequence
from html import escape

from ebb.forecast.checks import Problem
from ebb.forecast.findings import Finding
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.report import formatting, plots

#: Scaling activities in the table. The page shows the number of the others.
MAX_ACTIVITIES = 40
INTERVALS = "Intervals are 95 %, over runs. They do not show how well the model represents AWS."
STYLE = """
:root { color-scheme: light; --ink: #1a1a1a; --faint: #5a5a5a; --line: #d5d5d5; --paper: #fff; --soft: #f6f6f4; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: .5rem 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; max-width: 65ch; }
.faint, figcaption { color: var(--faint); font-size: .875rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .5rem; padding: 0;
  margin: 1rem 0; list-style: none; }
.figures li { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .75rem; }
.figures b { display: block; font-size: 1.35rem; line-height: 1.3; }
.bad b { color: #b3261e; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
figure { margin: 0; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; max-width: 30rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; font-size: .875rem; }
.numbers :is(th, td):not(:first-child) { text-align: right; }
.numbers td, .nowrap :is(th, td):not(:first-child) { white-space: nowrap; }
.numbers .source:not(:first-child) { text-align: left; white-space: normal; min-width: 16rem; }
.nowrap :is(th, td):first-child { min-width: 7.5rem; }
tr.own td { font-weight: 600; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; max-width: 65ch; }
code { font-size: .9em; overflow-wrap: anywhere; }
@media (max-width: 34rem) { .nowrap td:not(:first-child) { white-space: normal; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .table { overflow: visible; }
  table { font-size: 8pt; }
  th, td { padding-right: .5rem; }
  .plots { grid-template-columns: 1fr 1fr; }
  h2 { break-after: avoid; }
  tr, dd, table { break-inside: avoid; }
  dt { break-after: avoid; }
}
@page { margin: 15mm; }
"""


def page(own: Finding, baselines: Sequence[Finding] = (), command: str = "") -> str:
    """The page as HTML. `command` is the command line that writes it again."""
    found = own.forecast
    parts = [
        f"<h1>{escape(found.scenario.name)}: {escape(found.load)}</h1>",
        f'<p class="faint">{escape(formatting.headline(found))}. {INTERVALS}</p>',
        _figures(own),
        *_section("Known problems", _problems(own.problems)),
        *_section(
            f"One run, seed {found.first.seed}",
            _plots(plots.sequence(found.first, [rule.alarm.name for rule in found.scenario.rules])),
        ),
        *_section("Times", _table(("", "p50", "p95"), formatting.times(found), "nowrap")),
        *_section("Mean per run", _table(("", ""), formatting.counts(found), "nowrap")),
        *_section("US dollars a month", _costs(own)),
        *_section("The same load on the baselines", _comparison(own, baselines)),
        *_section(f"Scaling activities of the run with seed {found.first.seed}", _activities(found.first)),
    ]
    if command:
        parts.append(f'<p class="faint">Written by <code>{escape(command)}</code></p>')
    title = escape(f"Ebb forecast: {found.scenario.name}, {found.load}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def _section(title: str, *content: str) -> Iterable[str]:
    if any(content):
        yield f"<section><h2>{escape(title)}</h2>"
        yield from content
        yield "</section>"


def _figures(own: Finding) -> str:
    found = own.forecast
    figures = [
        ("wake-up, p50", formatting.median(found.wake), False),
        ("wake-up, p95", formatting.high(found.wake), False),
        ("latency, p95", formatting.high(found.latency), False),
        ("drain, p50", formatting.median(found.drain), False),
        ("jobs killed", formatting.number(found.killed.value), found.killed.value > 0),
        ("a month idle", formatting.dollars(found.bill.idle_total), False),
        ("a month at this load", formatting.dollars(found.bill.load_total), False),
    ]
    items = "".join(
        f"<li{' class=bad' if bad else ''}><b>{escape(value)}</b>{escape(name)}</li>"
        for name, value, bad in figures
        if value != formatting.NONE
    )
    return f'<ul class="figures">{items}</ul>'


def _problems(problems: Sequence[Problem]) -> str:
    if not problems:
        return f"<p>{formatting.NO_PROBLEMS}</p>"
    items = "".join(f"<dt>{escape(each.code)}</dt><dd>{escape(each.text)}</dd>" for each in problems)
    return f"<dl>{items}</dl>"


def _plots(drawn: Sequence[tuple[str, str]]) -> str:
    figures = "".join(f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>" for caption, svg in drawn)
    return f'<div class="plots">{figures}</div>'


def _costs(own: Finding) -> str:
    bill = own.forecast.bill
    *rows, total = formatting.costs(own.forecast)
    if not rows:
        return ""
    body = "".join(
        f'<tr><td>{escape(name)}</td><td>{idle}</td><td>{load}</td><td class="source faint">{escape(source)}</td></tr>'
        for name, idle, load, source in rows
    )
    table = (
        '<div class="table"><table class="numbers"><thead><tr><th></th><th>idle</th><th>at this load</th>'
        f'<th class="source">source of the price</th></tr></thead><tbody>{body}<tr class="own"><td>{total[0]}</td>'
        f"<td>{total[1]}</td><td>{total[2]}</td><td></td></tr></tbody></table></div>"
    )
    note = (
        f"<p>A month of 730 hours without any job, and {escape(formatting.repetition(own.forecast))}. "
        "List prices, without any free tier.</p>"
    )
    lacks = f"<p>{escape(formatting.not_in_bill(own.forecast))}</p>"
    return note + _plots([("Parts of the bill", plots.costs(bill))]) + table + lacks


def _comparison(own: Finding, baselines: Sequence[Finding]) -> str:
    if not baselines:
        return ""
    head = "".join(f"<th>{escape(column)}</th>" for column in formatting.COMPARISON)
    body = "".join(
        f"<tr{' class=own' if finding is own else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in formatting.comparison(finding.forecast))
        + "</tr>"
        for finding in (own, *baselines)
    )
    legend = "".join(
        f"<dt>{escape(each.forecast.scenario.name)}: {escape(each.title)}</dt><dd>{escape(each.source)}; "
        f"{escape(formatting.codes(each.problems))}</dd>"
        for each in baselines
    )
    return (
        f'<div class="table"><table class="numbers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<dl>{legend}</dl>"
    )


def _activities(outcome: Outcome) -> str:
    shown = outcome.activities[:MAX_ACTIVITIES]
    rows = [
        (formatting.seconds(each.time), f"{each.before} → {each.after}", each.alarm or each.cause, each.policy)
        for each in shown
    ]
    more = len(outcome.activities) - len(shown)
    note = f'<p class="faint">{more} later activities are not shown.</p>' if more else ""
    return _table(("time", "tasks", "alarm or cause", "policy"), rows, "nowrap") + note


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    header = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    return f'<div class="table"><table class="{kind}">{header}<tbody>{body}</tbody></table></div>'

"""A forecast as one self-contained HTML page, for phones, desktop screens and paper."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from ebb.forecast.model.outcome import Outcome
from ebb.forecast.report import comparison_plots, comparisons, formatting, plots
from ebb.forecast.results.findings import Finding, Report, Versus
from ebb.forecast.results.static_checks import Problem

#: Scaling activities in the table. The page shows the number of the others.
MAX_ACTIVITIES = 40
INTERVALS = "Intervals are 95 %, over runs. They do not show how well the model represents AWS."
STYLE = Path(__file__).with_name("page.css")
#: What the words of the page mean.
LEGEND = (
    ("p50, p95", "half, and 95 %, of the jobs or wake-ups of all runs took at most so long."),
    ("wake-up", "from a job that is sent while no task runs to the start of the next job."),
    ("drain", "from the first job that is sent to the end of the last one."),
    ("in flight", "messages that a task has received and not yet deleted: running jobs."),
    ("given back", "jobs that a task returned to the queue because it had to stop; another task does them."),
    ("killed", "jobs that were interrupted by the stop of their task; they start again."),
    ("dead letter", "a job that SQS moved away after too many receives."),
)


def page(report: Report, command: str = "") -> str:
    """The page as HTML. `command` is the command line that writes it again."""
    own, found = report.own, report.own.forecast
    first, order = found.first, [rule.alarm.name for rule in found.scenario.rules]
    parts = [
        f"<h1>{escape(found.scenario.name)}: {escape(found.load)}</h1>",
        f'<p class="faint">{escape(formatting.headline(found))}. {INTERVALS}</p>',
        _figures(own),
        _legend() if found.sent else "",
        *section("Known problems", _problems(own.problems)),
        *section(f"One run, seed {first.seed}", plot_list(plots.sequence(first, order, found.band))),
        *section(
            "Times", table(("", "p50", "p95"), formatting.times(found), "nowrap"), _note(formatting.few_runs(found))
        ),
        *section("Mean per run", table(("", ""), formatting.counts(found), "nowrap")),
        *section("US dollars a month", _costs(own)),
        *(part for versus in report.versus for part in section(f"With {versus.changes}", _versus(own, versus))),
        *section("The same load on the baselines", _comparison(own, report.baselines)),
        *section("The cost at scale", _scales(report)),
        *section("What the result depends on", _swings(report)),
        *section(f"Scaling activities of the run with seed {first.seed}", _activities(first)),
        *section("The settings", _settings(report)),
    ]
    if command:
        parts.append(f'<p class="faint">Written by <code>{escape(command)}</code></p>')
    return document(f"Ebb forecast: {found.scenario.name}, {found.load}", parts)


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def _note(text: str) -> str:
    return f'<p class="faint">{escape(text)}</p>' if text else ""


def section(title: str, *content: str) -> Iterable[str]:
    """A section with a title, unless it is empty."""
    if any(content):
        yield f"<section><h2>{escape(title)}</h2>"
        yield from content
        yield "</section>"


def _figures(own: Finding) -> str:
    found = own.forecast
    ends = found.drain is not None and found.span <= found.drain.p50.value / 2
    counts = [("jobs killed", found.killed), ("dead letters", found.dead), ("jobs left", found.left)]
    figures = [
        ("wake-up, p50", formatting.median(found.wake), False),
        ("wake-up, p95", formatting.high(found.wake), False),
        ("wait, p95", formatting.high(found.wait), False),
        ("latency, p95", formatting.high(found.latency), False),
        # where jobs arrive all the time, the end of the last one says nothing
        ("drain, p50", formatting.median(found.drain) if ends else formatting.NONE, False),
        *((name, formatting.number(count.value), count.value > 0) for name, count in counts if found.sent),
        ("a month idle", formatting.dollars(found.bill.idle_total), False),
        (f"a month {formatting.repetition(found)}", formatting.dollars(found.bill.load_total), False),
    ]
    items = "".join(
        f"<li{' class=bad' if bad else ''}><b>{escape(value)}</b>{escape(name)}</li>"
        for name, value, bad in figures
        if value != formatting.NONE
    )
    return f'<ul class="figures">{items}</ul>'


def _legend() -> str:
    items = "".join(f"<div><dt>{escape(word)}:</dt> <dd>{escape(text)}</dd></div>" for word, text in LEGEND)
    return f'<dl class="legend">{items}</dl>'


def _problems(problems: Sequence[Problem]) -> str:
    if not problems:
        return f"<p>{formatting.NO_PROBLEMS}</p>"
    items = "".join(f"<dt>{escape(each.code)}</dt><dd>{escape(each.text)}</dd>" for each in problems)
    return f"<dl>{items}</dl>"


def plot_list(drawn: Sequence[tuple[str, str]]) -> str:
    """Plots with their captions."""
    figures = "".join(f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>" for caption, svg in drawn)
    return f'<div class="plots">{figures}</div>'


def _costs(own: Finding) -> str:
    *rows, total = formatting.costs(own.forecast)
    if not rows:
        return ""
    body = "".join(
        f'<tr><th>{escape(name)}<span class="source">{escape(source)}</span></th><td>{idle}</td><td>{load}</td></tr>'
        for name, idle, load, source in rows
    )
    table = (
        '<div class="table"><table class="numbers"><thead><tr><th>part, and where its price was read</th><th>idle</th>'
        f'<th>at this load</th></tr></thead><tbody>{body}<tr class="own"><th>{total[0]}</th><td>{total[1]}</td>'
        f"<td>{total[2]}</td></tr></tbody></table></div>"
    )
    note = (
        f"<p>A month of 730 hours without any job, and {escape(formatting.repetition(own.forecast))}. "
        "List prices, without any free tier.</p>"
    )
    lacks = f"<p>{escape(formatting.not_in_bill(own.forecast))}</p>"
    return note + plot_list([("Parts of the bill", plots.costs(own.forecast.bill))]) + table + lacks


def _versus(own: Finding, versus: Versus) -> str:
    rows = comparisons.versus(own.forecast, versus)
    body = "".join(
        f"<tr{'' if differs else ' class=unclear'}><th>{escape(name)}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells, differs in rows
    )
    head = "".join(f"<th>{escape(each)}</th>" for each in ("", own.forecast.scenario.name, "with it", "difference"))
    note = f"{comparisons.PAIRED} Known problems with it: {formatting.codes(versus.finding.problems)}."
    return (
        f'<div class="table"><table class="numbers wide folding"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f'</table></div><p class="faint">{escape(note)}</p>'
    )


def _comparison(own: Finding, baselines: Sequence[Finding]) -> str:
    if not baselines:
        return ""
    rows = [formatting.comparison(finding.forecast) for finding in (own, *baselines)]
    legend = "".join(
        f"<dt>{escape(each.forecast.scenario.name)}: {escape(each.title)}</dt><dd>{escape(each.source)}; "
        f"{escape(formatting.remarks(each, own))}</dd>"
        for each in baselines
    )
    return f"{table(formatting.COMPARISON, rows, 'numbers wide', own=0)}<dl>{legend}</dl>"


def _scales(report: Report) -> str:
    if not report.scales:
        return ""
    columns, rows = comparisons.scales(report.scales)
    sentences = "".join(f"<p>{escape(each)}</p>" for each in comparisons.paying(report.scales))
    note = f'<p class="faint">{escape(comparisons.SCALE_NOTE)}</p>'
    plot = plot_list([("US dollars for 1,000 jobs", comparison_plots.scales(report.scales))])
    return plot + table(columns, rows, "numbers wide") + sentences + note


def _swings(report: Report) -> str:
    if not report.swings:
        return ""
    columns = ("20 % less or more of", "wait p95, less", "wait p95, more", "$ a month, less", "$ a month, more")
    note = f'<p class="faint">{escape(comparisons.no_effect(report.no_effect))}</p>'
    plot = plot_list(comparison_plots.tornado(report.swings))
    return plot + table(columns, comparisons.swings(report.swings), "numbers wide folding") + note


def _activities(outcome: Outcome) -> str:
    rows = [
        (formatting.seconds(each.time), f"{each.before} → {each.after}", formatting.why(each, outcome))
        for each in outcome.activities[:MAX_ACTIVITIES]
    ]
    more = len(outcome.activities) - len(rows)
    note = f'<p class="faint">{more} later activities are not shown.</p>' if more else ""
    return table(("time", "tasks", "why"), rows, "") + note


def _settings(report: Report) -> str:
    return table(("", ""), report.settings, "")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], kind: str, own: int | None = None) -> str:
    """A table whose first column names the rows; `own` is a highlighted row."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr{' class=own' if number == own else ''}><th>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for number, row in enumerate(rows)
    )
    header = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    return f'<div class="table"><table class="{kind}">{header}<tbody>{body}</tbody></table></div>'

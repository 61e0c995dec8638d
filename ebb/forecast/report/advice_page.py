"""Advice as one self-contained HTML page."""

from html import escape

from ebb.forecast.report import advice as text
from ebb.forecast.report import comparison_plots
from ebb.forecast.report.html_report import document, plot_list, section, table
from ebb.forecast.results.findings import Advice


def page(advice: Advice, command: str = "") -> str:
    """The page as HTML. `command` is the command line that writes it again."""
    options = text.options(advice)
    best = options.index(advice.best) if advice.best in options else None
    rows = [text.row(option, text.shared(advice)) for option in options]
    changes = advice.best.changes if advice.best else ()
    settings = "".join(f"<div><code>--set {escape(change)}</code></div>" for change in changes)
    plot = comparison_plots.frontier(advice)
    parts = [
        f"<h1>Advice: {escape(advice.load)}</h1>",
        f"<p><b>{escape(text.sentence(advice))}</b></p>",
        *section("The settings", settings),
        *section("Wait and cost", plot_list([("Each point is a combination of settings", plot)])),
        *section("None is both cheaper and faster", table(text.COLUMNS, rows, "numbers folding", own=best)),
        *(f'<p class="faint">{escape(note)}</p>' for note in text.notes(advice)),
    ]
    if command:
        parts.append(f'<p class="faint">Written by <code>{escape(command)}</code></p>')
    return document(f"Ebb advice: {advice.load}", parts)

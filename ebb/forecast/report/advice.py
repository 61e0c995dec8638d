"""Advice as text and JSON: a sentence, the frontier as a table, and the frontier as a plot of characters."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ebb.forecast.report.formatting import dollars, interval, seconds
from ebb.forecast.report.json_report import estimate
from ebb.forecast.results.findings import Advice, Option

AS_IT_IS = "(as it is)"
COLUMNS = ("settings", "wait p50", "wait p95", "$ a month")
#: Characters of the plot.
WIDTH, HEIGHT = 60, 12


def sentence(advice: Advice) -> str:
    """What was found and, where nothing meets the wait and the budget, what would."""
    asked = f"a wait of {seconds(advice.wait)} at p95"
    if not advice.frontier:
        return "With none of the settings that were tried are all jobs done: more tasks or shorter jobs are needed."
    if advice.best is None:
        fastest = advice.frontier[-1]
        return (
            f"Nothing that was tried meets {asked}: the shortest is {seconds(fastest.wait_p95.value)}, for "
            f"{dollars(fastest.dollars)} a month, so --wait {round(fastest.wait_p95.value + 0.5)}s would be met."
        )
    if advice.budget is None or advice.best.dollars <= advice.budget:
        return f"{dollars(advice.best.dollars)} a month is the cheapest that meets {asked}."
    within = [option for option in advice.frontier if option.dollars <= advice.budget]
    instead = (
        f"; within the budget the shortest is {seconds(within[-1].wait_p95.value)}"
        if within
        else f", and nothing that was tried costs less than {dollars(advice.frontier[0].dollars)}"
    )
    return (
        f"Nothing meets {asked} for {dollars(advice.budget)} a month: the cheapest that meets it costs "
        f"{dollars(advice.best.dollars)}{instead}."
    )


def met(advice: Advice) -> bool:
    """Whether the wait and the budget are met."""
    return advice.best is not None and (advice.budget is None or advice.best.dollars <= advice.budget)


def options(advice: Advice) -> list[Option]:
    """The frontier, and the stack as it is if it is not on it."""
    today = advice.today
    known = {option.changes for option in advice.frontier}
    return [*advice.frontier, *([today] if today and today.changes not in known else [])]


def shared(advice: Advice) -> list[str]:
    """The changes that all options of the table have, except the stack as it is."""
    changed = [option.changes for option in advice.frontier]
    return [each for each in changed[0] if all(each in changes for changes in changed)] if changed else []


def row(option: Option, known: Sequence[str]) -> tuple[str, ...]:
    """One row of the table, without the changes that are known. A key's section is left out."""
    changes = [each.partition(".")[2] for each in option.changes if each not in known]
    text = ", ".join(changes) or ("" if option.changes else AS_IT_IS)
    lost = " (jobs are lost)" if option.lost > 0.5 else ""
    return (f"{text}{lost}", seconds(option.wait_p50.value), interval(option.wait_p95), dollars(option.dollars))


def notes(advice: Advice) -> list[str]:
    """What the options share, and how much was tried."""
    left = f" There was no time for {advice.left_out} more." if advice.left_out else ""
    refused = f" The stack's other settings exclude {advice.refused} more." if advice.refused else ""
    share = shared(advice)
    return [
        *([f"All of them have {', '.join(share)}."] if share else []),
        f"{advice.tried} combinations were tried.{left}{refused} In the table none is both cheaper and faster.",
    ]


def show(console: Console, advice: Advice) -> None:
    """Print the advice."""
    console.print(render(advice))


def render(advice: Advice) -> RenderableType:
    """The sentence, the best settings, the plot and the table."""
    parts: list[RenderableType] = [Text(sentence(advice), style="bold"), Text()]
    if advice.best is not None:
        changes = advice.best.changes or (AS_IT_IS,)
        parts += [*(Text(f"  --set {each}" if advice.best.changes else f"  {each}") for each in changes), Text()]
    if advice.frontier:
        parts += [Text(plot(advice)), Text()]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if index else "left", overflow="fold")
    for option in options(advice):
        table.add_row(*row(option, shared(advice)), style="bold" if option is advice.best else "")
    return Group(*parts, table, Text(), *(Text(note, style="dim") for note in notes(advice)))


def plot(advice: Advice) -> str:
    """Waits over dollars, both logarithmic: `o` the frontier, `.` others, `x` the best, `@` the stack as it is."""
    marks = [*((option, ".") for option in advice.others), *((option, "o") for option in advice.frontier)]
    marks += [(advice.today, "@")] if advice.today else []
    marks += [(advice.best, "x")] if advice.best else []
    points = [(o.dollars, max(1.0, o.wait_p95.value), mark) for o, mark in marks if math.isfinite(o.wait_p95.value)]
    columns = _scale([x for x, _, _ in points], WIDTH)
    rows = _scale([*(y for _, y, _ in points), max(1.0, advice.wait)], HEIGHT)
    lines = [[" "] * WIDTH for _ in range(HEIGHT)]
    wanted = HEIGHT - 1 - rows(max(1.0, advice.wait))
    lines[wanted] = ["-"] * WIDTH
    for x, y, mark in points:
        lines[HEIGHT - 1 - rows(y)][columns(x)] = mark
    labels = {HEIGHT - 1 - rows(y): seconds(y) for _, y, _ in (max(points, key=_wait), min(points, key=_wait))}
    labels[wanted] = seconds(advice.wait)
    drawn = [f"{labels.get(number, ''):>8} |{''.join(line).rstrip()}" for number, line in enumerate(lines)]
    left, right = dollars(min(points)[0]), dollars(max(points)[0])
    axis = f"{'':>8} +{'-' * WIDTH}\n{'':>10}{left}{right:>{WIDTH - len(left)}}"
    legend = (
        "p95 of the wait over $ a month. o: none is cheaper and faster, x: the advice, @: the stack as it is, -: wanted"
    )
    return "\n".join([*drawn, axis, legend])


def _wait(point: tuple[float, float, str]) -> float:
    return point[1]


def _scale(values: Sequence[float], cells: int) -> Callable[[float], int]:
    """From a value to its cell, on a logarithmic axis from the smallest to the largest value."""
    low, high = math.log(min(values)), math.log(max(values))
    return lambda value: round((math.log(value) - low) / (high - low) * (cells - 1)) if high > low else 0


def document(advice: Advice) -> dict[str, Any]:
    """The advice in JSON's types. `best` is null if nothing meets the wait; `met` also asks for the budget."""
    return {
        "load": advice.load,
        "wait": advice.wait,
        "budget": advice.budget,
        "met": met(advice),
        "sentence": sentence(advice),
        "best": None if advice.best is None else _option(advice.best),
        "today": None if advice.today is None else _option(advice.today),
        "frontier": [_option(option) for option in advice.frontier],
        "tried": advice.tried,
        "left_out": advice.left_out,
        "refused": advice.refused,
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        "changes": list(option.changes),
        "wait_p50": estimate(option.wait_p50),
        "wait_p95": estimate(option.wait_p95),
        "dollars_per_month": option.dollars,
        "jobs_lost": option.lost,
    }

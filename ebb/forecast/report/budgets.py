"""The stack's budgets in sentences and as JSON."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer

from ebb.forecast.report.formatting import dollars, number, seconds
from ebb.forecast.results.budgets import Budget
from settings import PROJECT

#: What each key limits, how its values are written, and how exact ones are.
WORDS: dict[str, tuple[str, Callable[[float], str], str]] = {
    "idle": ("a month without jobs costs", dollars, "${:.6g}"),
    "bill": ("a month at this load costs", dollars, "${:.6g}"),
    "wake_p95": ("the p95 of the wake-up is", seconds, "{:.6g} s"),
    "wait_p95": ("the p95 of the wait is", seconds, "{:.6g} s"),
    "drain_p95": ("the p95 of the drain is", seconds, "{:.6g} s"),
    "killed": ("the mean of the jobs killed in a run is", number, "{:.6g}"),
}


def exceeded(found: Sequence[Budget]) -> Iterator[str]:
    """A sentence for each budget that the forecast exceeds."""
    for budget in found:
        if budget.exceeded and budget.value is not None:
            what, write, exact = WORDS[budget.key]
            value, limit = write(budget.value), write(budget.limit)
            if value == limit:
                value, limit = exact.format(budget.value), exact.format(budget.limit)
            yield f"{PROJECT}:budgets.{budget.key} is exceeded: {what} {value}, and the budget is {limit}."


def not_checked(found: Sequence[Budget]) -> Iterator[str]:
    """A sentence for each budget about which this load says nothing."""
    for budget in found:
        if budget.value is None:
            yield f"{PROJECT}:budgets.{budget.key} is not checked: with this load there is no such time."


def kept(found: Sequence[Budget]) -> bool:
    """Whether none is exceeded. Prints the sentences to stderr."""
    for sentence in not_checked(found):
        typer.echo(sentence, err=True)
    for sentence in exceeded(found):
        typer.secho(sentence, err=True, fg="red")
    return not any(budget.exceeded for budget in found)


def document(found: Sequence[Budget]) -> list[dict[str, Any]]:
    """The budgets in the types that JSON has; a value is null if it is never or does not exist."""
    return [
        {
            "key": budget.key,
            "limit": budget.limit,
            "value": budget.value if budget.value is not None and math.isfinite(budget.value) else None,
            "exceeded": budget.exceeded,
        }
        for budget in found
    ]

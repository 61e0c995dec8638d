"""A stack before and after as Markdown, for the comment of a pull request, and as JSON.

```
{
  "stack": "prod", "revision": "main", "load": "burst:1 of 60s", "runs": 20, "seed": 1,
  "state": "changed",   # or "unchanged", "new", "removed", "refused"
  "refused": "",        # why the revision's stack file cannot be read
  "before": {"wake p50": 134.1, …},   # null where there is none; a value is null if it is never
  "after": {"wake p50": 52.3, …},
  "differences": {"wake p50": {"value": -81.8, "low": -90.2, "high": -75.0}, …},
  "budgets": [{"key": "wake_p95", "limit": 240.0, "value": 251.2, "exceeded": true}, …],
  "calibration": ""     # a sentence about delays that were measured in this stack
}
```
"""

import math
from collections.abc import Iterator
from typing import Any, Literal

from ebb.forecast.report import comparisons, formatting
from ebb.forecast.report.budgets import document as budget_document
from ebb.forecast.report.budgets import exceeded
from ebb.forecast.report.json_report import estimate
from ebb.forecast.results.findings import Change
from ebb.forecast.results.monte_carlo import TIMES, Forecast

#: The rows, by the names of compare.differences.FIGURES.
ROWS = (
    *("wake p50", "wake p95", "wait p95", "drain p50", "drain p95"),
    *("jobs killed", "dead letters", "jobs left", "$ a month idle", "$ a month"),
)
State = Literal["changed", "unchanged", "new", "removed", "refused"]


def state(change: Change) -> State:
    """What became of the stack's forecast."""
    if change.refused:
        return "refused"
    if change.before is None or change.after is None:
        return "removed" if change.after is None else "new"
    return "unchanged" if _values(change.before) == _values(change.after) else "changed"


def markdown(change: Change) -> str:
    """A heading, a table and sentences about it."""
    return "\n".join(_markdown(change)) + "\n"


def _markdown(change: Change) -> Iterator[str]:
    at = _code(change.revision)
    yield f"### Forecast of {_code(change.stack)}"
    yield ""
    yield f"| {_cell(change.newest.load)} | before: {_cell(at)} | after | difference |"
    yield "|---|--:|--:|--:|"
    for name in ROWS:
        before, after = (_figure(each, name) for each in (change.before, change.after))
        if before != formatting.NONE or after != formatting.NONE:
            yield f"| {name} | {before} | {after} | {_difference(change, name)} |"
    yield ""
    runs = "1 run" if change.newest.runs == 1 else f"{change.newest.runs} runs"
    yield f"{_what_happened(change, at)} {runs} from seed {change.newest.seed}."
    yield ""
    yield (
        f"The present code runs both: {at} is the stack file of that revision. A change of the program itself does not "
        "show here."
    )
    if change.calibration:
        yield ""
        yield change.calibration
    for sentence in exceeded(change.budgets):
        yield ""
        yield f"**{sentence}**"


def _what_happened(change: Change, at: str) -> str:
    match state(change):
        case "new":
            return f"The stack is new: {at} has no file of it."
        case "removed":
            return f"The stack is removed: {at} has a file of it, and now there is none."
        case "refused":
            return f"There is no forecast of {at}, because this code refuses its stack file: {change.refused}"
        case "unchanged":
            return f"The forecast is the same as at {at}."
        case "changed":
            return f"{comparisons.PAIRED} Bold ones are more than chance."


def _figure(found: Forecast | None, name: str) -> str:
    if found is None or name not in _values(found):
        return formatting.NONE
    value, write = comparisons.figure(found, name)
    return write(value)


def _difference(change: Change, name: str) -> str:
    if name not in change.differences:
        return formatting.NONE
    found = change.differences[name]
    text = comparisons.difference(found, comparisons.figure(change.newest, name)[1])
    return f"**{text}**" if comparisons.differs(found) else text


def _values(found: Forecast) -> dict[str, float]:
    """The figures that the forecast has, by the names of ROWS."""
    missing = [name for name in TIMES if getattr(found, name) is None]
    return {name: comparisons.figure(found, name)[0] for name in ROWS if name.split()[0] not in missing}


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    """Text without what would end the cell of a table."""
    return text.replace("|", "\\|")


def document(change: Change) -> dict[str, Any]:
    """The document above, in the types that JSON has."""
    found = change.newest
    return {
        "stack": change.stack,
        "revision": change.revision,
        "load": found.load,
        "runs": found.runs,
        "seed": found.seed,
        "state": state(change),
        "refused": change.refused,
        "before": _finite(change.before),
        "after": _finite(change.after),
        "differences": {name: estimate(each) for name, each in change.differences.items() if name in ROWS},
        "budgets": budget_document(change.budgets),
        "calibration": change.calibration,
    }


def _finite(found: Forecast | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    return {name: value if math.isfinite(value) else None for name, value in _values(found).items()}

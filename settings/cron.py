"""The schedule expressions of EventBridge Scheduler (user guide, "Schedule types in EventBridge Scheduler")."""

import re
from typing import Annotated

from pydantic import AfterValidator

from settings.forms import broken

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WORDS = "must have six fields (minutes, hours, day of month, month, day of week, year), such as 0 3 * * ? *"
#: Each field's name, its lowest and its highest number, the names of its numbers, and further forms.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...], str], ...] = (
    ("minutes", 0, 59, (), ""),
    ("hours", 0, 23, (), ""),
    ("day of month", 1, 31, (), r"\?|L|LW|([1-9]|[12]\d|3[01])W"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of week", 1, 7, _DAYS, rf"\?|L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    ("year", 1970, 2199, (), ""),
)
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>[1-9]\d*))?")


def _cron(text: str) -> str:
    """six fields: minutes, hours, day of month, month, day of week, year"""
    fields = text.upper().split()
    if len(fields) != len(_FIELDS):
        raise broken(_WORDS)
    if (fields[2] == "?") == (fields[4] == "?"):
        raise broken("must have ? either as its day of month or as its day of week, such as 0 3 * * ? *")
    for field, (name, lowest, highest, names, forms) in zip(fields, _FIELDS, strict=True):
        if not re.fullmatch(forms, field) and not all(
            _is_part(part, lowest, highest, names) for part in field.split(",")
        ):
            also = f" or {names[0]} to {names[-1]}" if names else ""
            raise broken(f"the {name} must be *, or values from {lowest} to {highest}{also}: {field} is not")
    return text


def _is_part(text: str, lowest: int, highest: int, names: tuple[str, ...]) -> bool:
    """Whether a part of a field is *, a value, a range such as MON-FRI, or one of these with a step such as 0/15."""
    match = _PART.fullmatch(text)
    if not match or (match["first"] == "*" and match["last"]):
        return False
    values = (match["first"], match["last"] or match["first"])
    return all(
        value == "*" or value in names or (value.isdecimal() and lowest <= int(value) <= highest) for value in values
    )


def _rate(text: str) -> str:
    """a number of minutes, hours or days"""
    match = re.fullmatch(r"([1-9]\d{0,5}) (?:minute|hour|day)(s?)", text)
    if not match or (match[1] == "1") == bool(match[2]):
        raise broken("must be a number of minutes, hours or days, such as 1 day or 90 minutes")
    return text


Cron = Annotated[str, AfterValidator(_cron)]
Rate = Annotated[str, AfterValidator(_rate)]

"""Units of time, and the durations that a user writes. All in seconds."""

import re

from ebb.errors import UserError

MINUTE = 60
HOUR = 3600
DAY = 86_400
UNITS = {"ms": 0.001, "s": 1, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY}
#: No time is longer: ten years.
MAX_SECONDS = 3650 * DAY
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d)")


def parse(text: str) -> float:
    """Seconds of 30s, 20m, 1h30m, 500ms or 2d; a number without a unit is seconds. Raises UserError."""
    stripped = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        stripped += "s"
    if not stripped or _PART.sub("", stripped):
        raise UserError(f"A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not {text!r}.")
    seconds = sum(float(number) * UNITS[unit] for number, unit in _PART.findall(stripped))
    if seconds > MAX_SECONDS:
        raise UserError(f"A time is at most {MAX_SECONDS // DAY}d, not {_short(text)}.")
    return seconds


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def text(seconds: float) -> str:
    """Such as 2h, 90s or 1.5s: the largest unit that needs no fraction."""
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def positive(text: str, what: str) -> float:
    """As `parse`, and above 0. `what` begins the sentence of the error. Raises UserError."""
    seconds = parse(text)
    if seconds <= 0:
        raise UserError(f"{what} must be longer than 0 seconds, not {text!r}.")
    return seconds

"""Times and spans of time, for people and from people."""

import re
from datetime import UTC, datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_SPAN = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?[smhd])+")


def clock_time(moment: float) -> str:
    """A Unix time as date and time of UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span(seconds: float) -> str:
    """Seconds in the two largest units that they have, such as 2 h 5 min."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 24 * 3600), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def ago(moment: float, now: float) -> str:
    """How long ago a Unix time is."""
    return f"{span(now - moment)} ago"


def seconds(text: str) -> float:
    """The seconds of a span such as 90s, 1h30m or 2d. Raises ValueError for any other text."""
    if not _SPAN.fullmatch(text):
        raise ValueError(f"{text!r} is no span of time: give one such as 30s, 15m, 1h30m or 2d")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", text))

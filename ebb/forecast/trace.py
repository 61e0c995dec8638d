"""A trace: jobs of the past, from a CSV file of time[,seconds[,group]]."""

import csv
import math
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from ebb.errors import UserError
from ebb.forecast import dates, durations
from ebb.forecast.durations import DAY, MINUTE

#: Seconds: from here on a number is Unix time. As a time from the start of a trace it would be 31 years.
MIN_UNIX = 1e9
#: A job of 0 seconds takes so long.
MIN_JOB_SECONDS = 0.001
_EXAMPLE = "2026-07-01T09:05:00+02:00"


@dataclass(frozen=True)
class Trace:
    """The jobs in the order of their times: seconds from `origin`, seconds of the job, and group.

    `origin` is the Unix time of the minute in which the first job was sent; None without dates.
    """

    origin: float | None
    jobs: list[tuple[float, float | None, str]]


def read(path: Path) -> Trace:
    """Reads a file. A time is a number of seconds or a date; a date without an offset is UTC. Raises UserError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(map(str.strip, row))]
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"The trace {path} cannot be read: {why}.") from error
    if lines:
        _check_separator(path, *lines[0])
    if lines and not any(map(str.isdigit, lines[0][1][0])):  # a header
        lines = lines[1:]
    if not lines:
        raise UserError(f"The trace {path} has no jobs.")
    rows = [(_row(path, number, row), number) for number, row in lines]
    dated = rows[0][0].dated
    for row, number in rows:
        if row.dated != dated:
            needed = "a date" if dated else "seconds"
            raise UserError(f"Line {number} of {path} needs {needed}, as the lines above have.")
    jobs = sorted(((row.time, row.seconds, row.group) for row, _ in rows), key=lambda job: job[0])
    first = jobs[0][0]
    if jobs[-1][0] - first > durations.MAX_SECONDS:
        raise UserError(f"The trace {path} spans more than {durations.MAX_SECONDS // DAY} days.")
    origin = math.floor(first / MINUTE) * MINUTE if dated else first
    return Trace(origin if dated else None, [(time - origin, seconds, group) for time, seconds, group in jobs])


@dataclass(frozen=True, slots=True)
class _Row:
    """`dated`: the time is Unix time."""

    time: float
    dated: bool
    seconds: float | None
    group: str


def _row(path: Path, number: int, row: list[str]) -> _Row:
    _check_separator(path, number, row)
    fields = [field.strip() for field in row] + ["", ""]
    time = _time(fields[0])
    if time is None or len(row) > 3:
        raise UserError(
            f"Line {number} of {path} must be time[,seconds[,group]], the time in seconds or as {_EXAMPLE}, not "
            f"{','.join(row)[:80]!r}."
        )
    if time[0] >= dates.END:
        raise UserError(
            f"Line {number} of {path}: the time {fields[0][:40]} must be in seconds, not milliseconds, and before the "
            f"year {dates.YEARS[1] + 1}, or a date such as {_EXAMPLE}."
        )
    try:
        seconds = max(MIN_JOB_SECONDS, durations.parse(fields[1])) if fields[1] else None
    except UserError as error:
        raise UserError(f"Line {number} of {path}: {error}") from error
    return _Row(*time, seconds, fields[2])


def _check_separator(path: Path, number: int, row: list[str]) -> None:
    for name, mark in (("semicolons", ";"), ("tabs", "\t")):
        if any(mark in field for field in row[:2]):
            raise UserError(f"Line {number} of {path} separates its fields with {name}: separate them with commas.")


def _time(text: str) -> tuple[float, bool] | None:
    """Seconds, and whether they are Unix time. None for anything else."""
    try:
        number = float(text)
    except ValueError:
        moment = dates.parse(text)
        if moment is None:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), True
    return (number, number >= MIN_UNIX) if math.isfinite(number) else None

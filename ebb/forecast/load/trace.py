"""A trace: jobs of the past, from a CSV file of time[,seconds[,group]]."""

import csv
import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import numpy as np

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.durations import DAY, MINUTE
from ebb.forecast.load import dates

#: Seconds: from here on a number is Unix time. As a time from the start of a trace it would be 31 years.
MIN_UNIX = 1e9
#: A job of 0 seconds takes so long.
MIN_JOB_SECONDS = 0.001
_EXAMPLE = "2026-07-01T09:05:00+02:00"


class Trace:
    """The jobs in the order of their times. A job takes 24 bytes.

    `origin` is the Unix time of the minute in which the first job was sent; None without dates.
    """

    def __init__(self, rows: Iterator["_Row"]) -> None:
        times, seconds, groups = array("d"), array("d"), array("q")
        names: dict[str, int] = {}
        dated = False
        for row in rows:
            dated = row.dated
            times.append(row.time)
            seconds.append(math.nan if row.seconds is None else row.seconds)
            groups.append(names.setdefault(row.group, len(names)))
        order = np.argsort(np.asarray(times), kind="stable")
        first = times[order[0]] if times else 0.0
        start = math.floor(first / MINUTE) * MINUTE if dated else first
        self.origin = start if dated else None
        # arrays of Python iterate faster than those of numpy
        self._times: array[float] = array("d", (np.asarray(times)[order] - start).tobytes())
        self._seconds = array("d", np.asarray(seconds)[order].tobytes())
        self._groups, self._names = array("q", np.asarray(groups)[order].tobytes()), list(names)

    def __len__(self) -> int:
        return len(self._times)

    @property
    def span(self) -> float:
        """Seconds from the first job to the last one."""
        return self._times[-1] - self._times[0]

    @property
    def last(self) -> float:
        """Seconds from `origin` to the last job."""
        return self._times[-1]

    def jobs(self) -> Iterator[tuple[float, float | None, str]]:
        """Of each job the seconds from `origin`, its own seconds if the file has them, and its group."""
        for time, seconds, group in zip(self._times, self._seconds, self._groups, strict=True):
            yield time, None if math.isnan(seconds) else seconds, self._names[group]


def read(path: Path) -> Trace:
    """Reads a file. A time is a number of seconds or a date; a date without an offset is UTC. Raises UserError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            found = Trace(_rows(path, csv.reader(file, strict=True)))
    except UnicodeDecodeError as error:
        raise UserError(f"The trace {path} is not text in UTF-8. Unpack or convert it first.") from error
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"The trace {path} cannot be read: {why}.") from error
    if not found:
        raise UserError(f"The trace {path} has no jobs.")
    if found.span > durations.MAX_SECONDS:
        raise UserError(f"The trace {path} spans more than {durations.MAX_SECONDS // DAY} days.")
    return found


def _rows(path: Path, lines: Iterable[list[str]]) -> Iterator["_Row"]:
    """The jobs' rows, without empty lines and a header. Raises UserError."""
    dated: bool | None = None
    first = True
    for number, line in enumerate(lines, 1):
        if not any(map(str.strip, line)):
            continue
        is_header, first = first and not any(map(str.isdigit, line[0])), False
        if is_header:
            _check_separator(path, number, line)
            continue
        row = _row(path, number, line)
        if dated is not None and row.dated != dated:
            needed = "a date" if dated else "seconds"
            raise UserError(f"Line {number} of {path} needs {needed}, as the lines above have.")
        dated = row.dated
        yield row


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

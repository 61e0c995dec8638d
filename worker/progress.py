"""How a job's progress comes from the job to the worker: a file whose last line is `FRACTION NOTE`.

A job may write often: the worker reads the file every few seconds, and once more at the end. So the last line counts.
"""

import math
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

VARIABLE = "EBB_PROGRESS_FILE"
#: A longer note is cut.
MAX_NOTE_CHARACTERS = 1_000
#: So many bytes of the end of the file are read: a program may append lines to it.
READ_BYTES = 8_192


class Progress(NamedTuple):
    """How much of a job is done, from 0 to 1, and what it does now."""

    fraction: float
    note: str = ""


class NoProgressError(Exception):
    """What the job has written cannot be read; the text is one sentence."""


def report(fraction: float, note: str = "") -> None:
    """Write the job's progress. Outside of a worker nothing happens."""
    if not isinstance(note, str):
        raise TypeError(f"the note of job.progress must be text, not {note!r}")
    line = f"{_fraction(fraction)!r} {' '.join(note.split())[:MAX_NOTE_CHARACTERS]}\n"
    path = os.environ.get(VARIABLE)
    if not path:
        return
    new = Path(f"{path}.new-{os.getpid()}")
    with suppress(OSError):  # a full disk must not end the job
        new.write_bytes(line.encode(errors="replace"))
        new.replace(path)  # a reader never sees a part of it


def read(path: str) -> Progress | None:
    """The progress in the file; None without one. Raises NoProgressError."""
    data = contents(path, READ_BYTES, end=True)
    lines = (data or b"").decode(errors="replace").split("\n")
    line = next((line.strip() for line in reversed(lines) if line.strip()), None)
    if line is None:
        return None
    number, _, note = line.partition(" ")
    try:
        return Progress(_fraction(float(number)), note.strip()[:MAX_NOTE_CHARACTERS])
    except ValueError as error:
        raise NoProgressError(
            f"the last line of ${VARIABLE} must be a number from 0 to 1 and a note: {error}"
        ) from error


def contents(path: str, limit: int, *, end: bool = False) -> bytes | None:
    """At most so many bytes of a job's file, from its start or its end; None if there is no regular file.

    It does not wait: the job may have put a pipe or a device in the file's place.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode):
                return os.pread(descriptor, limit, max(0, found.st_size - limit) if end else 0)
        finally:
            os.close(descriptor)
    return None


def _fraction(value: float) -> float:
    try:
        number = float(value) if not isinstance(value, str | bytes) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"the fraction of job.progress must be a number from 0 to 1, not {value!r}")
    return min(1.0, max(0.0, number))

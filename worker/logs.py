"""JSON logs, one object per line, on standard output."""

import json
import logging
import select
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Formats the records of `logging`: the handler's lines, and those of libraries."""

    def __init__(self) -> None:
        super().__init__()
        #: Fields of every line: in a child, those of the current job.
        self.common: dict[str, Any] = {}

    def format(self, record: logging.LogRecord) -> str:
        """One line; values that JSON has no type for are written as their str."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname}
        line |= {"message": record.getMessage(), "logger": record.name} | self.common
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode({name: value for name, value in line.items() if value is not None})


def setup() -> JsonFormatter:
    """Send the process's log lines, from INFO on, to standard output as JSON."""
    formatter = JsonFormatter()
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[stream], force=True)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return formatter


def event(name: str, level: int = logging.INFO, /, **fields: Any) -> None:
    """Log an event of the worker with its fields; fields that are None are left out."""
    write([format_event(name, level, **fields)])


def format_event(name: str, level: int = logging.INFO, /, **fields: Any) -> str:
    """The line of an event. It does not use `logging`, which takes several times as long: each job has two lines."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": time, "level": logging.getLevelName(level), "event": name}
    line |= {field: value for field, value in fields.items() if value is not None}
    return _encode(line)


def write(lines: Iterable[str]) -> None:
    """Write lines, in writes of at most PIPE_BUF bytes: other processes cannot write in between (pipe(7))."""
    text = ""
    for line in lines:
        if text and len(text) + len(line) >= select.PIPE_BUF:
            _write(text)
            text = ""
        text += line + "\n"
    _write(text)


def line(text: str) -> None:
    """Write a line that is JSON already."""
    write([text])


def _write(text: str) -> None:
    with suppress(OSError):  # nothing reads the log; that must not stop the worker
        sys.stdout.write(text)
        sys.stdout.flush()

"""JSON logs, one object per line, on standard output."""

import json
import logging
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from worker.output import Output

STDOUT = 1
LEVEL_VARIABLE = "LOG_LEVEL"
#: The logger of failed attempts in a child, for libraries such as Sentry's. The worker's own line is `job_failed`.
FAILURES = "worker.failures"
#: What every record has: other fields come from `extra=`.
STANDARD_FIELDS = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "taskName"}
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
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        own = line.keys() | STANDARD_FIELDS
        extra = {name: value for name, value in record.__dict__.items() if name not in own}
        line = {name: value for name, value in (line | extra).items() if value is not None}
        try:
            return _encode(line)
        except (TypeError, ValueError, RecursionError):  # a key that is no text, a circle, a very deep value
            return _encode({str(name): repr(value) if name in extra else value for name, value in line.items()})


class _WorkerHandler(logging.Handler):
    """Lines of `logging` in the worker's own process: they do not wait for the log's reader either."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line(self.format(record))
        except Exception:
            self.handleError(record)


def setup() -> None:
    """In the worker: write the lines of `logging` with its own lines."""
    _setup(_WorkerHandler())
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # in a child these are the job's own calls


def setup_child() -> JsonFormatter:
    """In a child: write the lines of `logging` to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(lambda record: record.name != FAILURES)
    return _setup(handler)


def _setup(handler: logging.Handler) -> JsonFormatter:
    formatter = JsonFormatter()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level(), handlers=[handler], force=True)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return formatter


def level() -> int:
    """The level of LOG_LEVEL: a name or a number of `logging`. INFO for others, which may be for another program."""
    value = os.environ.get(LEVEL_VARIABLE, "").strip().upper()
    return int(value) if value.isdecimal() else logging.getLevelNamesMapping().get(value, logging.INFO)


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
    """Write lines that are JSON. Returns at once."""
    OUTPUT.write(lines)


def line(text: str) -> None:
    """Write a line that is JSON already. Returns at once."""
    OUTPUT.write([text])


def _dropped(lines: int) -> str:
    return format_event("log_dropped", logging.WARNING, lines=lines, reason="the log's reader stood still")


OUTPUT = Output(STDOUT, _dropped)

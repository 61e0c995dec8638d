"""JSON logs, one object per line, on standard output."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_log = logging.getLogger("worker")
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Writes time, level, event (the parent's) or message (the handler's), and the fields of both."""

    def __init__(self) -> None:
        super().__init__()
        #: Fields of every line: in the child, the job at hand.
        self.common: dict[str, Any] = {}

    def format(self, record: logging.LogRecord) -> str:
        """One line; values that JSON has not are written as their str."""
        if hasattr(record, "ready"):
            return record.getMessage()
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname}
        if hasattr(record, "fields"):
            line |= {"event": record.getMessage()} | record.fields
        else:
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
    """Log an event of the worker with its fields; those that are None are left out."""
    if _log.isEnabledFor(level):
        # Made by hand: `_log.log` would look up the caller's file and line, which takes longer than all the rest.
        record = logging.LogRecord(_log.name, level, "", 0, name, None, None)
        record.fields = fields
        _log.handle(record)


def line(text: str) -> None:
    """Write a line that is JSON already, in its turn between the others."""
    _log.info("%s", text, extra={"ready": True})

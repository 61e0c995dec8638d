import io
import json
import logging
import os
import select
import subprocess
import sys

import pytest

from worker import logs


class Stream(io.StringIO):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


def test_an_events_line_has_its_fields_but_those_that_are_none() -> None:
    line = json.loads(logs.format_event("job_failed", logging.WARNING, error="ä\n", attempt=2, group=None, kept={1}))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "WARNING", "event": "job_failed", "error": "ä\n", "attempt": 2, "kept": "{1}"}


def test_lines_are_written_together_as_long_as_a_pipe_keeps_them_together(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    size = select.PIPE_BUF // 4 - 1  # and the line's end
    lines = [character * size for character in "abcde"] + ["x" * 2 * select.PIPE_BUF, "y"]
    logs.write(lines)
    assert [write.split() for write in stream.writes] == [lines[:4], lines[4:5], lines[5:6], lines[6:]]
    assert "".join(stream.writes) == "\n".join(lines) + "\n"


def test_a_log_without_a_reader_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from worker import logs; logs.event('started'); print('goes on', file=sys.stderr)"
    command = [sys.executable, "-u", "-c", program]  # as in the image
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=20, check=True)
    os.close(writing)
    assert done.stderr == "goes on\n"

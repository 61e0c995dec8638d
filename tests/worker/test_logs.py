import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from tests.helpers.waiting import LIMIT
from worker import logs, output


def test_an_events_line_has_its_fields_but_those_that_are_none() -> None:
    line = json.loads(logs.format_event("job_failed", logging.WARNING, error="ä\n", attempt=2, group=None, kept={1}))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "WARNING", "event": "job_failed", "error": "ä\n", "attempt": 2, "kept": "{1}"}


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def _read(end: int, until: bytes) -> bytes:
    data = b""
    while until not in data:
        data += os.read(end, 65_536)
    return data


def test_nothing_waits_for_a_reader_that_stands_still_and_what_is_lost_is_counted(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "STALL_SECONDS", 0.2)
    log = output.Output(pipe[1], lambda lines: f"lost {lines}")
    printed, printing = os.pipe()
    log.follow(printed)
    line = b"x" * 1023 + b"\n"
    for _ in range(4096):  # more than twice what may wait: this would block for ever if the thread did not drop it
        os.write(printing, line)
    for number in range(5000):
        log.write([f"{number:01023}"])  # at once
    os.close(printing)
    log.flush(0.1)
    read = _read(pipe[0], b"lost ")
    lost = int(read.rpartition(b"lost ")[2].split()[0])
    assert 0 < lost < 9096
    log.write(["last"])
    rest = _read(pipe[0], b"last\n")
    whole = (read + rest).count(b"\n")
    lines = (read + rest).split(b"\n")[:-1]
    assert {len(text) for text in lines if not text.startswith((b"lost", b"last"))} == {1023}  # none is cut
    reported = sum(int(text.split()[1]) for text in lines if text.startswith(b"lost"))
    assert whole - len([text for text in lines if text.startswith((b"lost", b"last"))]) == 9096 - reported


def test_a_slow_reader_loses_nothing(pipe: tuple[int, int]) -> None:
    log = output.Output(pipe[1], lambda lines: f"lost {lines}")
    printed, printing = os.pipe()
    log.follow(printed)

    def print_much() -> None:
        for number in range(5000):
            os.write(printing, f"{number:01023}\n".encode())
        os.close(printing)

    thread = threading.Thread(target=print_much)
    thread.start()
    data = _read(pipe[0], f"{4999:01023}\n".encode())
    thread.join()
    assert [int(line) for line in data.split()] == list(range(5000))


def test_lines_stay_whole_and_an_open_one_ends_with_its_job(pipe: tuple[int, int]) -> None:
    log = output.Output(pipe[1], lambda lines: f"lost {lines}")
    printed, printing = os.pipe()
    source = log.follow(printed)
    os.write(printing, b"first half, ")
    log.flush(LIMIT)
    log.write(["an event"])
    log.flush(LIMIT)
    os.write(printing, b"second half\nopen")
    log.flush(LIMIT)
    log.end_line(source)
    log.write(["job_done"])
    log.flush(LIMIT)
    os.write(printing, b"next")
    os.close(printing)
    assert _read(pipe[0], b"next\n") == b"an event\nfirst half, second half\nopen\njob_done\nnext\n"


@pytest.mark.parametrize("late", [False, True])
def test_a_jobs_lines_come_after_its_start_and_before_its_end(pipe: tuple[int, int], late: bool) -> None:
    log = output.Output(pipe[1], lambda lines: f"lost {lines}")
    go_on = threading.Event()
    children = []
    for name in ("a", "b"):
        printed, printing = os.pipe()
        children.append((name, log.follow(printed), printing))
    if late:  # the thread comes only when all jobs have ended
        log._do(partial(go_on.wait, LIMIT))  # type: ignore[arg-type]
    expected = []
    for number in range(100):
        for name, source, printing in children:
            log.write([f"start {name}{number}"])
            log.begin(source)
            os.write(printing, f"{name}{number}\nopen".encode())
            log.end_line(source)
            log.write([f"end {name}{number}"])
            expected += [f"start {name}{number}", f"{name}{number}", "open", f"end {name}{number}"]
    go_on.set()
    for _, _, printing in children:
        os.close(printing)
    log.write(["last"])
    assert _read(pipe[0], b"last\n").decode().split("\n") == [*expected, "last", ""]


def test_a_line_without_end_is_written_in_parts(pipe: tuple[int, int]) -> None:
    log = output.Output(pipe[1], lambda lines: f"lost {lines}")
    printed, printing = os.pipe()
    log.follow(printed)

    def print_much() -> None:
        for _ in range(5):
            os.write(printing, b"x" * 65_536)
        os.write(printing, b"\nend\n")
        os.close(printing)

    writer = threading.Thread(target=print_much)
    writer.start()
    first, _, rest = _read(pipe[0], b"end\n").partition(b"\n")
    writer.join(LIMIT)
    assert len(first) >= output.MAX_LINE_BYTES
    assert (first + rest).count(b"x") == 5 * 65_536


@pytest.mark.parametrize(
    ("value", "level"),
    [("", "INFO"), ("debug", "DEBUG"), ("WARN", "WARNING"), ("40", "ERROR"), ("verbose", "INFO"), ("²", "INFO")],
)
def test_the_level_is_that_of_the_variable(monkeypatch: pytest.MonkeyPatch, value: str, level: str) -> None:
    monkeypatch.setenv("LOG_LEVEL", value)
    assert logging.getLevelName(logs.level()) == level


def test_debug_lines_of_the_workers_own_calls_are_left_out() -> None:
    program = """
import logging
from worker import logs
logs.setup()
for name in ("botocore.auth", "urllib3.connectionpool", "mine"):
    logging.getLogger(name).debug("no")
    logging.getLogger(name).warning("yes")
logs.OUTPUT.flush()
"""
    environment = os.environ | {"LOG_LEVEL": "debug"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=60, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["logger"], line["message"]) for line in lines] == [
        ("botocore.auth", "yes"),
        ("urllib3.connectionpool", "yes"),
        ("mine", "no"),
        ("mine", "yes"),
    ]


def test_fields_of_extra_are_logged_and_replace_none_of_ours() -> None:
    circle: dict[str, Any] = {}
    circle["circle"] = circle
    record = logging.makeLogRecord(
        {"msg": "m", "levelname": "INFO", "name": "n", "order": 7, "level": "mine", "nothing": None, "what": {1}}
    )
    formatter = logs.JsonFormatter()
    line = json.loads(formatter.format(record))
    assert (line["order"], line["level"], line["message"], line["what"]) == (7, "INFO", "m", "{1}")
    assert "nothing" not in line
    record.circle = circle
    assert json.loads(formatter.format(record))["circle"] == repr(circle)


def test_a_log_without_a_reader_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from worker import logs; logs.event('started'); print('goes on', file=sys.stderr)"
    command = [sys.executable, "-u", "-c", program]  # as in the image
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=20, check=True)
    os.close(writing)
    assert done.stderr == "goes on\n"

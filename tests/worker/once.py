"""`python -m worker --once` as tests run it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from worker import run_once

ROOT = Path(run_once.__file__).parents[1]
LIMIT = 300

HANDLER = """
    import os, sys, time
    from pathlib import Path
    from worker.job import Reject, Retry
    note = Path(os.environ["NOTES"])
"""


class Run:
    """One run: its exit code, its log, its sentence on standard error, and what the handler noted."""

    def __init__(self, code: int, out: str, err: str, note: Path) -> None:
        self.code, self.sentence = code, err.removesuffix("\n")
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
        self.events = [line["event"] for line in self.lines if "event" in line]
        self.note = note.read_text() if note.exists() else None


def environment(folder: Path, **variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}", "NOTES": str(folder / "note")} | variables


def begin(folder: Path, file: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    argv = [sys.executable, "-m", "worker", "--once", file]
    return subprocess.Popen(
        argv, cwd=folder, env=environment(folder, EBB_HANDLER="jobs:handle"), stdout=pipe, stderr=pipe, text=True
    )


def opened(fifo: Path) -> int | None:
    """The writing end of the pipe, once another process has opened the reading end."""
    with suppress(OSError):
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    return None

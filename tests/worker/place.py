"""Slots with real children, and a handler that the test wrote."""

import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.helpers.waiting import LIMIT
from tests.worker.configs import VARIABLES
from worker.core.events import Ended, Event, Ready, Starting
from worker.inbox import Inbox
from worker.job import Job, Result, Verdict
from worker.jobs.slots import Slots

#: Seconds, longer than any test waits.
FOREVER = 600.0
DONE = Result(verdict=Verdict.DONE)
SETTINGS = VARIABLES | {"PYTHONUNBUFFERED": "1"}  # as in the image
CHILD = (sys.executable, "-m", "worker.jobs.child")
#: The first lines of a handler's module: `note` writes a file that Place.note waits for.
PRELUDE_FILES = """
import os, time, signal, subprocess
from pathlib import Path
notes = Path(os.environ["NOTES"])
def note(name, value):
    (notes / f"{name}.new").write_text(str(value))
    (notes / f"{name}.new").rename(notes / name)
"""
#: The first lines of a handler's module: `note` adds a line to what Place.notes returns.
PRELUDE_LINES = """
import asyncio, json, logging, os, subprocess, sys, time
from pathlib import Path
from worker.job import Job, Reject, Retry
def note(text):
    with open(os.environ["NOTES"] + "/notes", "a") as notes: print(text, file=notes)
"""


def result(verdict: Verdict, reason: str | None = None, after: float | None = None) -> Result:
    return Result(verdict=verdict, reason=reason, after=after)


def failed(reason: str) -> Result:
    return result(Verdict.FAILED, reason)


class Place:
    """Slots, and what they reported. `folder` is where the handler's module lies, and the notes that handlers write."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        folder: Path,
        handler: str = "def handle(job): pass",
        *,
        count: int = 1,
        grace: float = 2,
        command: Sequence[str] = CHILD,
        **environment: str,
    ) -> None:
        self.folder = folder
        (folder / "jobs.py").write_text(dedent(handler))
        basis = {"EBB_HANDLER": "jobs:handle"} if "EBB_COMMAND" not in environment else {}
        for name, value in (SETTINGS | basis | {"PYTHONPATH": str(folder), "NOTES": str(folder)} | environment).items():
            monkeypatch.setenv(name, value)
        self.inbox, self.grace = Inbox(), grace
        self.events: deque[Event] = deque()
        self.slots = Slots(count, command, grace, self.inbox)
        self.slots.open()

    def next(self, limit: float = LIMIT) -> Event:
        """The next event; queue.Empty when there is none within the limit."""
        end = time.monotonic() + limit
        while not self.events:
            if (left := end - time.monotonic()) <= 0:
                raise queue.Empty
            self.events.extend(self.inbox.get(left))
        event = self.events.popleft()
        # a child's Ready follows its Starting, and no test asks for both
        return self.next(limit) if isinstance(event, Starting) else event

    def ready(self) -> Ready:
        event = self.next()
        assert isinstance(event, Ready), event
        return event

    def ended(self, limit: float = LIMIT) -> Ended:
        event = self.next(limit)
        assert isinstance(event, Ended), event
        return event

    def start(self, body: str = "job", slot: int = 0, **fields: Any) -> None:
        self.slots.start(slot, Job(id=fields.pop("id", "id-1"), body=body, **fields))

    def do(self, body: str = "job", **fields: Any) -> Result:
        """One job, with a child that survives it."""
        self.start(body, **fields)
        ended = self.ended()
        assert ended.alive, ended
        return ended.result

    def kill(self, slot: int = 0) -> None:
        self.slots.kill(slot, self.grace)

    def close(self) -> None:
        """Close the slots, within the time that tests wait."""
        closing = threading.Thread(target=self.slots.close, daemon=True)
        closing.start()
        closing.join(LIMIT)
        assert not closing.is_alive()

    def note(self, name: str) -> str:
        """What a handler wrote into the file of that name, once it has."""
        end = time.monotonic() + LIMIT
        path = self.folder / name
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < end, f"no {name}"
            self.events.extend(self.inbox.get(0.01))  # as the main thread does, which never just sleeps
        return path.read_text()

    def notes(self) -> list[str]:
        """The lines that a handler has noted."""
        return (self.folder / "notes").read_text().splitlines()

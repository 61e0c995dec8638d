"""Reads the handlers' journal as it grows, and notes when each of their processes died."""

import json
import os
import select
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Seconds between looks at the journal. A process that lived for less has died within them.
POLL_SECONDS = 0.05


class Watcher:
    """A thread that follows the journal."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        #: The journal's lines so far.
        self.lines: list[dict[str, Any]] = []
        #: Numbers of the jobs that were started, and done, at least once.
        self.started: set[int] = set()
        self.done: set[int] = set()
        #: Process ids of handlers, and time.monotonic() of their death; None: it lives.
        self.deaths: dict[int, float | None] = {}
        self._handles: dict[int, int] = {}
        self._poll = select.poll()
        self._offset = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read on until every process that there was has died, or for some seconds; then stop."""
        time.sleep(3 * POLL_SECONDS)  # the last lines are read, and their processes known
        end = time.monotonic() + 10
        while None in self.deaths.values() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        self._stop.set()
        self._thread.join()
        for handle in self._handles:
            os.close(handle)
        self._handles.clear()

    def _watch(self) -> None:
        looked_at = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            for pid in self._look():
                self._attend(pid, looked_at)
            looked_at = now
            for handle, _ in self._poll.poll(POLL_SECONDS * 1000):
                self.deaths[self._handles.pop(handle)] = time.monotonic()
                self._poll.unregister(handle)
                os.close(handle)

    def _attend(self, pid: int, looked_at: float) -> None:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:  # it ended before this look
            self.deaths[pid] = looked_at
            return
        self._handles[handle] = pid
        self._poll.register(handle, select.POLLIN)

    def _look(self) -> list[int]:
        """Read what is new; the process ids that are."""
        with suppress(FileNotFoundError), self._journal.open("rb") as file:
            file.seek(self._offset)
            whole = file.read().rpartition(b"\n")[0]
            self._offset += len(whole) + 1 if whole else 0
            lines = [json.loads(line) for line in whole.split(b"\n") if line]
            self.lines += lines
            self.started |= {line["number"] for line in lines}
            self.done |= {line["number"] for line in lines if line["what"] == "done"}
            new = list(dict.fromkeys(line["pid"] for line in lines if line["pid"] not in self.deaths))
            self.deaths |= dict.fromkeys(new)
            return new
        return []

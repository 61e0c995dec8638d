"""Workers as processes: started, signalled, killed and followed by successors, with all that they say kept."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.watcher import Watcher
from tests.helpers.waiting import LIMIT
from tests.worker.harness import WORKER, wired

#: Seconds: EBB_STOP_TIMEOUT of the fleet's workers; jobs may go on for half of it after SIGTERM.
STOP_TIMEOUT = 8
#: Seconds above it until a worker that was asked to stop has ended, on a machine so busy that its imports take as long.
STOP_SLACK = 10
#: Jobs at once in each worker.
CONCURRENCY = 4


@dataclass(kw_only=True)
class One:
    """A worker's process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    #: time.monotonic() of `kill -9`, and of the first SIGTERM.
    killed_at: float | None = None
    asked_at: float | None = None
    #: time.monotonic() by which it was seen to have ended.
    ended_at: float | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    #: Lines of its log that are not JSON: a thread's traceback, a crash.
    noise: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Read the log, once the process has ended."""
        for line in self.log.read_text().splitlines():
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.noise.append(line)


class Fleet:
    """So many workers on one queue; each that goes has a successor."""

    def __init__(self, folder: Path, endpoint: str, size: int, rng: random.Random, **settings: str) -> None:
        self._folder, self._size, self._random = folder, size, rng
        self.journal = folder / "journal"
        shutil.copytree(WORKER, folder / "worker", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(Path(__file__).with_name("jobs.py"), folder)
        self._environment = wired(endpoint) | {
            "PATH": os.environ["PATH"],
            "EBB_VISIBILITY_TIMEOUT": "30",
            "EBB_STOP_TIMEOUT": str(STOP_TIMEOUT),
            "EBB_BACKOFF_BASE": "0.2",
            "EBB_BACKOFF_CAP": "2",
            "EBB_CONCURRENCY": str(CONCURRENCY),
            "EBB_HANDLER": "jobs:handle",
            "CHAOS_JOURNAL": str(self.journal),
        }
        self._environment |= settings
        #: Every worker that there was.
        self.all: list[One] = []
        self.running: list[One] = []
        #: Those that were asked to stop and have not yet ended.
        self.leaving: list[One] = []
        self.watcher = Watcher(self.journal)
        self.fill()

    def fill(self) -> None:
        """Start as many as are missing."""
        while len(self.running) < self._size:
            name = f"worker-{len(self.all)}"
            log = self._folder / f"{name}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", "worker"],
                    cwd=self._folder,
                    env=self._environment | {"CHAOS_WORKER": name},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=0,  # Ctrl-C is for the run, which then ends them
                )
            one = One(name=name, process=process, log=log)
            self.running.append(one)
            self.all.append(one)

    def look(self) -> list[str]:
        """What is wrong with the workers' ends: by themselves, too late, or not with 0."""
        wrong, now = [], time.monotonic()
        for one in list(self.running):
            if (code := one.process.poll()) is not None:
                wrong.append(f"{one.name} ended by itself, with {code}")
                one.ended_at = now
                self.running.remove(one)
        for one in list(self.leaving):
            code, asked_at = one.process.poll(), one.asked_at or now
            if code is not None:
                one.ended_at = now
                self.leaving.remove(one)
                if code == -signal.SIGTERM and not one.log.stat().st_size:
                    continue  # it had not yet begun to listen, so it had nothing
                if code:
                    wrong.append(f"{one.name} was asked to stop, and ended with {code}")
            elif now > asked_at + STOP_TIMEOUT + STOP_SLACK:
                wrong.append(f"{one.name} did not stop within {STOP_TIMEOUT} s and was killed")
                self._kill(one)
                self.leaving.remove(one)
        return wrong

    def kill(self) -> None:
        """`kill -9` of one, which may be stopping."""
        one = self._random.choice(self.running + self.leaving)
        (self.running if one in self.running else self.leaving).remove(one)
        self._kill(one)

    def _kill(self, one: One) -> None:
        one.killed_at = time.monotonic()
        one.process.kill()
        one.process.wait(LIMIT)
        one.ended_at = time.monotonic()

    def kill_child(self) -> None:
        """`kill -9` of a child of one, if it has any: not of its first, whose end means that the handler is broken."""
        one = self._random.choice(self.running)
        if '"event": "started"' not in one.log.read_text():
            return
        with suppress(OSError, IndexError):
            text = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text()
            os.kill(int(self._random.choice(text.split())), signal.SIGKILL)

    def stop(self, count: int, *, twice: float = 0.0) -> None:
        """SIGTERM to so many, this share of them twice."""
        for one in self._random.sample(self.running, min(count, len(self.running))):
            one.asked_at = time.monotonic()
            one.process.terminate()
            if self._random.random() < twice:
                one.process.terminate()
            self.running.remove(one)
            self.leaving.append(one)

    def close(self) -> None:
        """End all workers that still run, and all that they left."""
        for one in self.running + self.leaving:
            self._kill(one)
        self.running, self.leaving = [], []
        self.watcher.close()

"""A container's health check (ECS API, HealthCheck): a command that runs at intervals next to the container."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from ebb.sandbox.emulators.reaper import Reaper

#: ECS's defaults for a health check, in seconds except the retries.
DEFAULT_INTERVAL = 30
DEFAULT_TIMEOUT = 5
DEFAULT_RETRIES = 3
DEFAULT_START_PERIOD = 0
#: Minimum of real seconds between two checks, at any speed of the sandbox: each check is a process.
MIN_INTERVAL = 2.0


def command(check: dict[str, Any]) -> list[str]:
    """The command of a check; empty if there is none. Raises ValueError for an invalid one."""
    kind, *words = check.get("command") or ["NONE"]
    if kind == "NONE":
        return []
    if kind == "CMD" and words:
        return words
    if kind == "CMD-SHELL" and len(words) == 1:
        return ["/bin/sh", "-c", *words]
    raise ValueError("a health check's command begins with CMD or CMD-SHELL")


class HealthCheck:
    """Checks one container from its start. It is not thread-safe and never waits.

    `start` begins a check as a process in a new process group. A container's time is real, and so are the time-out and
    the start period. `speed` only shortens the interval between checks.
    """

    def __init__(
        self, check: dict[str, Any], speed: float, start: Callable[[], "subprocess.Popen[bytes]"], reaper: Reaper
    ) -> None:
        self._start, self._reaper = start, reaper
        self._interval = max(MIN_INTERVAL, check.get("interval", DEFAULT_INTERVAL) / speed)
        self._timeout: float = check.get("timeout", DEFAULT_TIMEOUT)
        self._retries: int = check.get("retries", DEFAULT_RETRIES)
        now = time.monotonic()
        self._next, self._counts_from = now + self._interval, now + check.get("startPeriod", DEFAULT_START_PERIOD)
        self._process: subprocess.Popen[bytes] | None = None
        self._ends, self._failures = 0.0, 0

    @property
    def unhealthy(self) -> bool:
        """Whether so many checks in a row have failed as there are retries."""
        return self._failures >= self._retries

    def look(self) -> None:
        """Start the check that is due, or evaluate the running one."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._next:
                try:
                    self._process, self._ends = self._start(), now + self._timeout
                    self._reaper.add(self._process.pid)
                except OSError:  # there is no such program
                    self._judge(good=False)
            return
        code = self._process.poll()
        if code is not None or now >= self._ends:
            self.end()
            self._judge(good=code == 0)

    def end(self) -> None:
        """End the running check and its child processes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._reaper.discard(self._process.pid)
            self._process = None

    def _judge(self, *, good: bool) -> None:
        now = time.monotonic()
        self._next = now + self._interval
        if good:
            self._failures, self._counts_from = 0, now  # a first success ends the start period
        elif now >= self._counts_from:
            self._failures += 1

"""Runs a callback once per interval of simulated time, in a thread. Errors become events and do not end the thread."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError

#: Seconds; AWS's metrics and alarms have this interval.
MINUTE = 60


class Clock(Protocol):
    """The used part of `clock.Clock`."""

    def now(self) -> float:
        """Simulated Unix time."""

    def moment(self, simulated: float) -> float:
        """Real Unix time."""

    def real(self, simulated_seconds: float) -> float:
        """Real seconds."""


class Events(Protocol):
    """The used part of the region's events."""

    def add(self, kind: str, text: str, **data: Any) -> None:
        """Append an event at the current time."""


class SimulatedRegion(Protocol):
    """The used part of `region.Region`."""

    @property
    def clock(self) -> Clock:
        """Simulated time."""

    @property
    def events(self) -> Events:
        """The log of the region."""

    def client(self, service: str) -> Any:
        """A boto3 client."""


class Reporter:
    """Adds events, each text about a subject only once."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._reported: dict[str, set[str]] = {}

    def report(self, kind: str, about: str, text: str) -> None:
        """Add an event, unless this text about this subject was reported before."""
        reported = self._reported.setdefault(about, set())
        if text not in reported:
            reported.add(text)
            self._events.add(kind, text)

    def forget(self, about: str) -> None:
        """Report all texts about this subject again."""
        self._reported.pop(about, None)


def is_gone(error: Exception) -> bool:
    """Whether a call failed because its resource does not exist."""
    if not isinstance(error, ClientError):
        return False
    code = error.response["Error"]["Code"]
    return any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist", "NotActive", "ObjectNotFound"))


class Ticker:
    """Calls `tick` every `interval` simulated seconds, `phase` seconds after the boundary, from start() to stop().

    After a tick that lasts longer than the interval, the boundaries that it missed are skipped.
    """

    def __init__(
        self, region: SimulatedRegion, name: str, tick: Callable[[], None], interval: float, phase: float = 0
    ) -> None:
        self._region = region
        self._name = name
        self._tick = tick
        self._interval = interval
        self._phase = phase
        self._stopping = False
        self._wakeup = threading.Event()
        self._thread: threading.Thread | None = None
        self._reporter = Reporter(region.events)

    def start(self) -> None:
        """Start the thread; the first tick is at the next boundary."""
        self._stopping = False
        self._wakeup.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the current tick. Does nothing if it was not started."""
        self._stopping = True
        self._wakeup.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def trigger(self) -> None:
        """Run one more tick now."""
        self._wakeup.set()

    def _run(self) -> None:
        while True:
            self._wakeup.wait(self._wait())
            self._wakeup.clear()
            if self._stopping:
                return
            try:
                self._tick()
                self._reporter.forget(self._name)
            except Exception as error:  # without this thread nothing would scale, and no one would see why
                if not self._stopping and not is_gone(error):
                    self._reporter.report("error", self._name, f"{self._name}: {type(error).__name__}: {error}")

    def _wait(self) -> float:
        """Real seconds to the next boundary."""
        now = self._region.clock.now() - self._phase
        return self._region.clock.real(self._interval - now % self._interval)

"""What runs once per simulated minute: a thread that survives whatever a deployment does meanwhile."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError

MINUTE = 60


class Clock(Protocol):
    """The part of `clock.Clock` that is used."""

    def now(self) -> float:
        """Simulated seconds since the epoch."""

    def real(self, simulated_seconds: float) -> float:
        """Real seconds that this many simulated ones take."""


class Events(Protocol):
    """The part of the region's events that is used."""

    def add(self, kind: str, text: str, **data: Any) -> None:
        """Append an event that happens now."""


class Surroundings(Protocol):
    """The part of `region.Region` that metrics and the autoscaler use."""

    @property
    def clock(self) -> Clock:
        """Simulated time."""

    @property
    def events(self) -> Events:
        """What happened."""

    def client(self, service: str) -> Any:
        """A boto3 client of the region."""


def gone(error: Exception) -> bool:
    """Whether a call failed because its resource does not exist (any more)."""
    if not isinstance(error, ClientError):
        return False
    code = error.response["Error"]["Code"]
    return any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist", "NotActive", "ObjectNotFound"))


class Ticker:
    """Calls `tick` every `interval` simulated seconds, `phase` seconds after the boundary, from start() to stop().

    A tick that is late makes the next boundaries skip, never bunch. An error is an event, each text once in a row.
    """

    def __init__(
        self, region: Surroundings, name: str, tick: Callable[[], None], interval: float, phase: float
    ) -> None:
        self._region = region
        self._name = name
        self._tick = tick
        self._interval = interval
        self._phase = phase
        self._stopping = False
        self._awake = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_error = ""

    def start(self) -> None:
        """Begin; the first tick is at the next boundary."""
        self._stopping = False
        self._awake.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; returns when a tick under way is over. Harmless when not started."""
        self._stopping = True
        self._awake.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def poke(self) -> None:
        """Tick now, too, and not at the next boundary alone."""
        self._awake.set()

    def _run(self) -> None:
        while True:
            self._awake.wait(self._wait())
            self._awake.clear()
            if self._stopping:
                return
            try:
                self._tick()
                self._last_error = ""
            except Exception as error:  # a thread that dies would stop the scaling of everything, unseen
                text = f"{self._name}: {type(error).__name__}: {error}"
                if not self._stopping and not gone(error) and text != self._last_error:
                    self._last_error = text
                    self._region.events.add("error", text)

    def _wait(self) -> float:
        now = self._region.clock.now() - self._phase
        return self._region.clock.real(self._interval - now % self._interval)

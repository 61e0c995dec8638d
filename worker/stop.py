"""Requests to stop, as signals bring them, and waits that they end."""

import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait


class Stop:
    """Set by SIGTERM and SIGINT. A second signal hurries: what runs may not go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._signals: list[float] = []
        self._bell, self._hammer = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._hammer, False)

    def on_signals(self) -> None:
        """Take SIGTERM and SIGINT from now on (main thread only)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.request())

    def request(self) -> None:
        """Ask to stop. Runs inside a signal handler: it must not log."""
        self._signals.append(self._clock())
        self.ring()

    @property
    def requested(self) -> bool:
        """Whether to receive nothing more."""
        return bool(self._signals)

    def finish_by(self, drain: float) -> float:
        """When, on the clock, a job must end that may go on for `drain` seconds after a stop; inf while not asked."""
        if not self._signals:
            return math.inf
        return self._signals[0] + drain if len(self._signals) == 1 else self._signals[1]

    def ring(self) -> None:
        """End the wait that is going on, or the next one; from any thread."""
        with suppress(BlockingIOError):
            os.write(self._hammer, b"!")

    def wait(self, seconds: float, *others: Connection) -> None:
        """Wait until the bell rings, one of the others can be read, or the time is over."""
        wait([self._bell, *others], max(0.0, seconds))
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)

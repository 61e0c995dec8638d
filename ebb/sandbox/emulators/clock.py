"""Simulated time, which runs faster than real time."""

import time


class Clock:
    """Starts at the real time and runs `speed` times as fast.

    Raises ValueError for a speed of zero or below.
    """

    def __init__(self, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"The speed must be above 0, got {speed:g}.")
        self.speed = speed
        self._epoch = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self._epoch + (time.monotonic() - self._started) * self.speed

    def at(self, moment: float) -> float:
        """The simulated time of a moment of real time; both in seconds since the epoch."""
        return self._epoch + (moment - self._epoch) * self.speed

    def real(self, simulated_seconds: float) -> float:
        """Real seconds that this many simulated ones take."""
        return simulated_seconds / self.speed

"""Simulated time, which runs faster than real time."""

import time

#: Variables by which a process of the sandbox gets the clock's speed and epoch.
SPEED, EPOCH = "EBB_SANDBOX_SPEED", "EBB_SANDBOX_EPOCH"


class Clock:
    """Starts at the real time and runs `speed` times as fast. `epoch`: the real time at which another clock started.

    Raises ValueError for a speed of zero or below.
    """

    def __init__(self, speed: float, epoch: float | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"The speed must be above 0, got {speed:g}.")
        self.speed = speed
        now = time.time()
        self.epoch = now if epoch is None else epoch
        self._started = time.monotonic() - (now - self.epoch)

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self.epoch + (time.monotonic() - self._started) * self.speed

    def at(self, moment: float) -> float:
        """The simulated time of a moment of real time; both in seconds since the epoch."""
        return self.epoch + (moment - self.epoch) * self.speed

    def moment(self, simulated: float) -> float:
        """The moment of real time of a simulated one, the reverse of at()."""
        return self.epoch + (simulated - self.epoch) / self.speed

    def real(self, simulated_seconds: float) -> float:
        """Real seconds that this many simulated ones take."""
        return simulated_seconds / self.speed

"""Which slots have a child that can run a job. A child must import the handler in time, or it is replaced."""

import math
from collections.abc import Iterator

#: Once a child is ready, the worker waits so long for the others before it receives.
START_TOGETHER_SECONDS = 10
#: A worker leaves only after so many failed starts of each child, or so many jobs that no child has taken.
TRIES = 3


class Children:
    """The slots' children. Times: seconds of the worker's clock."""

    def __init__(self, count: int, start_timeout: float) -> None:
        self._start_timeout = start_timeout
        #: Slots that can take a job. The last freed slot is used first: its child is warm.
        self.free: list[int] = []
        #: Since when slots have no child that can run a job.
        self._missing = dict.fromkeys(range(count), math.inf)
        #: When the children that import the handler must have done it.
        self._deadlines: dict[int, float] = {}
        self._failures = dict.fromkeys(range(count), 0)
        self._first_at = math.inf
        #: Jobs in a row that a child got and did not take: their number, and the times of the first and the last.
        self._untaken = 0
        self._untaken_at = (math.inf, -math.inf)
        self.error = ""

    def begin(self, now: float) -> None:
        """The slots open."""
        self._missing = dict.fromkeys(self._missing, now)

    def starting(self, now: float, slot: int) -> None:
        """A new child imports the handler."""
        self._deadlines[slot] = now + self._start_timeout

    def ready(self, now: float, slot: int) -> None:
        """The child can take a job."""
        self._deadlines.pop(slot, None)
        self._missing.pop(slot, None)
        self._first_at = min(self._first_at, now)
        if slot not in self.free:
            self.free.append(slot)

    def failed(self, slot: int, error: str) -> None:
        """The child could not be started, or could not import the handler."""
        self._deadlines.pop(slot, None)
        self._failures[slot] += 1
        self.error = error

    def lost(self, now: float, slot: int) -> None:
        """The child is gone."""
        if slot in self.free:
            self.free.remove(slot)
        self._missing.setdefault(slot, now)

    def untaken(self, now: float, slot: int, error: str) -> None:
        """The child is gone, or hangs, and has not taken its job."""
        self.lost(now, slot)
        self._untaken, self._untaken_at, self.error = self._untaken + 1, (min(self._untaken_at[0], now), now), error

    def took(self) -> None:
        """A child had taken its job."""
        self._untaken, self._untaken_at = 0, (math.inf, -math.inf)

    def overdue(self, now: float) -> Iterator[int]:
        """The slots whose child must be ended, because its import takes too long."""
        for slot, deadline in list(self._deadlines.items()):
            if now >= deadline:
                self.failed(slot, f"the import takes longer than {self._start_timeout:g} seconds")
                yield slot

    def open(self, now: float) -> bool:
        """Whether the worker may begin: all children are ready, or some have been for a while."""
        return not self._missing or now >= self._first_at + START_TOGETHER_SECONDS

    def hopeless(self, now: float) -> bool:
        """Whether no child was ever ready, or none takes a job, after minutes and several tries."""
        first, last = self._untaken_at
        if self._untaken >= TRIES and last >= first + self._start_timeout:
            return True
        tried = all(failures >= TRIES for failures in self._failures.values())
        return self._first_at == math.inf and tried and now >= min(self._missing.values()) + self._start_timeout

    def overlong(self, now: float) -> list[int]:
        """The slots that have had no child for too long."""
        return [slot for slot, since in self._missing.items() if now > since + 2 * self._start_timeout]

    def times(self) -> list[float]:
        """When something here is due."""
        times = [self._first_at + START_TOGETHER_SECONDS, *self._deadlines.values()]
        for since in self._missing.values():
            times += [since + self._start_timeout, since + 2 * self._start_timeout]
        return times

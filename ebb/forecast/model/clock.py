"""Virtual time: events at a time, ticks at intervals, and a way to skip a time in which nothing changes."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

Do = Callable[..., None]


@dataclass(slots=True)
class Tick:
    """A function that runs each `interval` seconds. `skipped(number, last)` replaces the runs that are skipped."""

    interval: float
    do: Callable[[], None]
    skipped: Callable[[int, float], None] | None


class Clock:
    """Runs events and ticks in the order of their times, and those of one time in the order of their creation."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._order = count()
        self._events: list[tuple[float, int, Do, tuple[Any, ...]]] = []
        self._ticks: list[tuple[float, int, Tick]] = []

    def at(self, time: float, do: Do, *arguments: Any) -> None:
        """Call `do` at a time."""
        heapq.heappush(self._events, (time, next(self._order), do, arguments))

    def every(
        self, interval: float, phase: float, do: Callable[[], None], skipped: Callable[[int, float], None] | None = None
    ) -> None:
        """Call `do` at each time that is `phase` after a multiple of `interval`, from now on.

        `skip` calls `skipped` with the number of skipped calls and the time of the last of them.
        """
        first = math.ceil((self.now - phase) / interval) * interval + phase
        heapq.heappush(self._ticks, (first, next(self._order), Tick(interval, do, skipped)))

    @property
    def next_event(self) -> float:
        """The time of the next event; infinite without one."""
        return self._events[0][0] if self._events else math.inf

    def step(self, until: float) -> bool:
        """Run the next event or tick. False: it is later than `until`, which is now the time."""
        event = self._events[0][0] if self._events else math.inf
        tick = self._ticks[0][0] if self._ticks else math.inf
        if min(event, tick) > until:
            self.now = until
            return False
        if event <= tick:
            self.now, _, do, arguments = heapq.heappop(self._events)
            do(*arguments)
        else:
            self.now, order, due = self._ticks[0]
            heapq.heapreplace(self._ticks, (self.now + due.interval, order, due))
            due.do()
        return True

    def skip(self, until: float) -> None:
        """Skip the ticks before a time; no event may be before it."""
        ticks = []
        for time, order, tick in self._ticks:
            number = max(0, math.ceil((until - time) / tick.interval))
            if number and tick.skipped:
                tick.skipped(number, time + (number - 1) * tick.interval)
            ticks.append((time + number * tick.interval, order, tick))
        heapq.heapify(ticks)
        self._ticks = ticks
        self.now = max(self.now, until)

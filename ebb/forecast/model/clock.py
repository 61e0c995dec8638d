"""Virtual time: events at a time, ticks at intervals, and the way to pass over a time in which nothing changes."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

Do = Callable[..., None]


@dataclass(slots=True)
class Tick:
    """Something that is done at each `interval` seconds; `passed` is told of those that were passed over."""

    interval: float
    do: Callable[[], None]
    passed: Callable[[int, float], None] | None


class Clock:
    """Executes events and ticks in the order of their times, those of one time in the order of their making."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._order = count()
        self._events: list[tuple[float, int, Do, tuple[Any, ...]]] = []
        self._ticks: list[tuple[float, int, Tick]] = []

    def at(self, time: float, do: Do, *arguments: Any) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (time, next(self._order), do, arguments))

    def every(
        self, interval: float, phase: float, do: Callable[[], None], passed: Callable[[int, float], None] | None = None
    ) -> None:
        """Do something at each `interval` from the next time on that is `phase` after a whole number of them.

        `passed(number, last)` stands in for a number of ticks that were passed over, the last one at that time.
        """
        first = math.ceil((self.now - phase) / interval) * interval + phase
        heapq.heappush(self._ticks, (first, next(self._order), Tick(interval, do, passed)))

    @property
    def next_event(self) -> float:
        """When the next event is."""
        return self._events[0][0] if self._events else math.inf

    def step(self, until: float) -> bool:
        """Do what is next, unless it is after `until`."""
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

    def pass_over(self, until: float) -> None:
        """Leave out the ticks before a time; there must be no event before it."""
        ticks = []
        for time, order, tick in self._ticks:
            left_out = max(0, math.ceil((until - time) / tick.interval))
            if left_out and tick.passed:
                tick.passed(left_out, time + (left_out - 1) * tick.interval)
            ticks.append((time + left_out * tick.interval, order, tick))
        heapq.heapify(ticks)
        self._ticks = ticks
        self.now = max(self.now, until)

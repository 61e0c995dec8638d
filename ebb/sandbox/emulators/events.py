"""The events of a region: what tasks, alarms and schedules did, in order."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ebb.sandbox.emulators.clock import Clock


@dataclass(frozen=True)
class Event:
    """`time` is in simulated seconds since the epoch, `kind` is for programs, `text` for people."""

    time: float
    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


class Events:
    """All events in order; any thread may add one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def add(self, kind: str, text: str, **data: Any) -> None:
        """Append an event that happens now."""
        with self._lock:
            self._events.append(Event(self._clock.now(), kind, text, data))

    def since(self, position: int) -> list[Event]:
        """All events but the first `position` ones."""
        with self._lock:
            return self._events[position:]

    def moment(self, event: Event) -> float:
        """The real time of an event, in seconds since the epoch."""
        return self._clock.moment(event.time)

    def clear(self) -> None:
        """Remove all events."""
        with self._lock:
            self._events.clear()

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.since(0))

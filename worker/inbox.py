"""Where the main thread waits: for events of other threads and of signals, and for files, its children's sockets."""

import os
import selectors
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from worker.core.events import Event

#: Bytes read off the bell at once: however often it rang, it is to be heard once.
RINGS = 4096


class Inbox:
    """Events in the order in which they came. The main thread alone gets, adds and watches."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._work: deque[Callable[[], None]] = deque()
        self._selector = selectors.DefaultSelector()
        #: `hammer` is written to when there is something to do; signal.set_wakeup_fd may do so too.
        self._bell, self.hammer = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self.hammer, False)
        self._selector.register(self._bell, selectors.EVENT_READ, self._on_bell)

    def get(self, seconds: float) -> list[Event]:
        """All that has happened, as soon as anything has; nothing after so many seconds, or now and then before."""
        for key, ready in self._selector.select(0 if self._events else seconds):
            key.data(ready)
        return [self._events.popleft() for _ in range(len(self._events))]

    def add(self, event: Event) -> None:
        """Take an event from the main thread."""
        self._events.append(event)

    def put(self, event: Event) -> None:
        """Take an event from any thread, or from a signal's handler."""
        self._events.append(event)
        self._ring()

    def call(self, work: Callable[[], None]) -> None:
        """From any thread: have the main thread do this when it next waits."""
        self._work.append(work)
        self._ring()

    def watch(self, file: int, ready: int, then: Callable[[int], None]) -> None:
        """Call `then` with what the file is ready for, of `ready` (selectors.EVENT_READ | EVENT_WRITE)."""
        if file in self._selector.get_map():
            self._selector.modify(file, ready, then)
        else:
            self._selector.register(file, ready, then)

    def forget(self, file: int) -> None:
        """Watch the file no longer."""
        self._selector.unregister(file)

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it has rung often enough
            os.write(self.hammer, b"!")

    def _on_bell(self, _ready: int) -> None:
        with suppress(BlockingIOError):
            os.read(self._bell, RINGS)
        while self._work:
            self._work.popleft()()

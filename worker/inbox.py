"""Where the main thread waits: for events of threads and signals, and for its children's sockets."""

import os
import selectors
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from worker.core.events import Event

#: Read from the wakeup pipe at once: many wakeups count as one.
WAKEUP_BYTES = 4096


class Inbox:
    """Events in the order of their arrival. Only the main thread may get, add and register."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._work: deque[Callable[[], None]] = deque()
        self._selector = selectors.DefaultSelector()
        #: The wakeup pipe; signal.set_wakeup_fd may write to it too.
        self._wakeup_reader, self.wakeup_fd = os.pipe()
        os.set_blocking(self._wakeup_reader, False)
        os.set_blocking(self.wakeup_fd, False)
        self._selector.register(self._wakeup_reader, selectors.EVENT_READ, self._on_wakeup)

    def get(self, seconds: float) -> list[Event]:
        """All events so far; waits up to `seconds` for the first. Can return an empty list early."""
        for key, ready in self._selector.select(0 if self._events else seconds):
            key.data(ready)
        return [self._events.popleft() for _ in range(len(self._events))]

    def add(self, event: Event) -> None:
        """Add an event from the main thread."""
        self._events.append(event)

    def put(self, event: Event) -> None:
        """Add an event from any thread, or from a signal's handler."""
        self._events.append(event)
        self._wake()

    def call(self, work: Callable[[], None]) -> None:
        """From any thread: let the main thread run `work` when it waits next."""
        self._work.append(work)
        self._wake()

    def register(self, file: int, ready: int, then: Callable[[int], None]) -> None:
        """Call `then` with the events of the file among `ready` (selectors.EVENT_READ | EVENT_WRITE)."""
        if file in self._selector.get_map():
            self._selector.modify(file, ready, then)
        else:
            self._selector.register(file, ready, then)

    def unregister(self, file: int) -> None:
        """End what `register` began."""
        self._selector.unregister(file)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # the pipe is full, so the main thread wakes up in any case
            os.write(self.wakeup_fd, b"!")

    def _on_wakeup(self, _ready: int) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup_reader, WAKEUP_BYTES)
        while self._work:
            self._work.popleft()()

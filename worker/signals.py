"""SIGTERM and SIGINT as events."""

import os
import signal
import threading
from queue import SimpleQueue

from worker.events import Event, StopRequested


def listen(events: "SimpleQueue[Event]") -> None:
    """From now on each SIGTERM and SIGINT is a StopRequested, at once; called in the main thread.

    Python runs signal handlers in its main thread, between two steps of it. A signal that comes just as that thread
    begins to wait for an event would be heard when the wait is over, seconds later, out of the little time that there
    is to stop. So a handler that does nothing is set, and the byte that Python writes at the signal itself is read.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def read() -> None:
        while os.read(reading, 1):
            events.put(StopRequested())

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=read, name="signals", daemon=True).start()

"""SIGTERM and SIGINT as events."""

import signal

from worker.core.events import StopRequested
from worker.inbox import Inbox


def listen(inbox: Inbox) -> None:
    """From now on each SIGTERM and SIGINT is a StopRequested. Call it in the main thread.

    Python runs signal handlers between two steps of the main thread. A signal that comes just before a wait would be
    handled seconds later, after the wait. So Python also writes to the inbox's wakeup pipe, which ends the wait.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put(StopRequested()))
    signal.set_wakeup_fd(inbox.wakeup_fd, warn_on_full_buffer=False)

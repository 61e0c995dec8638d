"""SIGTERM and SIGINT as events."""

import signal

from worker.core.events import StopRequested
from worker.inbox import Inbox


def listen(inbox: Inbox) -> None:
    """From now on each SIGTERM and SIGINT is a StopRequested, at once; called in the main thread.

    Python runs signal handlers in its main thread, between two steps of it. A signal that comes just as that thread
    begins to wait would be heard when the wait is over, seconds later, out of the little time that there is to stop.
    So Python rings the inbox's bell at the signal itself, which ends the wait.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put(StopRequested()))
    signal.set_wakeup_fd(inbox.hammer, warn_on_full_buffer=False)

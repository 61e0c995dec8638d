"""The right to work on a message: how long it is held, and the thread that keeps it."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from worker import logs
from worker.sqs import TROUBLE, LeaseLostError, Message, Queue
from worker.stop import Stop

#: Seconds from its receive after which SQS takes a message back, extended or not (SQS developer guide, visibility).
LONGEST_JOB = 43_200
#: Seconds kept from that end: SQS refuses an extension beyond it, rather than shorten it.
END_MARGIN = 5
#: Seconds before the lease runs out at which its job is stopped: a child may take two of them to go.
STOP_BEFORE = 3
#: Seconds between tries of a failed extension.
RETRY_PAUSE = 1


class Lease:
    """Times of the clock that a lease's holder must keep to. `asked_at` is before the request that got the message."""

    def __init__(self, asked_at: float, timeout: int) -> None:
        self.timeout = timeout
        self.end = asked_at + LONGEST_JOB - END_MARGIN
        self.deadline = min(asked_at + timeout, self.end)
        self.due = asked_at + timeout / 3
        self.lost = False

    def extension(self, now: float) -> int:
        """Seconds of visibility to ask for; 0 when that would not move the deadline, as at the end of 12 hours."""
        seconds = self.pause(now, self.timeout)
        return seconds if now + seconds > self.deadline else 0

    def extend(self, asked_at: float, seconds: int) -> None:
        """Take note that the extension asked for at that time was granted."""
        self.deadline = asked_at + seconds
        self.due = asked_at + self.timeout / 3

    def held(self, now: float) -> bool:
        """Whether the message is still ours alone."""
        return not self.lost and now < self.deadline

    @property
    def stop_at(self) -> float:
        """When the job must be stopped, unless the lease is extended before."""
        return self.deadline - STOP_BEFORE

    @property
    def last(self) -> bool:
        """Whether the 12 hours end with this deadline, give or take that visibility is counted in whole seconds."""
        return self.end - self.deadline < END_MARGIN

    def pause(self, now: float, seconds: float) -> int:
        """That many seconds of visibility, cut down to what SQS still allows."""
        return max(0, min(round(seconds), math.floor(self.end - now)))


class Heartbeat:
    """Extends a lease, in a thread, while the `with` block runs; never after it."""

    def __init__(
        self, queue: Queue, message: Message, lease: Lease, stop: Stop, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue, self._message, self._lease, self._stop, self._clock = queue, message, lease, stop, clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A call in flight is waited for (seconds: the quick client's time-outs), so that it cannot undo a give-back.
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        pause = self._lease.due - self._clock()
        while not self._over.wait(max(0.0, pause)):
            if not self._lease.held(self._clock()):
                self._stop.ring()
                return
            pause = self._beat()

    def _beat(self) -> float:
        """Try one extension; the seconds until the next."""
        asked_at = self._clock()
        seconds = self._lease.extension(asked_at)
        if not seconds:
            return self._lease.deadline - asked_at
        try:
            self._queue.hide(self._message, seconds)
        except LeaseLostError:
            self._lease.lost = True
            return 0
        except TROUBLE as error:
            job = self._message.job
            logs.event("extension_failed", logging.WARNING, message_id=job.id, attempt=job.attempt, error=str(error))
            return RETRY_PAUSE
        self._lease.extend(asked_at, seconds)
        return self._lease.due - self._clock()


def backoff(attempt: int, base: float, cap: float, jitter: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds before the next attempt: full jitter, from 0 to the base doubled at each attempt, capped."""
    doublings = min(attempt - 1, 32)  # beyond any cap, and short of a float's end
    return jitter(0, min(cap, base * 2**doublings))

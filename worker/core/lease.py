"""A message's lease: the time in which it belongs to this worker, and its extensions. Times: seconds."""

import math

from worker.config import GRACE_SECONDS, MAX_VISIBILITY_SECONDS

#: Time-outs of one call to AWS: to connect, and to wait for the answer.
CONNECT_SECONDS = 3
READ_SECONDS = 5
#: A call has its answer or its error after so long, with one second to spare.
MAX_CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS + 1
#: Safety margin below SQS's 12 hours. SQS rejects an extension past them; it does not shorten it.
END_MARGIN_SECONDS = 5
#: A job is stopped so long before its lease ends: SIGTERM, the grace, SIGKILL, and one second to spare.
STOP_BEFORE_SECONDS = GRACE_SECONDS + 1


class Lease:
    """Deadlines of one lease. `asked_at` is before the request that received the message."""

    def __init__(self, asked_at: float, timeout: int) -> None:
        self.timeout = timeout
        #: SQS makes a message visible 12 hours after its receive, extended or not (SQS developer guide, visibility).
        self.end = asked_at + MAX_VISIBILITY_SECONDS - END_MARGIN_SECONDS
        self.deadline = min(asked_at + timeout, self.end)
        self.due = asked_at + timeout / 3
        self.lost = False

    def extension(self, now: float) -> int:
        """Seconds of visibility to request; 0 when an extension would not move the deadline (end of the 12 hours)."""
        seconds = self.allowed(now, self.timeout)
        return seconds if now + seconds > self.deadline else 0

    def extend(self, asked_at: float, seconds: int) -> None:
        """SQS granted the extension that was requested at `asked_at`."""
        self.deadline = asked_at + seconds
        self.due = asked_at + self.timeout / 3

    def held(self, now: float) -> bool:
        """Whether no other worker can have the message."""
        return not self.lost and now < self.deadline

    def short(self, now: float) -> bool:
        """Whether it may end during a call, and an extension can prevent that."""
        return self.deadline - now < MAX_CALL_SECONDS and self.extension(now) > 0

    @property
    def stop_at(self) -> float:
        """When the job must be stopped, unless an extension comes first."""
        return self.deadline - STOP_BEFORE_SECONDS

    @property
    def last(self) -> bool:
        """Whether this deadline is the end of the 12 hours (visibility has whole seconds, so nearly)."""
        return self.end - self.deadline < END_MARGIN_SECONDS

    def allowed(self, now: float, seconds: float) -> int:
        """Whole seconds of visibility, at most what SQS still accepts."""
        return max(0, min(round(seconds), math.floor(self.end - now)))

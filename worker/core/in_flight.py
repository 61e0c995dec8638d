"""A message in the worker's hands: where it stands, and what is still to be said to SQS about it."""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any

from worker.core.events import Call, Message
from worker.core.lease import Lease


class State(Enum):
    """Where a message stands."""

    #: For protection, and for the idempotency store's claim.
    WAITING = auto()
    RUNNING = auto()
    #: Its child is being ended.
    STOPPING = auto()
    #: The attempt is over; SQS has to be told.
    SETTLING = auto()


class Ending(StrEnum):
    """How it ended; the values are the events that are logged."""

    DONE = "job_done"
    FAILED = "job_failed"
    RETRIED = "job_retried"
    REJECTED = "job_rejected"
    TIMED_OUT = "job_timed_out"
    GIVEN_BACK = "job_given_back"
    SKIPPED = "job_skipped"
    LEASE_LOST = "lease_lost"
    JOB_LIMIT = "job_limit"

    @property
    def regular(self) -> bool:
        """Whether nothing is wrong when a job ends so."""
        return self in {Ending.DONE, Ending.GIVEN_BACK, Ending.SKIPPED}


class Step(Enum):
    """One call that settles a message."""

    FINISH = auto()
    FORGET = auto()
    DEAD_LETTER = auto()
    HIDE = auto()
    DELETE = auto()


#: What is said after each ending, in this order. A lost lease and the end of the 12 hours leave nothing to say.
STEPS = {
    Ending.DONE: (Step.FINISH, Step.DELETE),
    Ending.FAILED: (Step.FORGET, Step.HIDE),
    Ending.RETRIED: (Step.FORGET, Step.HIDE),
    Ending.REJECTED: (Step.DEAD_LETTER, Step.FORGET, Step.DELETE),
    Ending.TIMED_OUT: (Step.FORGET, Step.HIDE),
    Ending.GIVEN_BACK: (Step.FORGET, Step.HIDE),
    Ending.SKIPPED: (Step.DELETE,),
    Ending.LEASE_LOST: (),
    Ending.JOB_LIMIT: (),
}


@dataclass(kw_only=True, eq=False)
class Held:
    """One message from its receive to its end."""

    message: Message
    lease: Lease
    received_at: float
    state: State = State.WAITING
    slot: int | None = None
    #: When the job's time limit is over.
    limit_at: float = math.inf
    #: The call about it that is in flight; there is never a second one, so none can undo another.
    call: Call | None = None
    #: Whether the idempotency store's record is ours.
    claimed: bool = False
    ending: Ending | None = None
    #: Fields of the ending's log line.
    details: dict[str, Any] = field(default_factory=dict)
    steps: deque[Step] = field(default_factory=deque)
    #: Seconds that it shall stay hidden, when it ends by HIDE.
    delay: float = 0.0
    #: Tries of the present call that failed, and when the next one is due.
    tries: int = 0
    retry_at: float = -math.inf
    #: A delete got no answer: it may have been done.
    unsure: bool = False
    #: Whether it is to be looked at whenever anything happens; otherwise when, unless it is heard of before.
    restless: bool = True
    look_at: float = math.inf
    #: The same message, delivered once more while a call about this receive was in flight.
    newer: tuple[Message, Lease] | None = None

    def settle(self, ending: Ending, *, store: bool, delay: float = 0.0, **details: Any) -> None:
        """The attempt is over in this way. `store`: whether there is an idempotency store."""
        self.state, self.ending, self.delay = State.SETTLING, ending, delay
        self.details |= details
        told = {Step.FINISH: store, Step.FORGET: self.claimed}
        self.steps = deque(step for step in STEPS[ending] if told.get(step, True))
        self.tries, self.retry_at = 0, -math.inf

    @property
    def hides(self) -> bool:
        """Whether what is left to say is that it shall be visible again, now or later."""
        return self.state is State.SETTLING and bool(self.steps) and self.steps[-1] is Step.HIDE

    @property
    def needs_slot(self) -> bool:
        """Whether a job of it is yet to start."""
        return self.state is State.WAITING or (self.newer is not None and self.hides)

    def renew(self) -> None:
        """Go on under the newest receive: its handle is the one that SQS heeds."""
        if self.newer:
            message, lease = self.newer
            lease.end = min(lease.end, self.lease.end)
            self.message, self.lease, self.newer = message, lease, None
            if self.state is State.STOPPING and self.ending is Ending.LEASE_LOST:
                self.ending = Ending.GIVEN_BACK

"""A message between its receive and its end: its state, and the calls that it still needs."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from worker.core.endings import Ending, JobState, Step
from worker.core.events import Call, Kind, Message, Outcome
from worker.core.lease import MAX_CALL_SECONDS, Lease
from worker.job import Result, log_fields

#: A message whose job no child can take is given back after so long.
MAX_WAIT_SECONDS = 60


class State(Enum):
    """What a message waits for."""

    #: Protection, the claim in the job table, a free slot.
    WAITING = auto()
    #: Its job.
    RUNNING = auto()
    #: The end of its child.
    STOPPING = auto()
    #: The calls that settle it; the attempt has ended.
    SETTLING = auto()


@dataclass(kw_only=True, eq=False)
class InFlight:
    """One message from its receive to its end."""

    message: Message
    lease: Lease
    received_at: float
    waits_since: float = math.nan
    state: State = State.WAITING
    slot: int | None = None
    stop_requested: bool = False
    limit_at: float = math.inf
    #: The call about this message that has no answer yet. There is never a second one that could undo it.
    call: Call | None = None
    #: Whether the claim is in the job table, and whether it may be.
    claimed: bool = False
    claim_sent: bool = False
    #: Whether the caller has cancelled the job.
    cancelled: bool = False
    ending: Ending | None = None
    #: The job's final state, if this attempt was its last one, and the job as the table shows it.
    final: JobState | None = None
    job: Mapping[str, Any] | None = None
    result: Result | None = None
    details: dict[str, Any] = field(default_factory=dict)
    steps: deque[Step] = field(default_factory=deque)
    delay: float = 0.0
    #: Failed tries of the current call, and when the next try is due.
    tries: int = 0
    retry_at: float = -math.inf
    #: Whether a delete got no answer: it may have been executed.
    delete_unanswered: bool = False
    #: True: check it on every event. False: check it at `next_check`, or when an event is about it.
    always_due: bool = True
    next_check: float = math.inf
    #: The same message from a newer receive, which arrived while a call about this receive was in flight.
    newer: tuple[Message, Lease] | None = None

    def __post_init__(self) -> None:
        self.waits_since = self.received_at

    @property
    def log_fields(self) -> dict[str, Any]:
        """The fields of each log line about this message."""
        return log_fields(self.message.job)

    @property
    def error(self) -> str | None:
        """What went wrong, for the caller."""
        if self.result and self.result.dropped:
            return self.result.dropped
        if self.ending is Ending.TIMED_OUT:
            return "it was stopped at its time limit"
        if self.ending is Ending.JOB_LIMIT:
            return "it was stopped at SQS's limit of 12 hours"
        why = self.details.get("error") or self.details.get("reason")
        if why is None and self.ending is Ending.GIVEN_BACK:
            return "the worker stopped"
        return why

    @property
    def lease_ending(self) -> Ending:
        """How it ends if its lease ends now."""
        return Ending.JOB_LIMIT if self.lease.last and not self.lease.lost else Ending.LEASE_LOST

    def must_stop(self, now: float, finish_by: float) -> Ending | None:
        """Why its job must stop now, if it must. `finish_by`: when the worker's own jobs must have ended."""
        if self.lease.lost or now >= self.lease.stop_at:
            return self.lease_ending
        if self.cancelled:
            return Ending.CANCELLED
        if now >= self.limit_at:
            return Ending.TIMED_OUT
        return Ending.GIVEN_BACK if now >= finish_by else None

    def wait(self, now: float) -> None:
        """Its job did not start: it waits for another slot."""
        self.state, self.slot, self.limit_at, self.waits_since = State.WAITING, None, math.inf, now
        self.ending, self.always_due = None, True

    def schedule(self, now: float) -> None:
        """Set when to check it next. If it is ready for a call, it waits until other calls have ended."""
        lease = self.lease
        times = [lease.due, lease.deadline - MAX_CALL_SECONDS, lease.deadline, lease.stop_at]
        times += [self.limit_at, self.retry_at, self.waits_since + MAX_WAIT_SECONDS]
        self.next_check = min([time for time in times if time > now], default=math.inf)
        settling = self.state is State.SETTLING and self.retry_at <= now
        self.always_due = (self.call is None and (lease.due <= now or settling)) or self.needs_slot

    def extended(self, asked_at: float, seconds: int, outcome: Outcome, retry_at: float) -> None:
        """Record the outcome of an extension by `seconds`. A failed one is tried again at `retry_at`."""
        if self.newer:
            self.renew()
        elif outcome.kind is Kind.OK:
            self.lease.extend(asked_at, seconds)
        elif outcome.kind is Kind.RETRYABLE:
            self.lease.due = retry_at
        else:
            self.lease.lost = True

    def settle(
        self, ending: Ending, final: JobState | None, steps: deque[Step], delay: float = 0.0, **details: Any
    ) -> None:
        """The attempt ended in this way, and these steps follow. `final`: the job's state from now on, if it ended."""
        self.state, self.ending, self.final, self.delay = State.SETTLING, ending, final, delay
        self.details |= details
        self.steps, self.tries, self.retry_at = steps, 0, -math.inf

    def next_step(self) -> None:
        """The first of the steps is done, or is left out."""
        self.steps.popleft()
        self.tries, self.retry_at = 0, -math.inf

    @property
    def returns(self) -> bool:
        """Whether the remaining calls make the message visible again, now or later."""
        return self.state is State.SETTLING and bool(self.steps) and self.steps[-1] is Step.CHANGE_VISIBILITY

    @property
    def needs_slot(self) -> bool:
        """Whether a job of it has still to start."""
        return self.state is State.WAITING or (self.newer is not None and self.returns)

    def renew(self) -> None:
        """Continue with the newest receive: SQS accepts its handle only."""
        if self.newer:
            message, lease = self.newer
            lease.end = min(lease.end, self.lease.end)
            self.message, self.lease, self.newer = message, lease, None
            if self.state is State.STOPPING and self.ending is Ending.LEASE_LOST:
                self.ending = Ending.GIVEN_BACK

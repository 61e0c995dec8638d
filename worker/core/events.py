"""What the worker's core is told (events) and what it wants done (actions). Times: seconds of the worker's clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from worker.job import Job, Result


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message received: the job, the receipt handle of this receive, and what a dead-letter queue needs of it."""

    job: Job
    handle: str
    #: Unix time at which it was sent (SQS's SentTimestamp).
    sent_at: float = 0.0
    #: SQS's MessageAttributes as they came.
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: The deduplication id of a FIFO queue's message.
    deduplication_id: str | None = None


class Kind(Enum):
    """How a call about one message ended."""

    OK = auto()
    #: The receipt handle holds no lease any longer: visible again, deleted, or at its 12 hours.
    LOST = auto()
    #: No answer, or one that may change: to be tried again. Whether the call took effect is unknown.
    TROUBLE = auto()
    #: Refused for good: the same call will never succeed (a dead letter that is too long).
    REFUSED = auto()
    #: Claim: the job has been finished before.
    FINISHED = auto()
    #: Claim: another worker has it, for `seconds` more.
    TAKEN = auto()


@dataclass(frozen=True)
class Outcome:
    """How a call about one message ended, and why."""

    kind: Kind
    error: str | None = None
    seconds: float = 0.0


# -- actions


@dataclass(frozen=True)
class Receive:
    """Ask for up to `count` messages and wait up to `wait` seconds -> Received."""

    count: int
    wait: int
    #: FIFO: ReceiveRequestAttemptId, the same when a receive without an answer is repeated.
    attempt_id: str | None = None


@dataclass(frozen=True)
class Hide:
    """Let messages be visible again so many seconds from now (an extension, a pause or a give-back) -> Answered."""

    entries: tuple[tuple[Message, int], ...]
    #: An extension must not wait behind other calls.
    urgent: bool = False


@dataclass(frozen=True)
class Delete:
    """Delete messages -> Answered."""

    messages: tuple[Message, ...]


@dataclass(frozen=True)
class DeadLetter:
    """Send a copy to the dead-letter queue with the reason -> Answered."""

    message: Message
    reason: str


@dataclass(frozen=True)
class Claim:
    """Idempotency store: take the job until `until`, unless it was finished or is taken -> Answered."""

    message: Message
    until: float


@dataclass(frozen=True)
class Finish:
    """Idempotency store: remember that the job is done -> Answered."""

    message: Message


@dataclass(frozen=True)
class Forget:
    """Idempotency store: give the claim up -> Answered."""

    message: Message


@dataclass(frozen=True)
class Protect:
    """ECS task protection for so many minutes, or none (0). `proof`: show that it can be had -> Protected."""

    minutes: int
    proof: bool = False


@dataclass(frozen=True)
class Start:
    """Have the slot's child do the job, which is stopped at `deadline` -> Ended."""

    slot: int
    job: Job
    deadline: float


@dataclass(frozen=True)
class Kill:
    """End the slot's child: SIGTERM, then SIGKILL -> Ended, then Ready when a new one stands."""

    slot: int


@dataclass(frozen=True)
class Exit:
    """Nothing is left to do: end the process with this code."""

    code: int


Call = Hide | Delete | DeadLetter | Claim | Finish | Forget
Action = Receive | Call | Protect | Start | Kill | Exit


# -- events


@dataclass(frozen=True)
class Received:
    """A receive's answer, or its error. `asked_at` is before the request was made."""

    receive: Receive
    asked_at: float
    messages: tuple[Message, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Answered:
    """A call's answer: the outcome by receipt handle. `asked_at` is before the request was made."""

    call: Call
    asked_at: float
    outcomes: Mapping[str, Outcome]


class Denial(Enum):
    """Why protection was not given."""

    #: DEPLOYMENT_BLOCKED: a deployment or scale-in has no room for another protected task.
    BLOCKED = auto()
    #: Refused, or the agent does not answer.
    REFUSED = auto()


@dataclass(frozen=True)
class Protected:
    """The agent's answer; without a denial it did what was asked."""

    protect: Protect
    asked_at: float
    denial: Denial | None = None
    error: str | None = None


@dataclass(frozen=True)
class Ready:
    """A slot's child has imported the handler, or could not (`error`; the slot tries again by itself)."""

    slot: int
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Ended:
    """An attempt is over; `alive`: its child can take the next job, otherwise Ready follows."""

    slot: int
    result: Result
    alive: bool


@dataclass(frozen=True)
class StopRequested:
    """SIGTERM or SIGINT."""


Event = Received | Answered | Protected | Ready | Ended | StopRequested

"""Inputs (events) and outputs (actions) of the worker's core. Times: seconds of the worker's clock."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from worker.core.endings import JobState
from worker.job import Job, Result
from worker.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Message:
    """A received message: the job, the receipt handle, and what a dead letter needs."""

    job: Job
    handle: str
    #: Unix time (SQS's SentTimestamp).
    sent_at: float = 0.0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    deduplication_id: str | None = None

    @property
    def id(self) -> str:
        """SQS's message id. Two messages can be about one job."""
        return self.job.message_id


class Kind(Enum):
    """How a call about one message ended."""

    OK = auto()
    #: The receipt handle has no lease: the message is visible, deleted, or at its 12 hours.
    LOST = auto()
    #: No answer, or an error that can go away. The call may have had an effect.
    RETRYABLE = auto()
    #: The same call will never succeed (a dead letter that is too long).
    REFUSED = auto()
    #: Job table: the job has ended before.
    FINISHED = auto()
    #: Job table: the caller has cancelled the job, and this worker may end it.
    CANCELLED = auto()
    #: Claim: another worker has the job, for `seconds` more.
    TAKEN = auto()


@dataclass(frozen=True)
class Outcome:
    """How a call about one message ended, and why."""

    kind: Kind
    error: str | None = None
    seconds: float = 0.0
    #: The job as the table has it, where the call has shown it.
    job: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Receive:
    """Request up to `count` messages and wait up to `wait` seconds -> Received."""

    count: int
    wait: int
    #: FIFO: ReceiveRequestAttemptId; a repeated receive has the same one.
    attempt_id: str | None = None


@dataclass(frozen=True)
class ChangeVisibility:
    """Make each message visible after its seconds: an extension, a pause or a give-back -> Answered."""

    entries: tuple[tuple[Message, int], ...]
    #: True for extensions: they must not wait behind other calls.
    urgent: bool = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that the call is about."""
        return tuple(message for message, _ in self.entries)


@dataclass(frozen=True)
class Delete:
    """Delete messages -> Answered."""

    messages: tuple[Message, ...]


@dataclass(frozen=True)
class _OneMessage:
    message: Message

    @property
    def messages(self) -> tuple[Message, ...]:
        """The message that the call is about."""
        return (self.message,)


@dataclass(frozen=True)
class DeadLetter(_OneMessage):
    """Send a copy with the reason to the dead-letter queue -> Answered."""

    reason: str


@dataclass(frozen=True)
class Claim(_OneMessage):
    """Job table: claim the job until `until`, unless it has ended or is claimed -> Answered."""

    until: float


@dataclass(frozen=True)
class Finish(_OneMessage):
    """Job table: the job has ended in this final state -> Answered."""

    state: JobState
    error: str | None = None
    #: JSON text.
    result: str | None = None
    progress: Progress | None = None


@dataclass(frozen=True)
class Release(_OneMessage):
    """Job table: end the claim, the job waits again -> Answered. `error`: why its attempt failed."""

    error: str | None = None


@dataclass(frozen=True)
class Notify(_OneMessage):
    """Event bus: this job has ended -> Answered."""

    ended: Mapping[str, Any]


@dataclass(frozen=True)
class Follow:
    """Ask which of these jobs are cancelled, and report their progress -> Followed. A job that runs has a slot."""

    jobs: tuple[tuple[Message, int | None], ...]


@dataclass(frozen=True)
class Protect:
    """ECS task protection for `minutes`; 0 ends it -> Protected."""

    minutes: int


@dataclass(frozen=True)
class Start:
    """Run the job in the slot's child; the worker stops it at `deadline` -> Ended, or NotStarted."""

    slot: int
    job: Job
    deadline: float


@dataclass(frozen=True)
class RequestStop:
    """Set `job.stopping` for the slot's job: the worker stops soon, and the job may save its work."""

    slot: int


@dataclass(frozen=True)
class Kill:
    """End the slot's child: SIGTERM, and SIGKILL after `grace` seconds -> Ended if it has a job, then Starting.

    A second Kill with a shorter grace hurries the first.
    """

    slot: int
    grace: float


@dataclass(frozen=True)
class Exit:
    """End the process with this code."""

    code: int


Call = ChangeVisibility | Delete | DeadLetter | Claim | Finish | Release | Notify
Action = Receive | Call | Follow | Protect | Start | RequestStop | Kill | Exit


@dataclass(frozen=True)
class Received:
    """A receive's messages, or its error. `asked_at` is before the request."""

    receive: Receive
    asked_at: float
    messages: tuple[Message, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Answered:
    """A call's answer: outcomes by receipt handle. `asked_at` is before the request."""

    call: Call
    asked_at: float
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True)
class Followed:
    """The ids of the messages whose jobs the caller has cancelled."""

    cancelled: frozenset[str] = frozenset()


class Denial(Enum):
    """Why the task got no protection."""

    #: DEPLOYMENT_BLOCKED: a deployment or scale-in leaves no room for another protected task.
    BLOCKED = auto()
    #: ECS refused: asked again, it will probably refuse again.
    REFUSED = auto()
    #: No answer, a time-out, throttling or an error of ECS: the same request may succeed later.
    UNAVAILABLE = auto()


@dataclass(frozen=True)
class Protected:
    """The agent's answer; success when `denial` is None."""

    protect: Protect
    asked_at: float
    denial: Denial | None = None
    error: str | None = None


@dataclass(frozen=True)
class Starting:
    """A child of the slot has been started and imports the handler -> Ready."""

    slot: int


@dataclass(frozen=True)
class Ready:
    """A slot's child has imported the handler. `error`: it could not; the slot tries again by itself."""

    slot: int
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Lost:
    """A slot's idle child is gone, and why: the slot cannot run a job until Ready."""

    slot: int
    error: str


@dataclass(frozen=True)
class NotStarted:
    """The slot's child was gone, or hung, before it took the job: no attempt was made. Ready follows."""

    slot: int
    error: str


@dataclass(frozen=True)
class Ended:
    """An attempt has ended. `alive`: its child can run the next job; otherwise Ready follows."""

    slot: int
    result: Result
    alive: bool


@dataclass(frozen=True)
class StopRequested:
    """SIGTERM or SIGINT."""


Event = Received | Answered | Followed | Protected | Starting | Ready | Lost | NotStarted | Ended | StopRequested


class Observe(Protocol):
    """Takes an event for the log and its fields, as `logs.event` does."""

    def __call__(self, name: str, level: int = logging.INFO, /, **fields: Any) -> None:
        """Record the event."""

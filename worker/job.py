"""A job as the handler sees it, what a handler may raise, and what became of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Retry(Exception):  # noqa: N818 - raised by handlers, as a word of theirs
    """Raise it to say "not now": the attempt ends, and the next one comes after that many seconds (by backoff if None).

    SQS counts the attempt all the same: `max_receive_count` of them end in the dead-letter queue.
    """

    after: float | None = None

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Reject(Exception):  # noqa: N818 - raised by handlers, as a word of theirs
    """Raise it to say "never": the message goes to the dead-letter queue at once, with this reason."""


class NotJsonError(Reject, ValueError):
    """The job was asked for JSON that it is not. Unless the handler catches it, the job is rejected."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One message of the queue, as given to `handle`."""

    #: SQS's message id: the same at each attempt.
    id: str
    body: str
    #: Message attributes by name: text and numbers as str, binary ones as bytes.
    attributes: Mapping[str, str | bytes] = field(default_factory=dict)
    #: 1 at the first attempt. SQS counts what it handed out, so an attempt that never ran counts too.
    attempt: int = 1
    #: The message group of a FIFO queue.
    group: str | None = None
    #: Unix time at which the job is stopped if it still runs: its time limit, or the end of SQS's 12 hours.
    deadline: float = 0.0
    #: The X-Ray trace header that the message came with; in the handler's environment as _X_AMZN_TRACE_ID.
    trace: str | None = None

    def json(self) -> Any:
        """The body as JSON; raises NotJsonError, which rejects the job, when it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJsonError(f"the body is not JSON: {error}") from error


class Verdict(StrEnum):
    """How one attempt at a job ended in its child process."""

    DONE = "done"
    FAILED = "failed"
    RETRY = "retry"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one attempt; `after` are the seconds that a Retry asked for."""

    verdict: Verdict
    reason: str | None = None
    traceback: str | None = None
    after: float | None = None

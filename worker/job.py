"""A job as the handler gets it, the exceptions that a handler may raise, and the result of an attempt."""

import functools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from worker import progress
from worker.progress import Progress

#: The time to read a number grows with the square of its digits: this many take a tenth of a second, a million 20.
MAX_NUMBER_DIGITS = 100_000


class Retry(Exception):  # noqa: N818 - a word for handlers: `raise Retry`
    """Raise it for "not now". The next attempt comes after `after` seconds, or after a growing pause if None.

    SQS counts the attempt: after `max_receive_count` of them the message goes to the dead-letter queue.
    """

    after: float | None = None

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Reject(Exception):  # noqa: N818 - a word for handlers: `raise Reject`
    """Raise it for "never". The message goes to the dead-letter queue at once, with this reason."""


class NotJsonError(Reject, ValueError):
    """The body is not JSON. Unless the handler catches it, the job is rejected."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One message of the queue, as `handle` gets it."""

    #: The same at each attempt: the id that the API gave out, or else SQS's message id.
    id: str
    body: str
    #: Message attributes by name: text and numbers as str, binary ones as bytes.
    attributes: Mapping[str, str | bytes] = field(default_factory=dict)
    #: 1 at first. SQS counts each receive, so an attempt that never ran counts too.
    attempt: int = 1
    #: The message group (FIFO queues only).
    group: str | None = None
    #: Unix time at which the worker stops the job: its time limit, or the end of SQS's 12 hours.
    deadline: float = 0.0
    #: The message's X-Ray trace header; also in the environment, as _X_AMZN_TRACE_ID.
    trace: str | None = None
    #: SQS's message id.
    message_id: str = ""

    def __post_init__(self) -> None:
        if not self.message_id:
            object.__setattr__(self, "message_id", self.id)

    def progress(self, fraction: float, note: str = "") -> None:
        """Say how much of the job is done, from 0 to 1, and what it does now.

        The caller who asks for the job sees it some seconds later. A fraction below 0 counts as 0, one
        above 1 as 1. Raises ValueError when it is not a number, TypeError when the note is not text.
        """
        progress.report(fraction, note)

    @functools.cached_property
    def stopping(self) -> threading.Event:
        """Set when the worker must stop this job soon: save its work, and raise Retry.

        Look at it first in `handle` itself, not in a thread. From then on SIGTERM sets it too, and does not end the
        process at once.
        """
        return threading.Event()

    def json(self) -> Any:
        """The body as JSON. Raises NotJsonError, which rejects the job, when it is not."""
        try:
            # RFC 8259, 8.1: a parser may ignore a byte order mark, and .NET and PowerShell write one
            return json.loads(self.body.removeprefix("\ufeff"), parse_int=_integer)
        except (ValueError, RecursionError) as error:
            raise NotJsonError(f"the body is not JSON: {error}") from error


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # more than 4,300 digits: Python refuses what would take long (sys.set_int_max_str_digits)
        if (digits := len(text.removeprefix("-"))) > MAX_NUMBER_DIGITS:
            raise ValueError(f"a number in it has {digits} digits, and the limit is {MAX_NUMBER_DIGITS}") from None
        return int(Decimal(text))


def log_fields(job: Job) -> dict[str, Any]:
    """The fields of each log line about the job. `job_id` is left out where it is SQS's message id."""
    fields = {"message_id": job.message_id, "attempt": job.attempt, "group": job.group, "trace": job.trace}
    return fields if job.id == job.message_id else fields | {"job_id": job.id}


class Verdict(StrEnum):
    """How an attempt ended in its child process."""

    DONE = "done"
    FAILED = "failed"
    RETRY = "retry"
    REJECT = "reject"
    #: The job cannot be tried here, and is not to blame. The program does not run, there is no space for its body, or
    #: the bucket with its body cannot be read.
    UNABLE = "unable"


class UnableError(Exception):
    """The worker cannot try a job here. The text is one sentence. Handlers raise Retry instead."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of an attempt. `after`: the seconds that a Retry asked for. `last`: the child takes no other job.

    `value`: what the handler returned, as JSON text. `dropped`: why there is none although it returned something.
    """

    verdict: Verdict
    reason: str | None = None
    traceback: str | None = None
    after: float | None = None
    last: bool = False
    value: str | None = None
    dropped: str | None = None
    progress: Progress | None = None

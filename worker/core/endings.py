"""How an attempt ends: its name, the job's state afterwards, and the calls that settle its message."""

import json
from collections import deque
from enum import Enum, StrEnum, auto
from typing import Any

from worker.job import Result, Verdict


class JobState(StrEnum):
    """A job's states in the table, as far as the worker writes them."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


#: States that never change. An operator's redrive of a failed or rejected job is a new message, and runs again.
FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.REJECTED, JobState.CANCELLED})


class Ending(StrEnum):
    """How an attempt ended. The values are the names of the log events."""

    DONE = "job_done"
    FAILED = "job_failed"
    RETRIED = "job_retried"
    REJECTED = "job_rejected"
    CANCELLED = "job_cancelled"
    TIMED_OUT = "job_timed_out"
    GIVEN_BACK = "job_given_back"
    SKIPPED = "job_skipped"
    LEASE_LOST = "lease_lost"
    JOB_LIMIT = "job_limit"

    @property
    def regular(self) -> bool:
        """Whether this ending needs no attention."""
        return self in {Ending.DONE, Ending.CANCELLED, Ending.GIVEN_BACK, Ending.SKIPPED}

    @property
    def lost(self) -> bool:
        """Whether the message is not this worker's any more."""
        return self in {Ending.LEASE_LOST, Ending.JOB_LIMIT}

    @property
    def returns(self) -> bool:
        """Whether the message is made visible again, for another attempt or for SQS to move it."""
        return self in {Ending.FAILED, Ending.RETRIED, Ending.TIMED_OUT, Ending.GIVEN_BACK}


class Step(Enum):
    """One call that settles a message."""

    DEAD_LETTER = auto()
    FINISH = auto()
    RELEASE = auto()
    NOTIFY = auto()
    CHANGE_VISIBILITY = auto()
    DELETE = auto()


#: Steps that need the job table or the event bus: a message must not depend on them for ever.
OPTIONAL = frozenset({Step.FINISH, Step.RELEASE, Step.NOTIFY})
STATES = {
    Ending.DONE: JobState.SUCCEEDED,
    Ending.REJECTED: JobState.REJECTED,
    Ending.CANCELLED: JobState.CANCELLED,
}


def final_state(ending: Ending, attempt: int, attempts: int | None) -> JobState | None:
    """The state that the job has for ever after this attempt; None if another follows. `attempts`: all that it gets.

    After the last one SQS moves the message to the dead-letter queue, with no worker in between.
    """
    if ending.returns or ending is Ending.JOB_LIMIT:
        return JobState.FAILED if attempts and attempt >= attempts else None
    return STATES.get(ending)


def steps(ending: Ending, state: JobState | None, *, table: bool, events: bool, claimed: bool) -> deque[Step]:
    """The calls, in this order. After a lost lease there is none, and after the 12 hours none about the message.

    `claimed`: whether the claim may be in the table.
    """
    found: list[Step] = [Step.DEAD_LETTER] if ending is Ending.REJECTED else []
    if table and state:
        found.append(Step.FINISH)
    elif table and claimed and (ending.returns or ending is Ending.JOB_LIMIT):
        found.append(Step.RELEASE)
    if events and (state or ending is Ending.SKIPPED):
        found.append(Step.NOTIFY)
    if ending.returns:
        found.append(Step.CHANGE_VISIBILITY)
    elif not ending.lost:
        found.append(Step.DELETE)
    return deque(found)


def attempt_ending(
    result: Result, stopped: Ending | None, pause: float, *, stopping: bool
) -> tuple[Ending, float, dict[str, Any]]:
    """The ending of an attempt, the seconds until the message is visible again, and the fields to log.

    `stopped`: why the worker ended the child, if it did. Then no verdict counts: many programs end cleanly on SIGTERM.
    `pause`: the back-off of this attempt. `stopping`: whether the job knows that the worker stops.
    """
    if stopped:
        return stopped, pause if stopped is Ending.TIMED_OUT else 0, {}
    reason = {"reason": result.reason}
    match result.verdict:
        case Verdict.DONE:
            return Ending.DONE, 0, {"result_dropped": result.dropped}
        case Verdict.RETRY:  # asked to stop, it has saved its work: another worker can go on with it at once
            ending, pause = (Ending.GIVEN_BACK, 0) if stopping else (Ending.RETRIED, pause)
            return ending, pause if result.after is None else result.after, reason
        case Verdict.REJECT:
            return Ending.REJECTED, pause, reason
        case Verdict.UNABLE:
            return Ending.GIVEN_BACK, pause, reason
        case _:
            return Ending.FAILED, pause, {"error": result.reason, "traceback": result.traceback}


def shown(result: Result) -> dict[str, Any]:
    """The fields to log where no table shows a job's progress and result."""
    progress = result.progress
    found: dict[str, Any] = {"progress": progress.fraction, "note": progress.note or None} if progress else {}
    return found | ({"result": json.loads(result.value)} if result.value is not None else {})

"""The job table of a simulation, as worker/aws/table.py and the API use it, and what must hold for each write."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from worker.core.endings import FINAL, JobState
from worker.core.events import Claim, Finish, Kind, Message, Outcome, Release

WAITS = {JobState.QUEUED, JobState.SCHEDULED}


@dataclass(slots=True)
class Item:
    """A job."""

    state: JobState
    message_id: str | None = None
    owner: str | None = None
    until: float = 0.0
    attempt: int = 0
    cancel: float | None = None
    finished: float = 0.0
    progress: float | None = None
    #: The message, the attempt and the state of the last write.
    last: tuple[str | None, int, JobState] | None = None


class Table:
    """Items by job id. `fail` raises a violation about a message."""

    def __init__(self, clock: Callable[[], float], fail: Callable[[str, str], None]) -> None:
        self._clock, self._fail = clock, fail
        self.items: dict[str, Item] = {}

    # -- the API

    def submitted(self, job_id: str, message_id: str) -> None:
        """The API has put the item and sent the message. A worker may have been faster."""
        item = self.items.setdefault(job_id, Item(JobState.QUEUED))
        item.message_id = item.message_id or message_id

    def cancel(self, job_id: str) -> JobState | None:
        """DELETE: the state in the answer; a running job is only marked."""
        item = self.items.get(job_id)
        if item is None:
            return None
        if item.state in WAITS:
            self._becomes(job_id, item, JobState.CANCELLED)
            item.finished = self._clock()
        elif item.state is JobState.RUNNING and item.cancel is None:
            item.cancel = self._clock()
        return item.state

    # -- the worker

    def call(self, worker: str, call: Claim | Finish | Release, until: float) -> Outcome:
        """Claim, finish or release; a claim ends at `until`."""
        match call:
            case Claim():
                return self._claim(worker, call.message, until)
            case Finish():
                return self._finish(worker, call)
            case Release():
                return self._release(worker, call.message)

    def extend(self, worker: str, message: Message, until: float) -> None:
        """Let the worker's claim end later."""
        item = self.items.get(message.job.id)
        if item and self._held(item, worker, message):
            item.until = until

    def cancelled(self, worker: str, messages: Iterable[Message]) -> frozenset[str]:
        """The messages of the worker whose jobs the caller does not want."""
        found = ((message, self.items.get(message.job.id)) for message in messages)
        return frozenset(
            message.id
            for message, item in found
            if item and item.cancel is not None and item.owner == _owner(worker, message)
        )

    def _claim(self, worker: str, message: Message, until: float) -> Outcome:
        job, now = message.job, self._clock()
        item = self.items.setdefault(job.id, Item(JobState.QUEUED))
        free = item.state in WAITS or (
            item.state is JobState.RUNNING and (self._held(item, worker, message) or item.until < now)
        )
        least = item.attempt + 1 if item.state in WAITS and item.attempt else item.attempt
        older = item.message_id == message.id and job.attempt < least
        again = item.state in {JobState.FAILED, JobState.REJECTED} and int(item.finished) < int(message.sent_at)
        if again or (free and item.cancel is None and not older):
            item.owner, item.until, item.cancel = _owner(worker, message), until, None
            item.attempt, item.message_id = job.attempt, message.id
            self._becomes(job.id, item, JobState.RUNNING, again=again)
            return Outcome(Kind.OK)
        return self._found(item, worker, message)

    def _finish(self, worker: str, call: Finish) -> Outcome:
        message = call.message
        absent = message.job.id not in self.items
        item = self.items.setdefault(message.job.id, Item(JobState.QUEUED))
        ours = item.message_id in {None, message.id}
        allowed = absent or self._held(item, worker, message)
        if call.state is JobState.CANCELLED:
            ended = item.state in WAITS or (item.state is JobState.RUNNING and item.until < self._clock())
            allowed |= item.cancel is not None and ended
        else:
            allowed |= item.state in WAITS and item.cancel is None and ours
        if allowed:
            item.attempt, item.message_id, item.owner, item.finished = (
                message.job.attempt,
                message.id,
                None,
                self._clock(),
            )
            self._becomes(message.job.id, item, call.state)
            return Outcome(Kind.OK, job={"id": message.job.id, "state": call.state})
        if (item.state, item.message_id, item.attempt) == (call.state, message.id, message.job.attempt):
            return Outcome(Kind.OK)  # an earlier try, whose answer was lost
        found = self._found(item, worker, message)
        return Outcome(Kind.LOST, found.error) if found.kind is Kind.TAKEN else found

    def _release(self, worker: str, message: Message) -> Outcome:
        item = self.items.get(message.job.id)
        if item is None:
            return Outcome(Kind.OK)
        if self._held(item, worker, message) and item.cancel is None:
            item.owner = None
            self._becomes(message.job.id, item, JobState.QUEUED)
            return Outcome(Kind.OK)
        found = self._found(item, worker, message)
        return found if found.kind is Kind.CANCELLED else Outcome(Kind.OK)

    def _held(self, item: Item, worker: str, message: Message) -> bool:
        ours = item.state is JobState.RUNNING and item.owner == _owner(worker, message)
        return ours and item.attempt <= message.job.attempt

    def _found(self, item: Item, worker: str, message: Message) -> Outcome:
        if item.state in FINAL:
            return Outcome(Kind.FINISHED, "ended", job={"id": message.job.id, "state": item.state})
        free = item.state is not JobState.RUNNING or self._held(item, worker, message) or item.until < self._clock()
        if item.cancel is not None and free:
            return Outcome(Kind.CANCELLED, "cancelled")
        return Outcome(Kind.TAKEN, "another", max(1.0, item.until - self._clock()))

    def _becomes(self, job_id: str, item: Item, state: JobState, *, again: bool = False) -> None:
        """States only go forward, and a final one stays."""
        if item.state in FINAL and not again:
            self._fail(f"the final state {item.state} becomes {state}", job_id)
        order = (JobState.RUNNING, JobState.QUEUED)
        if item.last and item.last[0] == item.message_id and {state, item.last[2]} <= set(order):
            _, attempt, before = item.last
            if (item.attempt, order.index(state)) < (attempt, order.index(before)):
                self._fail(f"{before} at attempt {attempt} becomes {state} at {item.attempt}", job_id)
        item.state = state
        item.last = item.message_id, item.attempt, state


def _owner(worker: str, message: Message) -> str:
    return f"{worker}/{message.id}"

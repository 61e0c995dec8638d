"""What must hold for the jobs of a job table, under all faults of calls and workers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from worker.core.endings import FINAL, JobState

if TYPE_CHECKING:
    from tests.worker.judge import Judge, Past


class Jobs:
    """The judge's book of jobs. A job has one message, or several: the API's workflow may send it twice."""

    def __init__(self, judge: "Judge") -> None:
        self._judge = judge
        #: Whether the job of a message has a final state.
        self.has_ended: Callable[[str], bool] = lambda _: False
        #: The longest time from a cancel to the end of the job's process.
        self.longest_cancel = 0.0
        #: The state that was sent in a job's event.
        self._events: dict[str, str] = {}

    def twins(self, message_id: str) -> "list[Past]":
        """What is known of all messages about this one's job."""
        past = self._judge.past
        return [past[message_id], *(past[twin] for twin in past[message_id].twins)]

    def kept(self, message_id: str) -> bool:
        """Whether the message may be deleted: its job was done, rejected or cancelled, or ended by its twin."""
        ended = any(one.done or one.letters or one.cancelled for one in self.twins(message_id))
        return ended or self.ended_by_twin(message_id)

    def ended_by_twin(self, message_id: str) -> bool:
        """Whether there is another message about its job, which has ended."""
        return bool(self._judge.past[message_id].twins) and self.has_ended(message_id)

    def doubled(self, first: str, second: str) -> None:
        """Two messages are about one job."""
        self._judge.past[first].twins.append(second)
        self._judge.past[second].twins.append(first)

    def cancelled(self, message_id: str, state: JobState | None) -> None:
        """Its caller has cancelled it, and got this state."""
        for past in self.twins(message_id):
            if state is JobState.CANCELLED:
                past.cancelled = past.never_runs = True
            elif state is JobState.RUNNING:
                past.cancelled = True
                for run in past.live:
                    run.cancelled_at = run.cancelled_at or self._judge.now

    def may_run(self, message_id: str, state: JobState) -> None:
        """A handler starts: its job must have no final state, and no handler at work for another message."""
        judge = self._judge
        for past in self.twins(message_id):
            judge.check(not past.never_runs, "a cancelled job runs", message_id)
        judge.check(state not in FINAL, f"a job runs that is {state}", message_id)
        for twin in judge.past[message_id].twins:
            for run in judge.past[twin].live:
                judge.check(judge.was_disturbed(run.hand), "two messages of one job run at once", message_id)

    def notified(self, job_id: str, state: str) -> None:
        """There is an event about its end."""
        known = self._events.setdefault(job_id, state)
        self._judge.check(known == state, f"two ends: {known}, {state}", job_id)

    def ended(self, states: dict[str, tuple[JobState, float]]) -> None:
        """All messages are gone: each job has its final state, unless its last worker died or had to leave."""
        judge = self._judge
        for job_id, (state, until) in states.items():
            judge.counts[f"job {state}"] += 1
            known = self.twins(job_id)
            deleted = any(one.gone == "deleted" for one in known)
            left_out = {step for one in known for step in one.left_out}
            if state in FINAL:
                told = job_id in self._events or not deleted or "notify" in left_out
                judge.check(told, f"deleted, {state}, and there is no event", job_id)
                continue
            stalled = state is JobState.RUNNING and until < judge.now
            judge.check(stalled or state is JobState.QUEUED, f"a job is {state} for ever", job_id)
            judge.check(not deleted or "finish" in left_out, f"deleted, and {state}", job_id)

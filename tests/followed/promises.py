"""What must hold at the end of a simulation for all answers that callers got."""

from tests.followed.callers import Caller
from tests.followed.region import Followed
from worker.core.endings import FINAL, JobState


def check(sim: Followed, callers: list[Caller]) -> None:
    """Raise Violation if a promise to a caller is broken."""
    for caller in callers:
        if caller.accepted and caller.job_id:
            _accepted(sim, caller.job_id)
        for status, run in caller.refused:
            _refused(sim, status, run.sent, str(run.job_id))
    for job_id, messages in sim.region.messages.items():
        _one_message(sim, job_id, messages)


def _accepted(sim: Followed, job_id: str) -> None:
    """Who got 202 can ask, and the job came to an end or is shown as stalled, or its worker had to leave it."""
    judge, item = sim.judge, sim.table.items.get(job_id)
    judge.check(sim.jobs.known(job_id), "an accepted job is unknown", job_id)
    if item is None:
        gave_up = job_id in sim.region.given_up
        judge.check(gave_up, "an accepted job was never sent, and its release did not give up", job_id)
        return
    if item.state in FINAL:
        return
    judge.check(bool(sim.region.messages[job_id]), f"an accepted job is {item.state} for ever: it was not sent", job_id)
    stalled = item.state is JobState.RUNNING and item.until < sim.now
    judge.check(stalled or item.state is JobState.QUEUED, f"an accepted job is {item.state} for ever", job_id)


def _refused(sim: Followed, status: int, sent: list[str], job_id: str) -> None:
    """What was refused is in no queue. After a time-out it may be, and does not run."""
    if status != 504:
        sim.judge.check(not sent, f"refused with {status}, and sent", job_id)
    elif job_id not in sim.jobs.accepted:
        runs = sum(sim.judge.past[message].ended_runs for message in sent)
        withdrawn = job_id in sim.table.items and sim.table.items[job_id].state is JobState.CANCELLED
        sim.judge.check(not withdrawn or not runs, "refused, and run", job_id)


def _one_message(sim: Followed, job_id: str, messages: list[str]) -> None:
    """One message, and one more for each send that its run did not hear of, or could not write down."""
    unknown = sum(len(run.sent) - run.written for run in sim.region.runs[job_id])
    more = unknown + sim.region.doubled[job_id]
    sim.judge.counts["second messages"] += len(messages) - 1
    sim.judge.check(len(messages) <= 1 + more, f"{len(messages)} messages, {more} explained", job_id)

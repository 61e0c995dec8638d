"""The job table's calls: what is written at which end, what a cancelled job does, and a table that is away."""

import pytest

from tests.worker.core.desk import Desk, wanted
from worker.core.endings import JobState
from worker.core.events import (
    Action,
    Call,
    ChangeVisibility,
    Claim,
    Delete,
    Ended,
    Exit,
    Finish,
    Follow,
    Followed,
    Kill,
    Kind,
    Notify,
    NotStarted,
    Ready,
    Receive,
    Release,
    RequestStop,
    Start,
    StopRequested,
)
from worker.core.following import FOLLOW_SECONDS
from worker.core.settling import MAX_NOTIFY_TRIES
from worker.job import Result, Verdict
from worker.progress import Progress

DONE = Result(verdict=Verdict.DONE, value='{"frames":7}', progress=Progress(0.9, "last"))
FAILED = Result(verdict=Verdict.FAILED, reason="no space")


def desk(attempts: int = 5, *, events: bool = False) -> Desk:
    return Desk(job_table="jobs", max_receive_count=attempts, events=events, stop_timeout=60)


def received(at: Desk) -> Claim:
    (receive,) = wanted(at.on(Ready(0)), Receive)
    (claim,) = wanted(at.on(at.answer(receive, 1)), Claim)
    return claim


def running(at: Desk) -> Start:
    (start,) = wanted(at.answered(received(at)), Start)
    return start


def calls_in(actions: list[Action]) -> list[Call]:
    return [action for action in actions if isinstance(action, Call)]


def calls(at: Desk, actions: list[Action]) -> list[Call]:
    """All calls about the message, each answered with success."""
    made: list[Call] = []
    while found := calls_in(actions):
        (call,) = found
        made.append(call)
        actions = at.answered(call)
    return made


@pytest.mark.parametrize(
    ("result", "attempts", "state", "error"),
    [
        (DONE, 5, JobState.SUCCEEDED, None),
        (Result(verdict=Verdict.DONE, dropped="too long"), 5, JobState.SUCCEEDED, "too long"),
        (Result(verdict=Verdict.REJECT, reason="never"), 5, JobState.REJECTED, "never"),
        (FAILED, 1, JobState.FAILED, "no space"),
        (Result(verdict=Verdict.RETRY, reason="later"), 1, JobState.FAILED, "later"),
        (Result(verdict=Verdict.UNABLE, reason="no program"), 1, JobState.FAILED, "no program"),
    ],
)
def test_the_end_of_a_job_is_a_final_state(result: Result, attempts: int, state: JobState, error: str | None) -> None:
    at = desk(attempts)
    made = calls(at, at.on(Ended(running(at).slot, result, alive=True)))
    (finish,) = [call for call in made if isinstance(call, Finish)]
    assert (finish.state, finish.error, finish.result, finish.progress) == (
        state,
        error,
        result.value,
        result.progress,
    )
    assert not [call for call in made if isinstance(call, Release)]


def test_between_two_attempts_the_job_waits_with_the_error_of_the_first() -> None:
    at = desk()
    made = calls(at, at.on(Ended(running(at).slot, FAILED, alive=True)))
    assert [type(call) for call in made] == [Release, ChangeVisibility]
    assert isinstance(made[0], Release)
    assert made[0].error == "no space"


def test_a_message_that_is_given_back_at_its_last_attempt_has_failed() -> None:
    at = desk(attempts=1)
    running(at)
    at.on(StopRequested())
    (kill,) = wanted(at.on(after=50), Kill)
    made = calls(at, at.on(Ended(kill.slot, FAILED, alive=False)))
    assert isinstance(made[0], Finish)
    assert made[0].state is JobState.FAILED


def test_the_event_comes_after_the_final_state_and_before_the_delete() -> None:
    at = desk(events=True)
    made = calls(at, at.on(Ended(running(at).slot, DONE, alive=True)))
    assert [type(call) for call in made] == [Finish, Notify, Delete]


def test_a_job_that_has_ended_before_is_notified_again_and_deleted() -> None:
    at = desk(events=True)
    assert [type(call) for call in calls(at, at.answered(received(at), Kind.FINISHED))] == [Notify, Delete]
    assert at.events[-1] == "job_skipped"


def test_an_event_bus_that_is_away_holds_up_no_message_for_ever() -> None:
    at = desk(events=True)
    (finish,) = wanted(at.on(Ended(running(at).slot, DONE, alive=True)), Finish)
    actions = at.answered(finish)
    for _ in range(MAX_NOTIFY_TRIES):
        (notify,) = wanted(actions, Notify)
        actions = at.answered(notify, Kind.RETRYABLE) + at.on(after=at.until_next())
    assert len(wanted(actions, Delete)) == 1


@pytest.mark.parametrize(("attempts", "call"), [(5, Release), (1, Finish)])
def test_a_job_that_reaches_the_12_hours_waits_again_or_has_failed(attempts: int, call: type[Call]) -> None:
    at = desk(attempts)
    start = running(at)
    actions: list[Action] = []
    while not wanted(actions, Kill):
        extensions = wanted(actions, ChangeVisibility)
        actions = at.answered(extensions[0]) if extensions else at.on(after=at.until_next())
    assert wanted(actions, Kill)[0].slot == start.slot
    made = calls(at, at.on(Ended(start.slot, FAILED, alive=False)))
    assert [type(each) for each in made] == [call]
    assert isinstance(made[0], Release | Finish)
    assert made[0].error == "it was stopped at SQS's limit of 12 hours"
    assert at.events[-1] == "job_limit"


# -- cancelled at any time


def test_a_running_job_that_is_cancelled_is_asked_to_stop_and_killed_after_its_grace() -> None:
    at = desk()
    start = running(at)
    (follow,) = wanted(at.on(after=FOLLOW_SECONDS), Follow)
    assert [(message.id, slot) for message, slot in follow.jobs] == [("0", start.slot)]
    assert at.on(Followed(frozenset({"0"}))) == [RequestStop(start.slot), Kill(start.slot, 2)]
    made = calls(at, at.on(Ended(start.slot, DONE, alive=False)))
    assert [type(call) for call in made] == [Finish, Delete]
    assert isinstance(made[0], Finish)
    assert (made[0].state, made[0].result) == (JobState.CANCELLED, None)
    assert at.events[-1] == "job_cancelled"


def test_a_job_that_was_done_before_it_could_be_told_has_succeeded() -> None:
    at = desk()
    start = running(at)
    at.on(after=FOLLOW_SECONDS)
    at.on(Followed(frozenset({"0"})))
    made = calls(at, at.on(Ended(start.slot, DONE, alive=True)))
    assert isinstance(made[0], Finish)
    assert made[0].state is JobState.SUCCEEDED


def test_a_job_that_is_cancelled_before_its_claim_never_starts() -> None:
    at = desk()
    actions = at.answered(received(at), Kind.CANCELLED)
    made = calls(at, actions)
    assert [type(call) for call in made] == [Finish, Delete]
    assert isinstance(made[0], Finish)
    assert made[0].state is JobState.CANCELLED


def test_a_claimed_job_that_is_cancelled_while_it_waits_never_starts() -> None:
    at = desk()
    start = running(at)
    at.on(NotStarted(start.slot, "gone"))  # it waits for another process
    (follow,) = wanted(at.on(after=FOLLOW_SECONDS), Follow)
    assert follow.jobs[0][1] is None
    made = calls(at, at.on(Followed(frozenset({"0"}))))
    assert [type(call) for call in made] == [Finish, Delete]
    assert not wanted(at.on(Ready(0)), Start)


def test_a_job_that_is_cancelled_while_its_worker_stops_it_is_cancelled() -> None:
    at = desk()
    start = running(at)
    at.on(StopRequested())
    (kill,) = wanted(at.on(after=50), Kill)
    assert kill.slot == start.slot
    assert wanted(at.on(Followed(frozenset({"0"}))), Kill) == []
    made = calls(at, at.on(Ended(start.slot, FAILED, alive=False)))
    assert isinstance(made[0], Finish)
    assert made[0].state is JobState.CANCELLED


def test_a_job_that_is_cancelled_while_it_is_released_is_cancelled_and_not_tried_again() -> None:
    at = desk()
    (release,) = wanted(at.on(Ended(running(at).slot, FAILED, alive=True)), Release)
    made = calls(at, at.answered(release, Kind.CANCELLED))
    assert [type(call) for call in made] == [Finish, Delete]


def test_a_worker_asks_about_its_jobs_every_five_seconds_and_only_while_there_are_any() -> None:
    at = desk()
    (receive,) = wanted(at.on(Ready(0)), Receive)
    assert wanted(at.on(after=100), Follow) == []
    began = at.now
    at.answered(wanted(at.on(at.answer(receive, 1), after=0), Claim)[0])
    asked: list[float] = []
    for _ in range(3):
        while not wanted(at.on(after=at.until_next()), Follow):
            pass
        asked.append(at.now - began)
        assert wanted(at.on(after=0), Follow) == []
        at.on(Followed())
    assert asked == [5, 10, 15]


# -- a table that is away


def test_a_done_job_waits_for_its_state_for_hours_and_is_then_deleted_without_it() -> None:
    at = Desk(job_table="jobs", visibility_timeout=300)
    actions = at.on(Ended(running(at).slot, DONE, alive=True))
    deleted = 0.0
    while not deleted:
        for call in calls_in(actions):
            if isinstance(call, Delete):
                deleted = at.now
            kind = Kind.OK if isinstance(call, ChangeVisibility) else Kind.RETRYABLE
            actions = at.answered(call, kind)
            break
        else:
            actions = at.on(after=at.until_next())
    assert 43_150 < deleted < 43_195
    assert "lease_lost" not in at.events


def test_a_worker_that_leaves_deletes_a_done_message_without_a_table_that_is_away() -> None:
    at = desk()
    start = running(at)
    at.on(StopRequested())
    (finish,) = wanted(at.on(Ended(start.slot, DONE, alive=True)), Finish)
    actions = at.answered(finish, Kind.RETRYABLE)
    while not wanted(actions, Delete):
        assert at.now < 59
        again = wanted(actions, Finish)
        actions = at.answered(again[0], Kind.RETRYABLE) if again else at.on(after=at.until_next())
    assert at.now == 50
    (delete,) = wanted(actions, Delete)
    assert at.answered(delete) == [Exit(0)]


def test_calls_to_a_table_that_hangs_hold_up_no_call_to_the_queue() -> None:
    at = Desk(job_table="jobs", concurrency=6)
    (receive,) = wanted(at.on(*(Ready(slot) for slot in range(6))), Receive)
    claims = wanted(at.on(at.answer(receive, 6)), Claim)
    assert len(claims) == 4  # and none of them is answered
    assert len(wanted(at.on(after=100), ChangeVisibility)) == 1


def test_a_claim_that_got_no_answer_is_released_when_the_worker_stops() -> None:
    at = desk()
    claim = received(at)
    at.on(StopRequested())
    actions = at.answered(claim, Kind.RETRYABLE)
    (release,) = wanted(actions or at.on(after=21), Release)
    assert release.message is claim.message


def test_a_job_that_another_worker_has_is_given_back_even_at_its_last_attempt_and_its_state_stays() -> None:
    at = desk(attempts=1)
    made = calls(at, at.answered(received(at), Kind.TAKEN, seconds=30))
    assert [type(call) for call in made] == [ChangeVisibility]

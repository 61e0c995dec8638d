"""The core alone, step by step, where a simulation would show the end but not the way."""

import pytest

from tests.worker.core.desk import Desk, wanted
from worker.core.breaker import MAX_FAILURES
from worker.core.children import START_TOGETHER_SECONDS
from worker.core.events import (
    Action,
    Answered,
    ChangeVisibility,
    DeadLetter,
    Delete,
    Denial,
    Ended,
    Exit,
    Kill,
    Kind,
    Lost,
    Message,
    NotStarted,
    Outcome,
    Protect,
    Protected,
    Ready,
    Receive,
    Received,
    RequestStop,
    Start,
    Starting,
    StopRequested,
)
from worker.core.in_flight import MAX_WAIT_SECONDS
from worker.core.settling import MAX_DEAD_LETTER_TRIES
from worker.job import Job, Result, Verdict


def test_a_rejected_job_whose_dead_letter_queue_cannot_be_reached_has_failed_and_comes_back_by_sqss_own_rules() -> None:
    desk = Desk()
    (start,) = desk.started()
    actions = desk.on(Ended(start.slot, Result(verdict=Verdict.REJECT, reason="never"), alive=True))
    for _ in range(MAX_DEAD_LETTER_TRIES + 1):
        (dead,) = wanted(actions, DeadLetter)
        assert dead.reason == "never"
        answered = Answered(dead, desk.now, {"h0": Outcome(Kind.RETRYABLE, "unreachable")})
        actions = desk.on(answered) + desk.on(after=6)
    (hide,) = wanted(actions, ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [10]
    desk.on(Answered(hide, desk.now, {"h0": Outcome(Kind.OK)}))
    assert desk.events[-1] == "job_failed"


def test_a_message_in_hand_is_given_back_when_a_deployment_blocks_the_task_and_nothing_is_received_then() -> None:
    desk = Desk(agent_uri="http://agent")
    (proof,) = wanted(desk.on(), Protect)
    assert proof.minutes == 1
    (receive,) = wanted(desk.on(Protected(proof, 0.0), Ready(0)), Receive)
    (protect,) = wanted(desk.on(desk.answer(receive, 1)), Protect)
    release, hide = desk.on(Protected(protect, 0.0, Denial.BLOCKED, "DEPLOYMENT_BLOCKED"))
    assert isinstance(hide, ChangeVisibility)
    assert ([seconds for _, seconds in hide.entries], release) == ([0], Protect(0))
    assert desk.on(Answered(hide, desk.now, {"h0": Outcome(Kind.OK)})) == []
    assert isinstance(release, Protect)
    assert desk.on(Protected(release, desk.now)) == desk.on(after=59) == []
    (again,) = desk.on(after=1)
    assert again == Protect(1)
    assert wanted(desk.on(Protected(again, desk.now)), Receive) != []
    assert wanted(desk.on(), Exit) == []


def test_a_lost_child_is_no_free_slot_and_its_job_waits_for_another() -> None:
    desk = Desk(concurrency=2)
    (receive,) = wanted(desk.on(Ready(0), Ready(1)), Receive)
    assert receive.count == 2
    (start,) = wanted(desk.on(desk.answer(receive, 1)), Start)
    (again,) = wanted(desk.on(NotStarted(start.slot, "gone")), Start)
    assert (again.slot, again.job) == (1 - start.slot, start.job)
    desk.on(Lost(start.slot, "killed"))
    desk.on(Ended(again.slot, Result(verdict=Verdict.DONE), alive=True))
    assert desk.events[-3:] == ["job_not_started", "job_started", "child_lost"]


def test_a_message_that_no_child_can_take_goes_back_without_a_failure() -> None:
    desk = Desk()
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    (start,) = wanted(desk.on(desk.answer(receive, 1)), Start)
    assert wanted(desk.on(NotStarted(start.slot, "gone")), ChangeVisibility) == []
    (hide,) = wanted(desk.on(after=MAX_WAIT_SECONDS), ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [0]
    desk.on(Answered(hide, desk.now, {"h0": Outcome(Kind.OK)}))
    assert desk.events[-1] == "job_given_back"


def test_an_import_that_hangs_is_ended_and_said_and_one_of_many_stops_nobody() -> None:
    desk = Desk(concurrency=3)
    assert wanted(desk.on(*map(Starting, range(3)), Ready(0), Ready(1)), Receive) == []
    (receive,) = wanted(desk.on(after=START_TOGETHER_SECONDS), Receive)
    assert receive.count == 2
    (kill,) = wanted(desk.on(after=300 - START_TOGETHER_SECONDS), Kill)
    assert kill.slot == 2
    assert desk.events == ["started", "handler_broken"]


def test_a_broken_handler_is_tried_for_minutes_before_the_worker_leaves() -> None:
    desk = Desk(concurrency=2)
    desk.on(*map(Starting, range(2)))
    for _ in range(3):
        assert wanted(desk.on(Ready(0, "no"), Ready(1, "no"), after=19), Exit) == []
    assert desk.core.problem(desk.now) is None
    desk.on(after=23)
    assert desk.core.problem(desk.now) == "no"
    assert wanted(desk.on(after=200), Exit) == []
    (leave,) = wanted(desk.on(after=20), Exit)
    assert leave.code == 78
    assert desk.events == ["handler_broken"] * 6 + ["no_handler"]


def test_a_handler_that_fails_its_import_once_is_no_reason_to_leave() -> None:
    desk = Desk()
    desk.on(Starting(0), Ready(0, "once"))
    assert wanted(desk.on(Starting(0), Ready(0), after=1), Receive) != []
    assert wanted(desk.on(after=1000), Exit) == []


@pytest.mark.parametrize("after_a_job", [False, True])
def test_a_worker_is_stuck_when_a_slot_had_no_child_for_minutes(after_a_job: bool) -> None:
    desk = Desk()
    desk.on()
    if after_a_job:
        (start,) = desk.started()
        desk.on(Ended(start.slot, Result(verdict=Verdict.FAILED, reason="crash"), alive=False))
    desk.on(after=600)
    assert desk.core.problem(desk.now) is None
    desk.on(after=1)
    assert desk.core.problem(desk.now) == "1 slots have no process for the handler: none was started"
    desk.on(Ready(0))
    assert desk.core.problem(desk.now) is None


@pytest.mark.parametrize("verdict", Verdict)
def test_no_verdict_counts_after_a_kill(verdict: Verdict) -> None:
    desk = Desk(job_timeout=60, backoff_base=20)
    (start,) = desk.started()
    (kill,) = wanted(desk.on(after=60), Kill)
    assert kill == Kill(start.slot, 2)
    (hide,) = wanted(desk.on(Ended(start.slot, Result(verdict=verdict), alive=False)), ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [20]
    assert desk.events == ["started", "job_started"]


def test_a_verdict_from_before_the_kill_counts() -> None:
    desk = Desk(job_timeout=60)
    (start,) = desk.started()
    wanted(desk.on(after=60), Kill)
    assert wanted(desk.on(Ended(start.slot, Result(verdict=Verdict.DONE), alive=True)), Delete) != []


@pytest.mark.parametrize(("after", "pause"), [(None, 21), (90.0, 90)])
def test_a_job_that_is_told_to_stop_may_retry_without_a_failure(after: float | None, pause: int) -> None:
    desk = Desk()
    (start,) = desk.started()
    assert wanted(desk.on(StopRequested()), RequestStop) == [RequestStop(start.slot)]
    assert wanted(desk.on(after=1), RequestStop) == []
    result = Result(verdict=Verdict.RETRY, after=after)
    (hide,) = wanted(desk.on(Ended(start.slot, result, alive=True)), ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [pause]
    desk.on(Answered(hide, desk.now, {"h0": Outcome(Kind.OK)}))
    assert desk.events[-1] == "job_given_back"


def test_a_job_whose_lease_is_lost_during_the_grace_is_hurried() -> None:
    desk = Desk(job_timeout=60, visibility_timeout=30)
    (start,) = desk.started()
    (extend,) = wanted(desk.on(after=10), ChangeVisibility)
    desk.on(Answered(extend, desk.now, {"h0": Outcome(Kind.OK)}))
    desk.on(StopRequested(), StopRequested())
    (extend,) = wanted(desk.on(after=10), ChangeVisibility)  # the lease must outlast the grace
    assert extend.urgent
    assert wanted(desk.on(Answered(extend, desk.now, {"h0": Outcome(Kind.LOST)})), Kill) == [Kill(start.slot, 2)]


def test_the_lease_is_never_as_long_as_a_queue_for_other_consumers_says() -> None:
    desk = Desk(visibility_timeout=43_200)
    desk.started()
    (extend,) = wanted(desk.on(after=100), ChangeVisibility)
    assert [seconds for _, seconds in extend.entries] == [300]


def one_job(desk: Desk, receive: Receive, name: str, result: Result) -> list[Action]:
    """Receive a message, run its job to this result, and settle it."""
    message = Message(job=Job(id=name, body="x"), handle=name)
    (start,) = wanted(desk.on(Received(receive, desk.now, (message,))), Start)
    actions = desk.on(Ended(start.slot, result, alive=True))
    for call in wanted(actions, ChangeVisibility) + wanted(actions, Delete):
        actions += desk.on(Answered(call, desk.now, {name: Outcome(Kind.OK)}))
    return actions


def test_a_worker_that_fails_every_job_takes_one_at_a_time_with_growing_pauses_until_one_is_done() -> None:
    desk = Desk()
    failed, done = Result(verdict=Verdict.FAILED, reason="disk full"), Result(verdict=Verdict.DONE)
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    desk.on(after=START_TOGETHER_SECONDS)
    for number in range(MAX_FAILURES - 1):
        (receive,) = wanted(one_job(desk, receive, f"m{number}", failed), Receive)
    pauses: list[float] = []
    for number in range(9):
        assert wanted(one_job(desk, receive, f"n{number}", failed), Receive) == []
        pauses.append(desk.core.next_time(desk.now) - desk.now)
        (receive,) = wanted(desk.on(after=pauses[-1]), Receive)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert desk.core.problem(desk.now) is None
    for number in range(7):
        one_job(desk, receive, f"o{number}", failed)
        (receive,) = wanted(desk.on(after=60), Receive)
    assert desk.core.problem(desk.now) == "each job of the last minutes failed"
    one_job(desk, receive, "good", done)
    assert desk.core.problem(desk.now) is None
    assert (desk.events.count("jobs_fail"), desk.events.count("jobs_succeed")) == (1, 1)


def test_one_message_that_fails_again_and_again_says_nothing_about_the_worker() -> None:
    desk = Desk()
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    for _ in range(3 * MAX_FAILURES):
        (receive,) = wanted(one_job(desk, receive, "bad", Result(verdict=Verdict.FAILED)), Receive)
    assert "jobs_fail" not in desk.events


def test_a_job_that_could_not_be_tried_goes_back_and_the_worker_pauses_at_once() -> None:
    desk = Desk()
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    unable = Result(verdict=Verdict.UNABLE, reason="Exec format error")
    assert wanted(one_job(desk, receive, "a", unable), Receive) == []
    assert desk.events[1:] == ["job_started", "handler_broken", "jobs_fail", "job_given_back"]

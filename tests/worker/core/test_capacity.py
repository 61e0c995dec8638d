"""Whether a worker may take a job: what its children, its protection and its failures say together."""

from tests.worker.core.desk import Desk, wanted
from tests.worker.simulation import settings
from worker.core.breaker import FIRST_PAUSE_SECONDS, MAX_FAILURES, Breaker
from worker.core.capacity import Capacity
from worker.core.children import Children
from worker.core.endings import Ending
from worker.core.events import (
    Action,
    ChangeVisibility,
    Claim,
    Delete,
    Denial,
    Ended,
    Exit,
    Kill,
    Lost,
    NotStarted,
    Protect,
    Protected,
    Ready,
    Receive,
    Release,
    Start,
    StopRequested,
)
from worker.job import Result, Verdict


def quiet(*_: object, **__: object) -> None:
    pass


def extended(desk: Desk, actions: list[Action]) -> list[Action]:
    """The actions, after SQS has granted the extensions among them."""
    granted = [call for call in wanted(actions, ChangeVisibility) if all(seconds for _, seconds in call.entries)]
    return [action for action in actions if action not in granted] + [
        more for call in granted for more in desk.answered(call)
    ]


def doubting() -> Capacity:
    """With three slots, in doubt since 0."""
    capacity = Capacity(settings(concurrency=3, agent_uri=None), quiet, lambda _, high: high)
    for slot in range(3):
        capacity.record(0.0, Ready(slot))
    for number in range(MAX_FAILURES):
        capacity.judged(0.0, str(number), Ending.FAILED, Result(verdict=Verdict.FAILED))
    return capacity


def test_a_worker_in_doubt_takes_one_job_after_a_pause_and_none_beside_another() -> None:
    capacity = doubting()
    before, after = FIRST_PAUSE_SECONDS - 0.001, float(FIRST_PAUSE_SECONDS)
    assert capacity.room == 1
    assert [capacity.may_start(now, busy=False) for now in (before, after)] == [False, True]
    assert not capacity.may_start(after, busy=True)
    assert [capacity.may_receive(now, active=False) for now in (before, after)] == [False, True]
    assert not capacity.may_receive(after, active=True)
    assert capacity.refusal(first=True) is None
    assert capacity.refusal(first=False) == "this worker fails its jobs"
    capacity.judged(after, "good", Ending.DONE, Result(verdict=Verdict.DONE))
    assert capacity.room == 3


def test_failures_count_in_a_row_and_a_job_that_is_done_or_rejected_ends_the_row() -> None:
    for good in (Ending.DONE, Ending.REJECTED):
        breaker = Breaker()
        for ending in [*[Ending.FAILED] * (MAX_FAILURES - 1), good] * 3:
            assert not breaker.ended(0.0, f"{ending} {id(ending)}", ending)
        for number in range(3 * MAX_FAILURES):
            breaker.ended(0.0, str(number % (MAX_FAILURES - 1)), Ending.TIMED_OUT)
        assert not breaker.open
        for ending in (Ending.GIVEN_BACK, Ending.RETRIED, Ending.LEASE_LOST, Ending.SKIPPED):
            assert not breaker.ended(0.0, "other", ending)
        assert breaker.ended(0.0, "one more", Ending.FAILED)
        assert breaker.ended(0.0, "good", good)
        assert not breaker.open


def test_an_ecs_that_refuses_is_asked_for_minutes_before_the_worker_leaves() -> None:
    desk = Desk(agent_uri="http://agent")
    (protect,) = wanted(desk.on(Ready(0)), Protect)
    actions = desk.on(Protected(protect, desk.now, Denial.REFUSED, "no"))
    requests = 1
    while not (exits := wanted(actions, Exit)):
        for protect in wanted(actions, Protect):
            requests += 1
            desk.on(Protected(protect, desk.now, Denial.REFUSED, "no"))
        actions = desk.on(after=desk.until_next())
    assert (exits, desk.now, requests) == ([Exit(69)], 300, 14)


def test_a_worker_that_works_is_healthy_though_one_slot_has_no_child() -> None:
    capacity = Capacity(settings(concurrency=2, agent_uri=None), quiet, lambda _, high: high)
    assert not capacity.may_receive(0.0, active=False)
    capacity.record(0.0, Ready(0))
    assert capacity.problem(601.0, busy=1) is None
    assert capacity.problem(601.0, busy=0) == "1 slots have no process for the handler: none was started"


def test_a_message_is_not_given_back_while_the_workers_own_receive_could_get_it() -> None:
    desk = Desk(job_table="jobs", concurrency=2)
    (receive,) = wanted(desk.on(Ready(0), Ready(1)), Receive)
    (claim,) = wanted(desk.on(desk.answer(receive, 1)), Claim)
    (receive,) = wanted(desk.on(after=0.01), Receive)
    assert desk.on(StopRequested()) == []
    assert desk.answered(claim) == []
    (release,) = desk.on(desk.answer(receive, 0))
    assert isinstance(release, Release)
    (hide,) = desk.answered(release)
    assert isinstance(hide, ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [21]


def test_the_worker_waits_for_its_receive_and_gives_back_what_comes() -> None:
    desk = Desk()
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    assert desk.on(StopRequested()) == []
    (hide,) = desk.on(desk.answer(receive, 1), after=5)
    assert isinstance(hide, ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [21]
    assert desk.answered(hide) == [Exit(0)]
    assert desk.events == ["started", "stopping", "job_given_back"]


def test_a_job_has_the_stop_timeout_less_ten_seconds_and_goes_back_at_once() -> None:
    desk = Desk()
    (start,) = desk.started()
    desk.on(StopRequested())
    desk.now = 100.0
    (extend,) = wanted(desk.on(), ChangeVisibility)
    desk.answered(extend)
    desk.now = 109.999
    assert desk.on() == []
    desk.now = 110.0
    (kill,) = wanted(desk.on(), Kill)
    assert kill.slot == start.slot
    (hide,) = wanted(desk.on(Ended(start.slot, Result(verdict=Verdict.FAILED), alive=False)), ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [0]
    assert desk.answered(hide) == [Exit(0)]


def test_a_second_signal_stops_the_job_at_once() -> None:
    desk = Desk()
    (start,) = desk.started()
    assert wanted(desk.on(StopRequested(), after=1), Kill) == []
    assert [kill.slot for kill in wanted(desk.on(StopRequested(), after=1), Kill)] == [start.slot]


def test_a_worker_that_cannot_settle_its_messages_exits_a_second_before_it_is_killed() -> None:
    desk = Desk()
    (start,) = desk.started()
    assert len(wanted(desk.on(Ended(start.slot, Result(verdict=Verdict.DONE), alive=True)), Delete)) == 1
    desk.on(StopRequested())
    desk.now = 118.999
    assert desk.on() == []
    desk.now = 119.0
    assert desk.on() == [Exit(0)]
    assert desk.events[-1] == "gave_up"


def test_a_jobs_deadline_is_its_time_limit_from_its_start_or_the_end_of_sqss_12_hours() -> None:
    desk = Desk()
    (start,) = desk.started()
    assert start.deadline == 43_200 - 5 - 3
    desk = Desk(agent_uri="http://agent", job_timeout=60)
    (proof,) = wanted(desk.on(Ready(0)), Protect)
    (receive,) = wanted(desk.on(Protected(proof, 0.0)), Receive)
    (protect,) = wanted(desk.on(desk.answer(receive, 1)), Protect)
    (start,) = wanted(desk.on(Protected(protect, desk.now), after=20), Start)
    assert (start.deadline, start.job.deadline) == (80, 80)
    (kill,) = wanted(desk.on(after=60), Kill)
    assert kill.slot == start.slot


def test_a_slot_whose_idle_child_has_died_gets_no_job_before_its_next_child_is_ready() -> None:
    desk = Desk()
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    desk.on(Lost(0, "killed"))
    assert wanted(desk.on(desk.answer(receive, 1)), Start) == []
    assert [start.slot for start in wanted(desk.on(Ready(0)), Start)] == [0]


def test_a_slot_that_could_not_start_its_job_counts_as_one_without_a_child() -> None:
    desk = Desk()
    (start,) = desk.started()
    desk.on(NotStarted(start.slot, "gone"))
    desk.on(after=601)
    assert desk.core.problem(desk.now) == "1 slots have no process for the handler: gone"


def test_a_job_that_its_process_never_took_is_not_timed_out_but_waits_for_another_process() -> None:
    desk = Desk(job_timeout=5)
    (start,) = desk.started()
    assert [kill.slot for kill in wanted(desk.on(after=5), Kill)] == [start.slot]
    assert desk.on(NotStarted(start.slot, "hangs")) == []
    assert [again.job.id for again in wanted(desk.on(Ready(0)), Start)] == [start.job.id]
    assert desk.events == ["started", "job_started", "job_not_started", "job_started"]


def test_a_job_that_cannot_be_tried_comes_back_after_the_start_timeout_and_the_worker_leaves_then() -> None:
    desk = Desk(start_timeout=300)
    unable = Result(verdict=Verdict.UNABLE, reason="the command exited with 127", last=True)
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    for _ in range(2):
        (start,) = wanted(desk.on(desk.answer(receive, 1)), Start)
        (hide,) = wanted(desk.on(Ended(start.slot, unable, alive=False)), ChangeVisibility)
        assert [seconds for _, seconds in hide.entries] == [300]
        actions = desk.answered(hide) + desk.on(Ready(0))
        if desk.now == 0:
            assert wanted(actions, Exit) == []
            (receive,) = wanted(desk.on(after=300), Receive)
    assert wanted(actions, Exit) == [Exit(78)]


def test_a_job_that_no_process_takes_is_given_back_after_the_start_timeout_and_the_worker_leaves() -> None:
    desk = Desk(start_timeout=300)
    (start,) = desk.started()
    for _ in range(5):  # a child hangs, and its successor comes after a pause
        assert wanted(extended(desk, desk.on(NotStarted(start.slot, "it hangs"), after=49)), Exit) == []
        assert len(wanted(extended(desk, desk.on(Ready(start.slot), after=11)), Start)) == 1, "the same receive"
    actions = extended(desk, desk.on(NotStarted(start.slot, "it hangs"), after=49))
    (hide,) = wanted(actions, ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [21], "after the receives of workers that stop as well"
    assert wanted(desk.answered(hide), Exit) == [Exit(78)]
    assert desk.events.count("job_not_started") == 6
    assert desk.events[-2:] == ["no_handler", "job_given_back"]


def test_a_job_that_a_process_took_ends_the_row_of_those_that_none_took() -> None:
    children = Children(2, start_timeout=300)
    for now in (0.0, 100.0, 200.0):
        children.untaken(now, 0, "it hangs")
    children.took()
    for now in (301.0, 400.0, 600.0):
        children.untaken(now, 0, "it hangs")
    assert not children.hopeless(600)
    children.untaken(601, 0, "it hangs")
    assert children.hopeless(601)


def test_two_jobs_that_no_process_took_are_too_few_to_leave() -> None:
    children = Children(1, start_timeout=300)
    for now in (0.0, 301.0):
        children.untaken(now, 0, "it hangs")
    assert not children.hopeless(301)
    children.untaken(302, 0, "it hangs")
    assert children.hopeless(302)


def test_a_worker_with_one_success_in_the_start_timeout_stays() -> None:
    breaker = Breaker()
    breaker.ended(0.0, "a", Ending.GIVEN_BACK, unable=True)
    breaker.ended(299.0, "b", Ending.GIVEN_BACK, unable=True)
    assert breaker.unable_seconds == 299
    breaker.ended(299.0, "c", Ending.DONE)
    breaker.ended(300.0, "a", Ending.GIVEN_BACK, unable=True)
    assert breaker.unable_seconds == 0

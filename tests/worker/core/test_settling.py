"""The calls about a message: their order, their batches, and when they are tried again."""

import pytest

from tests.worker.core.desk import Desk, wanted
from worker.core.events import (
    Action,
    Answered,
    Call,
    ChangeVisibility,
    Claim,
    DeadLetter,
    Delete,
    Ended,
    Finish,
    Kill,
    Kind,
    Outcome,
    Ready,
    Receive,
    Release,
    Start,
)
from worker.job import Result, Verdict

DONE = Result(verdict=Verdict.DONE)


def calls_in(actions: list[Action]) -> list[Call]:
    return [action for action in actions if isinstance(action, Call)]


def claimed(desk: Desk) -> Start:
    """A job starts, after its claim in the table."""
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    (claim,) = desk.on(desk.answer(receive, 1))
    assert isinstance(claim, Claim)  # and no Start yet
    (start,) = wanted(desk.answered(claim), Start)
    return start


@pytest.mark.parametrize(
    ("verdict", "calls"),
    [
        (Verdict.DONE, [Finish, Delete]),
        (Verdict.FAILED, [Release, ChangeVisibility]),
        (Verdict.RETRY, [Release, ChangeVisibility]),
        (Verdict.UNABLE, [Release, ChangeVisibility]),
        (Verdict.REJECT, [DeadLetter, Finish, Delete]),
    ],
)
def test_the_calls_after_each_verdict_one_after_the_other(verdict: Verdict, calls: list[type[Call]]) -> None:
    desk = Desk(job_table="jobs")
    start = claimed(desk)
    actions: list[Action] = desk.on(Ended(start.slot, Result(verdict=verdict, reason="why"), alive=True))
    made: list[type[Call]] = []
    while found := calls_in(actions):
        (call,) = found
        made.append(type(call))
        actions = desk.answered(call)
    assert made == calls


def test_a_job_that_another_worker_has_waits_for_its_claims_end_and_releases_nothing() -> None:
    desk = Desk(job_table="jobs")
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    (claim,) = wanted(desk.on(desk.answer(receive, 1)), Claim)
    (hide,) = calls_in(desk.answered(claim, Kind.TAKEN, seconds=30))
    assert isinstance(hide, ChangeVisibility)
    assert [seconds for _, seconds in hide.entries] == [30]


def test_a_delete_that_was_perhaps_executed_is_done_when_sqs_knows_no_such_lease() -> None:
    desk = Desk()
    (start,) = desk.started()
    (delete,) = wanted(desk.on(Ended(start.slot, DONE, alive=True)), Delete)
    desk.answered(delete, Kind.RETRYABLE)
    (again,) = wanted(desk.on(after=desk.until_next()), Delete)
    desk.answered(again, Kind.LOST)
    assert desk.events[-2:] == ["call_failed", "job_done"]


def test_a_lease_that_is_lost_before_any_delete_is_reported() -> None:
    desk = Desk()
    (start,) = desk.started()
    (delete,) = wanted(desk.on(Ended(start.slot, DONE, alive=True)), Delete)
    desk.answered(delete, Kind.LOST)
    assert desk.events[-1] == "lease_lost"


def test_a_message_that_the_answer_does_not_mention_is_deleted_again() -> None:
    desk = Desk()
    (start,) = desk.started()
    (delete,) = wanted(desk.on(Ended(start.slot, DONE, alive=True)), Delete)
    desk.on(Answered(delete, desk.now, {}))
    assert len(wanted(desk.on(after=desk.until_next()), Delete)) == 1


def test_a_failed_call_is_tried_again_after_pauses_that_grow_to_five_seconds() -> None:
    desk = Desk()
    (start,) = desk.started()
    actions = desk.on(Ended(start.slot, DONE, alive=True))
    pauses: list[float] = []
    for _ in range(7):
        (delete,) = wanted(actions, Delete)
        desk.answered(delete, Kind.RETRYABLE)
        pauses.append(desk.until_next())
        actions = desk.on(after=pauses[-1])
    assert pauses == [1, 2, 3, 4, 5, 5, 5]


def test_deletes_share_a_call_while_one_is_in_flight() -> None:
    desk = Desk(concurrency=3)
    first, second, third = desk.started(3)
    (delete,) = wanted(desk.on(Ended(first.slot, DONE, alive=True)), Delete)
    assert wanted(desk.on(Ended(second.slot, DONE, alive=True)), Delete) == []
    assert wanted(desk.on(Ended(third.slot, DONE, alive=True)), Delete) == []
    (both,) = wanted(desk.answered(delete), Delete)
    assert len(both.messages) == 2


def test_a_fifo_queues_delete_does_not_wait_for_another() -> None:
    desk = Desk(concurrency=2, queue_url="https://queue.fifo")
    desk.on(Ready(1))
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    actions = desk.on(desk.answer(receive, 1))
    (first,) = wanted(actions, Start)
    actions += desk.on(after=0.01)
    (receive,) = wanted(actions, Receive)
    (second,) = wanted(desk.on(desk.answer(receive, 1, first=1)), Start)
    assert len(wanted(desk.on(Ended(first.slot, DONE, alive=True)), Delete)) == 1
    assert len(wanted(desk.on(Ended(second.slot, DONE, alive=True)), Delete)) == 1


def test_a_message_is_not_deleted_with_a_lease_that_may_end_during_the_call() -> None:
    desk = Desk(visibility_timeout=30)
    (start,) = desk.started()
    (extend,) = wanted(desk.on(after=10), ChangeVisibility)
    desk.now = 21.0
    desk.answered(extend, Kind.RETRYABLE)  # the next try is at 22
    desk.now = 21.5
    assert wanted(desk.on(Ended(start.slot, DONE, alive=True)), Delete) == []
    desk.now = 22.0
    (extend,) = wanted(desk.on(), ChangeVisibility)
    assert extend.urgent
    assert len(wanted(desk.answered(extend), Delete)) == 1


def test_extensions_that_are_due_within_a_second_share_a_call() -> None:
    desk = Desk(concurrency=2, visibility_timeout=30)
    desk.on(Ready(1))
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    desk.on(desk.answer(receive, 1))
    (receive,) = wanted(desk.on(after=0.01), Receive)
    desk.on(desk.answer(receive, 1, first=1), after=0.89)
    desk.now = 10.0
    (extend,) = wanted(desk.on(), ChangeVisibility)
    assert [(message.job.id, seconds) for message, seconds in extend.entries] == [("0", 30), ("1", 30)]


def test_a_lease_counts_from_before_the_receive_and_before_each_extension() -> None:
    desk = Desk(visibility_timeout=30)
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    (start,) = wanted(desk.on(desk.answer(receive, 1, asked=9)), Start)
    assert desk.until_next() == 1  # a third of 30 s after the request
    (extend,) = wanted(desk.on(after=1), ChangeVisibility)
    desk.answered(extend, asked=6)  # at -5
    assert desk.until_next() == 4
    (extend,) = wanted(desk.on(after=4), ChangeVisibility)
    assert extend.urgent  # and it gets no answer
    desk.now = 21.999
    assert desk.on() == []
    desk.now = 22.0  # three seconds before -5 + 30
    assert desk.on() == [Kill(start.slot, 2)]


def test_a_failed_extension_is_tried_again_after_a_second() -> None:
    desk = Desk(visibility_timeout=30)
    desk.started()
    (extend,) = wanted(desk.on(after=10), ChangeVisibility)
    assert wanted(desk.answered(extend, Kind.RETRYABLE), ChangeVisibility) == []
    assert wanted(desk.on(after=0.99), ChangeVisibility) == []
    assert len(wanted(desk.on(after=0.01), ChangeVisibility)) == 1


def test_nothing_is_received_while_too_many_messages_wait_for_their_deletes() -> None:
    desk = Desk()
    (receive,) = wanted(desk.on(Ready(0)), Receive)
    for number in range(30):
        (start,) = wanted(desk.on(desk.answer(receive, 1, first=number)), Start)
        actions = desk.on(Ended(start.slot, DONE, alive=True))  # no delete is ever answered
        if not (receives := wanted(actions, Receive)):
            break
        (receive,) = receives
    assert number + 1 == 21  # concurrency and MAX_UNSETTLED


def test_a_batch_is_about_its_own_messages_only() -> None:
    desk = Desk(concurrency=2)
    first, second = desk.started(2)
    (delete,) = wanted(desk.on(Ended(first.slot, DONE, alive=True), Ended(second.slot, DONE, alive=True)), Delete)
    desk.on(Answered(delete, desk.now, {"h0": Outcome(Kind.OK), "h1": Outcome(Kind.RETRYABLE)}))
    (again,) = wanted(desk.on(after=desk.until_next()), Delete)
    assert [message.handle for message in again.messages] == ["h1"]

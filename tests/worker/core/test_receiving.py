import pytest

from tests.worker.simulation import settings
from worker.core.events import Message, Receive, Received
from worker.core.receiving import COLLECT_SECONDS, STUCK_SECONDS, Receiving
from worker.job import Job


def receiving(concurrency: int, **changes: str) -> Receiving:
    return Receiving(settings(concurrency=concurrency, **changes), lambda: "attempt", lambda _, high: high)


def answered(one: Receiving, receive: Receive, now: float) -> None:
    came = tuple(Message(job=Job(id=str(n), body="job"), handle=str(n)) for n in range(receive.count))
    one.answered(now, Received(receive, now, came))


def test_a_receive_waits_a_moment_for_more_slots_while_jobs_run_and_then_asks_for_what_there_is() -> None:
    one = receiving(8)
    assert one.due(100.0, 1, busy=True) == []
    assert one.collect_until == 100.0 + COLLECT_SECONDS
    assert one.due(100.0 + COLLECT_SECONDS / 2, 3, busy=True) == []
    assert one.collect_until == 100.0 + COLLECT_SECONDS  # counted from the first free slot
    (receive,) = one.due(100.0 + COLLECT_SECONDS, 5, busy=True)
    assert receive.count == 5


def test_each_receive_waits_anew() -> None:
    one = receiving(8)
    one.due(100.0, 1, busy=True)
    (receive,) = one.due(101.0, 1, busy=True)
    answered(one, receive, 102.0)
    assert one.due(102.0, 1, busy=True) == []
    assert one.collect_until == 102.0 + COLLECT_SECONDS


def test_a_receive_does_not_wait_when_all_slots_are_free_or_it_is_full_or_nothing_runs() -> None:
    assert [receive.count for receive in receiving(8).due(100.0, 8, busy=True)] == [8]
    assert [receive.count for receive in receiving(20).due(100.0, 10, busy=True)] == [10]
    assert [receive.count for receive in receiving(20).due(100.0, 3, busy=False)] == [3]
    assert [receive.count for receive in receiving(1).due(100.0, 1, busy=True)] == [1]


def test_a_fifo_queues_receive_is_for_one_message_and_does_not_wait() -> None:
    (receive,) = receiving(8, queue_url="https://sqs/q.fifo").due(100.0, 1, busy=True)
    assert (receive.count, receive.attempt_id) == (1, "attempt")


def failed(one: Receiving, receive: Receive, now: float) -> None:
    one.answered(now, Received(receive, now, error="no answer"))


def test_after_failures_the_next_receive_waits_longer_each_time_until_one_goes_well() -> None:
    one, now, pauses = receiving(1), 100.0, list[float]()
    for _ in range(7):
        (receive,) = one.due(now, 1, busy=False)
        failed(one, receive, now)
        pauses.append(one.next_at - now)
        assert one.due(one.next_at - 0.001, 1, busy=False) == []
        now = one.next_at
    assert pauses == [1, 2, 4, 8, 16, 20, 20]
    (receive,) = one.due(now, 1, busy=False)
    answered(one, receive, now)
    (receive,) = one.due(now, 1, busy=False)
    failed(one, receive, now)
    assert one.next_at - now == 1


@pytest.mark.parametrize(("later", "attempt"), [(299.9, "attempt 0"), (300.0, "attempt 1")])
def test_a_fifo_receive_without_an_answer_is_repeated_as_long_as_sqs_repeats_its_answer(
    later: float, attempt: str
) -> None:
    ids = iter(range(9))
    config = settings(queue_url="https://sqs/q.fifo", concurrency=1)
    one = Receiving(config, lambda: f"attempt {next(ids)}", lambda _, high: high)
    (receive,) = one.due(100.0, 1, busy=False)
    failed(one, receive, 125.0)
    (again,) = one.due(100.0 + later, 1, busy=False)
    assert (receive.attempt_id, again.attempt_id) == ("attempt 0", attempt)


def test_one_receive_waits_at_an_empty_queue_and_more_while_each_comes_back_full() -> None:
    one = receiving(40)
    (first,) = one.due(100.0, 40, busy=False)
    assert one.due(100.0, 40, busy=False) == []
    answered(one, first, 101.0)
    several = one.due(101.0, 30, busy=True)
    assert [receive.count for receive in several] == [10, 10, 10]


def test_a_receive_without_an_answer_long_after_its_time_is_stuck() -> None:
    one = receiving(1)
    (receive,) = one.due(100.0, 1, busy=False)
    end = 100.0 + receive.wait + STUCK_SECONDS
    assert [one.stuck(end), one.stuck(end + 0.001)] == [False, True]
    answered(one, receive, end + 1)
    assert not one.stuck(end + 1)

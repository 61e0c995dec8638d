from tests.worker.simulation import settings
from worker.core.events import Message, Receive, Received
from worker.core.receiving import COLLECT_SECONDS, Receiving
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

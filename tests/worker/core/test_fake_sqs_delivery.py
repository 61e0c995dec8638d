"""The fake SQS keeps the rules of delivery: order, delay, retention, dead letters, FIFO queues."""

from contextlib import suppress

import pytest

from tests.worker.core.fake_queues import Clock, ids, one, put, refusal
from tests.worker.fake_sqs import FakeSqs
from tests.worker.fake_sqs_store import SqsError

# -- standard queues (developer guide, "Amazon SQS standard queues": at-least-once delivery, best-effort ordering)


def test_a_standard_queue_gives_each_message_once_and_roughly_in_order(queue: FakeSqs) -> None:
    sent = [queue.send(str(number)) for number in range(100)]
    got = [id_ for _ in range(10) for id_ in ids(queue.receive(10))]
    assert got != sent
    assert sorted(got) == sorted(sent)
    assert set(got[:10]) <= set(sent[:30])


def test_a_message_in_flight_may_be_delivered_once_more_under_a_new_handle(queue: FakeSqs) -> None:
    message = queue.send("a")
    first = one(queue)
    assert queue.duplicate(message)
    second = one(queue)
    assert queue.receive() == []
    assert (second.id, second.receive_count) == (message, 2)
    assert queue.leases[second.handle].duplicate
    with pytest.raises(SqsError):
        queue.change_visibility(first.handle, 30)
    queue.change_visibility(second.handle, 30)


def test_only_a_message_in_flight_of_a_standard_queue_is_duplicated(queue: FakeSqs, fifo: FakeSqs) -> None:
    assert not queue.duplicate(queue.send("a"))
    (message,) = put(fifo, "a")
    one(fifo)
    assert not fifo.duplicate(message)


# -- delays and retention (API, SendMessage and CreateQueue)


def test_a_delayed_message_comes_when_its_delay_is_over(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a", delay=60)
    assert queue.receive() == []
    assert queue.next_visible() == 1060
    clock.now = 1060
    assert one(queue).sent_at == 1000


def test_a_delay_is_at_most_15_minutes_and_not_for_one_message_of_a_fifo_queue(queue: FakeSqs, fifo: FakeSqs) -> None:
    assert refusal(lambda: queue.send("a", delay=901)) == "InvalidParameterValue"
    assert refusal(lambda: fifo.send("a", group="g", deduplication_id="a", delay=1)) == "InvalidParameterValue"


def test_a_message_is_dropped_after_the_retention_period_even_in_flight(clock: Clock) -> None:
    # DeleteMessage: "SQS automatically deletes messages left in a queue longer than the retention period"
    gone: list[tuple[str, str]] = []
    queue = FakeSqs(clock, retention=60, on_gone=lambda message, why: gone.append((message.id, why)))
    first, _ = queue.send("a"), one(queue)
    clock.now += 59
    second = queue.send("b")
    clock.now += 1
    assert ids(queue.receive()) == [second]
    assert gone == [(first, "expired")]


# -- dead letters (developer guide, "Using dead-letter queues in Amazon SQS"; API, CreateQueue, RedrivePolicy)


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_message_received_often_enough_moves_when_it_would_be_received_once_more(clock: Clock, kind: str) -> None:
    dead = FakeSqs(clock, fifo=kind == "fifo", name="dead")
    queue = FakeSqs(clock, fifo=kind == "fifo", dead_letter=dead, max_receive_count=2)
    message = put(queue, "a")[0] if queue.fifo else queue.send("a")
    for _ in range(2):
        assert one(queue).id == message
        assert not dead.messages
        clock.now += 30
    assert len(queue.messages) == 1, "it moves at a receive, not before"
    assert queue.receive() == []
    assert not queue.messages
    (letter,) = dead.messages.values()
    assert letter.attributes == {"DeadLetterQueueSourceArn": "q", "source id": message}
    # "Setting up dead-letter queue retention": FIFO resets the enqueue timestamp, standard keeps it
    assert letter.sent_at == (1060 if queue.fifo else 1000)


def test_a_dead_letter_queue_is_of_its_sources_type(clock: Clock) -> None:
    with pytest.raises(ValueError, match="of its source's type"):
        FakeSqs(clock, fifo=True, dead_letter=FakeSqs(clock))


def test_the_next_of_a_group_is_received_when_the_one_before_it_moves(clock: Clock) -> None:
    dead = FakeSqs(clock, fifo=True)
    queue = FakeSqs(clock, fifo=True, dead_letter=dead, max_receive_count=1)
    first, second = put(queue, "a", "b")
    assert ids(queue.receive(1)) == [first]
    clock.now += 30
    assert ids(queue.receive(1)) == [second]


# -- FIFO queues (developer guide, "FIFO queue delivery logic"; API, ReceiveMessage)


def test_a_receive_takes_as_many_as_it_can_of_one_group_in_order_and_then_of_others(fifo: FakeSqs) -> None:
    first = put(fifo, *"abc", group="g")
    second = put(fifo, *"de", group="h")
    assert ids(fifo.receive(4)) == [*first, second[0]]


def test_a_group_gives_nothing_while_one_of_it_is_in_flight(fifo: FakeSqs, clock: Clock) -> None:
    first, second, third = put(fifo, *"abc")
    (other,) = put(fifo, "d", group="h")
    taken = fifo.receive(2)
    assert ids(taken) == [first, second]
    assert ids(fifo.receive(10)) == [other]
    fifo.delete(taken[0].handle)
    assert fifo.receive(10) == []
    fifo.delete(taken[1].handle)
    assert ids(fifo.receive(10)) == [third]


def test_a_tail_that_is_visible_again_waits_for_its_head(fifo: FakeSqs, clock: Clock) -> None:
    first, second = put(fifo, *"ab")
    head, tail = fifo.receive(2)
    fifo.change_visibility(head.handle, 10)
    fifo.change_visibility(tail.handle, 0)
    assert fifo.receive(10) == []
    assert fifo.next_visible() == 1010
    clock.now += 10
    assert ids(fifo.receive(10)) == [first, second]


def test_a_deduplication_id_is_remembered_for_5_minutes_even_past_its_messages_delete(
    fifo: FakeSqs, clock: Clock
) -> None:
    # SendMessage: "Amazon SQS continues to keep track of the message deduplication ID even after … deleted"
    (message,) = put(fifo, "a")
    fifo.delete(one(fifo).handle)
    clock.now += 299
    assert put(fifo, "a") == [message]
    assert fifo.receive() == []
    clock.now += 1
    assert put(fifo, "a") != [message]


def test_the_same_attempt_id_returns_the_same_messages_and_handles_and_hides_them_anew(
    fifo: FakeSqs, clock: Clock
) -> None:
    put(fifo, *"abc")
    first = fifo.receive(2, attempt_id="x")
    clock.now += 20
    assert fifo.receive(2, attempt_id="y") == []
    assert fifo.receive(2, attempt_id="x") == first
    assert fifo.next_visible() == 1050
    assert [delivery.receive_count for delivery in first] == [1, 1]


@pytest.mark.parametrize("change", ["deleted", "changed", "visible", "old"])
def test_an_attempt_id_returns_nothing_again_once_one_of_its_messages_changed_or_after_5_minutes(
    fifo: FakeSqs, clock: Clock, change: str
) -> None:
    put(fifo, *"ab")
    first = fifo.receive(2, attempt_id="x", visibility_timeout=600)
    match change:
        case "deleted":
            fifo.delete(first[1].handle)
        case "changed":
            fifo.change_visibility(first[1].handle, 500)
        case "visible":
            clock.now += 600
        case "old":
            clock.now += 300
    again = fifo.receive(2, attempt_id="x")
    assert [delivery.receive_count for delivery in again] == ([2, 2] if change == "visible" else [])


def test_a_standard_queue_takes_no_attempt_id_and_no_group(queue: FakeSqs, fifo: FakeSqs) -> None:
    assert refusal(lambda: queue.receive(attempt_id="x")) == "InvalidParameterValue"
    assert refusal(lambda: queue.send("a", group="g", deduplication_id="a")) == "InvalidParameterValue"
    assert refusal(lambda: fifo.send("a")) == "InvalidParameterValue"


def test_nothing_is_lost_or_doubled_under_any_mix_of_calls(clock: Clock) -> None:
    """The fake's own books: what was sent is in the queue, deleted, or in the dead-letter queue."""
    for seed in range(20):
        dead = FakeSqs(clock, fifo=bool(seed % 2), name="dead")
        left: list[str] = []
        queue = FakeSqs(
            clock,
            fifo=bool(seed % 2),
            dead_letter=dead,
            max_receive_count=3,
            seed=seed,
            on_gone=lambda message, _why, left=left: left.append(message.id),  # type: ignore[misc]
        )
        sent = [put(queue, str(n), group=str(n % 3))[0] if queue.fifo else queue.send(str(n)) for n in range(60)]
        while queue.messages:
            for number, delivery in enumerate(queue.receive(10)):
                with suppress(SqsError):
                    if number % 3 == 0:
                        queue.delete(delivery.handle)
                    elif number % 3 == 1:
                        queue.change_visibility(delivery.handle, number)
                    else:
                        queue.duplicate(delivery.id)
            clock.now += 7
        assert sorted(left) == sorted(sent)
        assert len(dead.messages) < len(sent)

"""The fake SQS keeps SQS's rules; each test names where the rule stands (API reference, or the developer guide)."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.worker.fake_sqs import Delivery, FakeSqs, SqsError


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> FakeSqs:
    return FakeSqs(clock)


@pytest.fixture
def fifo(clock: Clock) -> FakeSqs:
    return FakeSqs(clock, fifo=True)


def one(queue: FakeSqs) -> Delivery:
    (delivery,) = queue.receive()
    return delivery


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SqsError) as caught:
        call()
    return caught.value.code


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.id for delivery in deliveries]


def put(queue: FakeSqs, *bodies: str, group: str = "g") -> list[str]:
    return [queue.send(body, group=group, deduplication_id=f"{group}{body}") for body in bodies]


# -- visibility (developer guide, "Amazon SQS visibility timeout"; API, ChangeMessageVisibility)


def test_a_received_message_is_hidden_until_its_timeout_and_then_counts_one_receive_more(
    queue: FakeSqs, clock: Clock
) -> None:
    queue.send("a")
    first = one(queue)
    clock.now += 29.999
    assert queue.receive() == []
    assert queue.next_visible() == 1030
    clock.now = 1030
    second = one(queue)
    assert (first.receive_count, second.receive_count) == (1, 2)
    assert first.handle != second.handle  # API, DeleteMessage: a different handle each time


def test_a_changed_visibility_counts_from_the_call(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a")
    handle = one(queue).handle
    clock.now += 15
    queue.change_visibility(handle, 10)
    assert queue.next_visible() == 1025


def test_a_changed_visibility_is_forgotten_at_the_next_receive(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a")
    queue.change_visibility(one(queue).handle, 0)
    one(queue)
    assert queue.next_visible() == 1030


def test_a_visibility_beyond_12_hours_from_the_receive_is_refused_and_changes_nothing(
    queue: FakeSqs, clock: Clock
) -> None:
    # ChangeMessageVisibility: "Amazon SQS doesn't automatically recalculate and increase the timeout"
    queue.send("a")
    handle = one(queue).handle
    clock.now += 20
    assert refusal(lambda: queue.change_visibility(handle, 43_181)) == "InvalidParameterValue"
    assert queue.next_visible() == 1030
    queue.change_visibility(handle, 43_180)
    assert queue.next_visible() == 1000 + 43_200
    assert refusal(lambda: queue.change_visibility(handle, 43_201)) == "InvalidParameterValue"


def test_12_hours_begin_anew_at_the_next_receive(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a")
    queue.change_visibility(one(queue).handle, 43_200)
    clock.now += 43_200
    queue.change_visibility(one(queue).handle, 43_200)


def test_the_visibility_of_a_visible_message_cannot_be_changed(queue: FakeSqs, clock: Clock) -> None:
    # API, ChangeMessageVisibility: MessageNotInflight
    queue.send("a")
    handle = one(queue).handle
    clock.now += 30
    assert refusal(lambda: queue.change_visibility(handle, 30)) == "MessageNotInflight"


def test_the_visibility_of_a_deleted_message_cannot_be_changed(queue: FakeSqs) -> None:
    # AWS's text: "Message does not exist or is not available for visibility timeout change"
    queue.send("a")
    handle = one(queue).handle
    queue.delete(handle)
    with pytest.raises(SqsError, match="does not exist or is not available for visibility timeout change"):
        queue.change_visibility(handle, 30)


def test_an_old_handle_changes_no_visibility(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a")
    old = one(queue).handle
    clock.now += 30
    new = one(queue).handle
    codes = {refusal(lambda: queue.change_visibility(old, 0)) for _ in range(50)}
    assert codes == {"ReceiptHandleIsInvalid", "InvalidParameterValue"}
    queue.change_visibility(new, 0)


def test_a_handle_that_is_none_is_refused(queue: FakeSqs) -> None:
    # API, ChangeMessageVisibility and DeleteMessage: ReceiptHandleIsInvalid
    assert refusal(lambda: queue.change_visibility("nonsense", 0)) == "ReceiptHandleIsInvalid"
    assert refusal(lambda: queue.delete("nonsense")) == "ReceiptHandleIsInvalid"


# -- deletes (API, DeleteMessage; developer guide, "Amazon SQS visibility timeout")


def test_a_deleted_message_does_not_come_back_and_can_be_deleted_again(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a")
    handle = one(queue).handle
    queue.delete(handle)
    queue.delete(handle)
    clock.now += 100
    assert queue.receive() == []
    assert queue.messages == {}


def test_an_old_handle_deletes_from_a_standard_queue_or_does_not_but_always_succeeds(clock: Clock) -> None:
    # "If you use an old ReceiptHandle, the request will succeed, but the message might not be deleted."
    kept = 0
    for seed in range(50):
        queue = FakeSqs(clock, seed=seed)
        queue.send("a")
        old = one(queue).handle
        clock.now += 30
        one(queue)
        queue.delete(old)
        kept += len(queue.messages)
    assert 10 < kept < 40


def test_the_latest_handle_deletes_from_a_standard_queue_even_after_the_timeout(queue: FakeSqs, clock: Clock) -> None:
    queue.send("a")
    handle = one(queue).handle
    clock.now += 31
    queue.delete(handle)
    assert queue.messages == {}


def test_nothing_is_deleted_from_a_fifo_queue_after_the_visibility_timeout(fifo: FakeSqs, clock: Clock) -> None:
    # ReceiveMessage: "if a consumer whose processing time is longer … tries to delete …, the action fails"
    put(fifo, "a")
    handle = one(fifo).handle
    clock.now += 30
    assert refusal(lambda: fifo.delete(handle)) == "InvalidParameterValue"
    assert one(fifo).receive_count == 2


# -- batches (API, DeleteMessageBatch: "the action can result in a combination of successful and unsuccessful")


def test_a_batch_can_fail_in_part(queue: FakeSqs) -> None:
    for body in "abc":
        queue.send(body)
    handles = [delivery.handle for delivery in queue.receive(3)]
    answers = queue.delete_batch([handles[0], "nonsense", handles[2]], failing=[2])
    assert [answer and answer.code for answer in answers] == [None, "ReceiptHandleIsInvalid", "InternalError"]
    assert len(queue.messages) == 2
    hidden = queue.change_visibility_batch([(handles[0], 5), (handles[1], 0)])
    assert [answer and answer.code for answer in hidden] == ["InvalidParameterValue", None]


def test_a_batch_has_from_1_to_10_entries(queue: FakeSqs) -> None:
    assert refusal(lambda: queue.delete_batch([])) == "EmptyBatchRequest"
    assert refusal(lambda: queue.delete_batch(["x"] * 11)) == "TooManyEntriesInBatchRequest"
    assert refusal(lambda: queue.receive(11)) == "InvalidParameterValue"
    assert refusal(lambda: queue.receive(0)) == "InvalidParameterValue"


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

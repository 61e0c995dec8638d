"""The fake SQS keeps the rules of visibility and deletion; each test names where the rule stands."""

import pytest

from tests.worker.core.fake_queues import Clock, one, put, refusal
from tests.worker.fake_sqs import FakeSqs
from tests.worker.fake_sqs_store import SqsError

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

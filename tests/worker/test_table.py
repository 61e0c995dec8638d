"""The job table against an emulator of DynamoDB: each write, and its condition."""

from collections.abc import Callable

import pytest

from tests.worker.conftest import Logged
from tests.worker.table_store import KEEP, NOW, RETENTION, SENT, Store, claim, finish, message, release
from worker.aws.table import JobTable, JobTableError
from worker.core.endings import FINAL, JobState
from worker.core.events import Answered, Claim, Finish, Kind, Message, Release
from worker.job import Job
from worker.progress import Progress

RUNNING = {
    "id": "id",
    "message_id": "m",
    "state": "running",
    "attempt": "1",
    "created": str(int(SENT)),
    "started": str(int(NOW)),
    "until": str(int(NOW) + 30),
    "expires": str(int(NOW) + 30 + RETENTION + KEEP),
}


def test_a_claim_is_written_with_its_end_in_unix_time_and_creates_the_job_of_a_message_sent_to_sqs(
    store: Store,
) -> None:
    claim = Claim(message(), 130.0)
    answered = store.worker(began=100.0).claim(claim)
    assert (answered.call, answered.asked_at) == (claim, 100.0)
    assert answered.outcomes["handle"].kind is Kind.OK
    assert store.item() == RUNNING


def test_a_claim_of_the_apis_job_keeps_what_the_api_has_written_and_ends_its_submit(store: Store) -> None:
    store.put(
        state="queued", created=int(NOW) - 90, reference="order-17", digest="d", sending=1.5, expires=int(NOW) + 9
    )
    assert claim(store.worker()).kind is Kind.OK
    assert store.item() == RUNNING | {"created": str(int(NOW) - 90), "reference": "order-17", "digest": "d"}


def test_another_worker_s_claim_is_respected_until_its_end(store: Store) -> None:
    first, second = store.worker(), store.worker(began=9000.0)
    claim(first, 130.4)
    taken = claim(second, 9100.0)
    assert (taken.kind, taken.error, taken.seconds) == (Kind.TAKEN, "another worker has the job", 31)
    store.now += 30.3
    assert claim(second, 9100.0).seconds == 1
    store.now += 0.2
    assert claim(second, 9100.0).kind is Kind.OK
    assert claim(first, 200.0).kind is Kind.TAKEN


def test_a_claim_ends_with_its_lease_to_the_millisecond(store: Store) -> None:
    store.now += 0.9
    first, second = store.worker(), store.worker()
    assert claim(first, 130.0).kind is Kind.OK
    store.now += 29.998
    assert claim(second, 200.0).kind is Kind.TAKEN
    store.now += 0.004
    assert claim(second, 200.0).kind is Kind.OK


def test_a_taken_job_is_never_asked_for_again_at_once(store: Store) -> None:
    first, second = store.worker(), store.worker()
    assert claim(first, 130.0).kind is Kind.OK
    for later, seconds in ((28.7, 2.0), (1.0, 1.0), (0.3, 1.0)):  # the last: as it ends
        store.now += later
        taken = claim(second, 200.0)
        assert (taken.kind, taken.error, taken.seconds) == (Kind.TAKEN, "another worker has the job", seconds)


def test_a_claim_may_be_repeated_and_goes_on_under_a_newer_receive(store: Store) -> None:
    worker = store.worker()
    assert claim(worker).kind is Kind.OK
    assert claim(worker).kind is Kind.OK  # as after a lost answer
    assert claim(worker, 160.0, handle="newer", attempt=2).kind is Kind.OK
    assert finish(worker, handle="newer", attempt=2) is Kind.OK


def test_two_messages_of_one_job_do_not_run_at_once_in_one_worker(store: Store) -> None:
    worker = store.worker()
    claim(worker)
    assert claim(worker, message_id="other", handle="other").kind is Kind.TAKEN


def test_a_finished_job_is_never_claimed_again_while_it_is_kept(store: Store) -> None:
    first, second = store.worker(), store.worker()
    claim(first)
    finish = Finish(message(), JobState.SUCCEEDED, result='{"a":1}', progress=Progress(0.75, "half\u00e9"))
    answered = first.finish(finish)
    assert (answered.call, answered.asked_at) == (finish, 100.0)
    ended = {key: value for key, value in RUNNING.items() if key != "until"} | {
        "state": "succeeded",
        "finished": str(int(NOW)),
        "expires": str(int(NOW) + KEEP),
        "result": '{"a":1}',
        "progress": "0.75",
        "note": "half\u00e9",
    }
    assert store.item() == ended
    for worker in (first, second):
        found = claim(worker)
        assert (found.kind, found.error) == (Kind.FINISHED, "the job has ended before")
        assert (found.job or {})["result"] == '{"a":1}'
    store.now += KEEP
    assert claim(second, 2000.0).kind is Kind.FINISHED
    store.now += 1  # TTL deletes within days, not at once
    assert claim(second, 2000.0).kind is Kind.OK
    assert not {"result", "progress", "note", "finished"} & (store.item() or {}).keys()


def test_items_of_release_0_1_are_respected(store: Store) -> None:
    store.put(state="done", owner="w", expires=int(NOW) + 9)
    found = claim(store.worker())
    assert (found.kind, found.job and found.job["state"]) == (Kind.FINISHED, "succeeded")
    store.put(state="running", owner="w", until=NOW + 2.5, expires=int(NOW) + 9)
    assert claim(store.worker()).kind is Kind.TAKEN
    store.now += 3
    assert claim(store.worker()).kind is Kind.OK


def test_a_finish_may_be_repeated_and_needs_no_claim(store: Store) -> None:
    worker = store.worker()
    assert finish(worker) is Kind.OK
    assert finish(worker) is Kind.OK
    assert claim(store.worker()).kind is Kind.FINISHED


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_state_never_changes(store: Store, state: JobState) -> None:
    worker = store.worker()
    claim(worker)
    assert finish(worker, state) is Kind.OK
    before = store.item()
    for other in FINAL - {state}:
        assert finish(worker, other) is Kind.FINISHED
    assert release(worker) is Kind.OK
    worker.extend(message(), 190.0)
    worker.progress(message(), Progress(0.1))
    store.cancel()
    assert claim(worker, attempt=2).kind is Kind.FINISHED
    assert store.item() == (before or {}) | {"cancel": str(int(NOW))}


@pytest.mark.parametrize(
    ("state", "again"), [(JobState.FAILED, True), (JobState.REJECTED, True), (JobState.SUCCEEDED, False)]
)
def test_a_dead_letter_that_an_operator_sends_again_runs_again(store: Store, state: JobState, again: bool) -> None:
    worker = store.worker()
    claim(worker, attempt=5)
    finish(worker, state, error="why", attempt=5)
    assert claim(worker, attempt=6).kind is Kind.FINISHED  # the same message
    store.now += 5
    redriven = claim(worker, message_id="new", sent_at=store.now)
    assert redriven.kind is (Kind.OK if again else Kind.FINISHED)
    assert (store.state, "error" in (store.item() or {})) == (("running", False) if again else ("succeeded", True))


def test_who_lost_the_job_to_another_worker_does_not_finish_it(store: Store) -> None:
    slow, quick = store.worker(), store.worker()
    claim(slow)
    store.now += 40
    assert claim(quick, 200.0, attempt=2).kind is Kind.OK
    before = store.item()
    assert finish(slow) is Kind.LOST
    assert release(slow) is Kind.OK
    slow.extend(message(), 900.0)
    assert slow.progress(message(), Progress(0.5)).kind is not Kind.OK
    assert store.item() == before
    assert finish(quick, attempt=2) is Kind.OK
    assert finish(slow) is Kind.FINISHED


def test_a_claim_given_up_is_free_at_once_for_the_next_receive(store: Store) -> None:
    first, second = store.worker(), store.worker()
    claim(first)
    assert release(first, "no space") is Kind.OK
    assert (store.item() or {}) | {"until": None} == RUNNING | {"state": "queued", "error": "no space", "until": None}
    assert release(first) is Kind.OK  # as after a lost answer
    assert claim(second, attempt=2).kind is Kind.OK
    assert "error" not in (store.item() or {})


def test_a_late_call_of_an_older_attempt_changes_nothing(store: Store) -> None:
    worker = store.worker()
    claim(worker)
    release(worker)
    late = claim(worker)  # DynamoDB has executed the first claim once more
    assert (late.kind, late.seconds) == (Kind.TAKEN, 1)
    assert store.state == "queued"
    claim(worker, attempt=2)
    before = store.item()
    assert release(worker) is Kind.OK
    assert claim(worker).kind is Kind.TAKEN
    worker.extend(message(), 900.0)
    assert store.item() == before


def test_an_extension_moves_the_claim_s_end_and_brings_nothing_back(store: Store, logged: Logged) -> None:
    worker = store.worker()
    worker.extend(message(), 130.0)
    assert store.item() is None
    claim(worker)
    logged()
    worker.extend(message(), 160.0)
    assert logged() == []
    assert store.item() == RUNNING | {"until": str(int(NOW) + 60), "expires": str(int(NOW) + 60 + RETENTION + KEEP)}


# -- cancelled by the caller


def test_a_queued_job_that_the_api_has_cancelled_is_never_claimed(store: Store) -> None:
    store.put(state="cancelled", created=int(NOW), finished=int(NOW), expires=int(NOW) + 9)
    found = claim(store.worker())
    assert (found.kind, (found.job or {})["state"]) == (Kind.FINISHED, "cancelled")


def test_a_running_job_that_is_cancelled_is_seen_by_its_own_worker_only(store: Store) -> None:
    first, second = store.worker(), store.worker()
    claim(first)
    assert first.cancelled([message()]) == frozenset()
    store.cancel()
    assert first.cancelled([message(), Message(job=Job(id="no such", body=""), handle="h")]) == {"m"}
    assert second.cancelled([message()]) == frozenset()
    assert claim(second).kind is Kind.TAKEN
    assert finish(second, JobState.CANCELLED) is Kind.LOST
    assert finish(first, JobState.CANCELLED) is Kind.OK
    assert store.state == "cancelled"


def test_a_worker_asks_about_more_than_a_hundred_jobs(store: Store) -> None:
    worker = store.worker()
    messages = [Message(job=Job(id=f"job-{number}", body=""), handle=str(number)) for number in range(101)]
    for one in (messages[0], messages[100]):
        worker.claim(Claim(one, 130.0))
        store.client.update_item(
            TableName=store.table,
            Key={"id": {"S": one.id}},
            UpdateExpression="SET cancel = :now",
            ExpressionAttributeValues={":now": {"N": "1"}},
        )
    assert worker.cancelled(messages) == {"job-0", "job-100"}


def test_a_job_that_is_cancelled_during_its_release_or_after_its_claims_end_is_cancelled(store: Store) -> None:
    first, second = store.worker(), store.worker()
    claim(first)
    store.cancel()
    assert release(first) is Kind.CANCELLED
    assert store.state == "running"
    store.now += 31
    assert claim(second, 200.0, attempt=2).kind is Kind.CANCELLED
    assert finish(second, JobState.CANCELLED, attempt=2) is Kind.OK
    assert (store.state, finish(first)) == ("cancelled", Kind.FINISHED)


def test_a_message_whose_attempts_are_used_up_before_its_claim_has_failed(store: Store) -> None:
    store.put(state="queued", created=int(NOW), message_id="m", expires=int(NOW) + 9)
    assert finish(store.worker(), JobState.FAILED, message_id="other") is Kind.LOST  # a second message of the job
    assert finish(store.worker(), JobState.FAILED, error="the worker stopped", attempt=5) is Kind.OK
    assert {"state": "failed", "error": "the worker stopped", "attempt": "5"}.items() <= (store.item() or {}).items()


# -- errors


def test_an_error_is_cut_and_has_no_lone_surrogate(store: Store) -> None:
    finish(store.worker(), JobState.FAILED, error="\ud800" + "x" * 2000)
    assert (store.item() or {})["error"] == "?" + "x" * 999


CALLS: list[Callable[[JobTable], Answered]] = [
    lambda table: table.claim(Claim(message(), 130.0)),
    lambda table: table.finish(Finish(message(), JobState.SUCCEEDED)),
    lambda table: table.release(Release(message())),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_is_not_there_is_trouble_and_not_an_exception(
    store: Store, call: Callable[[JobTable], Answered]
) -> None:
    (outcome,) = call(store.worker("none")).outcomes.values()
    assert outcome.kind is Kind.RETRYABLE
    assert "ResourceNotFoundException" in str(outcome.error)


def test_a_failed_extension_is_logged_and_no_exception(store: Store, logged: Logged) -> None:
    store.worker("none").extend(message(), 130.0)
    (line,) = logged()
    assert (line["event"], line["message_id"], line["job_id"]) == ("extension_failed", "m", "id")


def test_the_proof_reads_the_table_and_changes_nothing(store: Store) -> None:
    store.worker().check()
    assert store.client.scan(TableName=store.table)["Count"] == 0


def test_without_its_table_the_proof_ends_in_one_sentence(store: Store) -> None:
    with pytest.raises(JobTableError) as caught:
        store.worker("none").check()
    assert str(caught.value).startswith("the job table none cannot be read: ")
    assert "\n" not in str(caught.value)

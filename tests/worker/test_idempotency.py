import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.config
import pytest

from tests.worker.harness import ACCOUNT, Sqs
from worker import logs
from worker.aws.idempotency import IdempotencyError, IdempotencyStore
from worker.core.events import Claim, Finish, Kind, Message, Outcome, ReleaseClaim
from worker.job import Job

KEEP = 1000
OK = Outcome(Kind.OK)


class Store:
    """A table, the Unix time that its workers have, and workers whose own clocks began at another time."""

    def __init__(self, endpoint: str) -> None:
        self.now = 1_800_000_000.0
        self.table = f"once-{uuid.uuid4().hex[:8]}"
        self.client: Any = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=ACCOUNT["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        self.client.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def worker(self, table: str | None = None, began: float = 100.0) -> IdempotencyStore:
        offset = self.now - began
        return IdempotencyStore(
            table or self.table,
            KEEP,
            self.client,
            clock=lambda: self.now - offset,
            epoch=lambda: self.now,
        )

    def item(self, message: Message) -> dict[str, Any] | None:
        """The item's attributes but its owner's, which is random."""
        answer = self.client.get_item(TableName=self.table, Key={"id": {"S": message.job.id}}, ConsistentRead=True)
        if "Item" not in answer:
            return None
        return {name: next(iter(value.values())) for name, value in answer["Item"].items() if name != "owner"}


@pytest.fixture
def store(sqs: Sqs) -> Iterator[Store]:
    store = Store(sqs.endpoint)
    yield store
    store.client.delete_table(TableName=store.table)


def _message(handle: str = "handle") -> Message:
    return Message(job=Job(id="id", body="body"), handle=handle)


def _claim(worker: IdempotencyStore, until: float, handle: str = "handle") -> Outcome:
    (outcome,) = worker.claim(Claim(_message(handle), until)).outcomes.values()
    return outcome


def _finish(worker: IdempotencyStore, handle: str = "handle") -> Outcome:
    (outcome,) = worker.finish(Finish(_message(handle))).outcomes.values()
    return outcome


def _forget(worker: IdempotencyStore) -> Outcome:
    (outcome,) = worker.release_claim(ReleaseClaim(_message())).outcomes.values()
    return outcome


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The events since the last call."""

    def events() -> list[str]:
        logs.OUTPUT.flush()
        return [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()]

    return events


def test_a_claim_is_written_with_its_end_in_unix_time(store: Store) -> None:
    claim = Claim(_message(), 130.0)
    answered = store.worker(began=100.0).claim(claim)
    assert (answered.call, answered.asked_at, answered.outcomes) == (claim, 100.0, {"handle": OK})
    assert store.item(_message()) == {
        "id": "id",
        "state": "running",
        "until": "1800000030",
        "expires": str(1_800_000_030 + KEEP),
    }


def test_a_job_that_another_worker_has_is_taken_until_its_claim_ends(store: Store) -> None:
    first, second = store.worker(began=100.0), store.worker(began=500.0)
    assert _claim(first, 130.0) == OK
    assert _claim(second, 530.0) == Outcome(Kind.TAKEN, "another worker has the job", 30.0)
    store.now += 29
    assert _claim(second, 600.0).seconds == 1.0
    store.now += 2
    assert _claim(second, 600.0) == OK
    assert _claim(first, 200.0).kind is Kind.TAKEN


def test_a_claim_ends_with_its_lease_to_the_millisecond(store: Store) -> None:
    store.now += 0.9
    first, second = store.worker(began=100.0), store.worker(began=100.0)
    assert _claim(first, 130.0) == OK
    store.now += 29.998
    assert _claim(second, 200.0).kind is Kind.TAKEN
    store.now += 0.004
    assert _claim(second, 200.0) == OK


def test_a_taken_job_is_never_asked_for_again_at_once(store: Store) -> None:
    first, second = store.worker(began=100.0), store.worker(began=100.0)
    assert _claim(first, 130.0) == OK
    for later, seconds in ((28.7, 2.0), (1.0, 1.0), (0.3, 1.0)):  # the last: as it ends
        store.now += later
        assert _claim(second, 200.0) == Outcome(Kind.TAKEN, "another worker has the job", seconds)


def test_a_claim_may_be_repeated_and_goes_on_under_a_newer_receive(store: Store) -> None:
    worker = store.worker()
    assert _claim(worker, 130.0) == OK
    assert _claim(worker, 130.0) == OK  # as after a lost answer
    assert _claim(worker, 160.0, "newer") == OK
    assert _finish(worker, "newer") == OK


def test_a_finished_job_is_never_claimed_again_while_it_is_remembered(store: Store) -> None:
    first, second = store.worker(), store.worker()
    assert _claim(first, 130.0) == OK
    finish = Finish(_message())
    answered = first.finish(finish)
    assert (answered.call, answered.asked_at, answered.outcomes) == (finish, 100.0, {"handle": OK})
    assert store.item(_message()) == {"id": "id", "state": "done", "expires": str(1_800_000_000 + KEEP)}
    for worker in (first, second):
        assert _claim(worker, 130.0) == Outcome(Kind.FINISHED, "the job has finished before")
    store.now += KEEP
    assert _claim(second, 2000.0).kind is Kind.FINISHED
    store.now += 1  # TTL deletes within days, not at once
    assert _claim(second, 2000.0) == OK


def test_a_finish_may_be_repeated_and_needs_no_claim(store: Store) -> None:
    worker = store.worker()
    assert _finish(worker) == OK
    assert _finish(worker) == OK
    assert _claim(store.worker(), 130.0).kind is Kind.FINISHED


def test_who_lost_the_job_to_another_worker_does_not_finish_it(store: Store) -> None:
    slow, quick = store.worker(), store.worker()
    _claim(slow, 130.0)
    store.now += 40
    assert _claim(quick, 200.0) == OK
    assert _finish(slow).kind is Kind.LOST
    assert _forget(slow) == OK
    slow.extend(_message(), 900.0)
    assert store.item(_message()) == {
        "id": "id",
        "state": "running",
        "until": "1800000100",
        "expires": str(1_800_000_100 + KEEP),
    }
    assert _finish(quick) == OK
    assert _finish(slow).kind is Kind.FINISHED


def test_a_claim_given_up_is_free_at_once(store: Store) -> None:
    first, second = store.worker(), store.worker()
    _claim(first, 130.0)
    assert _forget(first) == OK
    assert store.item(_message()) is None
    assert _forget(first) == OK  # as after a lost answer
    assert _claim(second, 130.0) == OK


def test_a_finished_job_is_not_forgotten(store: Store) -> None:
    worker = store.worker()
    _claim(worker, 130.0)
    _finish(worker)
    assert _forget(worker) == OK
    assert _claim(worker, 130.0).kind is Kind.FINISHED


def test_an_extension_moves_the_claim_s_end_and_brings_nothing_back(
    store: Store, logged: Callable[[], list[str]]
) -> None:
    worker = store.worker()
    worker.extend(_message(), 130.0)
    assert store.item(_message()) is None
    _claim(worker, 130.0)
    logged()
    worker.extend(_message(), 160.0)
    assert logged() == []
    assert store.item(_message()) == {
        "id": "id",
        "state": "running",
        "until": "1800000060",
        "expires": str(1_800_000_060 + KEEP),
    }
    _finish(worker)
    worker.extend(_message(), 190.0)
    assert (store.item(_message()) or {})["state"] == "done"


CALLS: list[Callable[[IdempotencyStore], Outcome]] = [lambda once: _claim(once, 130.0), _finish, _forget]


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_is_not_there_is_trouble_and_not_an_exception(
    store: Store, call: Callable[[IdempotencyStore], Outcome]
) -> None:
    outcome = call(store.worker("none"))
    assert outcome.kind is Kind.RETRYABLE
    assert "ResourceNotFoundException" in str(outcome.error)


def test_a_failed_extension_is_logged_and_no_exception(store: Store, logged: Callable[[], list[str]]) -> None:
    store.worker("none").extend(_message(), 130.0)
    assert logged() == ["extension_failed"]


def test_the_proof_reads_the_table_and_changes_nothing(store: Store) -> None:
    store.worker().check()
    assert store.client.scan(TableName=store.table)["Count"] == 0


def test_without_its_table_the_proof_ends_in_one_sentence(store: Store) -> None:
    with pytest.raises(IdempotencyError) as caught:
        store.worker("none").check()
    assert str(caught.value).startswith("the table none of finished jobs cannot be read: ")
    assert "\n" not in str(caught.value)

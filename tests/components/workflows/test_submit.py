"""The workflow that sends a job of the API and wakes the service."""

import pytest

from components.workflows import waking
from policy import sizing
from tests.components.workflows.account import COUNT, EXECUTE, LOOK, REGISTER, SEND, START, TASKS, URL, Account, submit
from tests.components.workflows.states import Ended


def test_a_job_is_sent_before_a_task_is_started() -> None:
    account = Account()
    assert submit(account, body='{"a": 1.0}') == Ended("SUCCEEDED", {"messageId": "m-1"})
    assert account.calls == [SEND, COUNT, EXECUTE]
    assert account.sent == [{"MessageBody": '{"a": 1.0}'}]


@pytest.mark.parametrize("jobs", [(0, 1, 0), (1, 200, 0), (5000, 1, 0)])
def test_while_a_job_runs_none_starts_a_task(jobs: tuple[int, int, int]) -> None:
    account = Account(jobs=jobs)
    assert submit(account) == Ended("SUCCEEDED", {"messageId": "m-1"})
    assert account.calls == [SEND, COUNT]


def test_the_jobs_of_a_large_burst_start_tasks_some_times_and_not_each_time() -> None:
    account = Account(jobs=(50, 0, 0))
    for _ in range(200):
        submit(account)
    assert 5 < account.calls.count(EXECUTE) < 100
    assert not set(account.calls) & {LOOK, TASKS, REGISTER}


def test_each_of_the_first_jobs_starts_a_task() -> None:
    for number in range(sizing.STARTS + 1):
        account = Account(jobs=(number, 0, 0))
        submit(account)
        assert account.calls == [SEND, COUNT, EXECUTE]


@pytest.mark.parametrize("broken", [COUNT, EXECUTE])
@pytest.mark.parametrize("error", ["Sdk.ThrottlingException", "States.Timeout"])
def test_a_sent_job_is_a_success_even_if_starting_a_task_fails(broken: str, error: str) -> None:
    account = Account(broken={broken: error})
    assert submit(account) == Ended("SUCCEEDED", {"messageId": "m-1"})
    assert account.calls == [SEND, COUNT, EXECUTE]
    assert len(account.sent) == 1


def test_a_job_that_was_not_sent_is_a_failure_and_starts_no_task() -> None:
    account = Account(broken={SEND: "Sqs.QueueDoesNotExistException"})
    assert submit(account) == Ended("FAILED", error="Sqs.QueueDoesNotExistException")
    assert account.calls == [SEND]


def test_a_message_of_a_fifo_queue_has_its_ids() -> None:
    account = Account()
    submit(account, fifo=True, group="g", deduplication="d")
    assert account.sent == [{"MessageBody": "{}", "MessageGroupId": "g", "MessageDeduplicationId": "d"}]


@pytest.mark.parametrize(("longer", "status"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_a_body_of_more_than_two_hundred_kilobytes_is_not_sent(longer: int, status: str) -> None:
    account = Account()
    ended = submit(account, body="x" * (200 * 1024 + longer))
    assert ended.status == status
    assert len(account.sent) == 1 - longer
    assert ended.error == ("TooLong" if longer else None)


def test_submit_ends_before_api_gateways_timeout() -> None:
    document = waking.submit(partition="aws", queue_url=URL, start_arn=START, fifo=False)
    states = document["States"].values()
    assert sum(state["TimeoutSeconds"] for state in states if state["Type"] == "Task") < 29

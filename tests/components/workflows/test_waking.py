"""The workflows that size the service."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.workflows import waking
from policy import sizing
from tests.components.workflows.account import (
    COUNT,
    LOOK,
    LOOKS,
    PLACE,
    REGISTER,
    START,
    TAKE_BACK,
    TASKS,
    TASKS_OF,
    URL,
    Account,
    start,
    watch,
)
from tests.components.workflows.states import Ended, execute


@pytest.mark.parametrize("jobs", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 9, 3)])
def test_a_waiting_running_or_delayed_job_raises_the_minimum(jobs: tuple[int, int, int]) -> None:
    account = Account(jobs=jobs)
    assert watch(account).status == "SUCCEEDED"
    assert account.minimum == 1
    assert account.calls == [*LOOKS, REGISTER]


@pytest.mark.parametrize("desired", [0, 1, 3, 6])
def test_a_backlog_raises_the_minimum_above_the_desired_count_and_the_next_look_lowers_it(desired: int) -> None:
    account = Account(jobs=(40, 1, 0), desired=desired, running=desired)
    watch(account)
    assert (account.minimum, account.calls[3:]) == (7, [TAKE_BACK, REGISTER])
    watch(account)
    assert account.minimum == 7, "its tasks are starting"
    account.running = 7
    watch(account)
    assert account.minimum == 1
    account.jobs = (0, 0, 0)
    watch(account)
    assert account.minimum == 0


@pytest.mark.parametrize("desired", [7, 8, 9])
def test_a_backlog_for_which_the_tasks_are_enough_has_a_minimum_of_one(desired: int) -> None:
    account = Account(jobs=(40, 1, 0), desired=desired, running=desired)
    watch(account)
    assert (account.minimum, account.calls[3:]) == (1, [REGISTER])


@given(
    jobs=st.tuples(*[st.integers(0, 120)] * 3),
    current=st.integers(0, 9),
    minimum=st.integers(0, 3),
    tasks=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    maximum=st.integers(3, 9),
)
def test_the_watcher_registers_what_the_arithmetic_says(
    jobs: tuple[int, int, int], current: int, minimum: int, tasks: tuple[int, int], maximum: int
) -> None:
    running, desired = tasks
    account = Account(jobs=jobs, minimum=current, running=running, desired=desired, maximum=maximum)
    assert watch(account, minimum).status == "SUCCEEDED"
    least = sizing.least(TASKS_OF.need(*jobs), floor=minimum, desired=desired, limit=maximum)
    changes = sizing.changes(least, registered=current, running=running, desired=desired)
    assert account.minimum == (least if changes else current) <= max(current, maximum)
    assert (REGISTER in account.calls) == changes
    assert (TAKE_BACK in account.calls) == (changes and least > max(1, minimum))


def test_a_minimum_that_no_watcher_lowers_is_taken_back_ten_minutes_later() -> None:
    account = Account(jobs=(100, 0, 0))
    place = replace(PLACE, min_tasks=1)
    before = datetime.now(UTC)
    execute(waking.watch(place), {"minimum": 2}, account)
    assert account.take_back is not None
    schedule, action = account.take_back
    assert action == {"MinCapacity": 1}
    at = datetime.strptime(schedule, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert timedelta(minutes=10, seconds=-1) <= at - before <= timedelta(minutes=15)


def test_a_minimum_is_raised_even_if_taking_it_back_cannot_be_planned() -> None:
    account = Account(jobs=(100, 0, 0), broken={TAKE_BACK: "ApplicationAutoScaling.LimitExceededException"})
    assert watch(account).status == "SUCCEEDED"
    assert account.minimum == 9


@pytest.mark.parametrize(("running", "desired", "minimum"), [(0, 1, 1), (1, 2, 1), (1, 1, 0), (2, 1, 0), (0, 0, 0)])
def test_the_minimum_is_not_lowered_while_a_task_is_starting(running: int, desired: int, minimum: int) -> None:
    account = Account(minimum=1, running=running, desired=desired)
    assert watch(account).status == "SUCCEEDED"
    assert account.minimum == minimum
    assert account.calls == [*LOOKS, *([REGISTER] if minimum == 0 else [])]


def test_the_minimum_is_raised_while_a_task_is_starting() -> None:
    account = Account(running=0, desired=1)
    watch(account, 2)
    assert account.minimum == 2


@pytest.mark.parametrize(("jobs", "current"), [((500, 0, 0), 0), ((0, 0, 0), 1)])
def test_nothing_changes_while_scaling_is_suspended(jobs: tuple[int, int, int], current: int) -> None:
    account = Account(jobs=jobs, minimum=current, suspended=True)
    assert watch(account).status == "SUCCEEDED"
    assert account.calls == LOOKS
    ended, pauses = start(account)
    assert (ended.status, pauses, account.calls) == ("SUCCEEDED", [], LOOKS * 2)


@pytest.mark.parametrize(
    ("broken", "jobs", "current"),
    [(broken, *case) for broken in (*LOOKS, REGISTER) for case in (((5, 0, 0), 0), ((500, 0, 0), 0), ((0, 0, 0), 1))],
)
def test_a_watcher_that_fails_changes_nothing(broken: str, jobs: tuple[int, int, int], current: int) -> None:
    account = Account(jobs=jobs, minimum=current, broken={broken: "Sdk.ThrottlingException"})
    assert watch(account) == Ended("FAILED", error="Sdk.ThrottlingException")
    assert account.minimum == current


def test_a_response_without_the_counts_changes_nothing() -> None:
    account = Account(minimum=1)

    def forgetful(action: str, arguments: dict[str, Any]) -> Any:
        return {"Attributes": {}} if action == COUNT else account(action, arguments)

    ended = execute(waking.watch(PLACE), {"minimum": 0}, forgetful)
    assert ended == Ended("FAILED", error="States.QueryEvaluationError")
    assert account.calls == []


def test_the_job_that_wakes_is_followed_by_two_more_looks_that_size_the_burst() -> None:
    account = Account(running=0, desired=0)
    ended, pauses = start(account, {"jobs": (40, 0, 0)}, {"jobs": (150, 0, 0)})
    assert (ended.status, pauses) == ("SUCCEEDED", [5, 20])
    assert account.calls == [*LOOKS, REGISTER, *LOOKS, TAKE_BACK, REGISTER, *LOOKS, TAKE_BACK, REGISTER]
    assert account.minimum == 9


def test_a_job_that_sqs_does_not_count_yet_wakes_the_service_too() -> None:
    account = Account(running=0, desired=0)
    start(account)
    assert account.minimum == 1


@pytest.mark.parametrize("minimum", [0, 1])
@pytest.mark.parametrize("jobs", [(0, 0, 0), (3, 0, 0), (19, 1, 0)])
def test_a_start_that_finds_the_service_running_ends_at_once(jobs: tuple[int, int, int], minimum: int) -> None:
    account = Account(jobs=jobs, minimum=minimum, desired=3)
    ended, pauses = start(account)
    assert (ended.status, pauses, account.minimum) == ("SUCCEEDED", [], 1)
    assert account.calls == [*LOOKS, *([] if minimum else [REGISTER])]


def test_a_start_lowers_no_minimum() -> None:
    account = Account(jobs=(1, 0, 0), minimum=6, desired=9, running=9)
    start(account)
    assert account.minimum == 6


@pytest.mark.parametrize("broken", [COUNT, TASKS, LOOK, REGISTER])
def test_a_look_that_aws_throttles_is_tried_again_and_then_left_to_the_next_look(broken: str) -> None:
    account = Account(jobs=(40, 0, 0), running=0, desired=0, broken={broken: "Sdk.ThrottlingException"})
    ended, pauses = start(account, {}, {}, {"broken": {}})
    assert (ended.status, pauses, account.minimum) == ("SUCCEEDED", [1, 2, 4, 5, 20], 6)
    account = Account(jobs=(40, 0, 0), running=0, desired=0, broken={broken: "Sdk.ThrottlingException"})
    ended, pauses = start(account, {}, {}, {}, {"broken": {}})
    assert (ended.status, pauses, account.minimum) == ("SUCCEEDED", [1, 2, 4, 5, 20], 6)


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_resources_have_the_partition(partition: str) -> None:
    place = replace(PLACE, partition=partition)
    submitting = waking.submit(partition=partition, queue_url=URL, start_arn=START, fifo=False)
    for document in (waking.watch(place), waking.start(place), submitting):
        tasks = [state["Resource"] for state in document["States"].values() if state["Type"] == "Task"]
        assert all(found.startswith(f"arn:{partition}:states:::aws-sdk:") for found in tasks)

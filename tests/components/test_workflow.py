"""The two workflows, run with a fake queue, service and scalable target."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import _workflow
from tests.components.states import Ended, Failed, execute

URL, TARGET = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs", "service/cluster/worker"
PLACE = {"partition": "aws", "queue_url": URL, "resource_id": TARGET}
SERVICE = {"cluster": "cluster", "service": "worker"}
DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
COUNT, LOOK = "sqs:getQueueAttributes", "applicationautoscaling:describeScalableTargets"
TASKS = "ecs:describeServices"
SEND, REGISTER = "sqs:sendMessage", "applicationautoscaling:registerScalableTarget"


@dataclass
class Account:
    """A queue, a service and its scalable target, as the workflows see them."""

    jobs: tuple[int, int, int] = (0, 0, 0)
    minimum: int = 0
    suspended: bool = False
    #: Running tasks and the desired count.
    running: int = 1
    desired: int = 1
    #: Errors of failing actions.
    broken: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, action: str, arguments: dict[str, Any]) -> Any:
        self.calls.append(action)
        if action in self.broken:
            raise Failed(self.broken[action])
        if action == COUNT:
            assert arguments == {"QueueUrl": URL, "AttributeNames": list(_workflow.JOBS)}
            return {"Attributes": dict(zip(_workflow.JOBS, map(str, self.jobs), strict=True))}
        if action == LOOK:
            assert arguments == {**DIMENSION, "ResourceIds": [TARGET]}
            suspended = dict.fromkeys(
                ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), self.suspended
            )
            return {"ScalableTargets": [{"MinCapacity": self.minimum, "MaxCapacity": 9, "SuspendedState": suspended}]}
        if action == TASKS:
            assert arguments == {"Cluster": "cluster", "Services": ["worker"]}
            return {"Services": [{"RunningCount": self.running, "DesiredCount": self.desired}]}
        if action == REGISTER:
            self.minimum = arguments.pop("MinCapacity")
            assert arguments == {**DIMENSION, "ResourceId": TARGET}
            return {}
        assert action == SEND
        assert arguments.pop("QueueUrl") == URL
        self.sent.append(arguments)
        return {"MessageId": "m-1", "MD5OfMessageBody": "d"}


def watch(account: Account, minimum: int = 0) -> Ended:
    return execute(_workflow.watch(**PLACE, **SERVICE), {"minimum": minimum}, account)


def submit(account: Account, fifo: bool = False, **given: str) -> Ended:
    return execute(_workflow.submit(**PLACE, fifo=fifo), {"body": "{}", **given}, account)


@pytest.mark.parametrize("jobs", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (900, 20, 3)])
def test_a_waiting_running_or_delayed_job_raises_the_minimum(jobs: tuple[int, int, int]) -> None:
    account = Account(jobs=jobs)
    assert watch(account).status == "SUCCEEDED"
    assert account.minimum == 1
    assert account.calls == [COUNT, LOOK, REGISTER]


@given(jobs=st.tuples(*[st.integers(0, 3)] * 3), current=st.integers(0, 3), minimum=st.integers(0, 3))
def test_the_minimum_is_the_input_but_at_least_one_while_there_is_a_job(
    jobs: tuple[int, int, int], current: int, minimum: int
) -> None:
    account = Account(jobs=jobs, minimum=current)
    assert watch(account, minimum).status == "SUCCEEDED"
    assert account.minimum == (max(1, minimum) if sum(jobs) else minimum)
    assert (REGISTER in account.calls) == (account.minimum != current)


@pytest.mark.parametrize(("running", "desired", "minimum"), [(0, 1, 1), (1, 2, 1), (1, 1, 0), (2, 1, 0), (0, 0, 0)])
def test_the_minimum_is_not_lowered_while_a_task_is_starting(running: int, desired: int, minimum: int) -> None:
    account = Account(minimum=1, running=running, desired=desired)
    assert watch(account).status == "SUCCEEDED"
    assert account.minimum == minimum
    assert account.calls == [COUNT, LOOK, TASKS, *([REGISTER] if minimum == 0 else [])]


def test_the_minimum_is_raised_while_a_task_is_starting() -> None:
    account = Account(running=0, desired=1)
    watch(account, 2)
    assert account.minimum == 2


@pytest.mark.parametrize(("jobs", "current"), [((5, 0, 0), 0), ((0, 0, 0), 1)])
def test_the_watcher_changes_nothing_while_scaling_is_suspended(jobs: tuple[int, int, int], current: int) -> None:
    account = Account(jobs=jobs, minimum=current, suspended=True)
    assert watch(account).status == "SUCCEEDED"
    assert account.calls == [COUNT, LOOK]


@pytest.mark.parametrize(
    ("broken", "jobs", "current"),
    [
        *((broken, (5, 0, 0), 0) for broken in (COUNT, LOOK, REGISTER)),
        *((broken, (0, 0, 0), 1) for broken in (COUNT, LOOK, TASKS, REGISTER)),
    ],
)
def test_a_watcher_that_fails_changes_nothing(broken: str, jobs: tuple[int, int, int], current: int) -> None:
    account = Account(jobs=jobs, minimum=current, broken={broken: "Sdk.ThrottlingException"})
    assert watch(account) == Ended("FAILED", error="Sdk.ThrottlingException")
    assert account.minimum == current


def test_a_response_without_the_counts_changes_nothing() -> None:
    account = Account(minimum=1)

    def forgetful(action: str, arguments: dict[str, Any]) -> Any:
        return {"Attributes": {}} if action == COUNT else account(action, arguments)

    ended = execute(_workflow.watch(**PLACE, **SERVICE), {"minimum": 0}, forgetful)
    assert ended == Ended("FAILED", error="States.QueryEvaluationError")
    assert account.calls == []


def test_a_job_is_sent_before_the_minimum_is_raised() -> None:
    account = Account()
    assert submit(account, body='{"a": 1.0}') == Ended("SUCCEEDED", {"messageId": "m-1"})
    assert account.calls == [SEND, LOOK, REGISTER]
    assert account.sent == [{"MessageBody": '{"a": 1.0}'}]
    assert account.minimum == 1


@pytest.mark.parametrize(("minimum", "suspended"), [(1, False), (5, False), (0, True)])
def test_submit_changes_no_minimum_above_zero_and_no_suspended_target(minimum: int, suspended: bool) -> None:
    account = Account(minimum=minimum, suspended=suspended)
    assert submit(account) == Ended("SUCCEEDED", {"messageId": "m-1"})
    assert account.calls == [SEND, LOOK]


@pytest.mark.parametrize("broken", [LOOK, REGISTER])
@pytest.mark.parametrize("error", ["ApplicationAutoScaling.ConcurrentUpdateException", "States.Timeout"])
def test_a_sent_job_is_a_success_even_if_raising_the_minimum_fails(broken: str, error: str) -> None:
    account = Account(broken={broken: error})
    assert submit(account) == Ended("SUCCEEDED", {"messageId": "m-1"})
    assert len(account.sent) == 1


def test_a_sent_job_is_a_success_even_without_a_scalable_target() -> None:
    account = Account()

    def gone(action: str, arguments: dict[str, Any]) -> Any:
        return {"ScalableTargets": []} if action == LOOK else account(action, arguments)

    ended = execute(_workflow.submit(**PLACE, fifo=False), {"body": "{}"}, gone)
    assert ended == Ended("SUCCEEDED", {"messageId": "m-1"})


def test_a_job_that_was_not_sent_is_a_failure_and_raises_no_minimum() -> None:
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


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_resources_have_the_partition(partition: str) -> None:
    place = {**PLACE, "partition": partition}
    for document in (_workflow.watch(**place, **SERVICE), _workflow.submit(**place, fifo=False)):
        tasks = [state["Resource"] for state in document["States"].values() if state["Type"] == "Task"]
        assert all(found.startswith(f"arn:{partition}:states:::aws-sdk:") for found in tasks)


def test_submit_ends_before_api_gateways_timeout() -> None:
    states = _workflow.submit(**PLACE, fifo=False)["States"].values()
    assert sum(state["TimeoutSeconds"] for state in states if state["Type"] == "Task") < 29

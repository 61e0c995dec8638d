"""One task checks a revision: how it is started, followed and reported, against an ECS that a test plans."""

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components import revision_check, task_check
from components.task_check import Clock, Place, TaskCheckError

NETWORK = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"}
PLACE = Place(cluster="jobs", task_definition="worker:7", network=NETWORK)
ARN = "arn:aws:ecs:us-east-1:123456789012:task/jobs/abc"


def stopped(code: int | None = 0, reason: str | None = None, container: str | None = None) -> dict[str, Any]:
    about = {"exitCode": code, "reason": container}
    found = {"lastStatus": "STOPPED", "containers": [{key: value for key, value in about.items() if value is not None}]}
    return found if reason is None else {**found, "stoppedReason": reason}


class Aws:
    """ECS and CloudWatch Logs: `starts` are the answers of RunTask, `tasks` those of DescribeTasks, the last again."""

    def __init__(self, tasks: Sequence[Any], starts: Sequence[Any] = (), log: Sequence[str] = ()) -> None:
        self.tasks, self.starts, self.log = list(tasks), list(starts) or [{"tasks": [{"taskArn": ARN}]}], log
        self.ran: list[dict[str, Any]] = []
        self.ended: list[dict[str, Any]] = []
        self.read: list[dict[str, Any]] = []
        self.now = 0.0

    def __call__(self, _service: str) -> "Aws":
        return self

    def check(self, start_timeout: float = 300) -> str | None:
        """The text of the failure; None without one."""
        try:
            task_check.run(PLACE, self, start_timeout=start_timeout, clock=Clock(now=lambda: self.now, sleep=self.wait))
        except TaskCheckError as error:
            return str(error)
        return None

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def run_task(self, **request: Any) -> Any:
        self.ran.append(request)
        answer = self.starts.pop(0) if len(self.starts) > 1 else self.starts[0]
        if isinstance(answer, Exception):
            raise answer
        return {"failures": [], **answer}

    def describe_tasks(self, **_: Any) -> Any:
        found = self.tasks.pop(0) if len(self.tasks) > 1 else self.tasks[0]
        return {"tasks": [found] if found else []}

    def stop_task(self, **request: Any) -> None:
        self.ended.append(request)

    def describe_task_definition(self, **_: Any) -> Any:
        options = {"awslogs-group": "/jobs", "awslogs-stream-prefix": "worker"}
        return {"taskDefinition": {"containerDefinitions": [{"name": "w", "logConfiguration": {"options": options}}]}}

    def get_log_events(self, **request: Any) -> Any:
        self.read.append(request)
        return {"events": [{"message": line} for line in self.log]}


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "RunTask")


def test_a_task_of_the_revision_runs_on_demand_in_the_service_s_network_and_its_end_is_awaited() -> None:
    aws = Aws([None, {"lastStatus": "PROVISIONING"}, {"lastStatus": "RUNNING"}, stopped()])
    assert aws.check() is None
    assert aws.ran == [
        {
            "cluster": "jobs",
            "taskDefinition": "worker:7",
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": NETWORK},
            "overrides": {"containerOverrides": [{"name": "worker", "command": ["--check"]}]},
            "startedBy": "ebb-check",
        }
    ]
    assert (aws.ended, aws.read) == ([], [])


def test_a_failure_has_the_exit_code_and_the_last_lines_of_the_log() -> None:
    aws = Aws([stopped(78, "Essential container in task exited")], log=["one", "two"])
    assert aws.check() == "its task ended with exit code 78.\nIts last log lines:\n  one\n  two"
    assert aws.read == [{"logGroupName": "/jobs", "logStreamName": "worker/w/abc", "limit": 15, "startFromHead": False}]


def test_a_task_that_never_ran_is_reported_with_the_reasons_of_ecs() -> None:
    pull = "CannotPullContainerError: no such image"
    assert Aws([stopped(None, "Task failed to start", pull)]).check() == (
        f"its task did not start: {pull}; Task failed to start."
    )


def test_a_task_that_does_not_end_is_stopped() -> None:
    aws = Aws([{"lastStatus": "RUNNING", "containers": []}], log=["still importing"])
    assert aws.check(start_timeout=60) == (
        "its task did not end within 720 seconds and was stopped.\nIts last log lines:\n  still importing"
    )
    assert aws.ended == [{"cluster": "jobs", "task": ARN, "reason": "It did not end within 720 seconds"}]


def test_a_start_is_tried_again_while_fargate_has_no_room_or_a_role_is_new() -> None:
    full = {"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time"}]}
    new = refused("ClientException", "ECS was unable to assume the role that was provided for this task")
    aws = Aws([stopped()], [full, new, {"tasks": [{"taskArn": ARN}]}])
    assert aws.check() is None
    assert (len(aws.ran), aws.now) == (3, 20)
    assert Aws([], [full]).check() == "ECS started no task to check it: Capacity is unavailable at this time."


def test_a_refusal_ends_the_check_at_once() -> None:
    aws = Aws([], [refused("AccessDeniedException", "no ecs:RunTask")])
    assert aws.check() == (
        "the task that checks it could not be followed: An error occurred (AccessDeniedException) when calling the "
        "RunTask operation: no ecs:RunTask"
    )
    assert len(aws.ran) == 1


SERVICE = {
    "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/jobs",
    "taskDefinition": "worker:7",
    "desiredCount": 0,
    "networkConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": True},
}


def test_a_service_is_checked_when_its_revision_or_its_network_changes() -> None:
    assert not revision_check.differs(SERVICE, {**SERVICE, "desiredCount": 3, "enableExecuteCommand": True})
    assert revision_check.differs(SERVICE, {**SERVICE, "taskDefinition": "worker:8"})
    network = {"subnets": ["subnet-2"], "securityGroups": ["sg-1"]}
    assert revision_check.differs(SERVICE, {**SERVICE, "networkConfiguration": network})
    assert revision_check.place(SERVICE) == Place(
        cluster=str(SERVICE["cluster"]), task_definition="worker:7", network=NETWORK
    )


def test_a_failing_check_says_what_becomes_of_the_service() -> None:
    aws = Aws([stopped(None, "no room")])
    said = "^The new revision cannot run jobs, so the service keeps its revision: its task did not start: no room.$"
    with pytest.raises(revision_check.RevisionError, match=said):
        revision_check.prove(SERVICE, 1, kept="keeps its revision", client=aws)

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from components.wake import Wake, WakeArgs
from components.workflows import waking
from policy import hours as policy_hours
from policy.sizing import Sizing
from settings import Scaling as ScalingSettings
from settings import WarmHours
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

SCHEDULE, MACHINE = "aws:scheduler/schedule:Schedule", "aws:sfn/stateMachine:StateMachine"
ACTION = "aws:appautoscaling/scheduledAction:ScheduledAction"
ROLE, POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
URL, QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs", f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
RESOURCE = "service/cluster/worker"
TARGET = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/1234"
TASKS = Sizing(share=5, concurrency=1, maximum=9)
PLACE = waking.Place(
    partition="aws",
    queue_url=URL,
    cluster="cluster",
    service="worker",
    resource_id=RESOURCE,
    tasks=TASKS,
    min_tasks=0,
)
KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
OFFICE = (WarmHours(start="08:00", stop="18:00", days=("MON", "TUE", "WED", "THU", "FRI"), min_tasks=2),)
GOVERNMENT = {"aws:index/getPartition:getPartition": {"partition": "aws-us-gov", "dnsSuffix": "amazonaws.com"}}


def wake(
    *,
    fifo: bool = False,
    kms_key_arn: str | None = None,
    answers: dict[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> Deployed:
    def program() -> dict[str, Any]:
        made = Wake(
            "wake",
            WakeArgs(
                settings=ScalingSettings(max_tasks=9, **settings),
                tasks=TASKS,
                queue=queue_refs(fifo=fifo, kms_key_arn=kms_key_arn),
                cluster_name="cluster",
                service_name="worker",
                resource_id=RESOURCE,
                target_arn=TARGET,
            ),
        )
        return {"submit_arn": made.submit_arn}

    return deploy(program, answers=answers)


def allow(resource: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": [resource]}


#: Permissions to read the queue, the service and its minimum, and to set the minimum.
LOOK = [
    allow(QUEUE, "sqs:GetQueueAttributes"),
    allow("*", "application-autoscaling:DescribeScalableTargets"),
    allow(TARGET, "application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScheduledAction"),
    allow(f"arn:aws:ecs:{REGION}:{ACCOUNT}:{RESOURCE}", "ecs:DescribeServices", "ecs:UpdateService"),
]
KEEP_ALIVE = {(SCHEDULE, "wake-keep-alive"), (ROLE, "wake-keep-alive"), (POLICY, "wake-keep-alive")}
WATCHER = {
    *((kind, "wake-watcher") for kind in (MACHINE, ROLE, POLICY)),
    *((kind, "wake-watch") for kind in (ROLE, POLICY)),
}
SUBMIT = {(kind, f"wake-{name}") for kind in (MACHINE, ROLE, POLICY) for name in ("submit", "start")}
ACTIONS = {(ACTION, "wake-hours-2-at-8-0"), (ACTION, "wake-hours-0-at-18-0")}


@pytest.mark.parametrize(
    ("keep_alive", "watch", "direct", "hours"),
    list(itertools.product((True, False), (True, False), (True, False), ((), OFFICE))),
)
def test_only_what_the_settings_ask_for_is_created(
    keep_alive: bool, watch: bool, direct: bool, hours: tuple[WarmHours, ...]
) -> None:
    made = wake(keep_alive=keep_alive, watch=watch, direct=direct, warm_hours=hours)
    watches = watch or direct
    every = {f"wake-watch-{n}" for n in range(3)} if hours else {"wake-watch"}
    assert made.names == {
        *(KEEP_ALIVE if keep_alive and not watches else ()),
        *(WATCHER | {(SCHEDULE, name) for name in every} if watches else ()),
        *(SUBMIT if direct else ()),
        *(ACTIONS if hours else ()),
    }
    assert {found.parent_type for found in made.resources.values() if found.type.startswith("aws:")} <= {
        "ebb:index:Wake"
    }
    assert (made.result["submit_arn"] is not None) == direct


@pytest.mark.parametrize(("answers", "partition"), [(None, "aws"), (GOVERNMENT, "aws-us-gov")])
def test_once_an_hour_a_missing_tag_of_the_queue_is_removed(
    answers: dict[str, dict[str, Any]] | None, partition: str
) -> None:
    made = wake(answers=answers)
    inputs = made.one(SCHEDULE).inputs
    target = dict(inputs["target"])
    assert json.loads(target.pop("input")) == {"QueueUrl": URL, "TagKeys": ["ebb:keep-alive"]}
    assert target == {
        "arn": f"arn:{partition}:scheduler:::aws-sdk:sqs:untagQueue",
        "roleArn": f"arn:{partition}:iam:{REGION}:{ACCOUNT}:wake-keep-alive",
    }
    assert inputs["scheduleExpression"] == "rate(1 hour)"
    assert "scheduleExpressionTimezone" not in inputs
    assert inputs["flexibleTimeWindow"] == {"mode": "OFF"}


def test_the_keep_alive_role_may_only_remove_tags() -> None:
    made = wake()
    assert made.one(POLICY).statements == [allow(QUEUE, "sqs:UntagQueue")]
    assert made.one(ROLE).statements == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ]


@pytest.mark.parametrize("minimum", [0, 1])
def test_the_watcher_starts_once_a_minute_with_the_minimum(minimum: int) -> None:
    made = wake(watch=True, min_tasks=minimum)
    inputs = made.one(SCHEDULE).inputs
    assert inputs["scheduleExpression"] == "rate(1 minute)"
    assert inputs["target"] == {
        "arn": f"arn:aws:sfn:{REGION}:{ACCOUNT}:wake-watcher",
        "roleArn": f"arn:aws:iam:{REGION}:{ACCOUNT}:wake-watch",
        "input": f'{{"minimum": {minimum}}}',
        "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
    }
    machine = made.one(MACHINE)
    assert machine.inputs["type"] == "EXPRESS"
    assert machine.inputs["roleArn"] == f"arn:aws:iam:{REGION}:{ACCOUNT}:wake-watcher"
    assert machine.json("definition") == waking.watch(replace(PLACE, min_tasks=minimum))
    assert "loggingConfiguration" not in machine.inputs


def test_the_watcher_and_its_schedule_have_the_necessary_permissions_only() -> None:
    made = wake(watch=True)
    assert made.one(POLICY, "wake-watcher").statements == LOOK
    machine = f"arn:aws:sfn:{REGION}:{ACCOUNT}:wake-watcher"
    assert made.one(POLICY, "wake-watch").statements == [allow(machine, "states:StartExecution")]
    for role, service in (("wake-watcher", "states"), ("wake-watch", "scheduler")):
        (trusted,) = made.one(ROLE, role).statements
        assert trusted["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_with_warm_hours_the_watcher_gets_the_minimum_of_the_hour() -> None:
    made = wake(watch=True, warm_hours=OFFICE, timezone="Europe/Berlin")
    schedules = {
        (found.inputs["scheduleExpression"], json.loads(found.inputs["target"]["input"])["minimum"])
        for found in made.of(SCHEDULE)
    }
    settings = ScalingSettings(max_tasks=9, warm_hours=OFFICE)
    assert schedules == {(moments.cron, moments.minimum) for moments in policy_hours.minutes(settings)}
    assert {found.inputs["scheduleExpressionTimezone"] for found in made.of(SCHEDULE)} == {"Europe/Berlin"}
    assert {found.inputs["target"]["arn"] for found in made.of(SCHEDULE)} == {
        f"arn:aws:sfn:{REGION}:{ACCOUNT}:wake-watcher"
    }


def test_warm_hours_are_scheduled_actions_on_the_minimum() -> None:
    made = wake(warm_hours=OFFICE, timezone="Europe/Berlin")
    for name, cron, minimum in (
        ("wake-hours-2-at-8-0", "cron(0 8 ? * MON-FRI *)", 2),
        ("wake-hours-0-at-18-0", "cron(0 18 ? * MON-FRI *)", 0),
    ):
        assert made.one(ACTION, name).inputs == {
            "serviceNamespace": "ecs",
            "scalableDimension": "ecs:service:DesiredCount",
            "resourceId": RESOURCE,
            "schedule": cron,
            "timezone": "Europe/Berlin",
            "scalableTargetAction": {"minCapacity": minimum},
        }


@pytest.mark.parametrize("fifo", [False, True])
def test_the_apis_workflow_sends_and_starts_the_one_that_adds_tasks(fifo: bool) -> None:
    made = wake(direct=True, fifo=fifo)
    start_arn = f"arn:aws:sfn:{REGION}:{ACCOUNT}:wake-start"
    machine = made.one(MACHINE, "wake-submit")
    assert machine.json("definition") == waking.submit(partition="aws", queue_url=URL, start_arn=start_arn, fifo=fifo)
    assert made.one(MACHINE, "wake-start").json("definition") == waking.start(PLACE)
    assert {found.inputs["type"] for found in made.of(MACHINE)} == {"EXPRESS"}
    assert made.result["submit_arn"] == f"arn:aws:sfn:{REGION}:{ACCOUNT}:wake-submit"
    assert made.one(POLICY, "wake-submit").statements == [
        allow(QUEUE, "sqs:SendMessage", "sqs:GetQueueAttributes"),
        allow(start_arn, "states:StartExecution"),
    ]
    assert made.one(POLICY, "wake-start").statements == LOOK


def test_the_workflow_may_use_the_queues_kms_key() -> None:
    *_, last = wake(direct=True, kms_key_arn=KMS_KEY).one(POLICY, "wake-submit").statements
    assert last == allow(KMS_KEY, "kms:GenerateDataKey", "kms:Decrypt")


def test_only_reading_scalable_targets_is_allowed_on_all_resources() -> None:
    # service authorization reference, "Actions … for AWS Application Auto Scaling": it has no resource type
    made = wake(direct=True, warm_hours=OFFICE, kms_key_arn=KMS_KEY)
    wide = [
        statement["Action"]
        for policy in made.of(POLICY)
        for statement in policy.statements
        if "*" in statement["Resource"]
    ]
    assert wide == [["application-autoscaling:DescribeScalableTargets"]] * 2

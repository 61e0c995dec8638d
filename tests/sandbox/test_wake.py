"""The deployed watcher together with alarms and policies: it starts a task, and no policy removes it too early."""

import json
from typing import Any

import pytest

from components.workflows import waking
from ebb.sandbox.controllers.alarms import Autoscaler
from ebb.sandbox.controllers.schedules import Scheduler
from ebb.sandbox.emulators.region import Region
from policy.sizing import Sizing
from tests.helpers.waiting import until
from tests.sandbox.deployed import CLUSTER, QUEUE, RESOURCE, SERVICE, TARGET, Stage
from tests.sandbox.test_schedules import ROLE, TRUST

#: Seconds; the visibility timeout does not end during a test.
HOLD = 3600
#: Minutes that a job takes in these tests.
JOB = 12


class Watched(Stage):
    """A stage with a real queue, whose metrics are a minute late, and with a watcher."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.sqs = self.client("sqs")
        self.url = self.sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        self.scheduler = Scheduler(self)
        self.machine = ""
        self._counted = (0, 0)
        self.recommend()

    def deploy(self, *, url: str = "", minimum: int = 0) -> None:
        self.client("iam").create_role(RoleName="clock", AssumeRolePolicyDocument=json.dumps(TRUST))
        place = waking.Place(
            partition="aws",
            queue_url=url or self.url,
            cluster=CLUSTER,
            service=SERVICE,
            resource_id=RESOURCE,
            tasks=Sizing(share=5, concurrency=1, maximum=4),
            min_tasks=0,
        )
        made = self.client("stepfunctions").create_state_machine(
            name="watch", type="EXPRESS", roleArn=ROLE, definition=json.dumps(waking.watch(place))
        )
        self.machine = made["stateMachineArn"]
        self.client("scheduler").create_schedule(
            Name="watch",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": self.machine, "RoleArn": ROLE, "Input": json.dumps({"minimum": minimum})},
        )

    def send(self) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody="{}")

    def take(self) -> str:
        (message,) = self.sqs.receive_message(QueueUrl=self.url, VisibilityTimeout=HOLD)["Messages"]
        return str(message["ReceiptHandle"])

    def done(self, handle: str) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)

    def pass_minute(self) -> int:
        """The watcher runs, then the alarms read the queue of a minute ago; returns the desired count."""
        self.run_workflows()
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        seen, self._counted = self._counted, (int(found[names[0]]), int(found[names[1]]))
        return self.minute(*seen)

    def run_workflows(self) -> None:
        """Run the schedules, wait for the workflows, and apply what they registered."""
        self.scheduler.check()
        until(lambda: not self._working())
        self.autoscaler.check_targets()

    def _working(self) -> list[Any]:
        states = self.client("stepfunctions")
        running = {"stateMachineArn": self.machine, "statusFilter": "RUNNING"}
        return list(states.list_executions(**running)["executions"]) if self.machine else []

    def to_zero(self) -> None:
        """Run a job of two minutes, and wait until no task is left."""
        self.send()
        for _ in range(5):
            if self.pass_minute():
                break
        handle = self.take()
        self.pass_minute()
        self.done(handle)
        for _ in range(10):
            if not self.pass_minute():
                return
        raise AssertionError("the service never went to zero")

    def changes(self) -> list[tuple[int, int, str]]:
        return [(each["before"], each["after"], each["policy"]) for each in self.events.data("scaling")]

    @property
    def minimum(self) -> int:
        found = self.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
        return int(found["ScalableTargets"][0]["MinCapacity"])


@pytest.fixture
def stage(region: Region) -> Watched:
    return Watched(region)


def test_the_watcher_starts_a_task_before_any_metric_shows_the_message(stage: Watched) -> None:
    stage.deploy()
    assert [stage.pass_minute() for _ in range(3)] == [0, 0, 0]
    stage.send()
    stage.run_workflows()
    assert (stage.desired, stage.minimum) == (1, 1)
    assert [each["cause"] for each in stage.events.data("scaling")] == ["minimum capacity was set to 1"]
    assert stage.events.texts("error") == []


@pytest.mark.parametrize("minutes", [1, 3, 5, 10, 15])
def test_the_zero_policy_does_not_remove_a_task_that_the_watcher_started(stage: Watched, minutes: int) -> None:
    stage.deploy()
    stage.to_zero()
    assert [stage.pass_minute() for _ in range(minutes - 1)] == [0] * (minutes - 1)
    stage.send()
    assert stage.pass_minute() == 1
    desired = [stage.pass_minute()]  # the task starts
    handle = stage.take()
    desired += [stage.pass_minute() for _ in range(JOB)]
    assert 0 not in desired
    stage.done(handle)
    after = [stage.pass_minute() for _ in range(8)]
    assert after[-1] == 0, "after the job the service is at zero again"
    assert stage.minimum == 0
    assert stage.events.texts("error") == []


def test_without_a_minimum_the_zero_policy_removes_such_a_task(stage: Watched) -> None:
    stage.to_zero()
    stage.client("ecs").update_service(cluster="c", service="s", desiredCount=1)
    assert stage.pass_minute() == 0


def story(stage: Watched) -> list[tuple[int, int, str]]:
    """Run a job of ten minutes; returns the changes of the desired count."""
    stage.send()
    for _ in range(3):
        stage.pass_minute()
    handle = stage.take()
    for _ in range(10):
        stage.pass_minute()
    stage.done(handle)
    for _ in range(8):
        stage.pass_minute()
    return stage.changes()


@pytest.mark.parametrize("broken", ["queue", "role", "workflow"])
def test_a_service_whose_watcher_fails_scales_as_one_without_a_watcher(region: Region, broken: str) -> None:
    alone = story(Watched(region))
    region.reset()
    stage = Watched(region)
    stage.deploy(url=f"{stage.url}-gone" if broken == "queue" else "")
    if broken == "role":
        stage.client("iam").delete_role(RoleName="clock")
    if broken == "workflow":
        stage.client("stepfunctions").delete_state_machine(stateMachineArn=stage.machine)
        stage.machine = ""
    assert story(stage) == alone
    assert alone[0][0] == 0
    assert alone[-1][1:] == (0, "zero")
    (error,) = stage.events.texts("error")
    expected = {"queue": "QueueDoesNotExist", "role": "NoSuchEntity", "workflow": "StateMachineDoesNotExist"}
    assert expected[broken] in error


def test_neither_the_watcher_nor_the_alarms_scale_a_paused_service(stage: Watched) -> None:
    paused = dict.fromkeys(
        ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), True
    )
    stage.register(0, 4, SuspendedState=paused)
    stage.deploy()
    stage.send()
    assert [stage.pass_minute() for _ in range(4)] == [0] * 4
    assert stage.minimum == 0
    assert "Scaling out is suspended (policy out)." in stage.events.texts("note")
    stage.register(0, 4, SuspendedState=dict.fromkeys(paused, False))
    assert stage.pass_minute() == 1


def test_without_messages_the_watcher_registers_the_minimum_of_its_input(stage: Watched) -> None:
    stage.deploy(minimum=2)
    assert [stage.pass_minute() for _ in range(2)] == [2, 2]
    assert stage.minimum == 2


def plan(stage: Watched, name: str, schedule: str, action: dict[str, int], **fields: Any) -> None:
    stage.client("application-autoscaling").put_scheduled_action(
        **TARGET, ScheduledActionName=name, Schedule=schedule, ScalableTargetAction=action, **fields
    )


def test_scheduled_actions_move_the_limits_at_their_times_in_their_time_zone(stage: Watched) -> None:
    stage.clock.time = 1_893_452_400.0  # 2029-12-31T23:00:00Z, midnight in Berlin
    plan(stage, "warm", "cron(30 0 ? * * *)", {"MinCapacity": 2}, Timezone="Europe/Berlin")
    plan(stage, "cold", "at(2029-12-31T23:40:00)", {"MinCapacity": 0, "MaxCapacity": 1})
    stage.autoscaler.check_targets()
    desired = [stage.minute() for _ in range(45)]
    assert desired[:29] == [0] * 29
    assert desired[29:39] == [2] * 10
    assert desired[-1] <= 1, "a maximum below the count takes tasks away"
    causes = [each["cause"] for each in stage.events.data("scaling")]
    assert causes[:2] == ["minimum capacity was set to 2", "maximum capacity was set to 1"]
    assert stage.events.texts("schedule") == ["warm: s has 2 to 4 tasks.", "cold: s has 0 to 1 tasks."]


def test_a_scheduled_action_that_is_suspended_does_not_run_later(stage: Watched) -> None:
    plan(stage, "warm", "rate(2 minutes)", {"MinCapacity": 1})
    stage.register(0, 4, SuspendedState={"ScheduledScalingSuspended": True})
    stage.autoscaler.check_targets()
    assert [stage.minute() for _ in range(3)] == [0, 0, 0]
    assert stage.events.texts("note") == ["Scheduled scaling is suspended (action warm)."]
    stage.register(0, 4, SuspendedState={"ScheduledScalingSuspended": False})
    assert [stage.minute() for _ in range(2)] == [1, 1]


def test_a_scheduled_action_with_a_minimum_above_the_maximum_is_an_error(stage: Watched) -> None:
    plan(stage, "warm", "rate(1 minute)", {"MinCapacity": 9})
    stage.autoscaler.check_targets()
    stage.minute()
    assert stage.minimum == 0
    assert stage.events.texts("error") == [
        "Scheduled action warm failed: The minimum capacity 9 must not exceed the maximum 4."
    ]


def test_a_new_minimum_acts_at_once_and_not_at_the_next_check(region: Region) -> None:
    stage = Watched(region)
    stage.clock.real = lambda simulated_seconds: 3600.0  # type: ignore[method-assign]  # no check is due
    autoscaler = Autoscaler(stage, lambda _cluster, _service: 0)
    autoscaler.start()
    try:
        stage.register(1, 4)
        until(lambda: stage.desired == 1)
    finally:
        autoscaler.stop()

"""Deployed alarms and policies scale the service as on AWS."""

import json
import threading
from typing import Any

import pytest
from moto.sns.models import sns_backends

from ebb.sandbox.controllers.alarms import Autoscaler
from ebb.sandbox.emulators.clock import Clock
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import until
from tests.sandbox.deployed import CLUSTER, SERVICE, SERVICE_DIMENSIONS, TARGET, Stage, queries


@pytest.fixture
def stage(region: Region) -> Stage:
    return Stage(region)


def changes(stage: Stage) -> list[tuple[int, int, str]]:
    return [(each["before"], each["after"], each["policy"]) for each in stage.events.data("scaling")]


def test_one_message_starts_one_task_and_five_minutes_without_messages_stop_it(stage: Stage) -> None:
    stage.recommend()
    assert [stage.minute() for _ in range(3)] == [0, 0, 0]
    assert stage.minute(visible=1) == 1
    assert [stage.minute(in_flight=1) for _ in range(30)] == [1] * 30  # the job runs for half an hour
    assert [stage.minute() for _ in range(6)] == [1, 1, 1, 1, 0, 0]
    assert changes(stage) == [(0, 1, "out"), (1, 0, "zero")]


def test_a_burst_takes_the_step_of_its_size_up_to_the_maximum(stage: Stage) -> None:
    stage.recommend()
    assert stage.minute(visible=200) == 4
    assert stage.minute(visible=196, in_flight=4) == 4
    assert changes(stage) == [(0, 4, "out")]


def test_a_larger_step_acts_at_once_and_the_same_step_after_its_cooldown(stage: Stage) -> None:
    stage.recommend()
    # 1 task at minute 1; its cooldown of 120 s begins when it runs, at minute 2; the step of 2 counts from 0
    desired = [stage.minute(visible=5) for _ in range(2)]
    assert [*desired, stage.minute(visible=20)] == [1, 1, 2]
    # the step of 2 ran at minute 4: free again at minute 6
    assert [stage.minute(visible=20) for _ in range(3)] == [2, 2, 4]


def test_surplus_tasks_are_removed_after_eight_of_ten_minutes(region: Region) -> None:
    stage = Stage(region, maximum=10)
    stage.recommend(surplus=True)
    stage.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=6)
    stage.tasks = 6
    desired = [stage.minute(in_flight=3) for _ in range(14)]
    # 6 - 3 = 3, one above the threshold: the step of -1 from the 8th minute; then 180 s of cooldown
    assert desired == [6] * 7 + [5] * 4 + [4] * 3
    assert {change[2] for change in changes(stage)} == {"surplus"}


def test_at_zero_tasks_the_zero_alarm_is_ok_and_gives_a_manually_started_task_five_minutes(stage: Stage) -> None:
    stage.recommend()
    stage.minute(visible=1)
    for _ in range(20):
        stage.minute()
    assert stage.desired == 0
    assert stage.state("zero") == "OK"
    stage.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=1)
    stage.tasks = 1
    # five minutes on record with nothing to do are needed before ZERO may act
    assert [stage.minute() for _ in range(5)] == [1, 1, 1, 1, 0]


def test_steps_of_plus_and_minus_one_with_a_cooldown_of_300_seconds(stage: Stage) -> None:
    up = stage.policy("up", "ChangeInCapacity", [(0, None, 1)], Cooldown=300)
    down = stage.policy("down", "ChangeInCapacity", [(None, 0, -1)], Cooldown=300)
    stage.alarm("up", up, 1, up=True)
    stage.alarm("down", down, 0, up=False)
    # up at minute 1, running at 2; again at 7, running at 8, …
    assert [stage.minute(visible=50) for _ in range(14)] == [1] * 6 + [2] * 6 + [3] * 2
    # down at minute 1 (a scale-out's cooldown holds no scale-in back), complete at 2; again at 7
    assert [stage.minute() for _ in range(8)] == [2] * 6 + [1] * 2


def test_an_idle_cpu_removes_the_tasks(stage: Stage) -> None:
    up = stage.policy("up", "ChangeInCapacity", [(0, None, 1)])
    stage.alarm("up", up, 1, up=True)
    idle = stage.policy("idle", "ExactCapacity", [(None, 0, 0)])
    cpu = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": SERVICE_DIMENSIONS}
    stage.alarm("idle", idle, 0.01, up=False, Statistic="Average", EvaluationPeriods=3, **cpu)
    assert stage.minute(visible=1) == 1
    assert [stage.minute(in_flight=1, cpu=5.0) for _ in range(5)] == [1] * 5
    assert [stage.minute(cpu=0.0) for _ in range(3)] == [1, 1, 0]
    assert changes(stage) == [(0, 1, "up"), (1, 0, "idle")]


def test_a_period_of_three_minutes_is_the_average_over_its_samples(stage: Stage) -> None:
    idle = stage.policy("idle", "ExactCapacity", [(None, 0, 0)])
    cpu = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": SERVICE_DIMENSIONS}
    stage.alarm("idle", idle, 2, up=False, Statistic="Average", Period=180, **cpu)
    stage.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=1)
    stage.tasks = 1
    # averages of the last three minutes, as far as there are any: 9, 5, 3.3, and 2/3
    assert [stage.minute(cpu=cpu) for cpu in (9, 1, 0, 1)] == [1, 1, 1, 0]


def test_states_reasons_and_events_have_the_words_of_cloudwatch(stage: Stage) -> None:
    stage.recommend()
    stage.minute()
    stage.minute(visible=3)
    found = stage.client("cloudwatch").describe_alarms(AlarmNames=["out"])["MetricAlarms"][0]
    reason = (
        "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (17/03/30 17:48:00)] was greater than or equal to the "
        "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert (found["StateValue"], found["StateReason"]) == ("ALARM", reason)
    assert json.loads(found["StateReasonData"])["recentDatapoints"] == [3.0]
    alarm, scaling = stage.events.all[-2:]
    assert (alarm.kind, alarm.text) == ("alarm", f"out: OK -> ALARM. {reason}")
    assert alarm.data == {"alarm": "out", "before": "OK", "state": "ALARM", "reason": reason}
    cause = "monitor alarm out in state ALARM triggered policy out"
    assert (scaling.kind, scaling.text) == ("scaling", f"s: desired 0 -> 1, {cause}.")
    change = {"before": 0, "after": 1, "cause": cause}
    assert scaling.data == {"cluster": "c", "service": "s", "alarm": "out", "policy": "out", **change}


def test_an_alarm_without_data_is_insufficient_and_a_change_reaches_the_topic_once(stage: Stage) -> None:
    arn = stage.client("sns").create_topic(Name="operators")["TopicArn"]
    fields = {"InsufficientDataActions": [arn], "TreatMissingData": "missing"}
    stage.alarm("waiting", arn, 1, up=True, **fields)
    stage.autoscaler.tick()
    assert stage.state("waiting") == "INSUFFICIENT_DATA"
    for visible in (0, 2, 2, 2):
        stage.minute(visible)
    sent = sns_backends["000000000000"]["us-east-1"].topics[arn].sent_notifications
    assert [(subject, json.loads(message)["OldStateValue"]) for _, message, subject, *_ in sent] == [
        ('ALARM: "waiting"', "OK")
    ]
    assert stage.events.texts("error") == []


def test_a_higher_minimum_adds_tasks_at_once_and_a_lower_one_removes_none(stage: Stage) -> None:
    stage.autoscaler.check_targets()
    stage.register(1, 4)
    stage.autoscaler.check_targets()
    assert stage.desired == 1
    stage.register(0, 4)
    stage.autoscaler.check_targets()
    assert stage.desired == 1
    assert [(each["cause"], each["alarm"]) for each in stage.events.data("scaling")] == [
        ("minimum capacity was set to 1", "")
    ]


def test_the_minimum_holds_against_the_zero_alarm(stage: Stage) -> None:
    stage.recommend()
    stage.register(1, 4)
    assert [stage.minute() for _ in range(12)] == [1] * 12
    stage.register(0, 4)
    assert stage.minute() == 0


def test_a_suspended_target_does_not_scale_until_it_is_resumed(stage: Stage) -> None:
    stage.recommend()
    stage.register(0, 4, SuspendedState={"DynamicScalingOutSuspended": True})
    assert [stage.minute(visible=1) for _ in range(3)] == [0, 0, 0]
    assert stage.events.texts("note") == ["Scaling out is suspended (policy out)."]
    stage.register(0, 4, SuspendedState={"DynamicScalingOutSuspended": False})
    assert stage.minute(visible=1) == 1


def test_a_deployment_holds_scale_in_while_an_older_task_is_left_but_not_scale_out(stage: Stage) -> None:
    stage.recommend()
    assert stage.minute(visible=1) == 1
    stage.outdated = 1  # protected: it finishes its job
    stage.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, forceNewDeployment=True)
    assert [stage.minute() for _ in range(10)] == [1] * 10
    assert stage.state("zero") == "ALARM"
    assert stage.events.texts("note") == ["Scaling in is off during a deployment (policy zero)."]
    assert stage.minute(visible=20) == 3
    assert [stage.minute() for _ in range(10)] == [3] * 10
    stage.outdated = 0
    stage.minute()
    assert stage.minute() == 0
    assert changes(stage) == [(0, 1, "out"), (1, 3, "out"), (3, 0, "zero")]


def test_disabled_actions_are_not_executed(stage: Stage) -> None:
    stage.recommend()
    stage.client("cloudwatch").disable_alarm_actions(AlarmNames=["out"])
    assert stage.minute(visible=5) == 0
    assert stage.state("out") == "ALARM"


def test_an_alarm_that_cannot_be_executed_is_one_error_and_the_others_continue(stage: Stage) -> None:
    stage.recommend()
    stage.alarm("odd", "arn:aws:automate:us-east-1:ec2:recover", 1, up=True)
    metrics = queries("RATE(v)", "v")
    stage.alarm("rate", "arn:aws:sns:us-east-1:000000000000:t", 1, up=True, Metrics=metrics)
    gap = stage.policy("gap", "ChangeInCapacity", [(0, 5, 1), (6, None, 2)])
    stage.alarm("gap", gap, 1, up=True)
    assert [stage.minute(visible=3) for _ in range(3)] == [1, 1, 1]
    assert sorted(stage.events.texts("error")) == [
        "Alarm odd: the action arn:aws:automate:us-east-1:ec2:recover cannot be executed.",
        "Policy gap: the ranges of the step adjustments cannot overlap or have a gap.",
        "The function RATE in 'RATE(v)' is not supported.",
    ]


def test_a_topic_that_does_not_exist_is_an_error(stage: Stage) -> None:
    stage.alarm("waiting", "arn:aws:sns:us-east-1:000000000000:gone", 1, up=True)
    stage.minute(visible=1)
    (text,) = stage.events.texts("error")
    assert text.startswith("Alarm waiting: could not publish to arn:aws:sns:us-east-1:000000000000:gone: ")


def test_a_metric_that_no_step_covers_is_noted(stage: Stage) -> None:
    arn = stage.policy("high", "ChangeInCapacity", [(10, None, 1)])
    stage.alarm("low", arn, 1, up=True)
    assert stage.minute(visible=3) == 0
    assert stage.events.texts("note") == [
        "No step adjustment found for metric value [3.0] and breach threshold 1.0 (policy high)."
    ]


def test_a_stack_that_is_deleted_step_by_step_makes_no_error(stage: Stage) -> None:
    stage.recommend()
    stage.minute(visible=1)
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("ecs", "delete_service", {"cluster": CLUSTER, "service": SERVICE, "force": True}),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["out"]}),
        ("application-autoscaling", "delete_scaling_policy", {**TARGET, "PolicyName": "out"}),
        ("application-autoscaling", "deregister_scalable_target", TARGET),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["zero"]}),
        ("ecs", "delete_cluster", {"cluster": CLUSTER}),
    ]
    for service, operation, parameters in steps:
        stage.autoscaler.tick()
        getattr(stage.client(service), operation)(**parameters)
        stage.clock.time += 60
    stage.autoscaler.tick()
    assert stage.events.texts("error") == []
    assert changes(stage) == [(0, 1, "out")]


def test_the_thread_evaluates_from_start_to_stop(region: Region) -> None:
    stage = Stage(region)
    stage.alarm("waiting", "arn:aws:sns:us-east-1:000000000000:t", 1, up=True, TreatMissingData="missing")
    stage.clock = Clock(speed=600)  # type: ignore[assignment]
    autoscaler = Autoscaler(stage, lambda _cluster, _service: 0)
    before = set(threading.enumerate())
    autoscaler.start()
    try:
        stage.register(2, 4)
        until(lambda: (stage.desired, stage.state("waiting")) == (2, "INSUFFICIENT_DATA"))
    finally:
        autoscaler.stop()
    assert {thread for thread in threading.enumerate() if thread.name == "autoscaler"} <= before
    assert stage.events.data("scaling")[0]["cause"] == "minimum capacity was set to 2"

"""Metrics of queues and services as AWS publishes them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ebb.sandbox.controllers.metrics import Metrics
from ebb.sandbox.emulators.region import Region
from tests.sandbox.deployed import CLUSTER, SERVICE, SERVICE_DIMENSIONS, Stage

MINUTE = datetime.fromtimestamp(1_900_000_020, UTC)


@pytest.fixture
def stage(region: Region) -> Stage:
    stage = Stage(region)
    stage.clock.time += 75  # a quarter of a minute after the one that is described
    return stage


def points(stage: Stage, namespace: str, name: str, dimensions: list[dict[str, str]]) -> list[dict[str, Any]]:
    answer = stage.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=dimensions,
        StartTime=datetime.fromtimestamp(0, UTC),
        EndTime=datetime.fromtimestamp(2_000_000_000, UTC),
        Period=60,
        Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
    )
    return list(answer["Datapoints"])


def counts(stage: Stage, queue: str) -> dict[str, list[float]]:
    dimensions = [{"Name": "QueueName", "Value": queue}]
    return {
        name: [point["Maximum"] for point in points(stage, "AWS/SQS", f"ApproximateNumberOfMessages{name}", dimensions)]
        for name in ("Visible", "NotVisible", "Delayed")
    }


@pytest.mark.parametrize("name", ["jobs", "jobs.fifo"])
def test_each_queue_has_its_visible_in_flight_and_delayed_messages(stage: Stage, name: str) -> None:
    sqs = stage.client("sqs")
    fifo = name.endswith(".fifo")
    sqs.create_queue(QueueName="other")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    for number in range(3):
        group = {"MessageGroupId": str(number)} if fifo else {}
        sqs.send_message(QueueUrl=url, MessageBody=str(number), **group)
    if not fifo:
        sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)
    Metrics(stage, lambda _cluster, _service: []).tick()
    assert counts(stage, name) == {"Visible": [2.0], "NotVisible": [1.0], "Delayed": [0.0 if fifo else 1.0]}
    assert counts(stage, "other") == {"Visible": [0.0], "NotVisible": [0.0], "Delayed": [0.0]}


def ages(stage: Stage, queue: str) -> list[float]:
    dimensions = [{"Name": "QueueName", "Value": queue}]
    found = points(stage, "AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions)
    return [point["Maximum"] for point in sorted(found, key=lambda point: point["Timestamp"])]


@pytest.mark.parametrize("name", ["jobs", "jobs.fifo"])
def test_the_oldest_message_has_an_age_also_in_flight_and_an_empty_queue_has_none(stage: Stage, name: str) -> None:
    sqs, fifo = stage.client("sqs"), name.endswith(".fifo")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    metrics = Metrics(stage, lambda _cluster, _service: [])
    group = {"MessageGroupId": "g"} if fifo else {}
    metrics.tick()
    for body in ("first", "second"):
        sqs.send_message(QueueUrl=url, MessageBody=body, **group)
        stage.clock.time += 60
        metrics.tick()
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    stage.clock.time += 60
    metrics.tick()
    assert ages(stage, name) == [0, 60, 120]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    stage.clock.time += 60
    metrics.tick()
    assert ages(stage, name) == [0, 60, 120, 120]


@pytest.mark.parametrize(("name", "counted"), [("jobs", [0]), ("jobs.fifo", [0, 60])])
def test_a_standard_queue_leaves_out_a_message_that_was_received_three_times(
    stage: Stage, name: str, counted: list[float]
) -> None:
    sqs, fifo = stage.client("sqs"), name.endswith(".fifo")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison", **({"MessageGroupId": "g"} if fifo else {}))
    metrics = Metrics(stage, lambda _cluster, _service: [])
    metrics.tick()
    for _ in range(3):
        assert len(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]) == 1
    stage.clock.time += 60
    metrics.tick()
    assert ages(stage, name) == counted


def test_the_time_of_a_point_is_the_start_of_its_minute(stage: Stage) -> None:
    stage.client("sqs").create_queue(QueueName="jobs")
    metrics = Metrics(stage, lambda _cluster, _service: [])
    metrics.tick()
    stage.clock.time += 60
    metrics.tick()
    dimensions = [{"Name": "QueueName", "Value": "jobs"}]
    found = points(stage, "AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions)
    assert [(point["Timestamp"] - MINUTE).total_seconds() for point in found] == [0, 60]


def test_ecs_has_one_sample_per_running_task(stage: Stage) -> None:
    asked: list[tuple[str, str]] = []

    def cpu_percent(cluster: str, service: str) -> list[float]:
        asked.append((cluster, service))
        return [10.0, 40.0, 10.0]

    Metrics(stage, cpu_percent).tick()
    (point,) = points(stage, "AWS/ECS", "CPUUtilization", SERVICE_DIMENSIONS)
    assert asked == [(CLUSTER, SERVICE)]
    assert (point["SampleCount"], point["Average"], point["Minimum"], point["Maximum"]) == (3.0, 20.0, 10.0, 40.0)
    assert point["Timestamp"] == MINUTE


def test_ecs_has_no_point_without_running_tasks(stage: Stage) -> None:
    Metrics(stage, lambda _cluster, _service: []).tick()
    assert points(stage, "AWS/ECS", "CPUUtilization", SERVICE_DIMENSIONS) == []


def test_deleted_queues_and_services_have_no_more_points(stage: Stage) -> None:
    url = stage.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    metrics = Metrics(stage, lambda _cluster, _service: [1.0] * stage.tasks)
    stage.tasks = 1
    metrics.tick()
    stage.tasks = 0
    stage.client("sqs").delete_queue(QueueUrl=url)
    stage.client("ecs").delete_service(cluster=CLUSTER, service=SERVICE, force=True)
    stage.client("ecs").delete_cluster(cluster=CLUSTER)
    stage.clock.time += 60
    metrics.tick()
    assert counts(stage, "jobs") == {"Visible": [0.0], "NotVisible": [0.0], "Delayed": [0.0]}
    assert len(points(stage, "AWS/ECS", "CPUUtilization", SERVICE_DIMENSIONS)) == 1


def test_the_metrics_drive_the_autoscaler_from_zero_to_one_and_back(stage: Stage) -> None:
    """A message in the real queue, through CloudWatch, the alarm and the policy, to the desired count."""
    sqs = stage.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    stage.recommend()
    metrics = Metrics(stage, lambda _cluster, _service: [0.5] * stage.tasks)

    def minute() -> int:
        stage.clock.time += 60
        metrics.tick()
        stage.autoscaler.tick()
        return stage.follow()

    assert minute() == 0
    sqs.send_message(QueueUrl=url, MessageBody="job")
    assert minute() == 1
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    assert [minute() for _ in range(8)] == [1] * 8
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert [minute() for _ in range(6)] == [1, 1, 1, 1, 0, 0]


def test_each_message_that_a_queue_delivers_is_counted_in_its_minute(stage: Stage) -> None:
    sqs, metrics = stage.client("sqs"), Metrics(stage, lambda _cluster, _service: [])
    url = sqs.create_queue(QueueName="counted")["QueueUrl"]
    found = []
    for number in (2, 0):
        for body in range(number):
            sqs.send_message(QueueUrl=url, MessageBody=str(body))
            sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
        stage.clock.time += 60
        metrics.tick()
    dimensions = [{"Name": "QueueName", "Value": "counted"}]
    found = points(stage, "AWS/SQS", "NumberOfMessagesReceived", dimensions)
    assert [point["Sum"] for point in sorted(found, key=lambda point: point["Timestamp"])] == [2.0, 0.0]


def test_a_running_instance_passes_its_check_and_a_stopped_one_sends_nothing(stage: Stage) -> None:
    ec2, metrics = stage.client("ec2"), Metrics(stage, lambda _cluster, _service: [])
    (instance,) = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
    name = [{"Name": "InstanceId", "Value": instance["InstanceId"]}]
    metrics.tick()
    assert [point["Sum"] for point in points(stage, "AWS/EC2", "StatusCheckFailed", name)] == [0.0]
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    stage.clock.time += 60
    metrics.tick()
    assert len(points(stage, "AWS/EC2", "StatusCheckFailed", name)) == 1

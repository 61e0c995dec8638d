"""Publishes the metrics of SQS, ECS and EC2 once per simulated minute, as AWS does."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.ticker import MINUTE, SimulatedRegion, Ticker, is_gone

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.literals import StandardUnitType
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import FilterTypeDef
    from types_boto3_ecs import ECSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

#: A queue's attribute: its metric in AWS/SQS (sqs-available-cloudwatch-metrics.html).
QUEUE_METRICS: "dict[QueueAttributeNameType, str]" = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
AGE_METRIC = "ApproximateAgeOfOldestMessage"
#: Receives after which a standard queue leaves a message out of this metric (the same page).
AGED_RECEIVES = 3
#: The sandbox's own attribute: each message's id and number of receives (emulators/ministack/queues.py).
MESSAGES: Any = "EbbMessages"
#: The same: the number of messages that the queue has delivered.
RECEIVED: Any = "EbbReceived"
RECEIVED_METRIC = "NumberOfMessagesReceived"
#: "Each PutMetricData request can include up to 1000 different metrics" (API_PutMetricData).
MAX_METRICS_PER_CALL = 1000


class Metrics:
    """Publishes counts and ages of AWS/SQS, AWS/ECS CPUUtilization, and AWS/EC2 StatusCheckFailed.

    `cpu_percent(cluster, service)` returns one value per running task, in per cent of the task's CPU.
    """

    def __init__(self, region: SimulatedRegion, cpu_percent: Callable[[str, str], list[float]]) -> None:
        self._clock = region.clock
        self._cloudwatch: CloudWatchClient = region.client("cloudwatch")
        self._ec2: EC2Client = region.client("ec2")
        self._ecs: ECSClient = region.client("ecs")
        self._sqs: SQSClient = region.client("sqs")
        self._cpu_percent = cpu_percent
        #: Simulated time at which each message was first seen, by queue and id.
        self._seen: dict[tuple[str, str], float] = {}
        #: Messages that each queue had delivered a minute ago.
        self._received: dict[str, float] = {}
        self._ticker = Ticker(region, "metrics", self.tick, MINUTE)

    def start(self) -> None:
        """Publish every simulated minute until stop()."""
        self._ticker.start()

    def stop(self) -> None:
        """Stop publishing."""
        self._ticker.stop()

    def tick(self) -> None:
        """Publish the current values for the minute that has just ended. A point's time is its minute's start."""
        now = self._clock.now()
        began = datetime.fromtimestamp(now - now % MINUTE - MINUTE, UTC)
        self._publish("AWS/SQS", list(self._queues(began)))
        self._publish("AWS/ECS", list(self._services(began)))
        self._publish("AWS/EC2", list(self._instances(began)))

    def _publish(self, namespace: str, data: "list[MetricDatumTypeDef]") -> None:
        for start in range(0, len(data), MAX_METRICS_PER_CALL):
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + MAX_METRICS_PER_CALL])

    def _queues(self, began: datetime) -> "Iterator[MetricDatumTypeDef]":
        for page in self._sqs.get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", []):
                try:
                    answer = self._sqs.get_queue_attributes(
                        QueueUrl=url, AttributeNames=[*QUEUE_METRICS, MESSAGES, RECEIVED]
                    )
                except ClientError as error:
                    if is_gone(error):
                        continue
                    raise
                name, attributes = url.rsplit("/", 1)[-1], answer["Attributes"]
                for attribute, metric in QUEUE_METRICS.items():
                    yield _of_queue(name, began, metric, float(attributes[attribute]), "Count")
                received = float(attributes[RECEIVED])
                yield _of_queue(name, began, RECEIVED_METRIC, received - self._received.get(name, 0), "Count")
                self._received[name] = received
                age = self._age(name, json.loads(attributes[MESSAGES]))
                if age is not None:
                    yield _of_queue(name, began, AGE_METRIC, age, "Seconds")

    def _age(self, queue: str, messages: list[tuple[str, int]]) -> float | None:
        """The age of the queue's oldest message, up to a minute too low; None if there is no message to measure."""
        now, before = self._clock.now(), self._seen
        here = {(queue, identifier): before.get((queue, identifier), now) for identifier, _ in messages}
        self._seen = {key: seen for key, seen in before.items() if key[0] != queue} | here
        counted = [
            here[queue, identifier]
            for identifier, receives in messages
            if receives < AGED_RECEIVES or queue.endswith(".fifo")
        ]
        return now - min(counted) if counted else None

    def _instances(self, began: datetime) -> "Iterator[MetricDatumTypeDef]":
        """Each running instance passes its checks; one that is stopped or gone has no data."""
        running: list[FilterTypeDef] = [{"Name": "instance-state-name", "Values": ["running"]}]
        for page in self._ec2.get_paginator("describe_instances").paginate(Filters=running):
            for instance in (each for reservation in page["Reservations"] for each in reservation["Instances"]):
                yield {
                    "MetricName": "StatusCheckFailed",
                    "Dimensions": [{"Name": "InstanceId", "Value": instance["InstanceId"]}],
                    "Timestamp": began,
                    "Value": 0,
                    "Unit": "Count",
                }

    def _services(self, began: datetime) -> "Iterator[MetricDatumTypeDef]":
        for cluster_arn in self._ecs.list_clusters()["clusterArns"]:
            cluster = cluster_arn.rsplit("/", 1)[-1]
            try:
                arns = self._ecs.list_services(cluster=cluster)["serviceArns"]
            except ClientError as error:
                if is_gone(error):
                    continue
                raise
            for arn in arns:
                service = arn.rsplit("/", 1)[-1]
                # one sample per task: SampleCount is their number, and without tasks there is no point (ECS guide,
                # cloudwatch-metrics.html)
                samples = Counter(self._cpu_percent(cluster, service))
                if samples:
                    yield {
                        "MetricName": "CPUUtilization",
                        "Dimensions": [
                            {"Name": "ClusterName", "Value": cluster},
                            {"Name": "ServiceName", "Value": service},
                        ],
                        "Timestamp": began,
                        "Values": list(samples.keys()),
                        "Counts": [float(count) for count in samples.values()],
                        "Unit": "Percent",
                    }


def _of_queue(queue: str, began: datetime, metric: str, value: float, unit: "StandardUnitType") -> "MetricDatumTypeDef":
    return {
        "MetricName": metric,
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
        "Timestamp": began,
        "Value": value,
        "Unit": unit,
    }

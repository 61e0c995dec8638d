"""Publishes the metrics of SQS and ECS once per simulated minute, as AWS does."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.ticker import MINUTE, SimulatedRegion, Ticker, is_gone

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from types_boto3_ecs import ECSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

#: A queue's attribute: its metric in AWS/SQS (sqs-available-cloudwatch-metrics.html).
QUEUE_METRICS: "dict[QueueAttributeNameType, str]" = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
#: "Each PutMetricData request can include up to 1000 different metrics" (API_PutMetricData).
MAX_METRICS_PER_CALL = 1000


class Metrics:
    """Publishes AWS/SQS depths and AWS/ECS CPUUtilization into the emulated CloudWatch.

    `cpu_percent(cluster, service)` returns one value per running task, in per cent of the task's CPU.
    """

    def __init__(self, region: SimulatedRegion, cpu_percent: Callable[[str, str], list[float]]) -> None:
        self._clock = region.clock
        self._cloudwatch: CloudWatchClient = region.client("cloudwatch")
        self._ecs: ECSClient = region.client("ecs")
        self._sqs: SQSClient = region.client("sqs")
        self._cpu_percent = cpu_percent
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

    def _publish(self, namespace: str, data: "list[MetricDatumTypeDef]") -> None:
        for start in range(0, len(data), MAX_METRICS_PER_CALL):
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + MAX_METRICS_PER_CALL])

    def _queues(self, began: datetime) -> "Iterator[MetricDatumTypeDef]":
        for page in self._sqs.get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", []):
                try:
                    answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(QUEUE_METRICS))
                except ClientError as error:
                    if is_gone(error):
                        continue
                    raise
                attributes = answer["Attributes"]
                for attribute, metric in QUEUE_METRICS.items():
                    yield {
                        "MetricName": metric,
                        "Dimensions": [{"Name": "QueueName", "Value": url.rsplit("/", 1)[-1]}],
                        "Timestamp": began,
                        "Value": float(attributes[attribute]),
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

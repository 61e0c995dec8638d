"""The metrics that AWS itself would publish, once per simulated minute, of the queues and services that exist."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ebb.sandbox.controllers.ticker import MINUTE, Surroundings, Ticker, gone

#: AWS/SQS metrics that are attributes of the queue, at this moment (sqs-available-cloudwatch-metrics.html).
QUEUE_METRICS = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
#: "Each PutMetricData request can include up to 1000 different metrics" (API_PutMetricData).
_BATCH = 1000

Datum = dict[str, Any]


class Metrics:
    """Publishes AWS/SQS depths and AWS/ECS CPUUtilization into the emulated CloudWatch.

    `cpu_percent(cluster, service)` gives one value per running task, in per cent of the task's CPU. ECS has as many
    samples per minute as tasks run, so that SampleCount is their number; none runs, no point (cloudwatch-metrics.html
    of the ECS developer guide). Points bear the time at which the minute began that they describe, like CloudWatch's.
    """

    def __init__(self, region: Surroundings, cpu_percent: Callable[[str, str], list[float]]) -> None:
        self._region = region
        self._cpu_percent = cpu_percent
        self._ticker = Ticker(region, "metrics", self.tick, MINUTE, phase=0)

    def start(self) -> None:
        """Publish every simulated minute until stop()."""
        self._ticker.start()

    def stop(self) -> None:
        """Publish no more."""
        self._ticker.stop()

    def tick(self) -> None:
        """Publish what holds now as the minute that has just ended."""
        now = self._region.clock.now()
        began = datetime.fromtimestamp(now - now % MINUTE - MINUTE, UTC)
        self._publish("AWS/SQS", list(self._queues(began)))
        self._publish("AWS/ECS", list(self._services(began)))

    def _publish(self, namespace: str, data: list[Datum]) -> None:
        client = self._region.client("cloudwatch")
        for start in range(0, len(data), _BATCH):
            client.put_metric_data(Namespace=namespace, MetricData=data[start : start + _BATCH])

    def _queues(self, began: datetime) -> Iterator[Datum]:
        client = self._region.client("sqs")
        for page in client.get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", []):
                try:
                    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(QUEUE_METRICS))[
                        "Attributes"
                    ]
                except ClientError as error:
                    if gone(error):
                        continue
                    raise
                for attribute, metric in QUEUE_METRICS.items():
                    yield {
                        "MetricName": metric,
                        "Dimensions": [{"Name": "QueueName", "Value": url.rsplit("/", 1)[-1]}],
                        "Timestamp": began,
                        "Value": float(attributes[attribute]),
                        "Unit": "Count",
                    }

    def _services(self, began: datetime) -> Iterator[Datum]:
        client = self._region.client("ecs")
        for cluster_arn in client.list_clusters()["clusterArns"]:
            cluster = cluster_arn.rsplit("/", 1)[-1]
            try:
                arns = client.list_services(cluster=cluster)["serviceArns"]
            except ClientError as error:
                if gone(error):
                    continue
                raise
            for arn in arns:
                service = arn.rsplit("/", 1)[-1]
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

"""A service that scales on a queue, deployed with boto3 into the region, and a clock that the test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ebb.sandbox.controllers.alarms import Autoscaler
from ebb.sandbox.ecs.services import Services
from ebb.sandbox.emulators.events import Event
from ebb.sandbox.emulators.region import Region

CLUSTER, SERVICE, QUEUE = "c", "s", "q"
RESOURCE = f"service/{CLUSTER}/{SERVICE}"
TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": RESOURCE,
    "ScalableDimension": "ecs:service:DesiredCount",
}
SERVICE_DIMENSIONS = [{"Name": "ClusterName", "Value": CLUSTER}, {"Name": "ServiceName", "Value": SERVICE}]
QUEUE_DIMENSIONS = [{"Name": "QueueName", "Value": QUEUE}]
Steps = list[tuple[float | None, float | None, int]]


@dataclass
class HandClock:
    """Simulated time that stands still until a test moves it."""

    time: float = 1_900_000_020.0  # a full minute

    def now(self) -> float:
        return self.time

    def moment(self, simulated: float) -> float:
        return simulated

    def real(self, simulated_seconds: float) -> float:
        return simulated_seconds


@dataclass
class Log:
    """The region's events."""

    clock: HandClock
    all: list[Event] = field(default_factory=list)

    def add(self, kind: str, text: str, **data: Any) -> None:
        self.all.append(Event(self.clock.now(), kind, text, data))

    def texts(self, kind: str) -> list[str]:
        return [event.text for event in self.all if event.kind == kind]

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.all if event.kind == kind]


class Stage:
    """The emulators with a clock by hand, one service of 0..`maximum` tasks, and its autoscaler."""

    def __init__(self, region: Region, maximum: int = 4) -> None:
        self.client = region.client
        self.clock = HandClock()
        self.events = Log(self.clock)
        self.tasks = 0
        #: Tasks of an earlier deployment that are left.
        self.outdated = 0
        self._services = Services(region.account, region.region)
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=CLUSTER)
        ecs.register_task_definition(family="f", containerDefinitions=[{"name": "w", "image": "i", "memory": 128}])
        ecs.create_service(cluster=CLUSTER, serviceName=SERVICE, taskDefinition="f", desiredCount=0)
        self.register(0, maximum)
        self.autoscaler = Autoscaler(self, lambda _cluster, _service: self.tasks)

    def register(self, minimum: int, maximum: int, **fields: Any) -> None:
        self.client("application-autoscaling").register_scalable_target(
            **TARGET, MinCapacity=minimum, MaxCapacity=maximum, **fields
        )

    def policy(self, name: str, kind: str, steps: Steps, **fields: Any) -> str:
        adjustments = [
            {"ScalingAdjustment": change}
            | ({} if lower is None else {"MetricIntervalLowerBound": lower})
            | ({} if upper is None else {"MetricIntervalUpperBound": upper})
            for lower, upper, change in steps
        ]
        answer = self.client("application-autoscaling").put_scaling_policy(
            **TARGET,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={"AdjustmentType": kind, "StepAdjustments": adjustments, **fields},
        )
        return str(answer["PolicyARN"])

    def alarm(self, name: str, action: str, threshold: float, *, up: bool, **fields: Any) -> None:
        """An alarm on the messages that are visible, unless `fields` say otherwise."""
        watched: dict[str, Any] = {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": QUEUE_DIMENSIONS,
            "Statistic": "Maximum",
            "Period": 60,
        }
        given = {} if "Metrics" in fields else watched
        side = "GreaterThanOrEqualToThreshold" if up else "LessThanOrEqualToThreshold"
        common = {"EvaluationPeriods": 1, "TreatMissingData": "notBreaching", "AlarmActions": [action]}
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=name, Threshold=threshold, ComparisonOperator=side, **{**common, **given, **fields}
        )

    def recommend(self, *, surplus: bool = False) -> None:
        """The recommended policy for a backlog of 5 messages per task."""
        steps: Steps = [(0, 9, 1), (9, 49, 2), (49, 199, 3), (199, None, 4)]
        out = self.policy("out", "ChangeInCapacity", steps, Cooldown=120, MetricAggregationType="Maximum")
        self.alarm("out", out, 1, up=True)
        zero = self.policy("zero", "ExactCapacity", [(None, 0, 0)], Cooldown=60)
        metrics = queries("IF(FILL(r,REPEAT) > 0, FILL(v + n + d,REPEAT), 1)", "vndr")
        self.alarm("zero", zero, 0, up=False, EvaluationPeriods=5, Metrics=metrics)
        if surplus:
            down = self.policy(
                "surplus",
                "ChangeInCapacity",
                [(0, 2, -1), (2, 5, -2), (5, None, -4)],
                Cooldown=180,
                MetricAggregationType="Minimum",
            )
            metrics = queries("r - CEIL(n/1 + v/5)", "vnr")
            self.alarm("surplus", down, 2, up=True, EvaluationPeriods=10, DatapointsToAlarm=8, Metrics=metrics)

    @property
    def desired(self) -> int:
        services = self.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
        return int(services[0]["desiredCount"])

    def minute(self, visible: int = 0, in_flight: int = 0, cpu: float = 1.0) -> int:
        """One minute passes in which this was so; the tasks then follow what is desired, which is returned."""
        began = datetime.fromtimestamp(self.clock.now() // 60 * 60, UTC)
        cloudwatch = self.client("cloudwatch")
        counts = {"Visible": visible, "NotVisible": in_flight, "Delayed": 0}
        cloudwatch.put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": f"ApproximateNumberOfMessages{name}",
                    "Dimensions": QUEUE_DIMENSIONS,
                    "Timestamp": began,
                    "Value": value,
                }
                for name, value in counts.items()
            ],
        )
        if self.tasks:
            cloudwatch.put_metric_data(
                Namespace="AWS/ECS",
                MetricData=[
                    {
                        "MetricName": "CPUUtilization",
                        "Dimensions": SERVICE_DIMENSIONS,
                        "Timestamp": began,
                        "Values": [cpu],
                        "Counts": [self.tasks],
                    }
                ],
            )
        self.clock.time += 60
        self.autoscaler.tick()
        return self.follow()

    def follow(self) -> int:
        """As many tasks run as are desired, which is returned."""
        self.tasks = self.desired
        self._services.report(CLUSTER, SERVICE, self.tasks, 0, self.outdated)
        return self.tasks

    def state(self, alarm: str) -> str:
        found = self.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found[0]["StateValue"])


def queries(expression: str, ids: str) -> list[dict[str, Any]]:
    """The Metrics of a math alarm: v, n, d of the queue, r of the service."""
    queue = {"v": "Visible", "n": "NotVisible", "d": "Delayed"}
    entries: list[dict[str, Any]] = [{"Id": "e", "Expression": expression, "ReturnData": True}]
    for each in ids:
        metric: dict[str, Any] = {
            "Namespace": "AWS/ECS",
            "MetricName": "CPUUtilization",
            "Dimensions": SERVICE_DIMENSIONS,
        }
        if each in queue:
            name = f"ApproximateNumberOfMessages{queue[each]}"
            metric = {"Namespace": "AWS/SQS", "MetricName": name, "Dimensions": QUEUE_DIMENSIONS}
        stat = {"Metric": metric, "Period": 60, "Stat": "Maximum" if each in queue else "SampleCount"}
        entries.append({"Id": each, "MetricStat": stat, "ReturnData": False})
    return entries

"""What happened to a stack's scaling: its alarms' changes, the service's scaling activities, the deployments."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from components.aws_clients import Clients
from ebb.ops.refusals import refusals
from ebb.ops.stack import Stack


@dataclass(frozen=True, kw_only=True)
class AlarmChange:
    """A change of an alarm's state: Unix time, the states, and CloudWatch's reason."""

    time: float
    alarm: str
    before: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A change of the service's desired count: Unix time, what was done, and why."""

    time: float
    description: str
    cause: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment of the service: Unix times, and ECS's status."""

    started: float
    finished: float | None
    status: str
    reason: str | None


def scaling_alarms(stack: Stack, client: Clients) -> list[str]:
    """The alarms that invoke the scaling policies of the service."""
    with refusals():
        found = client("application-autoscaling").describe_scaling_policies(
            ServiceNamespace="ecs", ResourceId=stack.resource_id
        )
        cloudwatch = client("cloudwatch")
        alarms = [
            alarm["AlarmName"]
            for policy in found["ScalingPolicies"]
            for alarm in cloudwatch.describe_alarms(ActionPrefix=policy["PolicyARN"])["MetricAlarms"]
        ]
    return sorted(set(alarms))


def alarm_changes(client: Clients, names: Iterable[str], since: float, until: float) -> list[AlarmChange]:
    """What the alarms' states changed to between two times, the oldest first."""
    changes: list[AlarmChange] = []
    with refusals():
        pages = client("cloudwatch").get_paginator("describe_alarm_history")
        for name in names:
            period = {"StartDate": _moment(since), "EndDate": _moment(until)}
            for page in pages.paginate(AlarmName=name, HistoryItemType="StateUpdate", **period):
                for item in page["AlarmHistoryItems"]:
                    data = json.loads(item["HistoryData"])
                    new, old = data.get("newState", {}), data.get("oldState", {})
                    changes.append(
                        AlarmChange(
                            time=item["Timestamp"].timestamp(),
                            alarm=name,
                            before=old.get("stateValue", ""),
                            state=new.get("stateValue", ""),
                            reason=new.get("stateReason", ""),
                        )
                    )
    return sorted(changes, key=lambda change: change.time)


def activities(stack: Stack, client: Clients, since: float) -> list[Activity]:
    """The scaling activities of the service since then, the oldest first. AWS keeps six weeks of them."""
    return sorted(_activities(stack, client, since), key=lambda activity: activity.time)


def _activities(stack: Stack, client: Clients, since: float) -> Iterator[Activity]:
    with refusals():
        pages = client("application-autoscaling").get_paginator("describe_scaling_activities")
        for page in pages.paginate(ServiceNamespace="ecs", ResourceId=stack.resource_id):
            for each in page["ScalingActivities"]:
                if each["StartTime"].timestamp() < since:
                    return  # they come the newest first
                yield Activity(
                    time=each["StartTime"].timestamp(),
                    description=each["Description"],
                    cause=each["Cause"],
                    status=each["StatusCode"],
                )


def deployments(stack: Stack, client: Clients, limit: int) -> list[Deployment]:
    """The last deployments of the service, the newest first."""
    with refusals():
        found = client("ecs").list_service_deployments(
            service=stack.service_name, cluster=stack.cluster_name, maxResults=limit
        )["serviceDeployments"]
    return [
        Deployment(
            started=(each.get("startedAt") or each["createdAt"]).timestamp(),
            finished=each["finishedAt"].timestamp() if each.get("finishedAt") else None,
            status=each["status"],
            reason=each.get("statusReason"),
        )
        for each in found
    ]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

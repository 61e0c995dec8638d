"""What moto does not say about the past: alarm histories, scaling activities, service deployments, mute rules."""

import json
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MOTO
from ebb.sandbox.emulators.events import Events

#: The events of the running region, which has at most one.
EVENTS: list[Events] = []
_UPDATE_STATE = "(self, reason, reason_data, state_value)"


def apply() -> None:
    """Add the operations to moto in this process. Raises ContractError."""
    from moto.applicationautoscaling import responses as autoscaling  # noqa: PLC0415 - moto takes half a second
    from moto.cloudwatch import models, responses  # noqa: PLC0415
    from moto.ecs import responses as ecs  # noqa: PLC0415

    keep_alarm_history(responses, models)
    describe_activities(autoscaling)
    list_deployments(ecs)


def keep_alarm_history(responses: ModuleType, models: ModuleType) -> None:
    """DescribeAlarmHistory, of changes of state, and ListAlarmMuteRules, which finds none."""
    response = MOTO.value(responses, "CloudWatchResponse", type)
    result = MOTO.value(responses, "ActionResult", type)
    MOTO.value(response, "cloudwatch_backend", property)
    alarm_class = MOTO.value(models, "Alarm", type)
    update = MOTO.function(alarm_class, "update_state", _UPDATE_STATE)

    def update_and_remember(self: Any, reason: str, reason_data: str, state_value: str) -> None:
        old, old_reason = self.state_value, self.state_reason
        update(self, reason, reason_data, state_value)
        data = {
            "version": "1.0",
            "oldState": {"stateValue": old, "stateReason": old_reason},
            "newState": {
                "stateValue": state_value,
                "stateReason": reason,
                **({"stateReasonData": json.loads(reason_data)} if reason_data else {}),
            },
        }
        vars(self).setdefault("ebb_changes", []).append(
            {
                "AlarmName": self.name,
                "AlarmType": "MetricAlarm",
                "Timestamp": _aware(self.state_updated_timestamp),
                "HistoryItemType": "StateUpdate",
                "HistorySummary": f"Alarm updated from {old} to {state_value}",
                "HistoryData": json.dumps(data),
            }
        )

    def describe_alarm_history(self: Any) -> Any:
        name, since, until = (self._get_param(key) for key in ("AlarmName", "StartDate", "EndDate"))
        found = [
            change
            for alarm in self.cloudwatch_backend.alarms.values()
            for change in vars(alarm).get("ebb_changes", ())
            if name in (None, alarm.name) and (not since or change["Timestamp"] >= _aware(since))
            if not until or change["Timestamp"] <= _aware(until)
        ]
        oldest_first = self._get_param("ScanBy") == "TimestampAscending"
        found.sort(key=lambda change: change["Timestamp"], reverse=not oldest_first)
        return result({"AlarmHistoryItems": found[: self._get_param("MaxRecords") or 100]})

    alarm_class.update_state = update_and_remember
    response.describe_alarm_history = describe_alarm_history
    response.list_alarm_mute_rules = lambda _self: result({"AlarmMuteRuleSummaries": []})


def describe_activities(responses: ModuleType) -> None:
    """DescribeScalingActivities: what the sandbox's controllers changed, from the region's events."""
    response = MOTO.value(responses, "ApplicationAutoScalingResponse", type)

    def describe_scaling_activities(self: Any) -> str:
        resource = self._get_param("ResourceId")
        found = [
            {
                "ActivityId": f"{number}",
                "ServiceNamespace": "ecs",
                "ResourceId": name,
                "ScalableDimension": "ecs:service:DesiredCount",
                "Description": f"Setting desired count to {event.data['after']}.",
                "Cause": event.data["cause"],
                "StartTime": events.moment(event),
                "EndTime": events.moment(event),
                "StatusCode": "Successful",
                "StatusMessage": f"Successfully set desired count to {event.data['after']}.",
            }
            for events in EVENTS
            for number, event in enumerate(events)
            if event.kind == "scaling"
            for name in [f"service/{event.data['cluster']}/{event.data['service']}"]
            if resource in (None, name)
        ]
        return json.dumps({"ScalingActivities": found[::-1][: self._get_param("MaxResults") or 50]})

    response.describe_scaling_activities = describe_scaling_activities


def list_deployments(responses: ModuleType) -> None:
    """ListServiceDeployments, of a service whose task counts are reported (moto_patches.py)."""
    response = MOTO.value(responses, "EC2ContainerServiceResponse", type)
    result = MOTO.value(responses, "ActionResult", type)
    MOTO.value(response, "ecs_backend", property)

    def list_service_deployments(self: Any) -> Any:
        service, cluster = (str(self._get_param(key)).rpartition("/")[2] for key in ("service", "cluster"))
        stored = self.ecs_backend.services.get(f"{cluster}:{service}")
        rollouts = [] if stored is None else [dict(each) for each in stored.rollouts]
        return result({"serviceDeployments": rollouts[::-1][: self._get_param("maxResults") or 20]})

    response.list_service_deployments = list_service_deployments


def _aware(moment: Any) -> datetime:
    """A time of a request, which moto's parser leaves as text or without a zone."""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found if found.tzinfo else found.replace(tzinfo=UTC)

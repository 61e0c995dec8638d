"""Application Auto Scaling: scalable targets, step policies, scheduled actions."""

from datetime import UTC, datetime

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, deletes, first, pick, send

_SERVICE = "application-autoscaling"
_KEY = ("serviceNamespace", "resourceId", "scalableDimension")
_TARGET_INPUTS = (*_KEY, "minCapacity", "maxCapacity", "suspendedState")
_POLICY_INPUTS = (*_KEY, "policyType", "stepScalingPolicyConfiguration")
_TIMES = ("startTime", "endTime")
_ACTION_INPUTS = (*_KEY, "schedule", "timezone", "scalableTargetAction", *_TIMES)


def _target(props: Props) -> Call:
    return _SERVICE, "register_scalable_target", pick(props, *_TARGET_INPUTS, tags="tagsAll")


def _register(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _target(props))
    found = _read_target(aws, "", props) or {}
    return props["resourceId"], {"arn": found.get("scalableTargetARN")}


def _read_target(aws: Aws, _: str, outputs: Props) -> Props | None:
    names = {"resourceIds": [outputs["resourceId"]], **pick(outputs, "serviceNamespace", "scalableDimension")}
    found = first(aws.call(_SERVICE, "describe_scalable_targets", **names), "ScalableTargets")
    if found is None:
        return None
    tags = aws.call(_SERVICE, "list_tags_for_resource", resourceARN=found["scalableTargetARN"])["Tags"]
    return found | {"tagsAll": tags}


def _update_target(aws: Aws, _: str, __: Props, new: Props) -> Props:
    aws.call(_SERVICE, "register_scalable_target", **pick(new, *_TARGET_INPUTS))
    return {}


def _policy(props: Props) -> Call:
    return _SERVICE, "put_scaling_policy", pick(props, *_POLICY_INPUTS, policyName="name")


def _put_policy(aws: Aws, props: Props) -> tuple[str, Props]:
    return props["name"], {"arn": send(aws, _policy(props))["PolicyARN"], "alarmArns": []}


def _read_policy(aws: Aws, name: str, outputs: Props) -> Props | None:
    names = {"policyNames": [name], **pick(outputs, *_KEY)}
    policies = aws.call(_SERVICE, "describe_scaling_policies", **names)["ScalingPolicies"]
    # the emulator ignores the names and answers with all policies of the target
    found = first({"Named": [policy for policy in policies if policy["PolicyName"] == name]}, "Named")
    return found and found | {"name": name, "arn": found["policyARN"]}


def _action(props: Props) -> Call:
    return _SERVICE, "put_scheduled_action", pick(props, *_ACTION_INPUTS, scheduledActionName="name")


def _put_action(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _action(props))
    found = _read_action(aws, props["name"], props) or {}
    return props["name"], {"arn": found.get("scheduledActionARN")}


def _read_action(aws: Aws, name: str, outputs: Props) -> Props | None:
    names = {"scheduledActionNames": [name], **pick(outputs, *_KEY)}
    found = first(aws.call(_SERVICE, "describe_scheduled_actions", **names), "ScheduledActions")
    times = {key: found[key] for key in _TIMES if found and isinstance(found.get(key), datetime)}
    shown = {key: time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for key, time in times.items()}
    return found and found | shown | {"name": name, "arn": found["scheduledActionARN"]}


def _update_action(aws: Aws, name: str, old: Props, new: Props) -> Props:
    """Put it again. AWS keeps a time that the call does not name, so removing a time needs a deletion first."""
    if any(old.get(key) is not None and new.get(key) is None for key in _TIMES):
        ROWS[-1].delete(aws, name, old)
    return _put_action(aws, new)[1]


ROWS = (
    Row(
        type="aws:appautoscaling/target:Target",
        inputs=frozenset({*_TARGET_INPUTS, "tags"}),
        required=frozenset({*_KEY, "minCapacity", "maxCapacity"}),
        replaces=frozenset(_KEY),
        identity=frozenset(_KEY),
        tags=Tags(service=_SERVICE, target="resourceARN"),
        request=_target,
        create=_register,
        read=_read_target,
        update=_update_target,
        delete=deletes(_SERVICE, "deregister_scalable_target", **{name: name for name in _KEY}),
    ),
    Row(
        type="aws:appautoscaling/policy:Policy",
        inputs=frozenset({*_POLICY_INPUTS, "name"}),
        required=frozenset(_KEY),
        replaces=frozenset({*_KEY, "name"}),
        identity=frozenset({*_KEY, "name"}),
        defaults={"policyType": "StepScaling"},
        autoname=("name", 256),
        request=_policy,
        create=_put_policy,
        read=_read_policy,
        update=lambda aws, _, __, new: _put_policy(aws, new)[1],
        delete=deletes(_SERVICE, "delete_scaling_policy", policyName="id", **{name: name for name in _KEY}),
    ),
    Row(
        type="aws:appautoscaling/scheduledAction:ScheduledAction",
        inputs=frozenset({*_ACTION_INPUTS, "name"}),
        required=frozenset({*_KEY, "schedule", "scalableTargetAction"}),
        replaces=frozenset({*_KEY, "name"}),
        identity=frozenset({*_KEY, "name"}),
        defaults={"timezone": "UTC"},
        autoname=("name", 256),
        request=_action,
        create=_put_action,
        read=_read_action,
        update=_update_action,
        delete=deletes(_SERVICE, "delete_scheduled_action", scheduledActionName="id", **{name: name for name in _KEY}),
    ),
)

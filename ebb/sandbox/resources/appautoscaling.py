"""Application Auto Scaling: scalable targets and step policies."""

from ebb.sandbox.aws import Aws
from ebb.sandbox.resources._row import Call, Props, Row, Tags, deletes, first, pick, send

_SERVICE = "application-autoscaling"
_KEY = ("serviceNamespace", "resourceId", "scalableDimension")
_TARGET_INPUTS = (*_KEY, "minCapacity", "maxCapacity", "suspendedState")
_POLICY_INPUTS = (*_KEY, "policyType", "stepScalingPolicyConfiguration")


def _target(props: Props) -> Call:
    return _SERVICE, "register_scalable_target", pick(props, *_TARGET_INPUTS, tags="tagsAll")


def _register(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _target(props))
    found = _read_target(aws, "", props) or {}
    return props["resourceId"], {"arn": found.get("scalableTargetARN")}


def _read_target(aws: Aws, _: str, outputs: Props) -> Props | None:
    names = {"resourceIds": [outputs["resourceId"]], **pick(outputs, "serviceNamespace", "scalableDimension")}
    return first(aws.call(_SERVICE, "describe_scalable_targets", **names), "ScalableTargets")


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
    # the emulator answers with every policy of the target, whatever the names
    found = first({"Named": [policy for policy in policies if policy["PolicyName"] == name]}, "Named")
    return found and found | {"name": name, "arn": found["policyARN"]}


ROWS = (
    Row(
        type="aws:appautoscaling/target:Target",
        inputs=frozenset({*_TARGET_INPUTS, "tags"}),
        required=frozenset({*_KEY, "minCapacity", "maxCapacity"}),
        replaces=frozenset(_KEY),
        identity=frozenset(_KEY),
        tags=Tags(service=_SERVICE, target="resourceARN", kept=False),
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
)

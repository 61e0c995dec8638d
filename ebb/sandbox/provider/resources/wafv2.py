"""WAF: web ACLs of a region, and what they protect. The sandbox executes no rule."""

import json
from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, send, tag_map
from ebb.sandbox.provider.shapes import UNKNOWN

_TAGS = Tags(service="wafv2", target="ResourceARN")


def _acl(props: Props) -> Call:
    rules = props.get("ruleJson")
    params = {
        "Name": props.get("name"),
        "Scope": props.get("scope"),
        "DefaultAction": _upper(props.get("defaultAction")),
        "VisibilityConfig": _visibility(props.get("visibilityConfig")),
        "Rules": rules if rules == UNKNOWN else json.loads(rules or "[]"),
    }
    tags = [{"Key": key, "Value": value} for key, value in (props.get("tagsAll") or {}).items()]
    return "wafv2", "create_web_acl", params | ({"Tags": tags} if tags else {})


def _upper(value: Any) -> Any:
    """Pulumi's names in AWS's spelling."""
    if not isinstance(value, dict):
        return value
    return {name[0].upper() + name[1:]: _upper(inner) for name, inner in value.items()}


def _visibility(value: Any) -> Any:
    """As `_upper`. Pulumi has cloudwatchMetricsEnabled, AWS CloudWatchMetricsEnabled."""
    if not isinstance(value, dict):
        return value
    return _upper({name.replace("cloudwatch", "cloudWatch"): inner for name, inner in value.items()})


def _create(aws: Aws, props: Props) -> tuple[str, Props]:
    made = send(aws, _acl(props))["Summary"]
    return made["Id"], {"arn": made["ARN"]}


def _found(aws: Aws, acl: str, outputs: Props) -> Props | None:
    return aws.find("wafv2", "get_web_acl", Name=outputs["name"], Scope=outputs["scope"], Id=acl)


def _read(aws: Aws, acl: str, outputs: Props) -> Props | None:
    answer = _found(aws, acl, outputs)
    if answer is None:
        return None
    found, shown = answer["WebACL"], answer["WebACL"]["VisibilityConfig"]
    tags = aws.call("wafv2", "list_tags_for_resource", ResourceARN=found["ARN"])["TagInfoForResource"]["TagList"]
    return {
        "name": found["Name"],
        "scope": outputs["scope"],
        "arn": found["ARN"],
        "defaultAction": {name.lower(): inner for name, inner in found["DefaultAction"].items()},
        "ruleJson": json.dumps(found["Rules"]),
        "visibilityConfig": {
            "cloudwatchMetricsEnabled": shown["CloudWatchMetricsEnabled"],
            "metricName": shown["MetricName"],
            "sampledRequestsEnabled": shown["SampledRequestsEnabled"],
        },
        "tagsAll": tag_map(tags),
    }


def _update(aws: Aws, acl: str, old: Props, new: Props) -> Props:
    _, _, params = _acl(new)
    answer = _found(aws, acl, old) or {}
    params.pop("Tags", None)
    aws.call("wafv2", "update_web_acl", **params, Id=acl, LockToken=answer["LockToken"])
    return {}


def _delete(aws: Aws, acl: str, outputs: Props) -> None:
    if answer := _found(aws, acl, outputs):
        names = {"Name": outputs["name"], "Scope": outputs["scope"], "Id": acl}
        aws.find("wafv2", "delete_web_acl", **names, LockToken=answer["LockToken"])


def _association(props: Props) -> Call:
    params = {"WebACLArn": props.get("webAclArn"), "ResourceArn": props.get("resourceArn")}
    return "wafv2", "associate_web_acl", params


def _associate(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _association(props))
    return f"{props['webAclArn']},{props['resourceArn']}", {}


def _read_association(aws: Aws, _: str, outputs: Props) -> Props | None:
    found = (aws.find("wafv2", "get_web_acl_for_resource", ResourceArn=outputs["resourceArn"]) or {}).get("WebACL")
    return {"webAclArn": found["ARN"], "resourceArn": outputs["resourceArn"]} if found else None


def _dissociate(aws: Aws, _: str, outputs: Props) -> None:
    aws.find("wafv2", "disassociate_web_acl", ResourceArn=outputs["resourceArn"])


ROWS = (
    Row(
        type="aws:wafv2/webAcl:WebAcl",
        inputs=frozenset({"name", "scope", "defaultAction", "visibilityConfig", "ruleJson", "tags"}),
        required=frozenset({"scope", "defaultAction", "visibilityConfig"}),
        documents=frozenset({"ruleJson"}),
        replaces=frozenset({"name", "namePrefix", "scope"}),
        autoname=("name", 128),
        tags=_TAGS,
        request=_acl,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
    Row(
        type="aws:wafv2/webAclAssociation:WebAclAssociation",
        inputs=frozenset({"webAclArn", "resourceArn"}),
        required=frozenset({"webAclArn", "resourceArn"}),
        replaces=frozenset({"webAclArn", "resourceArn"}),
        identity=frozenset({"resourceArn"}),
        request=_association,
        create=_associate,
        read=_read_association,
        delete=_dissociate,
    ),
)

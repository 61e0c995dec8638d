"""EC2: network ACLs, the default ones of a VPC, its default security group and its flow logs."""

from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, changed, deletes, first, only, pick, send
from ebb.sandbox.provider.resources.vpc import TAGS, default_acl, reader, tagged

_RULE = ("action", "cidrBlock", "fromPort", "icmpCode", "icmpType", "ipv6CidrBlock", "protocol", "ruleNo", "toPort")
#: The last rule, which AWS makes: it denies everything.
_LAST = 32767


def _acl(props: Props) -> Call:
    for name in ("ingress", "egress"):
        for rule in props.get(name) or ():
            only(rule, name, *_RULE)
    return "ec2", "create_network_acl", pick(props, "vpcId") | tagged("network-acl", props)


def _create_acl(aws: Aws, props: Props) -> tuple[str, Props]:
    acl = send(aws, _acl(props))["NetworkAcl"]["NetworkAclId"]
    _update_acl(aws, acl, {}, props)
    return acl, {"arn": aws.arn("ec2", f"network-acl/{acl}"), "ownerId": aws.account}


def _update_acl(aws: Aws, acl: str, old: Props, new: Props) -> Props:
    _put_rules(aws, acl, old, new)
    if changed(old, new, "subnetIds"):
        _associate(aws, acl, set(new.get("subnetIds") or ()))
        _associate(aws, default_acl(aws, new["vpcId"]), set(old.get("subnetIds") or ()) - set(new["subnetIds"] or ()))
    return {}


def _put_rules(aws: Aws, acl: str, old: Props, new: Props) -> None:
    for name, egress in (("ingress", False), ("egress", True)):
        had, wanted = ({rule["ruleNo"]: rule for rule in props.get(name) or ()} for props in (old, new))
        for number in sorted(had.keys() | wanted.keys()):
            if had.get(number) == wanted.get(number):
                continue
            params = {"networkAclId": acl, "ruleNumber": number, "egress": egress}
            if number in had:
                aws.call("ec2", "delete_network_acl_entry", **params)
            if rule := wanted.get(number):
                aws.call("ec2", "create_network_acl_entry", **params, **_entry(rule))


def _entry(rule: Props) -> Props:
    entry = pick(rule, "protocol", "cidrBlock", "ipv6CidrBlock", ruleAction="action")
    if rule["protocol"] in ("6", "17"):
        entry["portRange"] = {"from": rule["fromPort"], "to": rule["toPort"]}
    if rule["protocol"] == "1":
        entry["icmpTypeCode"] = {"type": rule.get("icmpType", 0), "code": rule.get("icmpCode", 0)}
    return entry


def _associate(aws: Aws, acl: str, subnets: set[str]) -> None:
    """Each subnet has one ACL: another one takes its place."""
    filters = [{"name": "association.subnet-id", "values": sorted(subnets)}]
    found = aws.call("ec2", "describe_network_acls", filters=filters)["NetworkAcls"] if subnets else []
    for association in (each for other in found for each in other["Associations"]):
        if association["SubnetId"] in subnets and association["NetworkAclId"] != acl:
            known = association["NetworkAclAssociationId"]
            aws.call("ec2", "replace_network_acl_association", associationId=known, networkAclId=acl)


def _delete_acl(aws: Aws, acl: str, outputs: Props) -> None:
    _associate(aws, default_acl(aws, outputs["vpcId"]), set(outputs.get("subnetIds") or ()))
    aws.find("ec2", "delete_network_acl", networkAclId=acl)


def _adapt_acl(_: Aws, found: Props) -> Props:
    entries = [entry for entry in found.get("entries", []) if entry["ruleNumber"] != _LAST]
    return {
        "subnetIds": sorted(association["subnetId"] for association in found.get("associations", [])),
        "ingress": [_pulumi_rule(entry) for entry in entries if not entry["egress"]],
        "egress": [_pulumi_rule(entry) for entry in entries if entry["egress"]],
        "defaultNetworkAclId": found["networkAclId"],
    }


def _pulumi_rule(entry: Props) -> Props:
    ports, icmp = entry.get("portRange") or {}, entry.get("icmpTypeCode") or {}
    rule: Props = {
        "ruleNo": entry["ruleNumber"],
        "action": entry["ruleAction"],
        "protocol": entry["protocol"],
        "fromPort": ports.get("from", 0),
        "toPort": ports.get("to", 0),
    }
    if entry["protocol"] == "1":
        # the emulator does not show them; -1 is all
        rule |= {"icmpType": icmp.get("type", -1), "icmpCode": icmp.get("code", -1)}
    return rule | pick(entry, "cidrBlock", "ipv6CidrBlock")


def _adopt_acl(aws: Aws, props: Props) -> tuple[str, Props]:
    """The default ACL exists. It gets the rules of the inputs only."""
    acl = str(props["defaultNetworkAclId"])
    found = first(aws.call("ec2", "describe_network_acls", networkAclIds=[acl]), "NetworkAcls") or {}
    _put_rules(aws, acl, _adapt_acl(aws, found), props)
    if props.get("tagsAll"):
        aws.call("ec2", "create_tags", resources=[acl], tags=props["tagsAll"])
    return acl, {"arn": aws.arn("ec2", f"network-acl/{acl}"), "ownerId": aws.account, "vpcId": found.get("vpcId")}


def _adopt_group(aws: Aws, props: Props) -> tuple[str, Props]:
    """The default security group exists. It loses all rules."""
    filters = [{"name": "vpc-id", "values": [props["vpcId"]]}, {"name": "group-name", "values": ["default"]}]
    group = str(aws.call("ec2", "describe_security_groups", filters=filters)["SecurityGroups"][0]["GroupId"])
    by_group = [{"name": "group-id", "values": [group]}]
    for rule in aws.call("ec2", "describe_security_group_rules", filters=by_group)["SecurityGroupRules"]:
        operation = "revoke_security_group_" + ("egress" if rule["IsEgress"] else "ingress")
        aws.call("ec2", operation, groupId=group, securityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    if props.get("tagsAll"):
        aws.call("ec2", "create_tags", resources=[group], tags=props["tagsAll"])
    return group, {"arn": aws.arn("ec2", f"security-group/{group}"), "ownerId": aws.account}


def _flow_log(props: Props) -> Call:
    params = pick(props, "trafficType", "logDestination", deliverLogsPermissionArn="iamRoleArn")
    ids = {"resourceIds": [props["vpcId"]]} if "vpcId" in props else {}
    return "ec2", "create_flow_logs", params | ids | {"resourceType": "VPC"} | tagged("vpc-flow-log", props)


def _create_flow_log(aws: Aws, props: Props) -> tuple[str, Props]:
    service, operation, params = _flow_log(props)
    # the emulator knows the group by its name only
    params["logGroupName"] = str(params.pop("logDestination")).rpartition(":")[2]
    log = str(aws.call(service, operation, **params)["FlowLogIds"][0])
    return log, {"arn": aws.arn("ec2", f"vpc-flow-log/{log}")}


def _read_flow_log(aws: Aws, log: str, _: Props) -> Props | None:
    found = first(aws.find("ec2", "describe_flow_logs", flowLogIds=[log]), "FlowLogs")
    if found is None:
        return None
    tags: list[dict[str, Any]] = found.get("tags") or []
    return {
        "vpcId": found.get("resourceId"),
        "trafficType": found.get("trafficType"),
        "iamRoleArn": found.get("deliverLogsPermissionArn"),
        "logDestination": aws.arn("logs", f"log-group:{found.get('logGroupName')}"),
        "tagsAll": {tag["key"]: tag["value"] for tag in tags},
    }


ROWS = (
    Row(
        type="aws:ec2/networkAcl:NetworkAcl",
        inputs=frozenset({"egress", "ingress", "subnetIds", "tags", "vpcId"}),
        required=frozenset({"vpcId"}),
        replaces=frozenset({"vpcId"}),
        tags=TAGS,
        request=_acl,
        create=_create_acl,
        read=reader("describe_network_acls", ("NetworkAcls",), "networkAclIds", _adapt_acl),
        update=_update_acl,
        delete=_delete_acl,
    ),
    Row(
        type="aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
        inputs=frozenset({"defaultNetworkAclId", "tags"}),
        required=frozenset({"defaultNetworkAclId"}),
        replaces=frozenset({"defaultNetworkAclId"}),
        tags=TAGS,
        create=_adopt_acl,
        read=reader("describe_network_acls", ("NetworkAcls",), "networkAclIds", _adapt_acl),
        delete=lambda _, __, ___: None,  # AWS deletes it with the VPC
    ),
    Row(
        type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        inputs=frozenset({"tags", "vpcId"}),
        replaces=frozenset({"vpcId"}),
        tags=TAGS,
        create=_adopt_group,
        read=reader("describe_security_groups", ("SecurityGroups",), "groupIds"),
        delete=lambda _, __, ___: None,  # AWS deletes it with the VPC
    ),
    Row(
        type="aws:ec2/flowLog:FlowLog",
        inputs=frozenset({"iamRoleArn", "logDestination", "tags", "trafficType", "vpcId"}),
        replaces=frozenset({"iamRoleArn", "logDestination", "trafficType", "vpcId"}),
        tags=TAGS,
        request=_flow_log,
        create=_create_flow_log,
        read=_read_flow_log,
        delete=deletes("ec2", "delete_flow_logs", flowLogIds="ids"),
    ),
)

"""EC2: security groups and their rules."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, deletes, pick, send
from ebb.sandbox.provider.resources.vpc import TAGS, reader, tagged


def _group(props: Props) -> Call:
    params = pick(props, "vpcId", groupName="name", description="description")
    return "ec2", "create_security_group", params | tagged("security-group", props)


def _create_group(aws: Aws, props: Props) -> tuple[str, Props]:
    group = send(aws, _group(props))["GroupId"]
    # The real provider removes the rule that AWS adds, so that the group has the program's rules only.
    everything = [{"ipProtocol": "-1", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}]
    aws.find("ec2", "revoke_security_group_egress", groupId=group, ipPermissions=everything)
    return group, {"arn": aws.arn("ec2", f"security-group/{group}"), "ownerId": aws.account}


_RULE_INPUTS = (
    "securityGroupId",
    "ipProtocol",
    "fromPort",
    "toPort",
    "cidrIpv4",
    "cidrIpv6",
    "referencedSecurityGroupId",
    "description",
    "tags",
)


def _permission(props: Props) -> Props:
    note = pick(props, "description")
    permission = pick(props, "ipProtocol", "fromPort", "toPort")
    for name, ranges, key in (
        ("cidrIpv4", "ipRanges", "cidrIp"),
        ("cidrIpv6", "ipv6Ranges", "cidrIpv6"),
        ("referencedSecurityGroupId", "userIdGroupPairs", "groupId"),
    ):
        if props.get(name):
            permission[ranges] = [{key: props[name], **note}]
    return permission


def _rule_row(direction: str) -> Row:
    """The row of one ingress or egress rule."""
    low = direction.lower()

    def request(props: Props) -> Call:
        params = {"groupId": props.get("securityGroupId"), "ipPermissions": [_permission(props)]}
        return "ec2", f"authorize_security_group_{low}", params | tagged("security-group-rule", props)

    def create(aws: Aws, props: Props) -> tuple[str, Props]:
        rule = send(aws, request(props))["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule, {"arn": aws.arn("ec2", f"security-group-rule/{rule}"), "securityGroupRuleId": rule}

    def adapt(_: Aws, found: Props) -> Props:
        referenced = (found.get("referencedGroupInfo") or {}).get("groupId")
        return {"securityGroupId": found["groupId"], "referencedSecurityGroupId": referenced}

    def update(aws: Aws, rule: str, old: Props, new: Props) -> Props:
        wanted = pick(
            new, "ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId", "description",
            referencedGroupId="referencedSecurityGroupId",
        )  # fmt: skip
        if old.get("description") and not new.get("description"):
            wanted["description"] = ""  # AWS keeps a description that is left out
        if new["ipProtocol"] == "-1":
            wanted |= {"fromPort": -1, "toPort": -1}  # all protocols have all ports, and the call needs both
        change = [{"securityGroupRuleId": rule, "securityGroupRule": wanted}]
        aws.call("ec2", "modify_security_group_rules", groupId=new["securityGroupId"], securityGroupRules=change)
        return {}

    return Row(
        type=f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule",
        inputs=frozenset(_RULE_INPUTS),
        required=frozenset({"securityGroupId", "ipProtocol"}),
        replaces=frozenset({"securityGroupId"}),
        tags=TAGS,
        request=request,
        create=create,
        read=reader("describe_security_group_rules", ("SecurityGroupRules",), "securityGroupRuleIds", adapt),
        update=update,
        delete=deletes("ec2", f"revoke_security_group_{low}", groupId="securityGroupId", securityGroupRuleIds="ids"),
    )


ROWS = (
    Row(
        type="aws:ec2/securityGroup:SecurityGroup",
        inputs=frozenset({"name", "description", "vpcId", "tags"}),
        replaces=frozenset({"description", "name", "vpcId"}),
        autoname=("name", 255),
        defaults={"description": "Managed by Pulumi"},
        tags=TAGS,
        request=_group,
        create=_create_group,
        read=reader(
            "describe_security_groups", ("SecurityGroups",), "groupIds", lambda _, found: {"name": found["groupName"]}
        ),
        delete=deletes("ec2", "delete_security_group", groupId="id"),
    ),
    _rule_row("Ingress"),
    _rule_row("Egress"),
)

"""What the subnets of a new VPC let through, and the log of its traffic."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import Account
from settings import Iam

Rule = TypeVar("Rule")
ANYWHERE = "0.0.0.0/0"
#: Local ports of connections that begin in the VPC: those of a NAT gateway include those of Linux (VPC user guide,
#: "Custom network ACLs", ephemeral ports).
EPHEMERAL_PORTS = (1024, 65535)


def restrict(owner: pulumi.Resource, vpc: aws.ec2.Vpc, cidr: str, subnets: Sequence[aws.ec2.Subnet]) -> None:
    """Lets into the subnets what comes from the VPC and answers from outside.

    The network ACL and the security group that AWS makes with each VPC let everything through. Nothing uses them, and
    now they let nothing through.
    """
    name, child = owner.pulumi_resource_name, pulumi.ResourceOptions(parent=owner)
    acl = aws.ec2.NetworkAcl(
        name,
        vpc_id=vpc.id,
        subnet_ids=[subnet.id for subnet in subnets],
        ingress=[
            _allow(aws.ec2.NetworkAclIngressArgs, 100, "-1", cidr),
            _allow(aws.ec2.NetworkAclIngressArgs, 200, "6", ANYWHERE, EPHEMERAL_PORTS),
            _allow(aws.ec2.NetworkAclIngressArgs, 210, "17", ANYWHERE, EPHEMERAL_PORTS),
            # "packet too big" is an ICMP message
            _allow(aws.ec2.NetworkAclIngressArgs, 220, "1", ANYWHERE, icmp_type=-1, icmp_code=-1),
        ],
        egress=[_allow(aws.ec2.NetworkAclEgressArgs, 100, "-1", ANYWHERE)],
        tags={"Name": name},
        opts=child,
    )
    aws.ec2.DefaultNetworkAcl(
        f"{name}-default",
        default_network_acl_id=vpc.default_network_acl_id,
        tags={"Name": f"{name}-default"},
        # the subnets of a stack that exists leave it first
        opts=pulumi.ResourceOptions(parent=owner, depends_on=[acl]),
    )
    aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, tags={"Name": f"{name}-default"}, opts=child)


def _allow(
    kind: Callable[..., Rule], number: int, protocol: str, cidr: str, ports: tuple[int, int] = (0, 0), **icmp: int
) -> Rule:
    """A rule for a protocol by its number; -1 is all."""
    first, last = ports
    return kind(
        rule_no=number, action="allow", protocol=protocol, cidr_block=cidr, from_port=first, to_port=last, **icmp
    )


def flow_log(
    owner: pulumi.Resource,
    vpc: aws.ec2.Vpc,
    days: int,
    *,
    account: Account,
    iam: Iam,
    kms_key_arn: pulumi.Input[str] | None,
) -> None:
    """The VPC's flow log in a log group, and the role that writes it (VPC user guide, "IAM role for publishing flow
    logs to CloudWatch Logs").
    """
    name, child = f"{owner.pulumi_resource_name}-flow", pulumi.ResourceOptions(parent=owner)
    logs = aws.cloudwatch.LogGroup(name, retention_in_days=days, kms_key_id=kms_key_arn, opts=child)
    role = _iam.role(name, _iam.trust("vpc-flow-logs.amazonaws.com", _iam.from_account(account.id)), iam, child)
    stream = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    statements = [_iam.allow(stream, pulumi.Output.format("{0}:*", logs.arn))]
    policy = aws.iam.RolePolicy(name, role=role.name, policy=_iam.document(statements), opts=child)
    aws.ec2.FlowLog(
        name,
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination=logs.arn,
        iam_role_arn=role.arn,
        tags={"Name": name},
        opts=pulumi.ResourceOptions(parent=owner, depends_on=[policy]),
    )

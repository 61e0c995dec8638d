"""A deployed Network, and its resources by name."""

from typing import Any

from components.network import Network, NetworkArgs
from settings import Network as NetworkSettings
from tests.components.harness import Deployed, deploy

A, B = "us-east-1a", "us-east-1b"
VPC, SUBNET, TABLE = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable"
ASSOCIATION, ROUTE = "aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/route:Route"
INTERNET, EIP, GATEWAY = "aws:ec2/internetGateway:InternetGateway", "aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"
INSTANCE, ALARM = "aws:ec2/instance:Instance", "aws:cloudwatch/metricAlarm:MetricAlarm"
GROUP, ENDPOINT = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/vpcEndpoint:VpcEndpoint"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ACL, DEFAULT_ACL = "aws:ec2/networkAcl:NetworkAcl", "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
DEFAULT_GROUP, FLOW_LOG = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/flowLog:FlowLog"
#: Resources of every new VPC.
BASE = {
    (VPC, "net"),
    *((SUBNET, f"net-{role}-{zone}") for role in ("public", "private") for zone in (A, B)),
    *((TABLE, f"net-{role}") for role in ("public", f"private-{A}", f"private-{B}")),
    *((ASSOCIATION, f"net-{role}-{zone}") for role in ("public", "private") for zone in (A, B)),
    (ENDPOINT, "net-s3"),
    (ACL, "net"),
    (DEFAULT_ACL, "net-default"),
    (DEFAULT_GROUP, "net-default"),
}
INTERNET_ACCESS = {(INTERNET, "net-internet"), (ROUTE, "net-public")}
PRIVATE_ROUTES = {(ROUTE, f"net-private-{zone}") for zone in (A, B)}
NAT_INSTANCE = {
    (INSTANCE, "net-nat"),
    (EIP, "net-nat"),
    (GROUP, "net-nat"),
    (INGRESS, "net-nat"),
    (EGRESS, "net-nat"),
    (ALARM, "net-nat-recover"),
}


def network(answers: dict[str, dict[str, Any]] | None = None, dynamodb: bool = False, **settings: Any) -> Deployed:
    def program() -> dict[str, Any]:
        made = Network("net", NetworkArgs(settings=NetworkSettings(**settings), dynamodb=dynamodb))
        return {
            "vpc_id": made.vpc_id,
            "subnet_ids": made.subnet_ids,
            "security_group_ids": made.security_group_ids,
            "assign_public_ip": made.assign_public_ip,
        }

    return deploy(program, answers=answers)

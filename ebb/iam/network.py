"""What a stack's network needs: a new VPC, or a security group in an existing one, or nothing."""

from collections.abc import Iterator

from ebb.iam.document import ANY, Part
from ebb.iam.stack import Stack
from settings import Network

_GROUP_READ = ("DescribeNetworkInterfaces", "DescribeSecurityGroupRules", "DescribeSecurityGroups")
_GROUP = (
    *("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup", "CreateTags"),
    *("DeleteSecurityGroup", "DeleteTags", "ModifySecurityGroupRules", "RevokeSecurityGroupEgress"),
    "RevokeSecurityGroupIngress",
)
_VPC_READ = (
    *("DescribeAvailabilityZones", "DescribeNetworkAcls", "DescribePrefixLists", "DescribeRouteTables"),
    *("DescribeSubnets", "DescribeVpcAttribute", "DescribeVpcEndpoints", "DescribeVpcs"),
)
_VPC = (
    *("AssociateRouteTable", "CreateRouteTable", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint", "DeleteRouteTable"),
    *("DeleteSubnet", "DeleteVpc", "DeleteVpcEndpoints", "DisassociateRouteTable", "ModifySubnetAttribute"),
    *("ModifyVpcAttribute", "ModifyVpcEndpoint", "ReplaceRouteTableAssociation"),
    *("CreateNetworkAcl", "CreateNetworkAclEntry", "DeleteNetworkAcl", "DeleteNetworkAclEntry"),
    *("ReplaceNetworkAclAssociation", "ReplaceNetworkAclEntry"),
)
_FLOW_LOG_READ = ("DescribeFlowLogs",)
_FLOW_LOG = ("CreateFlowLogs", "DeleteFlowLogs")
_GATEWAY_READ = ("DescribeInternetGateways",)
_GATEWAY = (
    *("AttachInternetGateway", "CreateInternetGateway", "CreateRoute", "DeleteInternetGateway", "DeleteRoute"),
    *("DetachInternetGateway", "ReplaceRoute"),
)
_ADDRESS_READ = ("DescribeAddresses", "DescribeAddressesAttribute")
_ADDRESS = ("AllocateAddress", "AssociateAddress", "DisassociateAddress", "ReleaseAddress")
_NAT_GATEWAY_READ = ("DescribeNatGateways",)
_NAT_GATEWAY = ("CreateNatGateway", "DeleteNatGateway")
_INSTANCE_READ = (
    *("DescribeInstanceCreditSpecifications", "DescribeInstanceTypeOfferings", "DescribeInstanceTypes"),
    *("DescribeInstances", "DescribeTags", "DescribeVolumes"),
)
_INSTANCE = (
    *("ModifyInstanceAttribute", "ModifyInstanceMetadataOptions", "RunInstances", "StartInstances", "StopInstances"),
    "TerminateInstances",
)
_SERVICE_READ = ("DescribeVpcEndpointServices",)
#: The instance's tag (components/network.py).
NAT_NAME = "network-nat"


def parts(stack: Stack) -> Iterator[Part]:
    """The statements on EC2."""
    network, place = stack.settings.network, stack.place
    read, change = _actions(network)
    if not change:
        return
    yield Part(sid="Describe", read=_ec2(read), change=("ec2:Describe*",), resources=ANY)
    yield Part(sid="Network", change=_ec2(change), resources=(place.arn("ec2", "*"),))
    if network.nat == "instance":
        yield Part(sid="NatImage", change=("ec2:RunInstances",), resources=(place.public("ec2", "image/*"),))
        yield Part(
            sid="NatParameter",
            read=("ssm:GetParameter",),
            resources=(place.public("ssm", "parameter/aws/service/ami-amazon-linux-latest/*"),),
        )
        yield Part(  # the attributes of other instances have their start scripts
            sid="NatInstance",
            read=("ec2:DescribeInstanceAttribute",),
            resources=(place.arn("ec2", "instance/*"),),
            condition={"StringEquals": {"ec2:ResourceTag/Name": NAT_NAME}},
        )
    if network.endpoints:  # the private names of interface endpoints
        yield Part(
            sid="PrivateNames",
            change=("route53:AssociateVPCWithHostedZone",),
            resources=(place.arn("ec2", "vpc/*"), f"arn:{place.partition}:route53:::hostedzone/*"),
        )


def _actions(network: Network) -> tuple[list[str], list[str]]:
    """What a refresh reads, and what a deployment changes."""
    read: list[str] = []
    change: list[str] = []
    new = not network.vpc_id
    for needed, reading, changing in (
        (not network.security_group_ids, _GROUP_READ, _GROUP),
        (new, _VPC_READ, _VPC),
        (network.flow_log_days is not None, _FLOW_LOG_READ, _FLOW_LOG),
        (new and (network.nat != "none" or network.public_tasks), _GATEWAY_READ, _GATEWAY),
        (network.nat != "none", _ADDRESS_READ, _ADDRESS),
        (network.nat in ("gateway", "gateway_per_az"), _NAT_GATEWAY_READ, _NAT_GATEWAY),
        (network.nat == "instance", _INSTANCE_READ, _INSTANCE),
        (bool(network.endpoints), _SERVICE_READ, ()),
    ):
        if needed:
            read += reading
            change += changing
    return read, change


def _ec2(names: list[str]) -> tuple[str, ...]:
    return tuple(f"ec2:{name}" for name in names)

"""A VPC with subnets, routes, security groups, NAT and endpoints."""

from typing import Any

import pulumi
import pulumi_aws as aws

from tests.sandbox.resources.iam import allow, trust
from tests.sandbox.resources.settings import Settings


def _flow_log(vpc: aws.ec2.Vpc) -> None:
    key = aws.kms.Key("flow", description="flow logs")
    logs = aws.cloudwatch.LogGroup("flow", kms_key_id=key.arn)
    role = aws.iam.Role("flow", assume_role_policy=trust("vpc-flow-logs.amazonaws.com"))
    aws.ec2.FlowLog(
        "flow",
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination=logs.arn,
        iam_role_arn=role.arn,
        tags={"Name": "flow"},
    )


def network(settings: Settings) -> tuple[list[aws.ec2.Subnet], aws.ec2.SecurityGroup]:
    region = aws.get_region_output().region
    zones = aws.get_availability_zones(state="available").names[:2]
    vpc = aws.ec2.Vpc(
        "net",
        cidr_block="10.0.0.0/16",
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags={"Name": "net"},
    )
    subnets = [
        aws.ec2.Subnet(
            f"net-{zone}",
            vpc_id=vpc.id,
            availability_zone=zone,
            cidr_block=f"10.0.{number}.0/24",
            map_public_ip_on_launch=True,
            tags={"Name": f"net-{zone}"},
        )
        for number, zone in enumerate(zones)
    ]
    aws.ec2.NetworkAcl(
        "net",
        vpc_id=vpc.id,
        subnet_ids=[subnets[0].id],
        ingress=[
            aws.ec2.NetworkAclIngressArgs(
                rule_no=1, action="allow", protocol="6", cidr_block="0.0.0.0/0", from_port=1, to_port=9
            ),
            aws.ec2.NetworkAclIngressArgs(
                rule_no=2,
                action="deny",
                protocol="1",
                cidr_block="0.0.0.0/0",
                icmp_type=-1,
                icmp_code=-1,
                from_port=0,
                to_port=0,
            ),
        ],
        egress=[
            aws.ec2.NetworkAclEgressArgs(
                rule_no=settings["rule"],
                action="allow",
                protocol="-1",
                cidr_block="10.0.0.0/16",
                from_port=0,
                to_port=0,
            )
        ],
        tags={"Name": "net"},
    )
    aws.ec2.DefaultNetworkAcl("net", default_network_acl_id=vpc.default_network_acl_id, tags={"Name": "net"})
    aws.ec2.DefaultSecurityGroup("net", vpc_id=vpc.id, tags={"Name": "net"})
    _flow_log(vpc)
    by_id = aws.ec2.Subnet("net-by-id", vpc_id=vpc.id, availability_zone_id="use1-az1", cidr_block="10.0.9.0/24")
    aws.ec2.SecurityGroup("other", name="other", vpc_id=vpc.id, description="named by hand")
    gateway = aws.ec2.InternetGateway("net", vpc_id=vpc.id, tags={"Name": "net"})
    table = aws.ec2.RouteTable("public", vpc_id=vpc.id, tags={"Name": "public"})
    private = aws.ec2.RouteTable("private", vpc_id=vpc.id)
    aws.ec2.Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
    for number, subnet in enumerate(subnets):
        aws.ec2.RouteTableAssociation(f"public-{number}", route_table_id=table.id, subnet_id=subnet.id)
    address = aws.ec2.Eip("nat", domain="vpc", tags={"Name": "nat"})
    nat = aws.ec2.NatGateway(
        "nat", allocation_id=address.id, subnet_id=subnets[0].id, connectivity_type="public", tags={"Name": "nat"}
    )
    aws.ec2.Route("nat", route_table_id=private.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
    group = aws.ec2.SecurityGroup("tasks", vpc_id=vpc.id, description=settings["description"], tags={"Name": "tasks"})
    everyone: dict[str, Any] = {"security_group_id": group.id, "ip_protocol": "-1"}
    aws.vpc.SecurityGroupEgressRule("v4", cidr_ipv4="0.0.0.0/0", description="all", tags={"Name": "v4"}, **everyone)
    aws.vpc.SecurityGroupEgressRule("v6", cidr_ipv6="::/0", **everyone)
    aws.vpc.SecurityGroupEgressRule(
        "inside",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=80,
        to_port=80,
        referenced_security_group_id=group.id,
    )
    aws.vpc.SecurityGroupIngressRule("v6", cidr_ipv6="::/0", tags={"Name": "v6"}, **everyone)
    aws.vpc.SecurityGroupIngressRule(
        "group",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=81,
        to_port=81,
        referenced_security_group_id=group.id,
    )
    aws.vpc.SecurityGroupIngressRule(
        "inside",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=80,
        to_port=443,
        cidr_ipv4="10.0.0.0/16",
        description="inside",
    )
    role = aws.iam.Role("nat", assume_role_policy=trust("ec2.amazonaws.com"))
    profile = aws.iam.InstanceProfile("nat", role=role.name, path="/ebb/", tags={"Name": "nat"})
    image = aws.ssm.get_parameter_output(
        name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    ).value
    instance = aws.ec2.Instance(
        "nat",
        ami=image,
        instance_type=settings["instance_type"],
        subnet_id=subnets[0].id,
        vpc_security_group_ids=[group.id],
        source_dest_check=False,
        metadata_options={"http_tokens": "required", "http_endpoint": "enabled"},
        iam_instance_profile=profile.name,
        monitoring=True,
        root_block_device={"encrypted": settings["encrypted"], "volume_size": 8, "volume_type": "gp3"},
        user_data=settings["user_data"],
        user_data_replace_on_change=True,
        tags={"Name": "nat"},
        opts=pulumi.ResourceOptions(ignore_changes=["ami"]),
    )
    aws.ec2.Route(
        "instance",
        route_table_id=private.id,
        destination_cidr_block="192.0.2.0/24",
        network_interface_id=instance.primary_network_interface_id,
    )
    aws.ec2.Eip("instance", domain="vpc", instance=instance.id)
    spare = aws.ec2.Eip("spare", domain="vpc")
    worker = aws.ec2.Instance("worker", ami=image, instance_type="t4g.nano", subnet_id=by_id.id)
    aws.ec2.EipAssociation("spare", allocation_id=spare.id, instance_id=worker.id)
    aws.ec2.VpcEndpoint(
        "s3",
        vpc_id=vpc.id,
        service_name=pulumi.Output.format("com.amazonaws.{0}.s3", region),
        vpc_endpoint_type="Gateway",
        route_table_ids=[table.id, private.id],
        policy=allow("s3:GetObject", "*", Principal="*"),
        tags={"Name": "s3"},
    )
    aws.ec2.VpcEndpoint(
        "sqs",
        vpc_id=vpc.id,
        service_name=pulumi.Output.format("com.amazonaws.{0}.sqs", region),
        vpc_endpoint_type="Interface",
        subnet_ids=[subnet.id for subnet in subnets],
        security_group_ids=[group.id],
        private_dns_enabled=True,
    )
    return subnets, group

"""The network of the tasks: a new VPC, or an existing one."""

from dataclasses import dataclass, field
from functools import partial

import pulumi
import pulumi_aws as aws

from components import _endpoints, _vpc_security
from components._account import account
from components._nat import architecture, user_data
from components._subnets import cut
from components._vpc_security import ANYWHERE
from components._zones import ZoneError, choose, require
from settings import Iam as IamSettings
from settings import Network as NetworkSettings

#: The newest Amazon Linux 2023, by CPU (AL2023 user guide, "Launching AL2023 using SSM parameters").
AMI_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The settings' section `network`. `dynamodb`: tasks use DynamoDB."""

    settings: NetworkSettings
    dynamodb: bool = False
    #: A key that CloudWatch Logs may use, for the flow log.
    logs_key_arn: pulumi.Input[str] | None = None
    iam: IamSettings = field(default_factory=IamSettings)


class Network(pulumi.ComponentResource):
    """The VPC and the subnets of the tasks.

    Creates, unless the settings name an existing VPC:
    - a VPC with a public and a private subnet in each of two availability zones, and their route tables
    - the gateway endpoint for S3, and the one for DynamoDB if tasks use it
    - their network ACL; AWS's default ACL and default security group let nothing through
    - with `flow_log_days`, the VPC's flow log, its log group and its role
    - with NAT or public tasks, an internet gateway
    - with `nat: instance`, a NAT instance with its address, security group and an alarm that recovers it
    - with `nat: gateway` or `gateway_per_az`, one or two NAT gateways with their addresses
    - with `endpoints`, the interface endpoints and their security group
    """

    vpc_id: pulumi.Output[str]
    #: The tasks' subnets: private with NAT or endpoints, otherwise public.
    subnet_ids: list[pulumi.Input[str]]
    #: Security groups of the existing VPC; can be empty.
    security_group_ids: tuple[str, ...]
    assign_public_ip: bool
    #: None without a NAT instance.
    nat_instance_id: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:Network", name, None, opts)
        self._settings, self._dynamodb, self._args = args.settings, args.dynamodb, args
        self._child = pulumi.ResourceOptions(parent=self)
        self.security_group_ids = args.settings.security_group_ids
        self.assign_public_ip = args.settings.public_tasks
        if args.settings.vpc_id:
            self.vpc_id = pulumi.Output.from_input(args.settings.vpc_id)
            self.subnet_ids = list(args.settings.subnet_ids)
        else:
            self._create()
        self.register_outputs({"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids})

    def _create(self) -> None:
        name, settings, child = self.pulumi_resource_name, self._settings, self._child
        self._account = account(self)
        # no filter on state, because an outage of a zone must not move subnets; the filter excludes Local Zones
        zones = aws.get_availability_zones(
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            opts=pulumi.InvokeOptions(parent=self),
        )
        try:
            chosen = choose(dict(zip(zones.names, zones.zone_ids, strict=True)), settings.zones)
            self._check_offers(chosen)
        except ZoneError as error:
            raise pulumi.RunError(str(error)) from None
        blocks = cut(settings.cidr, chosen)
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,  # required by the private names of interface endpoints
            tags={"Name": name},
            opts=child,
        )
        self.vpc_id = vpc.id
        public = {block.zone: self._subnet("public", block.zone, block.public) for block in blocks}
        private = {block.zone: self._subnet("private", block.zone, block.private) for block in blocks}
        _vpc_security.restrict(self, vpc, settings.cidr, [*public.values(), *private.values()])
        if settings.flow_log_days is not None:
            key, iam = self._args.logs_key_arn, self._args.iam
            _vpc_security.flow_log(self, vpc, settings.flow_log_days, account=self._account, iam=iam, kms_key_arn=key)
        public_table = self._route_table("public", public)
        private_tables = {zone: self._route_table(f"private-{zone}", {zone: private[zone]}) for zone in private}

        if settings.nat != "none" or settings.public_tasks:
            self._internet_gateway(public_table)
        if settings.nat == "instance":
            self._nat_instance(next(iter(public.values())), private_tables)
        elif settings.nat != "none":
            self._nat_gateways(public, private_tables)

        self.subnet_ids = [subnet.id for subnet in (public if settings.public_tasks else private).values()]
        self._endpoints([public_table, *private_tables.values()])

    def _check_offers(self, zones: list[str]) -> None:
        """Raises ZoneError if a zone has not what the settings need in it. AWS says so only half-way through `up`."""
        settings, invoke = self._settings, pulumi.InvokeOptions(parent=self)
        if settings.nat == "instance":
            kind = settings.nat_instance_type
            offers = aws.ec2.get_instance_type_offerings(
                location_type="availability-zone", filters=[{"name": "instance-type", "values": [kind]}], opts=invoke
            )
            require("nat_instance_type", kind, zones[:1], offers.locations)
        region = aws.get_region(opts=invoke).region if settings.endpoints else ""
        for service in settings.endpoints:
            name = _endpoints.interface(region, service)
            found = aws.ec2.get_vpc_endpoint_service(service_name=name, service_type="Interface", opts=invoke)
            require("endpoints", f"the endpoint service {name}", zones, found.availability_zones)

    def _subnet(self, role: str, zone: str, block: str) -> aws.ec2.Subnet:
        full_name = f"{self.pulumi_resource_name}-{role}-{zone}"
        return aws.ec2.Subnet(
            full_name,
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=block,
            tags={"Name": full_name},
            opts=self._child,
        )

    def _route_table(self, role: str, subnets: dict[str, aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        full_name = f"{self.pulumi_resource_name}-{role}"
        table = aws.ec2.RouteTable(full_name, vpc_id=self.vpc_id, tags={"Name": full_name}, opts=self._child)
        for zone, subnet in subnets.items():
            association = full_name if full_name.endswith(zone) else f"{full_name}-{zone}"
            aws.ec2.RouteTableAssociation(association, subnet_id=subnet.id, route_table_id=table.id, opts=self._child)
        return table

    def _internet_gateway(self, public_table: aws.ec2.RouteTable) -> None:
        gateway = aws.ec2.InternetGateway(
            f"{self.pulumi_resource_name}-internet",
            vpc_id=self.vpc_id,
            tags={"Name": f"{self.pulumi_resource_name}-internet"},
            opts=self._child,
        )
        route = aws.ec2.Route(
            f"{self.pulumi_resource_name}-public",
            route_table_id=public_table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=self._child,
        )
        # AWS rejects an elastic address without a gateway, and deleting a gateway while the address exists
        self._after_gateway = pulumi.ResourceOptions(parent=self, depends_on=[route])

    def _nat_instance(self, subnet: aws.ec2.Subnet, private_tables: dict[str, aws.ec2.RouteTable]) -> None:
        full_name, settings, child = f"{self.pulumi_resource_name}-nat", self._settings, self._child
        invoke = pulumi.InvokeOutputOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            full_name, vpc_id=self.vpc_id, description="NAT for the private subnets", opts=child
        )
        aws.vpc.SecurityGroupIngressRule(
            full_name,
            security_group_id=group.id,
            description="From the VPC",
            ip_protocol="-1",
            cidr_ipv4=settings.cidr,
            opts=child,
        )
        egress = aws.vpc.SecurityGroupEgressRule(
            full_name,
            security_group_id=group.id,
            description="To the internet",
            ip_protocol="-1",
            cidr_ipv4=ANYWHERE,
            opts=child,
        )
        parameter = AMI_PARAMETER.format(architecture(settings.nat_instance_type))
        instance = aws.ec2.Instance(
            full_name,
            ami=aws.ssm.get_parameter_output(name=parameter, opts=invoke).value,
            instance_type=settings.nat_instance_type,
            subnet_id=subnet.id,
            vpc_security_group_ids=[egress.security_group_id],  # from the rule, because the first boot needs it
            source_dest_check=False,
            metadata_options={"http_tokens": "required"},
            root_block_device={"encrypted": True},
            user_data=user_data(settings.cidr),
            user_data_replace_on_change=True,  # the script runs at the first boot only
            tags={"Name": full_name},
            # a newer image must not interrupt connections; `pulumi up --replace` installs it
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["ami"]),
        )
        self.nat_instance_id = instance.id
        aws.ec2.Eip(full_name, domain="vpc", instance=instance.id, tags={"Name": full_name}, opts=self._after_gateway)
        aws.cloudwatch.MetricAlarm(
            f"{full_name}-recover",
            alarm_description="The host of the NAT instance failed: EC2 moves the instance to another host.",
            namespace="AWS/EC2",
            metric_name="StatusCheckFailed_System",
            dimensions={"InstanceId": instance.id},
            statistic="Maximum",
            period=60,
            evaluation_periods=2,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            alarm_actions=[
                pulumi.Output.format("arn:{0}:automate:{1}:ec2:recover", self._account.partition, self._account.region)
            ],
            opts=child,
        )
        for zone, table in private_tables.items():
            aws.ec2.Route(
                f"{self.pulumi_resource_name}-private-{zone}",
                route_table_id=table.id,
                destination_cidr_block=ANYWHERE,
                network_interface_id=instance.primary_network_interface_id,
                opts=child,
            )

    def _nat_gateways(self, public: dict[str, aws.ec2.Subnet], private_tables: dict[str, aws.ec2.RouteTable]) -> None:
        zones = list(public) if self._settings.nat == "gateway_per_az" else list(public)[:1]
        gateways = {zone: self._nat_gateway(zone, public[zone]) for zone in zones}
        for zone, table in private_tables.items():
            aws.ec2.Route(
                f"{self.pulumi_resource_name}-private-{zone}",
                route_table_id=table.id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=gateways.get(zone, gateways[zones[0]]).id,
                opts=self._child,
            )

    def _nat_gateway(self, zone: str, subnet: aws.ec2.Subnet) -> aws.ec2.NatGateway:
        full_name = f"{self.pulumi_resource_name}-nat-{zone}"
        address = aws.ec2.Eip(full_name, domain="vpc", tags={"Name": full_name}, opts=self._after_gateway)
        return aws.ec2.NatGateway(
            full_name,
            allocation_id=address.id,
            subnet_id=subnet.id,
            tags={"Name": full_name},
            opts=self._after_gateway,
        )

    def _endpoints(self, tables: list[aws.ec2.RouteTable]) -> None:
        name, settings, child = self.pulumi_resource_name, self._settings, self._child
        # gateway endpoints are free; image layers come from S3
        for service in ("s3", "dynamodb") if self._dynamodb else ("s3",):
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc_id,
                service_name=self._account.region.apply(partial(_endpoints.gateway, service=service)),
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                tags={"Name": f"{name}-{service}"},
                opts=child,
            )
        if not settings.endpoints:
            return
        group = aws.ec2.SecurityGroup(
            f"{name}-endpoints", vpc_id=self.vpc_id, description="Interface endpoints", opts=child
        )
        https = aws.vpc.SecurityGroupIngressRule(
            f"{name}-endpoints",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=settings.cidr,
            opts=child,
        )
        for service in settings.endpoints:
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc_id,
                service_name=self._account.region.apply(partial(_endpoints.interface, service=service)),
                vpc_endpoint_type="Interface",
                subnet_ids=self.subnet_ids,
                security_group_ids=[https.security_group_id],
                private_dns_enabled=True,
                tags={"Name": f"{name}-{service}"},
                opts=child,
            )

"""The section `network`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings import limits
from settings.forms import Cidr, Endpoint, InstanceType, RetentionDays, SecurityGroupId, SubnetId, VpcId, Zone, unique
from settings.sections.base import Section


class Network(Section):
    """Where tasks run and how they reach AWS: in a new VPC, or in an existing one (`vpc_id`)."""

    cidr: Cidr = Field("10.0.0.0/16", description="Address range of the new VPC.")
    zones: Annotated[tuple[Zone, ...], AfterValidator(unique)] = Field(
        (),
        description="The two availability zones of the new VPC, by name or id. Default: the first two that Fargate "
        "has.",
    )
    nat: Literal["none", "instance", "gateway", "gateway_per_az"] = Field(
        "none",
        description="How private subnets reach the internet. `none` without endpoints: tasks run in public subnets.",
    )
    nat_instance_type: InstanceType = Field("t4g.nano", description="Type of the NAT instance.")
    endpoints: Annotated[tuple[Endpoint, ...], AfterValidator(unique)] = Field(
        (), description="Interface endpoints. With `nat: none`, tasks reach AWS through these endpoints only."
    )
    flow_log_days: RetentionDays | None = Field(
        None,
        description="Days that a flow log of the new VPC is kept. It costs $0.50 for each GB: about 100 bytes for each "
        "connection of a task in ten minutes. Default: no flow log.",
    )
    vpc_id: VpcId | None = Field(None, description="An existing VPC to use.")
    subnet_ids: Annotated[tuple[SubnetId, ...], AfterValidator(unique)] = Field(
        (), max_length=limits.MAX_SUBNETS, description="Subnets of the existing VPC for the tasks."
    )
    security_group_ids: Annotated[tuple[SecurityGroupId, ...], AfterValidator(unique)] = Field(
        (),
        max_length=limits.MAX_SECURITY_GROUPS,
        description="Security groups of the existing VPC for the tasks. Default: a new one without ingress.",
    )
    assign_public_ip: bool | None = Field(
        None, description="Whether tasks get a public address. Default: only in public subnets of a new VPC."
    )

    @property
    def public_tasks(self) -> bool:
        """Whether tasks have a public address."""
        if self.assign_public_ip is None:
            return self.vpc_id is None and self.nat == "none" and not self.endpoints
        return self.assign_public_ip

    @property
    def reaches_internet(self) -> bool:
        """Whether tasks reach the internet; of an existing VPC it is assumed."""
        return bool(self.vpc_id) or self.nat != "none" or self.public_tasks

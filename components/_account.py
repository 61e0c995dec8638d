"""The AWS account, region and partition that a stack is deployed to."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

import settings


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account's id, region and partition (`aws`, `aws-cn`, …), and the domain of the partition's services."""

    id: pulumi.Output[str]
    region: pulumi.Output[str]
    partition: pulumi.Output[str]
    dns_suffix: pulumi.Output[str]

    def arn(self, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """The ARN of a resource in this account and region."""
        return pulumi.Output.format("arn:{0}:{1}:{2}:{3}:{4}", self.partition, service, self.region, self.id, resource)


def account(parent: pulumi.Resource) -> Account:
    """The account that the parent's provider is configured for."""
    invoke = pulumi.InvokeOutputOptions(parent=parent)
    partition = aws.get_partition_output(opts=invoke)
    return Account(
        id=aws.get_caller_identity_output(opts=invoke).account_id,
        region=aws.get_region_output(opts=invoke).region,
        partition=partition.partition,
        dns_suffix=partition.dns_suffix,
    )


def check_location(config: settings.Settings) -> None:
    """Raises pulumi.RunError with each ARN in the settings that cannot work where this stack is deployed."""
    here = settings.Location(
        partition=aws.get_partition().partition,
        region=aws.get_region().region,
        account=aws.get_caller_identity().account_id,
    )
    try:
        settings.check_location(config, here)
    except settings.SettingsError as error:
        raise pulumi.RunError(str(error)) from None

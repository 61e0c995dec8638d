"""Lists the resources in an account: one row for each kind of resource that the program can create."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jmespath  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Kind:
    """How to list one kind of resource. `query` leaves out AWS's own resources and those that are being deleted."""

    service: str
    operation: str
    query: str
    parameters: dict[str, Any] = field(default_factory=dict)


_ECS = {"ServiceNamespace": "ecs"}
KINDS = (
    Kind("ec2", "describe_vpcs", "Vpcs[?!IsDefault].VpcId"),
    Kind("ec2", "describe_subnets", "Subnets[?!DefaultForAz].SubnetId"),
    Kind("ec2", "describe_security_groups", "SecurityGroups[?GroupName!='default'].GroupId"),
    Kind("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    Kind("ec2", "describe_route_tables", "RouteTables[?!Associations[?Main]].RouteTableId"),
    Kind("ec2", "describe_nat_gateways", "NatGateways[?State!='deleted'].NatGatewayId"),
    Kind("ec2", "describe_addresses", "Addresses[].AllocationId"),
    Kind("ec2", "describe_vpc_endpoints", "VpcEndpoints[?State!='deleted'].VpcEndpointId"),
    Kind("ec2", "describe_instances", "Reservations[].Instances[?State.Name!='terminated'].InstanceId[]"),
    Kind("iam", "list_roles", "Roles[?!starts_with(Path, '/aws-service-role/')].RoleName"),
    Kind("iam", "list_policies", "Policies[].PolicyName", {"Scope": "Local"}),
    Kind("iam", "list_instance_profiles", "InstanceProfiles[].InstanceProfileName"),
    Kind("sqs", "list_queues", "QueueUrls"),
    Kind("apigateway", "get_rest_apis", "items[].id"),
    Kind("apigateway", "get_api_keys", "items[].id"),
    Kind("apigateway", "get_usage_plans", "items[].id"),
    Kind("ecr", "describe_repositories", "repositories[].repositoryName"),
    Kind("ecs", "list_task_definitions", "taskDefinitionArns", {"status": "ACTIVE"}),
    Kind("application-autoscaling", "describe_scalable_targets", "ScalableTargets[].ResourceId", _ECS),
    Kind("application-autoscaling", "describe_scaling_policies", "ScalingPolicies[].PolicyName", _ECS),
    Kind("application-autoscaling", "describe_scheduled_actions", "ScheduledActions[].ScheduledActionName", _ECS),
    Kind("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
    Kind("cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName"),
    Kind("logs", "describe_log_groups", "logGroups[].logGroupName"),
    Kind("sns", "list_topics", "Topics[].TopicArn"),
    Kind("sns", "list_subscriptions", "Subscriptions[].SubscriptionArn"),
    Kind("kms", "list_aliases", "Aliases[?!starts_with(AliasName, 'alias/aws/')].AliasName"),
    Kind("ssm", "describe_parameters", "Parameters[?!starts_with(Name, '/aws/service/')].Name"),
    Kind("secretsmanager", "list_secrets", "SecretList[?!DeletedDate].Name"),
    Kind("scheduler", "list_schedules", "Schedules[].Name"),
    Kind("events", "list_rules", "Rules[].Name"),
    Kind("stepfunctions", "list_state_machines", "stateMachines[].name"),
    Kind("dynamodb", "list_tables", "TableNames"),
    Kind("s3", "list_buckets", "Buckets[].Name"),
)


def resources(client: Callable[[str], Any]) -> list[str]:
    """All resources as `service operation: name`, sorted; empty for a new account."""
    return sorted({*_listed(client), *_clusters(client), *_keys(client)})


def _listed(client: Callable[[str], Any]) -> Iterator[str]:
    for kind in KINDS:
        boto = client(kind.service)
        pages: list[dict[str, Any]]
        if boto.can_paginate(kind.operation):
            pages = list(boto.get_paginator(kind.operation).paginate(**kind.parameters))
        else:
            pages = [getattr(boto, kind.operation)(**kind.parameters)]
        for page in pages:
            for name in jmespath.search(kind.query, page) or []:
                yield f"{kind.service} {kind.operation}: {name}"


def _clusters(client: Callable[[str], Any]) -> Iterator[str]:
    """ECS lists a deleted cluster for a while as INACTIVE (API_DeleteCluster)."""
    ecs = client("ecs")
    for page in ecs.get_paginator("list_clusters").paginate():
        for cluster in ecs.describe_clusters(clusters=page["clusterArns"])["clusters"]:
            if cluster["status"] != "INACTIVE":
                yield f"ecs list_clusters: {cluster['clusterArn']}"


def _keys(client: Callable[[str], Any]) -> Iterator[str]:
    """KMS keys, without AWS's own and those that wait for deletion."""
    kms = client("kms")
    aliases = jmespath.search("Aliases[?starts_with(AliasName, 'alias/aws/')].TargetKeyId", kms.list_aliases())
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            # moto says CUSTOMER of AWS's own keys too: their aliases tell
            if key["KeyId"] not in aliases and about["KeyState"] != "PendingDeletion":
                yield f"kms list_keys: {key['KeyId']}"

"""An ECS service with its image, role, cluster and task definition."""

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from tests.sandbox.resources import scheduled
from tests.sandbox.resources.iam import allow, trust
from tests.sandbox.resources.scaling import scaling
from tests.sandbox.resources.settings import Settings


def service(
    settings: Settings, jobs: aws.sqs.Queue, subnets: list[aws.ec2.Subnet], group: aws.ec2.SecurityGroup
) -> pulumi.Output[str]:
    repository = awsx.ecr.Repository(
        "image",
        force_delete=True,
        image_scanning_configuration={"scan_on_push": True},
        lifecycle_policy={
            "rules": [
                {
                    "description": "old",
                    "tag_status": awsx.ecr.LifecycleTagStatus.UNTAGGED,
                    "maximum_number_of_images": settings["kept"],
                }
            ]
        },
    )
    image = awsx.ecr.Image("image", repository_url=repository.url, context="worker", platform="linux/arm64")
    aws.ecr.Repository(
        "plain",
        name="plain",
        encryption_configurations=[{"encryption_type": "AES256"}],
        force_delete=False,
        image_scanning_configuration={"scan_on_push": False},
        image_tag_mutability="IMMUTABLE",
        tags={"Name": "plain"},
    )
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    role = aws.iam.Role(
        "task",
        assume_role_policy=trust("ecs-tasks.amazonaws.com"),
        description="the task's",
        max_session_duration=7200,
        path="/ebb/",
        permissions_boundary=boundary,
        tags={"Name": "task"},
    )
    aws.iam.RolePolicy("task", role=role.name, policy=allow("sqs:ReceiveMessage", jobs.arn))
    cluster = aws.ecs.Cluster(
        "workers",
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags={"Name": "workers"},
    )
    aws.ecs.ClusterCapacityProviders(
        "workers",
        cluster_name=cluster.name,
        capacity_providers=["FARGATE", "FARGATE_SPOT"],
        default_capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
    )
    logs = aws.cloudwatch.LogGroup("worker", retention_in_days=settings["retention"], tags={"Name": "worker"})
    container = {
        "name": "worker",
        "image": image.image_uri,
        "essential": True,
        "stopTimeout": 120,
        "readonlyRootFilesystem": True,
        "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp"}],
        "linuxParameters": {"initProcessEnabled": True},
        "environment": [{"name": "B", "value": settings["environment"]}, {"name": "A", "value": "2"}],
        "secrets": [],
        "healthCheck": {
            "command": ["CMD", "python", "-m", "health"],
            "interval": settings["health_interval"],
            "timeout": 30,
            "retries": 5,
            "startPeriod": 120,
        },
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": logs.name}},
    }
    task = aws.ecs.TaskDefinition(
        "worker",
        family="worker",
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": "ARM64"},
        cpu="2048",
        memory="4096",
        ephemeral_storage={"size_in_gib": 30},
        volumes=[{"name": "tmp"}],
        execution_role_arn=role.arn,
        task_role_arn=role.arn,
        container_definitions=pulumi.Output.json_dumps([container]),
        tags={"Name": "worker"},
    )
    running = aws.ecs.Service(
        "worker",
        cluster=cluster.arn,
        task_definition=task.arn,
        desired_count=0,
        capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
        force_new_deployment=True,
        network_configuration={
            "subnets": [subnet.id for subnet in subnets],
            "security_groups": [group.id],
            "assign_public_ip": True,
        },
        deployment_circuit_breaker={"enable": True, "rollback": True},
        deployment_maximum_percent=200,
        deployment_minimum_healthy_percent=0,
        availability_zone_rebalancing="DISABLED",
        enable_execute_command=True,
        enable_ecs_managed_tags=True,
        propagate_tags="SERVICE",
        platform_version="LATEST",
        scheduling_strategy="REPLICA",
        wait_for_steady_state=False,
        tags={"Name": "worker"},
        opts=pulumi.ResourceOptions(ignore_changes=["desiredCount"]),
    )
    scheduled.program(settings, jobs, scaling(settings, cluster, running))
    arn: pulumi.Output[str] = repository.repository.arn
    return arn

"""The workers: an ECS service on Fargate with 0..N tasks.

Creates a cluster (or adopts one), a log group, the execution and the task role, the task definition, a security group
without ingress (when none is adopted) and the service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _container
from components._iam import Statement, allow, document, trust
from settings import Worker as WorkerSettings

#: What a queue's consumer does, and no more (the same five that CDK's grantConsumeMessages gives).
CONSUME = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
)
#: What the worker does with the idempotency store: claim, look, remember, give up.
REMEMBER = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
#: Beside the queue's two, what DynamoDB wants of whoever uses a table with a customer key (DynamoDB developer guide,
#: "Encryption at rest: usage notes", authorizing use of a customer managed key).
TABLE_KEY = ("kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo")
#: ECS Exec (ECS developer guide, "Task IAM role permissions for ECS Exec").
EXEC = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
#: A service that is being deleted waits for its tasks; the provider's 20 minutes are too few when one ends slowly.
DELETE_TIMEOUT = "35m"


@dataclass(frozen=True, kw_only=True)
class WorkerServiceArgs:
    """The settings' section `worker`, and what the tasks are wired to."""

    settings: WorkerSettings
    min_tasks: int
    #: Seconds.
    visibility_timeout: int
    # queue
    queue_url: pulumi.Input[str]
    queue_arn: pulumi.Input[str]
    dead_letter_url: pulumi.Input[str]
    dead_letter_arn: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str] | None = None
    # idempotency store, encrypted with the queue's key; without it jobs may be done again
    once_table_name: pulumi.Input[str] | None = None
    once_table_arn: pulumi.Input[str] | None = None
    # image
    image_uri: pulumi.Input[str]
    repository_arn: pulumi.Input[str]
    # network
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[str] = ()
    assign_public_ip: bool


class WorkerService(pulumi.ComponentResource):
    """The service, its desired count left to the scaling policies after the first deployment."""

    cluster_name: pulumi.Output[str]
    service_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: WorkerServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:WorkerService", name, None, opts)
        self._name, self._args, self._settings = name, args, args.settings
        self._child = pulumi.ResourceOptions(parent=self)
        invoke = pulumi.InvokeOutputOptions(parent=self)
        self._partition = aws.get_partition_output(opts=invoke).partition
        self._region = aws.get_region_output(opts=invoke).region
        self._account = aws.get_caller_identity_output(opts=invoke).account_id

        cluster_arn, ready = self._cluster()
        logs = aws.cloudwatch.LogGroup(name, retention_in_days=self._settings.log_retention_days, opts=self._child)
        self.log_group_name = logs.name
        execution, execution_policy = self._role("execution", trust("ecs-tasks.amazonaws.com"), self._start(logs.arn))
        task, task_policy = self._role("task", self._task_trust(), self._work())
        definition = self._definition(execution.arn, task.arn)
        groups: list[pulumi.Input[str]] = [*args.security_group_ids] or [self._security_group()]
        service = aws.ecs.Service(
            name,
            cluster=cluster_arn,
            task_definition=definition.arn,
            desired_count=args.min_tasks,
            capacity_provider_strategies=[
                {"capacity_provider": provider, "weight": weight} for provider, weight in self._capacity() if weight
            ],
            force_new_deployment=True,  # without it ECS refuses another strategy
            network_configuration={
                "subnets": args.subnet_ids,
                "security_groups": groups,
                "assign_public_ip": args.assign_public_ip,
            },
            deployment_circuit_breaker={"enable": True, "rollback": True},
            deployment_maximum_percent=200,
            deployment_minimum_healthy_percent=0,
            availability_zone_rebalancing="DISABLED",  # it would stop tasks that work
            enable_execute_command=self._settings.exec,
            propagate_tags="SERVICE",
            wait_for_steady_state=False,  # a protected task of the old revision may hold a deployment for hours
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=["desiredCount"],
                # tasks that drain still need their permissions, so the roles' policies go after the service
                depends_on=[execution_policy, task_policy, *ready],
                custom_timeouts=pulumi.CustomTimeouts(delete=DELETE_TIMEOUT),
            ),
        )
        self.service_name = service.name
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "service_name": self.service_name,
                "log_group_name": self.log_group_name,
            }
        )

    def _arn(self, service: str, resource: str | pulumi.Output[str]) -> pulumi.Output[str]:
        parts = ("arn:{0}:{1}:{2}:{3}:{4}", self._partition, service, self._region, self._account, resource)
        return pulumi.Output.format(*parts)

    def _cluster(self) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        """The cluster's ARN, and what must stand before a service can use its capacity providers."""
        adopted = self._settings.cluster
        if adopted:
            self.cluster_name = pulumi.Output.from_input(adopted.rsplit("/", 1)[-1])
            arn = pulumi.Output.from_input(adopted) if "/" in adopted else self._arn("ecs", f"cluster/{adopted}")
            return arn, []
        cluster = aws.ecs.Cluster(
            self._name,
            settings=[{"name": "containerInsights", "value": "disabled"}],  # billed by metric; nothing here reads it
            opts=self._child,
        )
        self.cluster_name = cluster.name
        providers = aws.ecs.ClusterCapacityProviders(
            self._name,
            cluster_name=cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            opts=self._child,
        )
        return cluster.arn, [providers]

    def _capacity(self) -> list[tuple[str, int]]:
        spot = self._settings.spot_weight
        return [("FARGATE", 100 - spot), ("FARGATE_SPOT", spot)]

    def _security_group(self) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            self._name, vpc_id=self._args.vpc_id, description="Tasks: out only", opts=self._child
        )
        egress = aws.vpc.SecurityGroupEgressRule(
            self._name, security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0", opts=self._child
        )
        return egress.security_group_id  # by way of the rule, so that it is there from the first task to the last

    def _role(
        self, role: str, trusted: pulumi.Output[str], statements: Sequence[Statement]
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        full_name = f"{self._name}-{role}"
        made = aws.iam.Role(
            full_name,
            assume_role_policy=trusted,
            permissions_boundary=self._settings.permissions_boundary,
            opts=self._child,
        )
        return made, aws.iam.RolePolicy(full_name, role=made.name, policy=document(statements), opts=self._child)

    def _task_trust(self) -> pulumi.Output[str]:
        # no other account's tasks (ECS developer guide, "Task IAM role": confused deputy)
        condition = {"StringEquals": {"aws:SourceAccount": self._account}}
        return trust("ecs-tasks.amazonaws.com", condition)

    def _start(self, log_group_arn: pulumi.Output[str]) -> list[Statement]:
        """What ECS does before the container runs: pull, log, read secrets."""
        statements = [
            allow(["ecr:GetAuthorizationToken"], "*"),
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
                self._args.repository_arn,
            ),
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.format("{0}:*", log_group_arn)),
        ]
        sources = sorted(set(self._settings.secrets.values()))
        # an ARN in a task definition may go on to a JSON key and a version; the secret's own has seven parts
        stored = sorted({":".join(source.split(":")[:7]) for source in sources if ":secretsmanager:" in source})
        parameters = [source for source in sources if ":secretsmanager:" not in source]
        if parameters:
            statements.append(allow(["ssm:GetParameters"], *map(self._parameter_arn, parameters)))
        if stored:
            statements.append(allow(["secretsmanager:GetSecretValue"], *stored))
        if sources and self._settings.secrets_kms_key:
            statements.append(allow(["kms:Decrypt"], self._settings.secrets_kms_key))
        return statements

    def _parameter_arn(self, source: str) -> pulumi.Input[str]:
        return source if source.startswith("arn:") else self._arn("ssm", f"parameter/{source.lstrip('/')}")

    def _work(self) -> list[Statement]:
        """What the worker and the user's handler do."""
        args, settings = self._args, self._settings
        statements: list[Statement] = [allow(CONSUME, args.queue_arn), allow(["sqs:SendMessage"], args.dead_letter_arn)]
        if settings.protection:
            tasks = self._arn("ecs", pulumi.Output.format("task/{0}/*", self.cluster_name))
            statements.append(allow(["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], tasks))
        if args.once_table_arn is not None:
            statements.append(allow(REMEMBER, args.once_table_arn))
        if args.kms_key_arn is not None:
            of_table = () if args.once_table_arn is None else TABLE_KEY
            statements.append(allow(["kms:Decrypt", "kms:GenerateDataKey", *of_table], args.kms_key_arn))
        if settings.payload_bucket:
            bucket = pulumi.Output.format("arn:{0}:s3:::{1}", self._partition, settings.payload_bucket)
            statements.append(allow(["s3:GetObject"], pulumi.Output.format("{0}/*", bucket)))
            # Without it S3 says 403 of an object that is missing, and the job would be tried again and again (S3 API
            # reference, "GetObject", permissions).
            statements.append(allow(["s3:ListBucket"], bucket))
        if settings.exec:
            statements.append(allow(EXEC, "*"))
        statements.extend(
            {"Effect": more.effect, "Action": list(more.actions), "Resource": list(more.resources)}
            for more in settings.statements
        )
        return statements

    def _container(self) -> dict[str, Any]:
        args = self._args
        wired = {
            "EBB_QUEUE_URL": args.queue_url,
            "EBB_DEAD_LETTER_QUEUE_URL": args.dead_letter_url,
            "EBB_VISIBILITY_TIMEOUT": str(args.visibility_timeout),
        }
        if args.once_table_name is not None:
            wired["EBB_ONCE_TABLE"] = args.once_table_name
        return _container.definition(
            self._settings, image=args.image_uri, region=self._region, log_group=self.log_group_name, wired=wired
        )

    def _definition(self, execution: pulumi.Output[str], task: pulumi.Output[str]) -> aws.ecs.TaskDefinition:
        settings = self._settings
        disk = settings.ephemeral_storage
        return aws.ecs.TaskDefinition(
            self._name,
            family=self.log_group_name,  # has to be given, and this is a name that no other stack has
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": settings.architecture},
            cpu=str(settings.cpu),
            memory=str(settings.memory),
            ephemeral_storage=None if disk is None else {"size_in_gib": disk},
            volumes=[{"name": _container.TMP}],
            execution_role_arn=execution,
            task_role_arn=task,
            container_definitions=pulumi.Output.json_dumps([self._container()]),
            opts=self._child,
        )

"""The workers: an ECS service on Fargate with 0..N tasks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _container
from components._account import account
from components._iam import TABLE_KEY, Statement, allow, document, from_account, role, trust
from components._queue_refs import QueueRefs
from components._secrets import kept
from components.events import SOURCE
from components.revision_check import prove_revisions
from settings import Iam as IamSettings
from settings import Jobs as JobsSettings
from settings import Worker as WorkerSettings

#: Permissions of a queue's consumer (the same as those of CDK's grantConsumeMessages).
CONSUME = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
)
#: Permissions of the worker on the job table.
FOLLOW = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem")
#: ECS Exec (ECS developer guide, "Task IAM role permissions for ECS Exec").
EXEC = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
#: Deleting a service waits for its tasks. The provider's default, 20 minutes, is too short if a task stops slowly.
DELETE_TIMEOUT = "35m"


@dataclass(frozen=True, kw_only=True)
class WorkerServiceArgs:
    """The settings' sections `worker` and `jobs`, and the other resources that the tasks use."""

    settings: WorkerSettings
    jobs: JobsSettings = field(default_factory=JobsSettings)
    min_tasks: int
    queue: QueueRefs
    #: A key that CloudWatch Logs may use, for the log group.
    logs_key_arn: pulumi.Input[str] | None = None
    # job table, encrypted with the queue's key; without it a job can run twice
    table_name: pulumi.Input[str] | None = None
    table_arn: pulumi.Input[str] | None = None
    # image
    image_uri: pulumi.Input[str]
    repository_arn: pulumi.Input[str]
    # network
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[str] = ()
    assign_public_ip: bool
    # roles
    iam: IamSettings = field(default_factory=IamSettings)


class WorkerService(pulumi.ComponentResource):
    """The ECS service. After the first deployment, scaling policies set its desired count.

    Creates:
    - an ECS cluster with Fargate's capacity providers, unless the settings name an existing one
    - a log group
    - the execution role and the task role
    - the task definition
    - a security group without ingress, unless there is an existing one
    - the service
    """

    cluster_name: pulumi.Output[str]
    service_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: WorkerServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:WorkerService", name, None, opts)
        self._args, self._settings = args, args.settings
        self._child = pulumi.ResourceOptions(parent=self)
        self._account = account(self)

        cluster_arn, ready = self._cluster()
        logs = aws.cloudwatch.LogGroup(
            name,
            retention_in_days=self._settings.log_retention_days,
            kms_key_id=args.logs_key_arn,
            opts=self._child,
        )
        self.log_group_name = logs.name
        execution, execution_policy = self._role("execution", self._trust(), self._execution_statements(logs.arn))
        task, task_policy = self._role("task", self._trust(), self._task_statements())
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
            force_new_deployment=True,  # without it ECS rejects a change of the strategy
            network_configuration={
                "subnets": args.subnet_ids,
                "security_groups": groups,
                "assign_public_ip": args.assign_public_ip,
            },
            deployment_circuit_breaker={"enable": True, "rollback": True},
            deployment_maximum_percent=200,
            deployment_minimum_healthy_percent=0,
            availability_zone_rebalancing="DISABLED",  # it would stop tasks with running jobs
            enable_execute_command=self._settings.exec,
            propagate_tags="SERVICE",
            wait_for_steady_state=False,  # a protected task of the old revision can delay it for hours
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=["desiredCount"],
                # tasks that are stopping still need permissions, so the roles' policies are deleted after the service
                depends_on=[execution_policy, task_policy, *ready],
                custom_timeouts=pulumi.CustomTimeouts(delete=DELETE_TIMEOUT),
                hooks=prove_revisions(self._settings.start_timeout) if self._settings.check else None,
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

    def _cluster(self) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        """The cluster's ARN, and what must exist before a service can use its capacity providers."""
        existing = self._settings.cluster
        if existing:
            self.cluster_name = pulumi.Output.from_input(existing.rsplit("/", 1)[-1])
            if "/" in existing:
                return pulumi.Output.from_input(existing), []
            return self._account.arn("ecs", f"cluster/{existing}"), []
        cluster = aws.ecs.Cluster(
            self.pulumi_resource_name,
            # costs money per metric, and nothing here reads them
            settings=[{"name": "containerInsights", "value": "enabled" if self._settings.insights else "disabled"}],
            opts=self._child,
        )
        self.cluster_name = cluster.name
        providers = aws.ecs.ClusterCapacityProviders(
            self.pulumi_resource_name,
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
            self.pulumi_resource_name, vpc_id=self._args.vpc_id, description="Tasks: out only", opts=self._child
        )
        # a rule for IPv4 lets no IPv6 out (EC2 user guide, "Security group rules"), and existing subnets can have both
        ways = {"": {"cidr_ipv4": "0.0.0.0/0"}, "-ipv6": {"cidr_ipv6": "::/0"}}
        rules = [
            aws.vpc.SecurityGroupEgressRule(
                self.pulumi_resource_name + suffix,
                security_group_id=group.id,
                description="To SQS, CloudWatch, ECR and where the jobs go",
                ip_protocol="-1",
                cidr_ipv4=way.get("cidr_ipv4"),
                cidr_ipv6=way.get("cidr_ipv6"),
                opts=self._child,
            )
            for suffix, way in ways.items()
        ]
        # from the rules, so that they exist before the first task and after the last
        return pulumi.Output.all(*(rule.security_group_id for rule in rules)).apply(lambda ids: str(ids[0]))

    def _role(
        self, purpose: str, trusted: pulumi.Output[str], statements: Sequence[Statement]
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        full_name = f"{self.pulumi_resource_name}-{purpose}"
        made = role(full_name, trusted, self._args.iam, self._child)
        policy = kept(document(statements), self._settings)
        return made, aws.iam.RolePolicy(full_name, role=made.name, policy=policy, opts=self._child)

    def _trust(self) -> pulumi.Output[str]:
        # not for tasks of other accounts (ECS developer guide, "Task IAM role": confused deputy; AWS's agent toolkit
        # for "processing-s3-uploads-with-step-functions" does the same for the execution role)
        return trust("ecs-tasks.amazonaws.com", from_account(self._account.id))

    def _execution_statements(self, log_group_arn: pulumi.Output[str]) -> list[Statement]:
        """Permissions of ECS before the container runs: pull the image, write logs, read secrets."""
        statements = [
            allow(["ecr:GetAuthorizationToken"], "*"),
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
                self._args.repository_arn,
            ),
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.format("{0}:*", log_group_arn)),
        ]
        sources = sorted(set(self._settings.secrets.values()))
        # in a task definition a JSON key and a version can follow the secret's ARN, which has seven parts
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
        return source if source.startswith("arn:") else self._account.arn("ssm", f"parameter/{source.lstrip('/')}")

    def _task_statements(self) -> list[Statement]:
        """Permissions of the worker and the user's job."""
        args, queue, settings = self._args, self._args.queue, self._settings
        statements: list[Statement] = [
            allow(CONSUME, queue.arn),
            allow(["sqs:SendMessage"], queue.dead_letter_arn),
        ]
        if settings.protection:
            tasks = self._account.arn("ecs", pulumi.Output.format("task/{0}/*", self.cluster_name))
            statements.append(allow(["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], tasks))
        if args.table_arn is not None:
            statements.append(allow(FOLLOW, args.table_arn))
        if args.jobs.events:
            bus = self._account.arn("events", "event-bus/default")
            source = {"StringEquals": {"events:source": SOURCE}}
            statements.append(allow(["events:PutEvents"], bus, Condition=source))
        if queue.kms_key_arn is not None:
            of_table = () if args.table_arn is None else TABLE_KEY
            statements.append(allow(["kms:Decrypt", "kms:GenerateDataKey", *of_table], queue.kms_key_arn))
        if settings.payload_bucket:
            bucket = pulumi.Output.format("arn:{0}:s3:::{1}", self._account.partition, settings.payload_bucket)
            statements.append(allow(["s3:GetObject"], pulumi.Output.format("{0}/*", bucket)))
            # without it S3 answers 403 for a missing object, and the worker would retry the job (S3 API, "GetObject")
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
        wired: dict[str, pulumi.Input[str]] = {
            "EBB_QUEUE_URL": args.queue.url,
            "EBB_DEAD_LETTER_QUEUE_URL": args.queue.dead_letter_url,
            "EBB_VISIBILITY_TIMEOUT": str(args.queue.visibility_timeout),
        }
        if args.table_name is not None:
            wired |= {
                "EBB_JOB_TABLE": args.table_name,
                "EBB_RETENTION_SECONDS": str(args.queue.retention_days * _container.DAY),
                "EBB_MAX_RECEIVE_COUNT": str(args.queue.max_receive_count),
            }
        return _container.definition(
            self._settings,
            args.jobs,
            image=args.image_uri,
            region=self._account.region,
            log_group=self.log_group_name,
            wired=wired,
        )

    def _definition(self, execution: pulumi.Output[str], task: pulumi.Output[str]) -> aws.ecs.TaskDefinition:
        settings = self._settings
        disk = settings.ephemeral_storage
        return aws.ecs.TaskDefinition(
            self.pulumi_resource_name,
            family=self.log_group_name,  # required, and unique to this stack
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": settings.architecture},
            cpu=str(settings.cpu),
            memory=str(settings.memory),
            ephemeral_storage=None if disk is None else {"size_in_gib": disk},
            volumes=[{"name": _container.TMP}],
            execution_role_arn=execution,
            task_role_arn=task,
            container_definitions=kept(pulumi.Output.json_dumps([self._container()]), settings),
            opts=self._child,
        )

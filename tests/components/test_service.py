from typing import Any

import pytest

from components.service import WorkerService, WorkerServiceArgs
from settings import Worker as WorkerSettings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs
from worker import config

CLUSTER, PROVIDERS = "aws:ecs/cluster:Cluster", "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
SERVICE, DEFINITION = "aws:ecs/service:Service", "aws:ecs/taskDefinition:TaskDefinition"
ROLE, POLICY, LOGS = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:cloudwatch/logGroup:LogGroup"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
QUEUE, DEAD = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs", f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs-dead"
URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/once-1"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/worker"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/worker@sha256:" + "a" * 64


def service(
    *,
    min_tasks: int = 0,
    kms_key_arn: str | None = None,
    store: bool = False,
    security_group_ids: tuple[str, ...] = (),
    assign_public_ip: bool = False,
    answers: dict[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> Deployed:
    def program() -> dict[str, Any]:
        made = WorkerService(
            "worker",
            WorkerServiceArgs(
                settings=WorkerSettings.model_validate(settings, strict=False),
                min_tasks=min_tasks,
                queue=queue_refs(kms_key_arn=kms_key_arn),
                once_table_name="once-1" if store else None,
                once_table_arn=TABLE if store else None,
                image_uri=IMAGE,
                repository_arn=REPOSITORY,
                vpc_id="vpc-1",
                subnet_ids=["subnet-1", "subnet-2"],
                security_group_ids=security_group_ids,
                assign_public_ip=assign_public_ip,
            ),
        )
        return {
            "cluster_name": made.cluster_name,
            "service_name": made.service_name,
            "log_group_name": made.log_group_name,
        }

    return deploy(program, answers=answers)


def container(**settings: Any) -> dict[str, Any]:
    (only,) = service(**settings).one(DEFINITION).json("containerDefinitions")
    return dict(only)


def statements(role: str, **settings: Any) -> list[dict[str, Any]]:
    return service(**settings).one(POLICY, f"worker-{role}").statements


def allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


PULL_AND_LOG = [
    allow(["ecr:GetAuthorizationToken"], "*"),
    allow(["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"], REPOSITORY),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:worker:*"),
]
CONSUME = [
    allow(
        [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        ],
        QUEUE,
    ),
    allow(["sqs:SendMessage"], DEAD),
    allow(["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/worker/*"),
]


def test_everything_that_a_task_needs_is_created_in_the_component() -> None:
    made = service()
    assert made.names == {
        (CLUSTER, "worker"),
        (PROVIDERS, "worker"),
        (LOGS, "worker"),
        (ROLE, "worker-execution"),
        (POLICY, "worker-execution"),
        (ROLE, "worker-task"),
        (POLICY, "worker-task"),
        (DEFINITION, "worker"),
        (GROUP, "worker"),
        (EGRESS, "worker"),
        (EGRESS, "worker-ipv6"),
        (SERVICE, "worker"),
    }
    component = made.one("ebb:index:WorkerService")
    assert {r.parent_type for r in made.resources.values() if r is not component} == {"ebb:index:WorkerService"}
    assert made.result == {"cluster_name": "worker", "service_name": "worker", "log_group_name": "worker"}
    assert made.component_outputs[component.urn] == made.result


def test_the_service_starts_with_the_minimum_and_ignores_later_counts() -> None:
    found = service(min_tasks=2).one(SERVICE)
    assert found.inputs == {
        "cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:worker",
        "taskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:worker",
        "desiredCount": 2,
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 100}],
        "forceNewDeployment": True,
        "networkConfiguration": {
            "subnets": ["subnet-1", "subnet-2"],
            "securityGroups": ["worker-id"],
            "assignPublicIp": False,
        },
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "deploymentMaximumPercent": 200,
        "deploymentMinimumHealthyPercent": 0,
        "availabilityZoneRebalancing": "DISABLED",
        "enableExecuteCommand": False,
        "propagateTags": "SERVICE",
        "waitForSteadyState": False,
    }
    assert found.ignore_changes == ("desiredCount",)
    assert found.timeouts == {"delete": "35m"}


def test_the_service_depends_on_permissions_capacity_and_egress() -> None:
    made = service()
    waits = set(made.one(SERVICE).dependencies)
    assert {made.one(POLICY, "worker-execution").urn, made.one(POLICY, "worker-task").urn} <= waits
    assert {made.one(PROVIDERS).urn, *(rule.urn for rule in made.of(EGRESS))} <= waits


@pytest.mark.parametrize(
    ("weight", "strategy"),
    [
        (0, [{"capacityProvider": "FARGATE", "weight": 100}]),
        (70, [{"capacityProvider": "FARGATE", "weight": 30}, {"capacityProvider": "FARGATE_SPOT", "weight": 70}]),
        (100, [{"capacityProvider": "FARGATE_SPOT", "weight": 100}]),
    ],
)
def test_the_spot_weight_is_a_percentage(weight: int, strategy: list[dict[str, Any]]) -> None:
    assert service(spot_weight=weight).one(SERVICE).inputs["capacityProviderStrategies"] == strategy


def test_a_new_cluster_has_both_capacity_providers_and_no_container_insights() -> None:
    made = service()
    assert made.one(CLUSTER).inputs == {"settings": [{"name": "containerInsights", "value": "disabled"}]}
    assert made.one(PROVIDERS).inputs == {"clusterName": "worker", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}


@pytest.mark.parametrize("cluster", ["company", f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/company"])
def test_an_existing_cluster_is_given_by_name_or_arn(cluster: str) -> None:
    made = service(cluster=cluster)
    assert made.of(CLUSTER) == made.of(PROVIDERS) == []
    assert made.one(SERVICE).inputs["cluster"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/company"
    assert made.result["cluster_name"] == "company"
    protection = made.one(POLICY, "worker-task").statements[2]
    assert protection["Resource"] == [f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/company/*"]


def test_tasks_accept_no_connections() -> None:
    made = service()
    group = made.one(GROUP).inputs
    assert group.pop("description")
    assert group == {"vpcId": "vpc-1"}
    everything = {"securityGroupId": "worker-id", "ipProtocol": "-1"}
    assert made.one(EGRESS, "worker").inputs == everything | {"cidrIpv4": "0.0.0.0/0"}
    assert made.one(EGRESS, "worker-ipv6").inputs == everything | {"cidrIpv6": "::/0"}
    assert [kind for kind, _ in made.names if "Ingress" in kind] == []


def test_existing_security_groups_replace_the_new_one() -> None:
    made = service(security_group_ids=("sg-1", "sg-2"), assign_public_ip=True)
    assert made.of(GROUP) == made.of(EGRESS) == []
    assert made.one(SERVICE).inputs["networkConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1", "sg-2"],
        "assignPublicIp": True,
    }


@pytest.mark.parametrize("architecture", ["ARM64", "X86_64"])
def test_the_task_has_the_size_and_cpu_of_the_settings(architecture: str) -> None:
    inputs = service(architecture=architecture, cpu=2048, memory=4096).one(DEFINITION).inputs
    del inputs["containerDefinitions"]
    assert inputs == {
        "family": "worker",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": architecture},
        "cpu": "2048",
        "memory": "4096",
        "volumes": [{"name": "tmp"}],
        "executionRoleArn": f"arn:aws:iam:{REGION}:{ACCOUNT}:worker-execution",
        "taskRoleArn": f"arn:aws:iam:{REGION}:{ACCOUNT}:worker-task",
    }


def test_the_task_has_the_disk_of_the_settings() -> None:
    assert service(ephemeral_storage=50).one(DEFINITION).inputs["ephemeralStorage"] == {"sizeInGib": 50}


def test_the_container_has_these_properties_and_no_others() -> None:
    assert container(
        environment={"LOG_LEVEL": "info", "AWS_REGION": "eu-west-1"},
        secrets={"DATABASE_URL": "/app/database-url"},
        stop_timeout=60,
        backoff_base=0.5,
    ) == {
        "name": "worker",
        "image": IMAGE,
        "essential": True,
        "stopTimeout": 60,
        "readonlyRootFilesystem": True,
        "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],
        "linuxParameters": {"initProcessEnabled": True},
        "environment": [
            {"name": "AWS_REGION", "value": "eu-west-1"},
            {"name": "EBB_BACKOFF_BASE", "value": "0.5"},
            {"name": "EBB_BACKOFF_CAP", "value": "900"},
            {"name": "EBB_CONCURRENCY", "value": "1"},
            {"name": "EBB_DEAD_LETTER_QUEUE_URL", "value": f"{URL}-dead"},
            {"name": "EBB_GRACE", "value": "2"},
            {"name": "EBB_HANDLER", "value": "worker.handler:handle"},
            {"name": "EBB_HEALTH_FILE", "value": "/tmp/health"},
            {"name": "EBB_MAX_BODY_BYTES", "value": "1048576"},
            {"name": "EBB_METRICS", "value": "on"},
            {"name": "EBB_PROTECTION", "value": "on"},
            {"name": "EBB_QUEUE_URL", "value": URL},
            {"name": "EBB_START_TIMEOUT", "value": "300"},
            {"name": "EBB_STOP_TIMEOUT", "value": "60"},
            {"name": "EBB_VISIBILITY_TIMEOUT", "value": "300"},
            {"name": "LOG_LEVEL", "value": "info"},
        ],
        "secrets": [{"name": "DATABASE_URL", "valueFrom": "/app/database-url"}],
        "healthCheck": {
            "command": ["CMD", "python", "-m", "worker.health", "/tmp/health", "120"],
            "interval": 60,
            "timeout": 30,
            "retries": 5,
            "startPeriod": 120,
        },
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "worker",
                "awslogs-region": REGION,
                "awslogs-stream-prefix": "worker",
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        },
    }


EVERYTHING: dict[str, Any] = {
    "command": ["ffmpeg", "-i", "-"],
    "concurrency": 4,
    "job_timeout": 80,
    "grace": 30,
    "max_jobs_per_child": 100,
    "protection": False,
    "once_days": 7,
    "max_body_bytes": 50_000_000,
    "payload_bucket": "company-bodies",
    "metrics": False,
    "health_check": False,
}


def environment(**settings: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(**settings)["environment"]}


def test_a_setting_becomes_a_variable_and_an_unset_one_does_not() -> None:
    assert environment(store=True, **EVERYTHING) == {
        "AWS_REGION": REGION,
        "EBB_BACKOFF_BASE": "10",
        "EBB_BACKOFF_CAP": "900",
        "EBB_COMMAND": '["ffmpeg", "-i", "-"]',
        "EBB_CONCURRENCY": "4",
        "EBB_DEAD_LETTER_QUEUE_URL": f"{URL}-dead",
        "EBB_GRACE": "30",
        "EBB_JOB_TIMEOUT": "80",
        "EBB_MAX_BODY_BYTES": "50000000",
        "EBB_MAX_JOBS_PER_CHILD": "100",
        "EBB_METRICS": "off",
        "EBB_ONCE_SECONDS": "604800",
        "EBB_ONCE_TABLE": "once-1",
        "EBB_PAYLOAD_BUCKET": "company-bodies",
        "EBB_PROTECTION": "off",
        "EBB_QUEUE_URL": URL,
        "EBB_START_TIMEOUT": "300",
        "EBB_STOP_TIMEOUT": "120",
        "EBB_VISIBILITY_TIMEOUT": "300",
    }
    assert "healthCheck" not in container(store=True, **EVERYTHING)


@pytest.mark.parametrize("everything", [True, False])
def test_the_worker_reads_the_variables_as_the_same_settings(everything: bool) -> None:
    read = config.read(environment(store=True, **EVERYTHING) if everything else environment())
    expected = WorkerSettings.model_validate(EVERYTHING if everything else {}, strict=False)
    same = (
        "concurrency",
        "handler",
        "command",
        "job_timeout",
        "protection",
        "max_body_bytes",
        "payload_bucket",
        "metrics",
    )
    assert {name: getattr(read, name) for name in same} == {name: getattr(expected, name) for name in same}
    assert (read.once_table, read.health_file) == (("once-1", None) if everything else (None, "/tmp/health"))
    assert not everything or read.once_seconds == 7 * 86_400


def test_the_health_check_is_within_the_limits_of_ecs() -> None:
    check = container()["healthCheck"]
    assert check["command"][0] == "CMD"
    assert 5 <= check["interval"] <= 300
    assert 2 <= check["timeout"] <= 60
    assert 1 <= check["retries"] <= 10
    assert 0 <= check["startPeriod"] <= 300


def test_the_tasks_region_is_the_stacks_region_by_default() -> None:
    assert {"name": "AWS_REGION", "value": REGION} in container()["environment"]


@pytest.mark.parametrize(
    ("settings", "read_only"),
    [({}, True), ({"read_only_root": False}, False), ({"exec": True}, False)],
)
def test_the_root_file_system_is_read_only_unless_a_setting_makes_it_writable(
    settings: dict[str, bool], read_only: bool
) -> None:
    assert container(**settings)["readonlyRootFilesystem"] is read_only


def test_logs_have_the_retention_of_the_settings() -> None:
    assert service(log_retention_days=90).one(LOGS).inputs == {"retentionInDays": 90}


def test_the_execution_role_may_pull_this_image_and_write_these_logs() -> None:
    assert statements("execution") == PULL_AND_LOG


def test_the_execution_role_may_read_these_secrets_and_use_their_key() -> None:
    stored = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app-AbCdEf"
    elsewhere = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shared/licence"
    found = statements(
        "execution",
        secrets={
            "A": "/app/a",
            "B": "plain",
            "C": elsewhere,
            "D": f"{stored}:user::",
            "E": f"{stored}:code::",
            "F": "/app/a",
        },
        secrets_kms_key=KEY,
    )
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter"
    assert found[:3] == PULL_AND_LOG
    assert found[3:] == [
        allow(["ssm:GetParameters"], f"{parameter}/app/a", elsewhere, f"{parameter}/plain"),
        allow(["secretsmanager:GetSecretValue"], stored),
        allow(["kms:Decrypt"], KEY),
    ]


def test_without_secrets_their_key_may_not_be_used() -> None:
    assert statements("execution", secrets_kms_key=KEY) == PULL_AND_LOG


def test_the_task_role_may_consume_this_queue_and_protect_tasks_of_this_cluster() -> None:
    assert statements("task") == CONSUME


def test_the_task_role_may_use_the_queues_kms_key() -> None:
    assert statements("task", kms_key_arn=KEY) == [*CONSUME, allow(["kms:Decrypt", "kms:GenerateDataKey"], KEY)]


def test_an_unprotected_task_may_not_call_ecs() -> None:
    assert statements("task", protection=False, job_timeout=60) == CONSUME[:2]


def test_the_task_role_may_read_and_write_items_of_the_idempotency_store() -> None:
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    assert statements("task", store=True) == [*CONSUME, allow(items, TABLE)]
    of_table = ["kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    assert statements("task", store=True, kms_key_arn=KEY)[4:] == [
        allow(["kms:Decrypt", "kms:GenerateDataKey", *of_table], KEY)
    ]


def test_the_task_role_may_only_read_from_the_payload_bucket() -> None:
    found = statements("task", payload_bucket="company-bodies")
    assert found == [
        *CONSUME,
        allow(["s3:GetObject"], "arn:aws:s3:::company-bodies/*"),
        allow(["s3:ListBucket"], "arn:aws:s3:::company-bodies"),
    ]


def test_exec_needs_its_four_channels() -> None:
    channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
    expected = allow([f"ssmmessages:{channel}" for channel in channels], "*")
    assert statements("task", exec=True) == [*CONSUME, expected]
    assert service(exec=True).one(SERVICE).inputs["enableExecuteCommand"] is True


def test_the_task_role_has_the_users_statements() -> None:
    found = statements(
        "task",
        statements=[
            {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::videos/*"]},
            {"effect": "Deny", "actions": ["s3:DeleteObject"], "resources": ["arn:aws:s3:::videos/*"]},
        ],
    )
    assert found[3:] == [
        allow(["s3:GetObject"], "arn:aws:s3:::videos/*"),
        {"Effect": "Deny", "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::videos/*"]},
    ]


def test_only_tasks_of_this_account_may_assume_the_task_role() -> None:
    made = service()
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    assert made.one(ROLE, "worker-execution").statements == [trusted]
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert made.one(ROLE, "worker-task").statements == [{**trusted, "Condition": condition}]


def test_arns_have_the_partition() -> None:
    partition = {"aws:index/getPartition:getPartition": {"partition": "aws-cn", "dnsSuffix": "amazonaws.com.cn"}}
    made = service(cluster="company", secrets={"A": "/a"}, payload_bucket="bodies", answers=partition)
    assert made.one(POLICY, "worker-task").statements[3]["Resource"] == ["arn:aws-cn:s3:::bodies/*"]
    assert made.one(SERVICE).inputs["cluster"] == f"arn:aws-cn:ecs:{REGION}:{ACCOUNT}:cluster/company"
    assert made.one(POLICY, "worker-execution").statements[3]["Resource"] == [
        f"arn:aws-cn:ssm:{REGION}:{ACCOUNT}:parameter/a"
    ]


def test_arguments_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        WorkerServiceArgs(WorkerSettings())  # type: ignore[call-arg]

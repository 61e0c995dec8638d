"""A deployed WorkerService, and what tests read of it."""

from typing import Any

from components.service import WorkerService, WorkerServiceArgs
from settings import Jobs as JobsSettings
from settings import Worker as WorkerSettings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

CLUSTER, PROVIDERS = "aws:ecs/cluster:Cluster", "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
SERVICE, DEFINITION = "aws:ecs/service:Service", "aws:ecs/taskDefinition:TaskDefinition"
ROLE, POLICY, LOGS = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:cloudwatch/logGroup:LogGroup"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
QUEUE, DEAD = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs", f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs-dead"
URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/job-table-1"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/worker"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/worker@sha256:" + "a" * 64


def service(
    *,
    min_tasks: int = 0,
    kms_key_arn: str | None = None,
    logs_key_arn: str | None = None,
    table: bool = False,
    jobs: dict[str, Any] | None = None,
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
                logs_key_arn=logs_key_arn,
                jobs=JobsSettings.model_validate(jobs or {}),
                table_name="job-table-1" if table else None,
                table_arn=TABLE if table else None,
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


EVERYTHING: dict[str, Any] = {
    "command": ["ffmpeg", "-i", "-"],
    "concurrency": 4,
    "job_timeout": 80,
    "grace": 30,
    "max_jobs_per_child": 100,
    "protection": False,
    "max_body_bytes": 50_000_000,
    "payload_bucket": "company-bodies",
    "metrics": False,
    "health_check": False,
}


def environment(**settings: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(**settings)["environment"]}

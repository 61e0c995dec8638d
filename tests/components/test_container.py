"""The task definition: size, container, environment variables and health check."""

import pytest

from settings import Worker as WorkerSettings
from tests.components.harness import ACCOUNT, REGION
from tests.components.services import DEFINITION, EVERYTHING, IMAGE, KEY, LOGS, URL, container, environment, service
from worker import config


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


FOLLOWED = {"keep_days": 7, "events": True}


def test_a_setting_becomes_a_variable_and_an_unset_one_does_not() -> None:
    assert environment(table=True, jobs=FOLLOWED, **EVERYTHING) == {
        "AWS_REGION": REGION,
        "EBB_BACKOFF_BASE": "10",
        "EBB_BACKOFF_CAP": "900",
        "EBB_COMMAND": '["ffmpeg", "-i", "-"]',
        "EBB_CONCURRENCY": "4",
        "EBB_DEAD_LETTER_QUEUE_URL": f"{URL}-dead",
        "EBB_EVENTS": "on",
        "EBB_GRACE": "30",
        "EBB_JOB_TABLE": "job-table-1",
        "EBB_JOB_TIMEOUT": "80",
        "EBB_KEEP_SECONDS": "604800",
        "EBB_MAX_BODY_BYTES": "50000000",
        "EBB_MAX_JOBS_PER_CHILD": "100",
        "EBB_MAX_RECEIVE_COUNT": "5",
        "EBB_METRICS": "off",
        "EBB_PAYLOAD_BUCKET": "company-bodies",
        "EBB_PROTECTION": "off",
        "EBB_QUEUE_URL": URL,
        "EBB_RETENTION_SECONDS": "345600",
        "EBB_START_TIMEOUT": "300",
        "EBB_STOP_TIMEOUT": "120",
        "EBB_VISIBILITY_TIMEOUT": "300",
    }
    assert "healthCheck" not in container(table=True, jobs=FOLLOWED, **EVERYTHING)


@pytest.mark.parametrize("everything", [True, False])
def test_the_worker_reads_the_variables_as_the_same_settings(everything: bool) -> None:
    read = config.read(environment(table=True, jobs=FOLLOWED, **EVERYTHING) if everything else environment())
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
    assert (read.job_table, read.health_file) == (("job-table-1", None) if everything else (None, "/tmp/health"))
    assert not everything or read.keep_seconds == 7 * 86_400


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


def test_logs_are_encrypted_with_a_key_that_cloudwatch_logs_may_use() -> None:
    encrypted = service(logs_key_arn=KEY).one(LOGS).inputs
    assert encrypted == {"retentionInDays": 30, "kmsKeyId": KEY}

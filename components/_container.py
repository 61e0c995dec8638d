"""The worker's container definition (ECS API, ContainerDefinition)."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from settings import Jobs as JobsSettings
from settings import Worker as WorkerSettings

NAME = "worker"
#: The task's only writable volume, and its path.
TMP = "tmp"
TMP_PATH = "/tmp"  # noqa: S108
#: The worker updates this file while its receive loop runs. It is too old after so many seconds.
HEALTH_FILE = f"{TMP_PATH}/health"
MAX_HEALTH_AGE = 120
#: Times are in seconds. ECS replaces a stuck worker after about MAX_HEALTH_AGE + 5 minutes.
HEALTH_CHECK = {
    "command": ["CMD", "python", "-m", "worker.health", HEALTH_FILE, str(MAX_HEALTH_AGE)],
    "interval": 60,
    "timeout": 30,  # Python starts slowly in a task with a quarter of a vCPU and a busy job
    "retries": 5,
    "startPeriod": MAX_HEALTH_AGE,
}
#: What the log driver keeps until CloudWatch Logs takes it; more is lost (AWS blog, "Preventing log loss with
#: non-blocking mode in the AWSLogs container log driver").
LOG_BUFFER = "25m"
DAY = 24 * 3600  # seconds


def environment(settings: WorkerSettings, jobs: JobsSettings) -> dict[str, str]:
    """The worker's settings as variables. An optional part of the worker is off if its variable is absent."""
    found = {
        "EBB_STOP_TIMEOUT": str(settings.stop_timeout),
        "EBB_GRACE": str(settings.grace),
        "EBB_BACKOFF_BASE": str(settings.backoff_base),
        "EBB_BACKOFF_CAP": str(settings.backoff_cap),
        "EBB_CONCURRENCY": str(settings.concurrency),
        "EBB_START_TIMEOUT": str(settings.start_timeout),
        "EBB_PROTECTION": _switch(settings.protection),
        "EBB_MAX_BODY_BYTES": str(settings.max_body_bytes),
        "EBB_METRICS": _switch(settings.metrics),
    }
    if settings.command:
        found["EBB_COMMAND"] = json.dumps(settings.command)
    else:
        found["EBB_HANDLER"] = settings.handler
    if settings.job_timeout is not None:
        found["EBB_JOB_TIMEOUT"] = str(settings.job_timeout)
    if settings.max_jobs_per_child is not None:
        found["EBB_MAX_JOBS_PER_CHILD"] = str(settings.max_jobs_per_child)
    if settings.payload_bucket:
        found["EBB_PAYLOAD_BUCKET"] = settings.payload_bucket
    if jobs.keep_days is not None:
        found["EBB_KEEP_SECONDS"] = str(jobs.keep_days * DAY)
        found["EBB_EVENTS"] = _switch(jobs.events)
    if settings.health_check:
        found["EBB_HEALTH_FILE"] = HEALTH_FILE
    return found


def _switch(on: bool) -> str:
    return "on" if on else "off"


def definition(
    settings: WorkerSettings,
    jobs: JobsSettings,
    *,
    image: pulumi.Input[str],
    region: pulumi.Input[str],
    log_group: pulumi.Input[str],
    wired: Mapping[str, pulumi.Input[str]],
) -> dict[str, Any]:
    """The container. `wired`: variables with names and addresses of the stack's other resources."""
    # the user can override AWS_REGION, but none of our own variables
    variables: dict[str, pulumi.Input[str]] = {
        "AWS_REGION": region,
        **settings.environment,
        **environment(settings, jobs),
        **wired,
    }
    return {
        "name": NAME,
        "image": image,
        "essential": True,
        "stopTimeout": settings.stop_timeout,
        # the agent of ECS Exec writes to the root file system
        "readonlyRootFilesystem": settings.read_only_root and not settings.exec,
        "mountPoints": [{"sourceVolume": TMP, "containerPath": TMP_PATH, "readOnly": False}],
        "linuxParameters": {"initProcessEnabled": True},  # reaps the child processes of a killed handler
        "environment": [{"name": key, "value": value} for key, value in sorted(variables.items())],
        "secrets": [{"name": key, "valueFrom": source} for key, source in sorted(settings.secrets.items())],
        **({"healthCheck": HEALTH_CHECK} if settings.health_check else {}),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": region,
                "awslogs-stream-prefix": NAME,
                # an account's default may be blocking: then jobs stand still while CloudWatch Logs does
                "mode": "non-blocking",
                "max-buffer-size": LOG_BUFFER,
            },
        },
    }

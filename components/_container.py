"""The worker's container definition (ECS API, ContainerDefinition), of the settings and what the stack wires to it."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from settings import Worker as WorkerSettings

NAME = "worker"
#: The task's only volume that can be written; mounted where programs expect it.
TMP, TMP_PATH = "tmp", "/tmp"  # noqa: S108
#: The file that the worker touches while its receive loop turns, and the seconds after which it is too old.
HEALTH_FILE, HEALTH_AGE = f"{TMP_PATH}/health", 120
#: A stuck worker is replaced after about HEALTH_AGE + 5 minutes; seconds, but for the retries. A start may take as long
#: as the file may be old.
HEALTH_CHECK = {
    "command": ["CMD", "python", "-m", "worker.health", HEALTH_FILE, str(HEALTH_AGE)],
    "interval": 60,
    "timeout": 30,  # a task with a quarter of a CPU and a busy job starts Python slowly
    "retries": 5,
    "startPeriod": HEALTH_AGE,
}
DAY = 24 * 3600  # seconds


def environment(settings: WorkerSettings) -> dict[str, str]:
    """What the settings tell the worker; a variable that is absent leaves its part of the worker off."""
    found = {
        "EBB_STOP_TIMEOUT": str(settings.stop_timeout),
        "EBB_BACKOFF_BASE": str(settings.backoff_base),
        "EBB_BACKOFF_CAP": str(settings.backoff_cap),
        "EBB_CONCURRENCY": str(settings.concurrency),
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
    if settings.payload_bucket:
        found["EBB_PAYLOAD_BUCKET"] = settings.payload_bucket
    if settings.once_days is not None:
        found["EBB_ONCE_SECONDS"] = str(settings.once_days * DAY)
    if settings.health_check:
        found["EBB_HEALTH_FILE"] = HEALTH_FILE
    return found


def _switch(on: bool) -> str:
    return "on" if on else "off"


def definition(
    settings: WorkerSettings,
    *,
    image: pulumi.Input[str],
    region: pulumi.Input[str],
    log_group: pulumi.Input[str],
    wired: Mapping[str, pulumi.Input[str]],
) -> dict[str, Any]:
    """The container; `wired` are the variables that name the stack's other parts."""
    # the user may name another region, and nothing of ours
    variables: dict[str, pulumi.Input[str]] = {
        "AWS_REGION": region,
        **settings.environment,
        **environment(settings),
        **wired,
    }
    return {
        "name": NAME,
        "image": image,
        "essential": True,
        "stopTimeout": settings.stop_timeout,
        # ECS Exec's agent writes into the root file system
        "readonlyRootFilesystem": settings.read_only_root and not settings.exec,
        "mountPoints": [{"sourceVolume": TMP, "containerPath": TMP_PATH, "readOnly": False}],
        "linuxParameters": {"initProcessEnabled": True},  # reaps what a killed handler leaves behind
        "environment": [{"name": key, "value": value} for key, value in sorted(variables.items())],
        "secrets": [{"name": key, "valueFrom": source} for key, source in sorted(settings.secrets.items())],
        **({"healthCheck": HEALTH_CHECK} if settings.health_check else {}),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": region,
                "awslogs-stream-prefix": NAME,
            },
        },
    }

"""The section `worker`."""

from typing import Any

import pytest

import settings
from settings import limits
from tests.settings.refused import Cases, each, problems

RETENTIONS = ", ".join(map(str, limits.LOG_RETENTION_DAYS))
SIZES: Cases = {
    "memory that Fargate does not support for this CPU size": (
        {"worker": {"cpu": 2048, "memory": 2048}},
        "worker.memory: with 2048 CPU units Fargate supports 4096 to 16384 in steps of 1024 MiB, got 2048.",
    ),
    "memory that Fargate does not support for the smallest CPU size": (
        {"worker": {"memory": 4096}},
        "worker.memory: with 256 CPU units Fargate supports 512, 1024, 2048 MiB, got 4096.",
    ),
    "CPU units that Fargate does not support": (
        {"worker": {"cpu": 1000}},
        "worker.cpu: Fargate supports 256, 512, 1024, 2048, 4096, 8192, 16384 CPU units, got 1000.",
    ),
}
IMAGES: Cases = {
    "an image to build and an existing image": (
        {"worker": {"image": {"build": "worker", "repository": "team/encoder", "tag": "1"}}},
        (
            "worker.image: set either build or an existing image, not both, "
            'got {"build": "worker", "repository": "team/encoder", "tag": "1"}.'
        ),
    ),
    "an existing repository without a tag": (
        {"worker": {"image": {"repository": "team/encoder"}}},
        'worker.image: an existing image needs either its tag or its digest, got {"tag": null, "digest": null}.',
    ),
    "a repository with the registry's address": (
        {"worker": {"image": {"repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/encoder", "tag": "1"}}},
        (
            "worker.image.repository: must be an ECR repository's name, such as team/encoder, without the registry's "
            'address, got "123456789012.dkr.ecr.us-east-1.amazonaws.com/encoder".'
        ),
    ),
    "deletion of an existing repository's images": (
        {"worker": {"image": {"repository": "team/encoder", "tag": "1", "force_delete": True}}},
        "worker.image: force_delete is only for built images, an existing repository is kept, got true.",
    ),
    "a tag without a repository": (
        {"worker": {"image": {"tag": "stable"}}},
        'worker.image: a tag or digest needs the existing repository, got "stable".',
    ),
}
DATE = "must be in quotes: YAML reads a date or time without quotes, and Pulumi changes its form"
VARIABLES: Cases = {
    "a date without quotes, as Pulumi delivers it": (
        {"worker": {"environment": {"SINCE": "2024-01-01 00:00:00 +0000 UTC"}}},
        f'worker.environment.SINCE: {DATE}, got "2024-01-01 00:00:00 +0000 UTC".',
    ),
    "a time without quotes in the command": (
        {"worker": {"command": ["./job", "2024-01-01 10:00:00.5 +0200 +0200"]}},
        f'worker.command.1: {DATE}, got "2024-01-01 10:00:00.5 +0200 +0200".',
    ),
    "a variable with a reserved name": (
        {"worker": {"environment": {"EBB_QUEUE_URL": "x"}}},
        (
            "worker.environment.EBB_QUEUE_URL: must have another name: names that start with EBB_ are reserved for "
            'Ebb, got "EBB_QUEUE_URL".'
        ),
    ),
    "a secret with a reserved name": (
        {"worker": {"secrets": {"EBB_X": "/a"}}},
        'worker.secrets.EBB_X: must have another name: names that start with EBB_ are reserved for Ebb, got "EBB_X".',
    ),
    "the address of the task role's credentials": (
        {"worker": {"environment": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/role"}}},
        (
            "worker.environment.AWS_CONTAINER_CREDENTIALS_FULL_URI: must be removed: ECS sets this variable, and the "
            'worker gets its role\'s credentials by it, got "AWS_CONTAINER_CREDENTIALS_FULL_URI".'
        ),
    ),
    "the address of the ECS agent, from a secret": (
        {"worker": {"secrets": {"ECS_AGENT_URI": "/a"}}},
        (
            "worker.secrets.ECS_AGENT_URI: must be removed: ECS sets this variable, and the worker gets its role's "
            'credentials by it, got "ECS_AGENT_URI".'
        ),
    ),
    "another home of Python": (
        {"worker": {"environment": {"PYTHONHOME": "/opt/python"}}},
        (
            "worker.environment.PYTHONHOME: must be removed: with it Python cannot start or end the worker. Let the "
            'handler or the command set it, got "PYTHONHOME".'
        ),
    ),
    "a safe path of Python, from a secret": (
        {"worker": {"secrets": {"PYTHONSAFEPATH": "/a"}}},
        (
            "worker.secrets.PYTHONSAFEPATH: must be removed: with it Python cannot start or end the worker. Let the "
            'handler or the command set it, got "PYTHONSAFEPATH".'
        ),
    ),
    "a path that needs a variable": (
        {"worker": {"environment": {"PATH": "/opt/bin:$PATH"}}},
        (
            "worker.environment.PATH: replaces the image's PATH, and ECS does not expand variables: name all folders, "
            'each from / on, got "/opt/bin:$PATH".'
        ),
    ),
    "a NUL character": (
        {"worker": {"environment": {"A": "a\0b"}}},
        ('worker.environment.A: must not contain a NUL character: no program can be started with it, got "a\\u0000b".'),
    ),
    "a word as Python's hash seed": (
        {"worker": {"environment": {"PYTHONHASHSEED": "none"}}},
        (
            "worker.environment.PYTHONHASHSEED: must be random or a whole number from 0 to 4294967295: with another "
            'value Python does not start, got "none".'
        ),
    ),
    "a hash seed of more than 32 bits": (
        {"worker": {"environment": {"PYTHONHASHSEED": "4294967296"}}},
        (
            "worker.environment.PYTHONHASHSEED: must be random or a whole number from 0 to 4294967295: with another "
            'value Python does not start, got "4294967296".'
        ),
    ),
    "a variable that YAML reads as a number": (
        {"worker": {"environment": {"PORT": 8080}}},
        "worker.environment.PORT: must be text (a number, true or false needs quotes), got 8080.",
    ),
    "a variable that YAML reads as true": (
        {"worker": {"environment": {"DEBUG": True}}},
        "worker.environment.DEBUG: must be text (a number, true or false needs quotes), got true.",
    ),
    "a variable from two sources": (
        {"worker": {"environment": {"URL": "a"}, "secrets": {"URL": "/b"}}},
        'worker.environment.URL: a variable must be in either environment or secrets, not in both, got "a".',
    ),
}
JOBS: Cases = {
    "a handler and a command": (
        {"worker": {"handler": "worker.video:encode", "command": ["ffmpeg"]}},
        'worker.handler: set either handler or command, not both, got "worker.video:encode".',
    ),
    "a handler without a function": (
        {"worker": {"handler": "worker.video"}},
        'worker.handler: must be module:function, such as worker.handler:handle, got "worker.video".',
    ),
    "a command without a program": ({"worker": {"command": [""]}}, 'worker.command.0: must not be empty, got "".'),
    "more jobs at the same time than a task can run": (
        {"worker": {"concurrency": 101}},
        "worker.concurrency: must be at most 100, got 101.",
    ),
    "a job longer than SQS's maximum visibility": (
        {"worker": {"job_timeout": 43201}},
        "worker.job_timeout: must be at most 43200, got 43201.",
    ),
    "a grace longer than half of the stop timeout less 8 seconds": (
        {"worker": {"grace": 23, "stop_timeout": 60}},
        (
            "worker.grace: must be at most 22: half of stop_timeout, which is 60, less the 8 seconds in which the "
            "worker returns the job's message, got 23."
        ),
    ),
    "a grace that protection may not outlast": ({"worker": {"grace": 51}}, "worker.grace: must be at most 50, got 51."),
    "no time to end": ({"worker": {"grace": 0}}, "worker.grace: must be at least 1, got 0."),
    "a process for no job": (
        {"worker": {"max_jobs_per_child": 0}},
        "worker.max_jobs_per_child: must be at least 1, got 0.",
    ),
    "no protection for jobs longer than the stop timeout less a long grace": (
        {"worker": {"protection": False, "grace": 50, "job_timeout": 63}},
        (
            "worker.protection: without protection a job must end before the task is stopped: set job_timeout to at "
            "most 62, got false."
        ),
    ),
    "no protection and no job timeout": (
        {"worker": {"protection": False}},
        (
            "worker.protection: without protection a job must end before the task is stopped: set job_timeout to at "
            "most 110, got false."
        ),
    ),
    "no protection for jobs that SIGTERM would interrupt": (
        {"worker": {"protection": False, "stop_timeout": 10, "job_timeout": 6}},
        (
            "worker.protection: without protection a job must end before the task is stopped: set job_timeout to at "
            "most 5, got false."
        ),
    ),
    "bodies longer than a message, without a bucket": (
        {"worker": {"max_body_bytes": 1_048_577}},
        (
            "worker.max_body_bytes: a message of SQS has at most 1048576 bytes, a longer body needs payload_bucket, "
            "got 1048577."
        ),
    ),
    "a bucket's ARN": (
        {"worker": {"payload_bucket": "arn:aws:s3:::videos"}},
        (
            "worker.payload_bucket: must be an S3 bucket's name: 3 to 63 lower-case letters, digits, - or ., "
            'got "arn:aws:s3:::videos".'
        ),
    ),
    "Container Insights of an existing cluster": (
        {"worker": {"cluster": "company", "insights": True}},
        "worker.insights: an existing cluster has its own setting: remove insights, got true.",
    ),
    "a backoff above its maximum": (
        {"worker": {"backoff_base": 60, "backoff_cap": 30}},
        "worker.backoff_base: must be at most backoff_cap, which is 30, got 60.0.",
    ),
    "a stop timeout that Fargate does not support": (
        {"worker": {"stop_timeout": 121}},
        "worker.stop_timeout: must be at most 120, got 121.",
    ),
}
OTHERS: Cases = {
    "a retention of the log that CloudWatch Logs does not support": (
        {"worker": {"log_retention_days": 0}},
        f"worker.log_retention_days: must be one of CloudWatch Logs' values: {RETENTIONS}, got 0.",
    ),
    "a statement without actions": (
        {"worker": {"statements": [{"actions": [], "resources": ["*"]}]}},
        "worker.statements.0.actions: must not be empty, got [].",
    ),
    "a list whose only item is wrong": (
        {"worker": {"statements": [{"actions": ["s3:GetObject"], "resources": [""]}]}},
        'worker.statements.0.resources.0: must be an ARN, such as arn:aws:s3:::bucket/*, or *, got "".',
    ),
    "a resource that is no ARN": (
        {"worker": {"statements": [{"actions": ["s3:GetObject"], "resources": ["*", "s3://films/*"]}]}},
        'worker.statements.0.resources.1: must be an ARN, such as arn:aws:s3:::bucket/*, or *, got "s3://films/*".',
    ),
    "a resource whose service has a wildcard": (
        {"worker": {"statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s*:::a"]}]}},
        'worker.statements.0.resources.0: must be an ARN, such as arn:aws:s3:::bucket/*, or *, got "arn:aws:s*:::a".',
    ),
    "more statements than a role's policy has room for": (
        {"worker": {"statements": [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{'a' * 48}/*"] * 160}]}},
        (
            "worker.statements: have at most 9984 characters together in the role's policy: name fewer resources, with "
            'wildcards, got "10619 characters".'
        ),
    ),
    "variables that a task definition has no room for": (
        {"worker": {"environment": {"SCHEMA": "ä" * 20_000, "TEXT": "x" * 24_450}, "secrets": {"KEY": "/key"}}},
        (
            "worker.environment: environment, secrets and command have at most 64512 bytes together in a task "
            'definition: let the job read what is long from S3 or SSM, got "64550 bytes".'
        ),
    ),
    "a KMS key's alias for the secrets": (
        {"worker": {"secrets_kms_key": "alias/aws/ssm"}},
        'worker.secrets_kms_key: must be a KMS key\'s ARN, got "alias/aws/ssm".',
    ),
    "a role as the permissions boundary": (
        {"iam": {"permissions_boundary": "arn:aws:iam::123456789012:role/x"}},
        'iam.permissions_boundary: must be an IAM policy\'s ARN, got "arn:aws:iam::123456789012:role/x".',
    ),
    "the boundary's former name": (
        {"worker": {"permissions_boundary": "arn:aws:iam::123456789012:policy/x"}},
        (
            "worker.permissions_boundary: has another name now: use ebb:iam.permissions_boundary, "
            'got "arn:aws:iam::123456789012:policy/x".'
        ),
    ),
    "a role path without its last slash": (
        {"iam": {"path": "/teams"}},
        'iam.path: must begin and end with /, such as /teams/video/, got "/teams".',
    ),
    "a cluster's name with a space": (
        {"worker": {"cluster": "my cluster"}},
        'worker.cluster: must be the name or ARN of an ECS cluster, got "my cluster".',
    ),
}


@each({**SIZES, **IMAGES, **VARIABLES, **JOBS, **OTHERS})
def test_is_refused(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_actions_and_resources_are_those_that_iam_takes() -> None:
    actions = ["*", "s3:GetObject", "S3:Get*", "s3:Get?bject"]
    resources = ["*", "arn:aws:sqs", "arn:*:s3:::films", "arn:aws:s3:::my films/${aws:userid}/?/*"]
    (statement,) = settings.read(
        {"worker": {"statements": [{"actions": actions, "resources": resources}]}}
    ).worker.statements
    assert (list(statement.actions), list(statement.resources)) == (actions, resources)


def test_every_task_size_of_fargate_is_accepted_and_no_other() -> None:
    for cpu, sizes in limits.FARGATE_MEMORY.items():
        for memory in sizes:
            settings.read({"worker": {"cpu": cpu, "memory": memory}})
        for memory in (sizes[0] - 1, sizes[-1] + 1):
            assert len(problems({"worker": {"cpu": cpu, "memory": memory}})) == 1


@pytest.mark.parametrize(
    ("source", "accepted"),
    [
        ("/app/database-url", True),
        ("database_url", True),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/app/key", True),
        ("arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:app-AbCdEf:password::", True),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf", True),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:app", False),  # IAM compares the full ARN
        ("arn:aws:s3:::bucket", False),
        ("pass word", False),
    ],
)
def test_secrets_come_from_ssm_or_secrets_manager(source: str, accepted: bool) -> None:
    raw = {"worker": {"secrets": {"KEY": source}}}
    if accepted:
        assert settings.read(raw).worker.secrets == {"KEY": source}
    else:
        assert len(problems(raw)) == 1

"""What the settings accept, refuse and warn of."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import settings
from settings import forms, rules, sections
from tests.helpers import stacks
from worker import config

ROOT = Path(settings.__file__).parent.parent
#: The project's stack files: the user's, and the sandbox's.
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"


def problems(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(settings.SettingsError) as refused:
        settings.read(raw)
    return refused.value.problems


def test_an_empty_file_is_the_cheapest_stack() -> None:
    read = settings.read({})
    assert (read.network.nat, read.network.public_tasks, read.queue.kms) == ("none", True, "none")
    assert (read.scaling.min_tasks, read.scaling.max_tasks, read.scaling.scales_in_by) == (0, 1, "queue")
    assert read.worker.image.context == "worker"
    assert settings.warnings(read) == []


RETENTIONS = ", ".join(map(str, forms.RETENTION_DAYS))
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown section": (
        {"scalling": {}},
        "ebb:scalling: unknown key, the nearest known one is scaling, got {}.",
    ),
    "an unknown key": (
        {"queue": {"visibility": 30}},
        "ebb:queue.visibility: unknown key, the nearest known one is visibility_timeout, got 30.",
    ),
    "an unknown key two levels deep": (
        {"worker": {"image": {"repo": "x"}}},
        'ebb:worker.image.repo: unknown key, the nearest known one is repository, got "x".',
    ),
    "an unknown key in a list": (
        {"scaling": {"steps": [{"lower": 1, "chnge": 1, "change": 1}]}},
        "ebb:scaling.steps.0.chnge: unknown key, the nearest known one is change, got 1.",
    ),
    "memory that Fargate does not pair with the CPU": (
        {"worker": {"cpu": 2048, "memory": 2048}},
        "ebb:worker.memory: Fargate pairs 2048 CPU units with 4096 to 16384 by 1024 MiB, got 2048.",
    ),
    "memory that Fargate's smallest CPU has not": (
        {"worker": {"memory": 4096}},
        "ebb:worker.memory: Fargate pairs 256 CPU units with 512, 1024, 2048 MiB, got 4096.",
    ),
    "CPU units that Fargate has not": (
        {"worker": {"cpu": 1000}},
        "ebb:worker.cpu: Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384 CPU units, got 1000.",
    ),
    "a CIDR too small for the subnets": (
        {"network": {"cidr": "10.0.0.0/27"}},
        (
            "ebb:network.cidr: must have a prefix from /16 (AWS's largest VPC) to /26 (four subnets of /28 fit), "
            'got "10.0.0.0/27".'
        ),
    ),
    "a CIDR with host bits": (
        {"network": {"cidr": "10.0.0.1/16"}},
        'ebb:network.cidr: must be an IPv4 network address with its prefix, such as 10.0.0.0/16, got "10.0.0.1/16".',
    ),
    "a CIDR with a netmask": (
        {"network": {"cidr": "10.0.0.0/255.255.0.0"}},
        (
            "ebb:network.cidr: must be an IPv4 network address with its prefix, such as 10.0.0.0/16, "
            'got "10.0.0.0/255.255.0.0".'
        ),
    ),
    "a CIDR that no VPC may have": (
        {"network": {"cidr": "169.254.0.0/16"}},
        (
            "ebb:network.cidr: must lie outside 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and all from 224.0.0.0 on, "
            'got "169.254.0.0/16".'
        ),
    ),
    "a CIDR for an adopted VPC": (
        {"network": {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a"], "cidr": "10.1.0.0/16"}},
        'ebb:network.cidr: nothing is created in an adopted VPC: leave cidr out, got "10.1.0.0/16".',
    ),
    "a NAT instance's type without the instance": (
        {"network": {"nat": "gateway", "nat_instance_type": "t3.nano"}},
        'ebb:network.nat_instance_type: needs nat: instance, got "t3.nano".',
    ),
    "overlapping step ranges": (
        {"scaling": {"steps": [{"lower": 1, "upper": 10, "change": 1}, {"lower": 5, "change": 2}]}},
        (
            "ebb:scaling.steps: rows must not overlap, "
            'got [{"lower": 1.0, "upper": 10.0, "change": 1}, {"lower": 5.0, "change": 2}].'
        ),
    ),
    "unordered step ranges": (
        {"scaling": {"steps": [{"lower": 5, "change": 2}, {"lower": 1, "upper": 5, "change": 1}]}},
        (
            "ebb:scaling.steps: rows must stand in rising order, "
            'got [{"lower": 5.0, "change": 2}, {"lower": 1.0, "upper": 5.0, "change": 1}].'
        ),
    ),
    "an empty step range": (
        {"scaling": {"steps": [{"lower": 5, "upper": 5, "change": 1}]}},
        (
            "ebb:scaling.steps: a row needs a lower bound below its upper one, "
            'got [{"lower": 5.0, "upper": 5.0, "change": 1}].'
        ),
    ),
    "a first step above 1 with min 0": (
        {"scaling": {"steps": [{"lower": 100, "change": 1}]}},
        (
            "ebb:scaling.steps: with min_tasks 0 the first row that adds a task must begin at 1, or one message would "
            "never wake it, got 100.0."
        ),
    ),
    "a step that adds tasks for an empty queue": (
        {"scaling": {"steps": [{"lower": 0, "change": 1}]}},
        (
            "ebb:scaling.steps: a row that adds tasks must begin at 1 message, or an empty queue would start tasks, "
            'got {"lower": 0.0, "change": 1}.'
        ),
    ),
    "a table that never adds a task": (
        {"scaling": {"steps": [{"upper": 0, "change": -1}]}},
        (
            "ebb:scaling.steps: a row with a positive change is needed, or no job would ever start a task, "
            'got [{"upper": 0.0, "change": -1}].'
        ),
    ),
    "rows that remove above rows that add": (
        {"scaling": {"steps": [{"lower": 1, "upper": 5, "change": 1}, {"lower": 5, "change": -1}]}},
        (
            "ebb:scaling.steps: rows that remove tasks must stand below those that add some, "
            'got [{"lower": 1.0, "upper": 5.0, "change": 1}, {"lower": 5.0, "change": -1}].'
        ),
    ),
    "a table longer than a step policy, a gap counting as a step": (
        {"scaling": {"steps": [{"lower": n, "upper": n + 1, "change": 1} for n in range(1, 22, 2)]}},
        (
            "ebb:scaling.steps: a step policy has 20 steps at the most, and each gap between rows is one: those that "
            'add tasks make 22, got [{"lower": 1.0, "upper": 2.0, "change": 1}, {"lower": 3.0, "upper": 4.0, '
            '"change": 1}, {"lower": 5.0, "upper": 6.0, "ch….'
        ),
    ),
    "a step without its change": (
        {"scaling": {"steps": [{"lower": 1}]}},
        'ebb:scaling.steps.0.change: is required, got {"lower": 1}.',
    ),
    "a table and the recommended policy's surplus": (
        {"scaling": {"steps": [{"lower": 1, "change": 1}], "surplus": True}},
        "ebb:scaling.surplus: belongs to the recommended policy, not to a table, got true.",
    ),
    "scale-in by a table that has no such row": (
        {"scaling": {"steps": [{"lower": 1, "change": 1}], "scale_in": "steps"}},
        (
            "ebb:scaling.scale_in: needs a row of steps with a negative change, or the service never reaches zero, "
            'got "steps".'
        ),
    ),
    "scale-in twice": (
        {"scaling": {"steps": [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}], "scale_in": "queue"}},
        (
            "ebb:scaling.scale_in: takes tasks away already: leave the rows of steps with a negative change out, "
            'got "queue".'
        ),
    ),
    "a cooldown that nothing would use": (
        {"scaling": {"cooldown": 60}},
        "ebb:scaling.cooldown: belongs to steps or scale_in: cpu; the recommended policy has its own, got 60.",
    ),
    "a CPU threshold that nothing would use": (
        {"scaling": {"cpu_threshold": 1}},
        "ebb:scaling.cpu_threshold: needs scale_in: cpu, got 1.0.",
    ),
    "min above max": (
        {"scaling": {"min_tasks": 3, "max_tasks": 2}},
        "ebb:scaling.min_tasks: must not exceed max_tasks, which is 2, got 3.",
    ),
    "stopTimeout over 120": (
        {"worker": {"stop_timeout": 121}},
        "ebb:worker.stop_timeout: must be at most 120, got 121.",
    ),
    "visibility below 0": (
        {"queue": {"visibility_timeout": -1}},
        "ebb:queue.visibility_timeout: must be at least 0, got -1.",
    ),
    "visibility above 12 h": (
        {"queue": {"visibility_timeout": 43201}},
        "ebb:queue.visibility_timeout: must be at most 43200, got 43201.",
    ),
    "a FIFO queue's name without .fifo": (
        {"queue": {"fifo": True, "name": "jobs"}},
        'ebb:queue.name: the name of a FIFO queue ends in .fifo, got "jobs".',
    ),
    "a standard queue's name with .fifo": (
        {"queue": {"name": "jobs.fifo"}},
        'ebb:queue.name: a name that ends in .fifo needs fifo: true, got "jobs.fifo".',
    ),
    "a queue's name that SQS refuses": (
        {"queue": {"name": "all jobs"}},
        'ebb:queue.name: must be 1 to 75 letters, digits, - or _, then .fifo if it is FIFO, got "all jobs".',
    ),
    "tasks with no way out": (
        {"network": {"assign_public_ip": False}},
        (
            "ebb:network.endpoints: tasks without NAT or public address have no way out but endpoints; missing: "
            "ecr.api, ecr.dkr, logs, sqs, ecs, got []."
        ),
    ),
    "endpoints that leave a secret out of reach": (
        {
            "network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"]},
            "worker": {"secrets": {"KEY": "/app/key"}, "exec": True},
        },
        (
            "ebb:network.endpoints: tasks without NAT or public address have no way out but endpoints; missing: ssm, "
            'ssmmessages, got ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"].'
        ),
    ),
    "an endpoint named twice": (
        {"network": {"nat": "gateway", "endpoints": ["sqs", "sqs"]}},
        'ebb:network.endpoints: must name each once, got ["sqs", "sqs"].',
    ),
    "a subnet named twice": (
        {"network": {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a", "subnet-0a"]}},
        'ebb:network.subnet_ids: must name each once, got ["subnet-0a", "subnet-0a"].',
    ),
    "more security groups than a task has": (
        {
            "network": {
                "vpc_id": "vpc-0a",
                "subnet_ids": ["subnet-0a"],
                "security_group_ids": [f"sg-{number}" for number in range(6)],
            }
        },
        (
            "ebb:network.security_group_ids: must have 5 at the most, "
            'got ["sg-0", "sg-1", "sg-2", "sg-3", "sg-4", "sg-5"].'
        ),
    ),
    "an e-mail address named twice": (
        {"monitoring": {"emails": ["a@example.com", "a@example.com"]}},
        'ebb:monitoring.emails: must name each once, got ["a@example.com", "a@example.com"].',
    ),
    "an adopted VPC without subnets": (
        {"network": {"vpc_id": "vpc-0a"}},
        'ebb:network.vpc_id: an adopted VPC needs the subnets for the tasks, got "vpc-0a".',
    ),
    "subnets without their VPC": (
        {"network": {"subnet_ids": ["subnet-0a"]}},
        'ebb:network.subnet_ids: is for an adopted VPC: name its vpc_id too, got ["subnet-0a"].',
    ),
    "NAT in an adopted VPC": (
        {"network": {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a"], "nat": "gateway"}},
        'ebb:network.nat: nothing is created in an adopted VPC: leave nat out, got "gateway".',
    ),
    "endpoints in an adopted VPC": (
        {"network": {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a"], "endpoints": ["sqs"]}},
        'ebb:network.endpoints: nothing is created in an adopted VPC, got ["sqs"].',
    ),
    "public tasks behind NAT": (
        {"network": {"nat": "gateway", "assign_public_ip": True}},
        "ebb:network.assign_public_ip: tasks behind nat gateway are in private subnets, got true.",
    ),
    "an image to build and an existing one": (
        {"worker": {"image": {"build": "worker", "repository": "team/encoder", "tag": "1"}}},
        (
            "ebb:worker.image: name an image to build or an existing one, not both, "
            'got {"build": "worker", "repository": "team/encoder", "tag": "1"}.'
        ),
    ),
    "an existing repository without a tag": (
        {"worker": {"image": {"repository": "team/encoder"}}},
        'ebb:worker.image: an existing image needs either its tag or its digest, got {"tag": null, "digest": null}.',
    ),
    "an existing repository by its address": (
        {"worker": {"image": {"repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/encoder", "tag": "1"}}},
        (
            "ebb:worker.image.repository: must be an ECR repository's name, such as team/encoder, without its address, "
            'got "123456789012.dkr.ecr.us-east-1.amazonaws.com/encoder".'
        ),
    ),
    "an existing repository's images to be deleted": (
        {"worker": {"image": {"repository": "team/encoder", "tag": "1", "force_delete": True}}},
        "ebb:worker.image: force_delete is for images that are built, an existing repository stays, got true.",
    ),
    "a tag without its repository": (
        {"worker": {"image": {"tag": "stable"}}},
        'ebb:worker.image: a tag or digest needs the existing repository, got "stable".',
    ),
    "the access log's retention that CloudWatch has not": (
        {"api": {"log_retention_days": 15}},
        f"ebb:api.log_retention_days: must be a retention that CloudWatch Logs has: {RETENTIONS}, got 15.",
    ),
    "the worker log's retention that CloudWatch has not": (
        {"worker": {"log_retention_days": 0}},
        f"ebb:worker.log_retention_days: must be a retention that CloudWatch Logs has: {RETENTIONS}, got 0.",
    ),
    "a variable that says PASSWORD": (
        {"worker": {"environment": {"DB_PASSWORD": "hunter2"}}},
        (
            "ebb:worker.environment.DB_PASSWORD: must not hold a credential, as its name says that it does: "
            'use secrets, got "DB_PASSWORD".'
        ),
    ),
    "a variable that says token in small letters": (
        {"worker": {"environment": {"github_token": "abc"}}},
        (
            "ebb:worker.environment.github_token: must not hold a credential, as its name says that it does: "
            'use secrets, got "github_token".'
        ),
    ),
    "a variable that says SECRET": (
        {"worker": {"environment": {"SECRET_KEY": "abc"}}},
        (
            "ebb:worker.environment.SECRET_KEY: must not hold a credential, as its name says that it does: "
            'use secrets, got "SECRET_KEY".'
        ),
    ),
    "a variable of Ebb's own": (
        {"worker": {"environment": {"EBB_QUEUE_URL": "x"}}},
        (
            "ebb:worker.environment.EBB_QUEUE_URL: must have another name, those that start with EBB_ are Ebb's own, "
            'got "EBB_QUEUE_URL".'
        ),
    ),
    "a secret of Ebb's own name": (
        {"worker": {"secrets": {"EBB_X": "/a"}}},
        'ebb:worker.secrets.EBB_X: must have another name, those that start with EBB_ are Ebb\'s own, got "EBB_X".',
    ),
    "a variable whose value YAML reads as a number": (
        {"worker": {"environment": {"PORT": 8080}}},
        "ebb:worker.environment.PORT: must be text (in quotes, if it looks like a number, true or false), got 8080.",
    ),
    "a variable whose value YAML reads as true": (
        {"worker": {"environment": {"DEBUG": True}}},
        "ebb:worker.environment.DEBUG: must be text (in quotes, if it looks like a number, true or false), got true.",
    ),
    "a variable from two sources": (
        {"worker": {"environment": {"URL": "a"}, "secrets": {"URL": "/b"}}},
        'ebb:worker.environment.URL: a variable has one source, either environment or secrets, got "a".',
    ),
    "a quoted number": (
        {"scaling": {"max_tasks": "4"}},
        'ebb:scaling.max_tasks: must be a whole number (without quotes), got "4".',
    ),
    "a number that is none": (
        {"scaling": {"seconds_per_job": float("nan")}},
        "ebb:scaling.seconds_per_job: must be a finite number, got NaN.",
    ),
    "a number without end": (
        {"api": {"rate_limit": float("inf")}},
        "ebb:api.rate_limit: must be a finite number, got Infinity.",
    ),
    "a yes where true is meant": (
        {"queue": {"fifo": "yes"}},
        'ebb:queue.fifo: must be true or false (without quotes), got "yes".',
    ),
    "a choice that does not exist": (
        {"network": {"nat": "single"}},
        "ebb:network.nat: must be 'none', 'instance', 'gateway' or 'gateway_per_az', got \"single\".",
    ),
    "a KMS key by its alias": (
        {"queue": {"kms": "alias/jobs"}},
        'ebb:queue.kms: must be none, new or a KMS key\'s ARN, got "alias/jobs".',
    ),
    "a quota without API keys": (
        {"api": {"daily_quota": 1000}},
        "ebb:api.daily_quota: a quota meters API keys, so it needs auth: api_key, got 1000.",
    ),
    "a backoff above its cap": (
        {"worker": {"backoff_base": 60, "backoff_cap": 30}},
        "ebb:worker.backoff_base: must not exceed backoff_cap, which is 30, got 60.0.",
    ),
    "a job both ways": (
        {"worker": {"handler": "jobs.video:encode", "command": ["ffmpeg"]}},
        'ebb:worker.handler: a job is done by a handler or by a command, not by both, got "jobs.video:encode".',
    ),
    "a handler without its function": (
        {"worker": {"handler": "jobs.video"}},
        'ebb:worker.handler: must be module:function, such as worker.handler:handle, got "jobs.video".',
    ),
    "a command without a program": (
        {"worker": {"command": [""]}},
        'ebb:worker.command.0: must not be empty, got "".',
    ),
    "more jobs at once than a task can have": (
        {"worker": {"concurrency": 101}},
        "ebb:worker.concurrency: must be at most 100, got 101.",
    ),
    "a job longer than SQS lets a message be hidden": (
        {"worker": {"job_timeout": 43201}},
        "ebb:worker.job_timeout: must be at most 43200, got 43201.",
    ),
    "no protection and no limit to a job": (
        {"worker": {"protection": False}},
        (
            "ebb:worker.protection: only jobs that end within stop_timeout less its margin can do without it: needs a "
            "job_timeout of 110 seconds at the most, got false."
        ),
    ),
    "no protection for jobs that SIGTERM would cut off": (
        {"worker": {"protection": False, "stop_timeout": 10, "job_timeout": 6}},
        (
            "ebb:worker.protection: only jobs that end within stop_timeout less its margin can do without it: needs a "
            "job_timeout of 5 seconds at the most, got false."
        ),
    ),
    "bodies that SQS does not carry, without a bucket": (
        {"worker": {"max_body_bytes": 1_048_577}},
        "ebb:worker.max_body_bytes: SQS itself carries 1048576 bytes, more needs a payload_bucket, got 1048577.",
    ),
    "a bucket by its ARN": (
        {"worker": {"payload_bucket": "arn:aws:s3:::videos"}},
        (
            "ebb:worker.payload_bucket: must be an S3 bucket's name: 3 to 63 small letters, digits, - or ., "
            'got "arn:aws:s3:::videos".'
        ),
    ),
    "endpoints without ECS for a task that asks for protection": (
        {"network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs"]}},
        (
            "ebb:network.endpoints: tasks without NAT or public address have no way out but endpoints; missing: ecs, "
            'got ["ecr.api", "ecr.dkr", "logs", "sqs"].'
        ),
    ),
    "a section that is no mapping": (
        {"network": "none"},
        'ebb:network: must be a mapping, got "none".',
    ),
    "an empty statement": (
        {"worker": {"statements": [{"actions": [], "resources": ["*"]}]}},
        "ebb:worker.statements.0.actions: must not be empty, got [].",
    ),
    "a list of nothing but a wrong value, which is not an empty one": (
        {"worker": {"statements": [{"actions": ["s3:GetObject"], "resources": [""]}]}},
        'ebb:worker.statements.0.resources.0: must not be empty, got "".',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_in_one_sentence(case: str) -> None:
    raw, sentence = REFUSED[case]
    assert problems(raw) == [sentence]


@pytest.mark.parametrize(
    ("section", "field", "wrong"),
    [
        ("network", "nat_instance_type", "nano"),
        ("network", "vpc_id", "my-vpc"),
        ("api", "stage", "v1/run"),
        ("worker", "secrets_kms_key", "alias/aws/ssm"),
        ("worker", "permissions_boundary", "arn:aws:iam::123456789012:role/x"),
        ("worker", "cluster", "my cluster"),
    ],
)
def test_a_form_is_told_in_words_not_as_a_pattern(section: str, field: str, wrong: str) -> None:
    (sentence,) = problems({section: {field: wrong}})
    assert re.fullmatch(
        rf"ebb:{section}\.{field}: must be [^\\^$\[\]]+, got {re.escape(json.dumps(wrong))}\.", sentence
    )


def test_all_problems_of_a_file_are_told_together() -> None:
    told = problems(
        {
            "network": {"cidr": "10.0.0.0/30", "vpc_id": "vpc-0a"},
            "queue": {"visibility": 1, "fifo": True, "name": "jobs"},
            "worker": {
                "cpu": 256,
                "memory": 4096,
                "environment": {"1ST": "a", "API_TOKEN": "b", "EBB_X": "c", "PORT": 1, "URL": "d"},
                "secrets": {"URL": "/url"},
            },
            "scaling": {"min_tasks": 2, "steps": [{"lower": "one", "change": 1}]},
        }
    )
    assert {sentence.split(": ")[0] for sentence in told} == {
        "ebb:network.cidr",
        "ebb:network.vpc_id",
        "ebb:queue.visibility",
        "ebb:queue.name",
        "ebb:worker.environment.1ST",
        "ebb:worker.environment.API_TOKEN",
        "ebb:worker.environment.EBB_X",
        "ebb:worker.environment.PORT",
        "ebb:worker.environment.URL",
        "ebb:worker.memory",
        "ebb:scaling.min_tasks",
        "ebb:scaling.steps.0.lower",
    }
    assert len(told) == 12


def test_the_message_says_that_nothing_was_changed_and_then_each_problem() -> None:
    with pytest.raises(settings.SettingsError) as refused:
        settings.read({"scaling": {"max_tasks": 0}})
    assert str(refused.value) == (
        "The configuration was refused; nothing was changed.\nebb:scaling.max_tasks: must be at least 1, got 0."
    )


def test_a_misspelt_key_silences_the_rules_about_what_it_means() -> None:
    assert problems({"scaling": {"min_tasks": 2, "max_task": 4}}) == [
        "ebb:scaling.max_task: unknown key, the nearest known one is max_tasks, got 4."
    ]


def test_a_key_like_no_other_silences_nothing() -> None:
    assert len(problems({"scaling": {"min_tasks": 2, "zzz": 4}})) == 2


def test_a_credential_is_never_repeated() -> None:
    told = problems(
        {"worker": {"environment": {"API_TOKEN": 31337, "A_SECRET": "hunter2"}, "secrets": {"KEY": "hunter2 hunter2"}}}
    )
    assert len(told) == 4
    assert not any("31337" in sentence or "hunter2" in sentence for sentence in told)


@pytest.mark.parametrize(
    "raw",
    [
        {"worker": {"environment": ["DB_PASSWORD=hunter2"]}},
        {"worker": {"enviroment": {"DB_PASSWORD": "hunter2"}}},
        {"worker": {"env": ["URL=hunter2"]}},
        {"worker": {"db_password": "hunter2"}},
        {"workers": {"environment": {"DB_PASSWORD": "hunter2"}}},
    ],
)
def test_a_credential_in_the_wrong_place_is_not_repeated_either(raw: dict[str, Any]) -> None:
    (sentence,) = problems(raw)
    assert "hunter2" not in sentence


def test_a_long_value_is_cut() -> None:
    (sentence,) = problems({"api": {"stage": "x" * 500}})
    assert sentence.endswith("x….")
    assert len(sentence) < 200


def test_gaps_between_steps_are_allowed_and_mean_no_change() -> None:
    table = [{"upper": 0, "change": -1}, {"lower": 1, "upper": 10, "change": 1}, {"lower": 100, "change": 5}]
    assert [step.change for step in settings.read({"scaling": {"steps": table}}).scaling.steps] == [-1, 1, 5]


def test_a_table_as_long_as_a_step_policy_is_accepted() -> None:
    table = [{"lower": n, "upper": n + 1, "change": n} for n in range(1, 20)] + [{"lower": 20, "change": 20}]
    assert len(settings.read({"scaling": {"steps": table}}).scaling.steps) == 20


def test_a_stage_is_named_as_api_gateway_allows() -> None:
    assert settings.read({"api": {"stage": "v1-beta_2"}}).api.stage == "v1-beta_2"


def test_exec_warns_of_the_root_file_system_that_it_makes_writable() -> None:
    (warning,) = settings.warnings(settings.read({"worker": {"exec": True}}))
    assert warning.startswith("ebb:worker.exec: makes the root file system of every task writable")
    assert settings.warnings(settings.read({"worker": {"exec": True, "read_only_root": False}})) == []


def test_unprotected_tasks_need_no_way_to_ecs() -> None:
    worker = {"protection": False, "job_timeout": 110}
    read = settings.read({"network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs"]}, "worker": worker})
    assert not read.worker.protection


@pytest.mark.parametrize("stop_timeout", range(2, 121))
def test_settings_and_worker_agree_on_how_long_an_unprotected_job_may_take(stop_timeout: int) -> None:
    left = rules.drain(stop_timeout)
    for job_timeout in {max(1, int(left)), int(left) + 1}:
        section = {"protection": False, "stop_timeout": stop_timeout, "job_timeout": job_timeout}
        environment = {
            "EBB_QUEUE_URL": "https://sqs/jobs",
            "EBB_DEAD_LETTER_QUEUE_URL": "https://sqs/dead",
            "AWS_REGION": "us-east-1",
            "EBB_VISIBILITY_TIMEOUT": "30",
            "EBB_STOP_TIMEOUT": str(stop_timeout),
            "EBB_BACKOFF_BASE": "1",
            "EBB_BACKOFF_CAP": "1",
            "EBB_PROTECTION": "off",
            "EBB_JOB_TIMEOUT": str(job_timeout),
        }
        if job_timeout <= left:
            assert settings.read({"worker": section}).worker.job_timeout == config.read(environment).job_timeout
        else:
            assert len(problems({"worker": section})) == 1
            with pytest.raises(config.SettingsError, match="EBB_PROTECTION may be off only"):
                config.read(environment)


def test_the_worker_takes_what_the_settings_take_at_their_bounds() -> None:
    assert settings.read({}).worker.handler == config.HANDLER
    assert sections.SQS_BODY == config.SQS_BODY
    assert sections.MOST_BODY == config.MOST_BODY
    assert sections.MOST_CONCURRENCY == config.MOST_CONCURRENCY
    assert sections.LONGEST_JOB == config.MOST_VISIBILITY
    assert settings.read({"worker": {"once_days": 365}}).worker.once_days == config.MOST_ONCE / 86_400


@pytest.mark.parametrize(
    ("raw", "warning"),
    [
        (
            {"worker": {"once_days": 3}},
            "ebb:worker.once_days: a job that SQS delivers again after 3 days would run again",
        ),
        ({"worker": {"once_days": 4}}, None),
        (
            {"worker": {"payload_bucket": "bodies"}},
            "ebb:worker.payload_bucket: bodies of more than 1048576 bytes go to",
        ),
        ({"worker": {"payload_bucket": "bodies", "max_body_bytes": 10_000_000}}, None),
        (
            {"worker": {"payload_bucket": "bodies", "max_body_bytes": 300 * 2**20, "concurrency": 2}},
            "ebb:worker.memory: 2 bodies of max_body_bytes each do not fit into 512 MiB",
        ),
        ({"queue": {"fifo": True}, "worker": {"concurrency": 10}}, None),
    ],
)
def test_what_is_known_to_hurt_a_worker_draws_a_warning(raw: dict[str, Any], warning: str | None) -> None:
    found = settings.warnings(settings.read(raw))
    assert len(found) == (warning is not None)
    assert all(str(warning) in text for text in found)


def test_every_fargate_size_is_accepted_and_its_neighbours_are_not() -> None:
    for cpu, sizes in rules.FARGATE_MEMORY.items():
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
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:app", False),  # IAM would compare with the whole ARN
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


# stack files


@pytest.mark.parametrize("file", STACK_FILES, ids=lambda file: file.name)
def test_each_stack_file_is_valid(file: Path) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    assert settings.read(stacks.sections(document.get("config") or {}))


@pytest.mark.parametrize("name", sorted({*stacks.STACKS} - {"prod"}))
def test_a_stack_of_the_tests_draws_no_warning(name: str) -> None:
    assert settings.warnings(stacks.read(name)) == []


def test_the_production_stack_is_warned_that_a_new_account_may_not_run_so_many_tasks() -> None:
    (warning,) = settings.warnings(stacks.read("prod"))
    assert warning == (
        "ebb:scaling.max_tasks: 20 tasks of 2 vCPU are 40; a new account may run 6 on Fargate; have the quota raised "
        "(Service Quotas, L-3032A538)."
    )


def test_the_sandbox_stack_can_reach_no_real_account() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.sandbox.yaml").read_text())["config"]
    assert config["aws:allowedAccountIds"] == ["000000000000"]


def recipes() -> list[dict[str, Any]]:
    """The tables that stand commented at the end of shared.yaml."""
    lines = (stacks.FOLDER / "shared.yaml").read_text().splitlines()
    blocks = "\n".join(line[2:] if line.startswith("#  ") else "" for line in lines).split("\n\n")
    return [yaml.safe_load(block) for block in blocks if block.strip()]


def test_the_replaced_recipes_stand_commented_beside_it_and_draw_a_warning() -> None:
    by_cpu, by_table = (recipe["ebb:scaling"] for recipe in recipes())
    cpu = settings.read({"scaling": by_cpu})
    assert [step.model_dump() for step in cpu.scaling.steps] == [
        {"lower": None, "upper": 0.0, "change": 0},
        {"lower": 1.0, "upper": None, "change": 1},
    ]
    assert (cpu.scaling.cpu_threshold, cpu.scaling.cpu_minutes, cpu.scaling.scales_in_by) == (0.01, 3, "cpu")
    assert settings.warnings(cpu) == [
        (
            "ebb:scaling.scale_in cpu: an idle poller uses more CPU than 0.01 %, and CPU is not evidence of idleness "
            "(a job that waits for the network has none); use scale_in: queue."
        )
    ]
    table = settings.read({"scaling": by_table})
    assert (table.scaling.scales_in_by, table.scaling.cooldown) == ("steps", 300)
    assert settings.warnings(table) == [
        (
            "ebb:scaling.steps: rows that remove tasks see waiting messages only, so running jobs look like an empty "
            "queue; leave them out, and scale_in: queue counts jobs in flight too."
        )
    ]


def test_the_project_file_declares_each_section_and_makes_none_mandatory() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert declared["name"] == settings.PROJECT
    assert set(declared["config"]) == set(settings.Settings.model_fields)
    for section in declared["config"].values():
        assert (section["type"], section["default"]) == ("object", {})
        assert section["description"]


def test_load_reads_what_pulumi_hands_the_program_and_leaves_other_namespaces_alone() -> None:
    config = {"ebb:queue": '{"fifo": true}', "ebb:scaling": '{"max_tasks": 7}', "aws:region": "eu-west-1"}
    pulumi.runtime.set_all_config(config)
    try:
        read = settings.load()
    finally:
        pulumi.runtime.set_all_config({})
    assert (read.queue.fifo, read.scaling.max_tasks) == (True, 7)


def test_load_refuses_a_section_that_is_mere_text() -> None:
    pulumi.runtime.set_all_config({"ebb:queue": "fifo"})
    try:
        with pytest.raises(pulumi.RunError, match=r'ebb:queue: must be a mapping, got "fifo"\.'):
            settings.load()
    finally:
        pulumi.runtime.set_all_config({})


# anything at all

KNOWN_KEYS = sorted({key for model in (*settings.Section.__subclasses__(),) for key in model.model_fields})
keys = st.one_of(st.sampled_from(KNOWN_KEYS), st.text(max_size=8))
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["none", "new", "gateway", "cpu", "steps", "vpc-0a", KEY, "worker", "API_TOKEN"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


def sections_of(values_of: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    plausible = [
        st.dictionaries(st.sampled_from(sorted(model.annotation.model_fields)), values_of, max_size=5)  # type: ignore[union-attr]
        for model in settings.Settings.model_fields.values()
    ]
    return st.dictionaries(
        st.one_of(st.sampled_from(sorted(settings.Settings.model_fields)), st.text(max_size=6)),
        st.one_of(*plausible, values_of),
        max_size=4,
    )


@given(sections_of(values))
def test_whatever_the_file_holds_it_is_read_or_refused_with_sentences_that_name_field_and_value(
    raw: dict[str, Any],
) -> None:
    told: list[str] = []
    try:
        read = settings.read(raw)
        assert settings.read(json.loads(read.model_dump_json(exclude_unset=True))) == read
    except settings.SettingsError as refused:
        told = refused.problems
        assert told != []
    for sentence in told:
        assert re.fullmatch(r"ebb:.*: .+, got .+\.", sentence, re.DOTALL), sentence
        assert any(sentence.startswith((f"ebb:{section}:", f"ebb:{section}.")) for section in raw), sentence

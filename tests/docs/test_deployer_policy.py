"""The deployer's policy: real actions, for the services that the program uses, and all that the sandbox had to call."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.docs import policies

ROOT = Path(__file__).parents[2]
POLICY = policies.statements("deployer-policy")
ACTIONS = policies.actions(POLICY)
#: Calls of the sandbox for inputs that the program does not set, or that need no permission.
NOT_NEEDED = {
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
    "iam:DeleteInstanceProfile",
    "iam:GetInstanceProfile",
    "iam:RemoveRoleFromInstanceProfile",
    "logs:AssociateKmsKey",
    "logs:DisassociateKmsKey",
    "sts:GetCallerIdentity",
}
#: pulumi_aws's modules and the IAM prefixes of what the program uses of them.
PREFIXES = {
    "apigateway": "apigateway",
    "appautoscaling": "application-autoscaling",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "vpc": "ec2",
    "ecr": "ecr",
    "ecs": "ecs",
    "iam": "iam",
    "kms": "kms",
    "scheduler": "scheduler",
    "sfn": "states",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
}


SESSION: Any = boto3.Session(region_name="us-east-1")


def allowed(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in ACTIONS)


def used_modules() -> set[str]:
    sources = "\n".join(path.read_text() for path in (ROOT / "components").glob("*.py"))
    return set(re.findall(r"\baws\.([a-z0-9]+)\.[A-Z]", sources)) | {"ssm"}


def sandbox_calls() -> Iterator[tuple[str, str]]:
    """(service, Operation) where a resource table of the sandbox names the two side by side."""
    services = set(SESSION.get_available_services())
    for path in sorted((ROOT / "ebb/sandbox/provider/resources").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
            texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            for service, method in pairwise(texts):
                if service in services and isinstance(method, str) and re.fullmatch(r"[a-z0-9]+_[a-z0-9_]+", method):
                    mapping = SESSION.client(service).meta.method_to_api_mapping
                    if method in mapping:
                        yield str(service), mapping[method]


def test_each_action_is_one_that_aws_has() -> None:
    assert [action for action in ACTIONS if not policies.exists(action)] == []


def test_only_reading_is_allowed_by_a_wildcard() -> None:
    assert [action for action in ACTIONS if "*" in action] == ["ec2:Describe*"]


def test_the_services_are_those_that_the_program_and_its_state_use() -> None:
    used = {PREFIXES[module] for module in used_modules()}
    assert {action.split(":")[0] for action in ACTIONS} == used | {"s3", "kms", "logs", "ecr"}


def test_what_has_no_narrower_resource_is_at_least_in_one_region() -> None:
    for statement in POLICY:
        if statement["Resource"] == ["*"]:
            assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, statement["Sid"]


def test_roles_are_made_and_handed_on_only_under_the_program_s_names() -> None:
    sources = {path.stem: path.read_text() for path in (ROOT / "components").glob("*.py")}
    assert {name for name, text in sources.items() if "aws.iam.Role(" in text} == {"_iam"}
    making = {name for name, text in sources.items() if re.search(r"= (_iam\.)?role\(", text)}
    assert making == {"api", "service", "wake"}
    for statement in POLICY:
        if any(action.startswith("iam:") for action in statement["Action"]):
            for resource in statement["Resource"]:
                name = resource.removeprefix("arn:aws:iam::123456789012:role/")
                assert name in {"api-*", "wake-*", "worker-*", "aws-service-role/*"}


def test_services_may_get_the_roles_that_they_make_for_themselves() -> None:
    (statement,) = [entry for entry in POLICY if entry["Action"] == ["iam:CreateServiceLinkedRole"]]
    assert statement["Condition"]["StringEquals"]["iam:AWSServiceName"] == [
        "ecs.amazonaws.com",  # the first cluster
        "ecs.application-autoscaling.amazonaws.com",  # the first scalable target
        "events.amazonaws.com",  # the first alarm that acts on an instance, as the NAT instance's does (PutMetricAlarm)
        "ops.apigateway.amazonaws.com",  # the first API
    ]


def test_it_fits_into_a_role() -> None:
    document = (policies.DOCS / "deployer-policy.json").read_text()
    assert len(re.sub(r"\s", "", document)) <= 10_240  # characters (IAM quotas, inline policies of a role)


def test_there_are_calls_of_the_sandbox_to_compare_with() -> None:
    assert len(set(sandbox_calls())) >= 50


@pytest.mark.parametrize("call", sorted(set(sandbox_calls())), ids=":".join)
def test_what_the_sandbox_calls_to_deploy_the_program_is_allowed(call: tuple[str, str]) -> None:
    prefixes = {client: prefix for prefix, client in policies.CLIENTS.items()}
    action = ":".join((prefixes.get(call[0], call[0]), call[1]))
    # API Gateway's permissions are HTTP verbs on paths
    assert call[0] == "apigateway" or allowed(action) != (action in NOT_NEEDED)

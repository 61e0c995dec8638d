"""The policies in docs/: what they allow, and whether their actions exist."""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3

DOCS = Path(__file__).parents[2] / "docs"
#: Permissions that are no API operation of that name (service authorization reference).
NO_OPERATION = {"iam:PassRole", "kms:ReEncryptFrom", "kms:ReEncryptTo", "s3:ListBucket"}
#: boto3's names of services whose IAM prefix is another.
CLIENTS = {"states": "stepfunctions"}
SESSION: Any = boto3.Session(region_name="us-east-1")

Statement = dict[str, Any]


def statements(name: str) -> list[Statement]:
    """The statements of docs/<name>.json."""
    document = json.loads((DOCS / f"{name}.json").read_text())
    assert document["Version"] == "2012-10-17"
    found: list[Statement] = document["Statement"]
    assert {statement["Effect"] for statement in found} == {"Allow"}
    return found


def actions(policy: list[Statement]) -> list[str]:
    """Each action of each statement."""
    return [action for statement in policy for action in statement["Action"]]


def exists(action: str) -> bool:
    """Whether botocore's models have an operation for the action."""
    prefix, name = action.split(":")
    if prefix == "apigateway":  # its permissions are HTTP verbs on paths
        return name in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    known = SESSION.client(CLIENTS.get(prefix, prefix)).meta.service_model.operation_names
    return action in NO_OPERATION or any(fnmatchcase(operation, name) for operation in known)


def allows(policy: list[Statement], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a statement allows the call; `context` has the condition keys that the call comes with."""
    return any(
        any(fnmatchcase(action, pattern) for pattern in statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and all(context.get(key) == value for key, value in conditions(statement))
        for statement in policy
    )


def conditions(statement: Statement) -> Iterator[tuple[str, str]]:
    """Each condition key with its value."""
    for operator, pairs in statement.get("Condition", {}).items():
        assert re.fullmatch(r"(ForAnyValue:)?StringEquals", operator)
        yield from pairs.items()

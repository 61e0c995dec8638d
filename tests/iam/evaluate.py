"""What an IAM policy allows, and whether its actions exist."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import boto3

#: Permissions that are no API operation of that name (service authorization reference).
NO_OPERATION = {
    "budgets:ModifyBudget",
    "budgets:ViewBudget",
    "iam:PassRole",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "s3:ListBucket",
}
#: boto3's names of services whose IAM prefix is another.
CLIENTS = {"states": "stepfunctions"}
SESSION: Any = boto3.Session(region_name="us-east-1")

Document = Mapping[str, Any]


def actions(document: Document) -> set[str]:
    """Each action of each statement."""
    return {action for statement in document["Statement"] for action in statement["Action"]}


def exists(action: str) -> bool:
    """Whether botocore's models have an operation for the action."""
    prefix, name = action.split(":")
    if prefix == "apigateway":  # its permissions are HTTP verbs on paths, and two more for what is sensitive
        return name in {"GET", "POST", "PUT", "PATCH", "DELETE", "SetWebACL", "UpdateRestApiPolicy"}
    return action in NO_OPERATION or any(fnmatchcase(operation, name) for operation in _operations(prefix))


@cache
def _operations(prefix: str) -> tuple[str, ...]:
    return tuple(SESSION.client(CLIENTS.get(prefix, prefix)).meta.service_model.operation_names)


def allows(document: Document, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
    """Whether a statement allows the call; `context` has the condition keys that the call comes with."""
    return any(
        any(_matches(pattern, action) for pattern in statement["Action"])
        and any(_matches(pattern, resource) for pattern in statement["Resource"])
        and all((context or {}).get(key) in values for key, values in _conditions(statement))
        for statement in document["Statement"]
    )


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each condition key with its values."""
    for operator, pairs in statement.get("Condition", {}).items():
        assert operator in {"StringEquals", "ArnEquals", "ForAnyValue:StringEquals"}
        for key, value in pairs.items():
            yield key, [value] if isinstance(value, str) else list(value)

"""IAM policy documents."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

#: The policy language's version, not a date to update (IAM user guide, "Version").
VERSION = "2012-10-17"
Statement = Mapping[str, Any]


def allow(actions: Sequence[str], *resources: pulumi.Input[str], **more: Any) -> Statement:
    """A statement that allows the actions on the resources' ARNs; `more` adds elements such as Condition."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **more}


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """A policy's JSON; outputs may stand anywhere in the statements."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": list(statements)})


def trust(service: str, condition: Mapping[str, Any] | None = None) -> pulumi.Output[str]:
    """The trust policy of a role that an AWS service assumes, such as ecs-tasks.amazonaws.com."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if condition:
        statement["Condition"] = condition
    return document([statement])

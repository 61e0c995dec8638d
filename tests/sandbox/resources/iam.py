"""Policies of roles and resources."""

import json
from typing import Any

import pulumi


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str, resource: pulumi.Input[str], **more: Any) -> pulumi.Output[str]:
    statement = {"Effect": "Allow", "Action": [action], "Resource": resource, **more}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})

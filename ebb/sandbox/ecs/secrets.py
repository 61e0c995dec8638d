"""The values of a container definition's secrets, as ECS resolves them before a task starts."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

_SECRETS_MANAGER_PARTS = 7  # arn:aws:secretsmanager:region:account:secret:name, then json-key:version-stage:version-id


class SecretError(Exception):
    """A secret cannot be read. The text is the reason that ECS gives for the stopped task."""


def resolve(client: Callable[[str], Any], secrets: list[dict[str, str]]) -> dict[str, str]:
    """Variables with their values, from SSM parameters and Secrets Manager. Raises SecretError."""
    found = {}
    for secret in secrets:
        source = secret["valueFrom"]
        manager = ":secretsmanager:" in source
        try:
            found[secret["name"]] = _secret(client, source) if manager else _parameter(client, source)
        except (ClientError, KeyError, ValueError) as error:
            kind = "asm" if manager else "ssm"
            raise SecretError(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
                f"failed: unable to retrieve secret from {kind}: {secret['name']} from {source}: {error}"
            ) from error
    return found


def _parameter(client: Callable[[str], Any], source: str) -> str:
    name = source.partition(":parameter/")[2] or source
    if name != source and "/" in name:
        name = f"/{name}"  # an ARN does not have the leading slash of a name with levels
    return str(client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def _secret(client: Callable[[str], Any], source: str) -> str:
    parts = source.split(":")
    key, stage, version = [*parts[_SECRETS_MANAGER_PARTS:], "", "", ""][:3]
    wanted = {"VersionStage": stage, "VersionId": version}
    arn = ":".join(parts[:_SECRETS_MANAGER_PARTS])
    answer = client("secretsmanager").get_secret_value(
        SecretId=arn, **{name: value for name, value in wanted.items() if value}
    )
    return str(json.loads(answer["SecretString"])[key] if key else answer["SecretString"])

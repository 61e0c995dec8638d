"""The account of a stack's AWS provider."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.aws_clients import clients
from ebb.ops.stack import OpsError, provider_keys


def current(config: Mapping[str, Any], region: str) -> str:
    """The account's 12 digits. `config`: the stack's, by full key. Raises OpsError."""
    try:
        return str(clients(provider_keys(config), region)("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise OpsError(f"The account is unknown ({error}): name it with --account.") from None

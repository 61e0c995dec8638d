"""The account of a stack's AWS provider."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.aws_clients import clients
from ebb.ops.stack import OpsError


def current(config: Mapping[str, Any], region: str) -> str:
    """The account's 12 digits. `config`: the stack's, by full key. Raises OpsError."""
    provider = {key.removeprefix("aws:"): value for key, value in config.items() if key.startswith("aws:")}
    try:
        return str(clients(provider, region)("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise OpsError(f"The account is unknown ({error}): name it with --account.") from None

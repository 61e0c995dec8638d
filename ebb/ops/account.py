"""The account of the credentials in the environment."""

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ebb.ops.stack import OpsError


def current(region: str) -> str:
    """The account's 12 digits. Raises OpsError."""
    try:
        session: Any = boto3.Session(region_name=region)
        return str(session.client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise OpsError(f"The account is unknown ({error}): name it with --account.") from None

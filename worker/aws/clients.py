"""The worker's boto3 clients and their time-outs. boto3 is imported when the first client is made: it takes a while."""

from typing import TYPE_CHECKING, Any, Literal

from worker.core.lease import CONNECT_SECONDS, READ_SECONDS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

#: Time-outs for bodies in S3: to connect, and to wait for the next bytes.
S3_CONNECT_SECONDS = 5
S3_READ_SECONDS = 20


class ClientSetupError(Exception):
    """A client cannot be made (unknown profile, bad endpoint); the text is one sentence for the user."""


def sqs(region: str, *, connections: int, read_seconds: int = READ_SECONDS) -> "SQSClient":
    """A client that tries each call once. Raises ClientSetupError."""
    client: SQSClient = _single_try("sqs", region, connections, read_seconds)
    return client


def dynamodb(region: str, *, connections: int) -> "DynamoDBClient":
    """A client that tries each call once. Raises ClientSetupError."""
    client: DynamoDBClient = _single_try("dynamodb", region, connections, READ_SECONDS)
    return client


def s3(region: str | None) -> "S3Client":
    """A client that retries as boto3 does by default. Raises ClientSetupError."""
    client: S3Client = _client(
        "s3",
        region,
        connect_timeout=S3_CONNECT_SECONDS,
        read_timeout=S3_READ_SECONDS,
        tcp_keepalive=True,
    )
    return client


def _single_try(service: Literal["sqs", "dynamodb"], region: str, connections: int, read_seconds: int) -> Any:
    """The worker retries by itself: the lease limits the time for retries."""
    return _client(
        service,
        region,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
        parameter_validation=False,  # it takes a tenth of a call's time; mypy checks the same parameters
        max_pool_connections=connections,
    )


def _client(service: str, region: str | None, **options: Any) -> Any:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    create: Any = boto3.client  # all clients share boto3's default session, which holds several MiB
    try:
        return create(service, region_name=region, config=Config(**options))
    except (BotoCoreError, ValueError) as error:
        raise ClientSetupError(f"the {service} client cannot be made: {error}") from error

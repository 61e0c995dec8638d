"""The worker's own clients. botocore is imported when the first client is made: it takes a while.

The job's environment must not steer them: a region, a profile or a proxy there is for the job's own clients. So their
session reads neither botocore's environment variables nor its files. It has the task's role and what Ebb sets.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from worker.core.lease import CONNECT_SECONDS, READ_SECONDS

if TYPE_CHECKING:
    from botocore.session import Session
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

S3_CONNECT_SECONDS = 5
S3_READ_SECONDS = 20
S3_TRIES = 3
#: The address of an emulator that has all services. It accepts any credentials.
ENDPOINT_VARIABLE = "EBB_AWS_ENDPOINT_URL"
#: ECS sets one of them: the address of the task role's credentials (ECS developer guide, "Task IAM role").
ROLE_VARIABLES = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
ROLE_TOKEN_VARIABLES = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
#: botocore reads it in each new client, without a setting against it (botocore.httpsession).
KEY_LOG_VARIABLE = "SSLKEYLOGFILE"


class ClientSetupError(Exception):
    """A client cannot be made (bad endpoint, bad region); the text is one sentence for the user."""


class CredentialsError(ClientSetupError):
    """The endpoint of the task role's credentials does not answer, or answers with an error: it may later."""


def sqs(region: str | None, *, connections: int, read_seconds: int = READ_SECONDS) -> "SQSClient":
    """A client that tries each call once. Raises ClientSetupError."""
    client: SQSClient = _single_try("sqs", region, connections, read_seconds)
    return client


def dynamodb(region: str | None, *, connections: int) -> "DynamoDBClient":
    """A client that tries each call once. Raises ClientSetupError."""
    client: DynamoDBClient = _single_try("dynamodb", region, connections, READ_SECONDS)
    return client


def events(region: str | None, *, connections: int) -> Any:
    """A client that tries each call once. Raises ClientSetupError."""
    return _single_try("events", region, connections, READ_SECONDS)


def s3(region: str | None) -> "S3Client":
    """A client that retries. Raises ClientSetupError."""
    client: S3Client = _client(
        "s3",
        region,
        connect_timeout=S3_CONNECT_SECONDS,
        read_timeout=S3_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": S3_TRIES},
    )
    return client


def _single_try(
    service: Literal["sqs", "dynamodb", "events"], region: str | None, connections: int, read_seconds: int
) -> Any:
    """The worker retries by itself: the lease limits the time for retries."""
    return _client(
        service,
        region,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": 1},
        parameter_validation=False,  # it takes a tenth of a call's time; mypy checks the same parameters
        max_pool_connections=connections,
    )


def _client(service: str, region: str | None, **options: Any) -> Any:
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, CredentialRetrievalError  # noqa: PLC0415

    try:
        if not _in_task():  # on the user's own machine (`--once`): their configuration counts
            return _session().create_client(service, region, config=Config(tcp_keepalive=True, **options))
        with _without_key_log():
            return _session().create_client(
                service,
                region,
                endpoint_url=os.environ.get(ENDPOINT_VARIABLE) or None,
                verify=True,  # None would read a variable
                config=Config(tcp_keepalive=True, proxies={}, **options),  # proxies=None would read variables
            )
    except CredentialRetrievalError as error:
        raise CredentialsError(f"there are no credentials of the task's role: {error}") from error
    except (BotoCoreError, ValueError) as error:
        raise ClientSetupError(f"the {service} client cannot be made: {error}") from error


@contextmanager
def _without_key_log() -> Iterator[None]:
    """Hide the variable by which a new client writes the keys of its TLS connections into a file, or fails to."""
    file = os.environ.pop(KEY_LOG_VARIABLE, None)
    try:
        yield
    finally:
        if file is not None:
            os.environ[KEY_LOG_VARIABLE] = file


def _in_task() -> bool:
    return any(os.environ.get(name) for name in (ENDPOINT_VARIABLE, *ROLE_VARIABLES))


@functools.cache  # all clients share it: it holds several MiB
def _session() -> "Session":
    from botocore.configprovider import ConstantProvider  # noqa: PLC0415
    from botocore.credentials import ContainerProvider, CredentialResolver  # noqa: PLC0415
    from botocore.loaders import Loader  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    if not _in_task():
        return Session()
    # each variable of a session: its name in the configuration file, in the environment, its default, its type
    variables = {name: (None, None, default, kind) for name, (_, _, default, kind) in Session.SESSION_VARIABLES.items()}
    variables |= dict.fromkeys(("config_file", "credentials_file"), (None, None, None, None))
    variables["ignore_configured_endpoint_urls"] = (None, None, True, None)
    session = Session(session_vars=variables)
    session.get_component("config_store").set_config_provider(
        "s3", ConstantProvider({"us_east_1_regional_endpoint": "regional"})
    )
    models = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    session.register_component("data_loader", models)  # botocore's own, and none from the home folder
    if os.environ.get(ENDPOINT_VARIABLE):
        session.set_credentials("test", "test")
        return session
    role = {name: os.environ[name] for name in (*ROLE_VARIABLES, *ROLE_TOKEN_VARIABLES) if os.environ.get(name)}
    session.register_component("credential_provider", CredentialResolver([ContainerProvider(role)]))
    return session

"""What AWS and the connection refuse, as one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from ebb.ops.stack import OpsError

#: Error codes of credentials that AWS does not know or that have expired (each service's "Common errors").
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
#: Parts of the codes of what does not exist.
_MISSING = ("NotFound", "NonExistent", "DoesNotExist", "NotActive")
_SIGN_IN = "sign in, such as with `aws sso login`, or set AWS_PROFILE"


@contextmanager
def refusals() -> Iterator[None]:
    """Turns errors of AWS and of the connection into OpsError."""
    try:
        yield
    except ClientError as error:
        raise OpsError(_of_aws(error)) from None
    except (NoCredentialsError, PartialCredentialsError):
        raise OpsError(f"There are no AWS credentials: {_SIGN_IN}.") from None
    except (SSOError, TokenRetrievalError) as error:
        raise OpsError(f"The AWS credentials have expired ({error}): {_SIGN_IN}.") from None
    except NoRegionError:
        raise OpsError("There is no AWS region: set `aws:region` in the stack's file, or AWS_REGION.") from None
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise OpsError(f"AWS does not answer: check the network and the region. {error}") from None
    except (BotoCoreError, OSError, ValueError) as error:
        raise OpsError(f"The request to AWS failed: {error}") from None


def _of_aws(error: ClientError) -> str:
    said = error.response["Error"]
    code, message = said.get("Code", ""), said.get("Message", "")
    if code in _CREDENTIALS:
        return f"AWS does not accept the credentials ({code}): {_SIGN_IN}."
    sentence = f"AWS refused {error.operation_name}: {code}: {message}"
    if any(part in code for part in _MISSING):
        return f"{sentence.rstrip('.')}. Are these the account and the region of the stack?"
    return sentence

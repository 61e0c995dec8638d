"""Calls to the emulated account, checked against botocore's service models before they are sent."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ebb.sandbox.provider import documented_values
from ebb.sandbox.provider.shapes import RefusedError, convert, problems

#: Error codes for "does not exist": each service of AWS has its own.
_GONE = re.compile(r"NotFound|NoSuch|NonExistent|NotExist|ResourceNotFound|ClusterNotFound|InactiveService")


class Aws:
    """The account and the region; `client` returns the boto3 client of a service."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client: Callable[[str], Any] = lru_cache(maxsize=None)(client)

    @property
    def region(self) -> str:
        """The region's code."""
        return str(self.client("sts").meta.region_name)

    @property
    def account(self) -> str:
        """The 12 digits of the account."""
        return str(self.call("sts", "get_caller_identity")["Account"])

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a `resource` of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def check(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """`params` in AWS's spelling. Names may be Pulumi's, values may be unknown, None means not set.

        Raises RefusedError for a name or a value that the service's model does not have.
        """
        client = self.client(service)
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        shape, title = model.input_shape, f"{service} {operation}"
        if shape is None:
            return {}
        converted: dict[str, Any] = convert(shape, params, title)
        found = chain(problems(shape, converted), documented_values.problems(service, converted))
        if problem := next(found, None):
            raise RefusedError(f"{title}: {problem}")
        return converted

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """AWS's answer to `operation`; `params` as in `check`. Raises RefusedError with AWS's error message."""
        checked = self.check(service, operation, params)
        try:
            answer: dict[str, Any] = getattr(self.client(service), operation)(**checked)
        except ClientError as error:
            raise FailedError(service, operation, error) from error
        except BotoCoreError as error:
            raise RefusedError(f"{service} {operation}: {error}") from error
        return answer

    def find(self, service: str, operation: str, /, **params: Any) -> dict[str, Any] | None:
        """As `call`, but None when AWS answers that the resource does not exist."""
        try:
            return self.call(service, operation, **params)
        except FailedError as error:
            if error.gone:
                return None
            raise


class FailedError(RefusedError):
    """An error that AWS answered, with its code."""

    def __init__(self, service: str, operation: str, error: ClientError) -> None:
        self.code = str(error.response["Error"].get("Code", ""))
        message = str(error.response["Error"].get("Message", "")).strip() or self.code
        super().__init__(f"{service} {operation} answered {self.code}: {message}")

    @property
    def gone(self) -> bool:
        """Whether the error says that the resource does not exist."""
        return bool(_GONE.search(self.code))

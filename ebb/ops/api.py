"""A caller of a deployed stack's API, with the authorization that the stack asks for."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from components.aws_clients import Clients
from ebb.ops.stack import Stack
from ebb.sandbox.emulators.local_http import OPENER

#: API Gateway answers within 29 s.
TIMEOUT_SECONDS = 60
#: Statuses of a caller who may not send.
NOT_LET_IN = (401, 403)


class ShutError(Exception):
    """The API does not let this caller in; the text says why."""


@dataclass(frozen=True)
class Answer:
    """The API's answer: status, JSON, and the seconds after which it asks to be called again."""

    status: int
    body: Any
    retry_after: float | None = None

    @property
    def problem(self) -> str:
        """What is wrong, in the API's words."""
        said = self.body if isinstance(self.body, dict) else {}
        words = [str(said[name]) for name in ("title", "detail", "message") if said.get(name)]
        return ": ".join([str(self.status), *words])


class Api:
    """The API of one stack. Raises ShutError or an error of botocore if the caller has no key for it."""

    def __init__(self, stack: Stack, client: Clients) -> None:
        self._url, self._headers, self._signer = str(stack.api_url).rstrip("/"), {}, None
        self._opener = OPENER if stack.sandbox else urllib.request.build_opener()
        if stack.api_key_id:
            try:
                found = client("apigateway").get_api_key(apiKey=stack.api_key_id, includeValue=True)
            except ClientError as error:
                raise ShutError(f"its key cannot be read ({error.response['Error'].get('Code')})") from None
            self._headers = {"X-Api-Key": found["value"]}
        elif stack.api_auth != "none":  # an older stack does not say it, and a signature does no harm
            signer = client("apigateway")._request_signer
            self._signer = signer.get_auth_instance("execute-api", signer._region_name, "v4")

    def check(self) -> None:
        """Raises ShutError if a request would be refused. It sends no job."""
        try:
            answer = self.call("GET", "/jobs")  # 400 or 405: both come after the authorization
        except OSError as error:
            raise ShutError(f"it does not answer ({error})") from None
        if answer.status in NOT_LET_IN:
            raise ShutError(f"its answer is {answer.problem}")

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request; names of headers have `_` for `-`. Raises OSError without an answer."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = {"Content-Type": "application/json", **self._headers, **given}
        signed = AWSRequest(method, f"{self._url}{path}", headers=asked, data=body)
        if self._signer:
            self._signer.add_auth(signed)
        request = urllib.request.Request(  # noqa: S310 - the URL is the stack's
            f"{self._url}{path}", body, dict(signed.headers.items()), method=method
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(), error.headers)


def _answer(status: int, text: bytes, headers: Any) -> Answer:
    try:
        body = json.loads(text)
    except ValueError:
        body = {"detail": text.decode(errors="replace")[:200]}
    after = headers.get("Retry-After", "")
    return Answer(status, body, float(after) if after.isdigit() else None)

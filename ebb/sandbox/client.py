"""Sends jobs to the deployed API by real HTTP, as whoever uses it would."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, Literal

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

#: Seconds that the API may take; it answers in milliseconds.
TIMEOUT = 10
ACCEPTED = 202
#: A proxy of the user's must not come between us and this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RefusedError(Exception):
    """The API did not accept a job; the text has its status and answer."""


class Client:
    """Callers of one deployed API.

    `url` is the stage's, `auth` what the settings say, `region` the AWS region; with `api_key` the key itself is asked
    of API Gateway by `aws(service)` and the stack's `api_key_id`.
    """

    def __init__(
        self,
        url: str,
        auth: Literal["iam", "api_key", "none"],
        region: str,
        aws: Callable[[str], Any],
        api_key_id: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._auth, self._region = auth, region
        self._headers: dict[str, str] = {}
        if api_key_id:
            key = aws("apigateway").get_api_key(apiKey=api_key_id, includeValue=True)["value"]
            self._headers["x-api-key"] = key

    def post(self, job: dict[str, Any], **headers: str) -> str:
        """`POST /jobs`; the message's id. Raises RefusedError."""
        body = json.dumps(job).encode()
        return self._send("POST", f"{self.url}/jobs", body, {"Content-Type": "application/json", **headers})

    def get(self, message: str) -> str:
        """`GET /queue?message=…`; the message's id. Raises RefusedError."""
        query = urllib.parse.urlencode({"message": message}, quote_via=urllib.parse.quote)
        return self._send("GET", f"{self.url}/queue?{query}", None, {})

    def curl(self, job: dict[str, Any], **headers: str) -> str:
        """The command line that posts this job."""
        given = {"Content-Type": "application/json", **self._headers, **headers}
        parts = ["curl", "-X POST", *(f"-H '{name}: {value}'" for name, value in given.items())]
        if self._auth == "iam":
            parts.append(f"--aws-sigv4 aws:amz:{self._region}:execute-api --user test:test")
        return " ".join([*parts, f"-d '{json.dumps(job)}'", f"{self.url}/jobs"])

    def _send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> str:
        signed = AWSRequest(method, url, {**headers, **self._headers}, body)
        if self._auth == "iam":
            SigV4Auth(Credentials("test", "test"), "execute-api", self._region).add_auth(signed)
        request = urllib.request.Request(url, body, dict(signed.headers.items()), method=method)  # noqa: S310
        try:
            with _DIRECT.open(request, timeout=TIMEOUT) as response:
                status, answer = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read().decode()
        except OSError as error:
            raise RefusedError(f"{method} {url} had no answer: {error}.") from None
        if status != ACCEPTED:
            raise RefusedError(f"{method} {url} was answered {status}: {answer.strip()}.")
        return str(json.loads(answer)["messageId"])

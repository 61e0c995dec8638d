"""Sends jobs to the deployed API by real HTTP, as its users do."""

import json
import shlex
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ebb.errors import UserError
from ebb.sandbox.emulators.local_http import OPENER
from ebb.sandbox.emulators.region import Region
from settings import Settings

#: Seconds that the API may take. It answers in milliseconds, on a busy machine in seconds.
TIMEOUT_SECONDS = 60
ACCEPTED = 202


class NotAcceptedError(UserError):
    """The API did not accept a job. The text has its status and answer."""


class Answer(NamedTuple):
    """An answer of the API: its status and its JSON."""

    status: int
    body: Any


class Client:
    """A caller of one deployed API. `settings` are the stack's, `outputs` what it exports."""

    def __init__(self, region: Region, settings: Settings, outputs: dict[str, Any]) -> None:
        self.url: str = outputs["api_url"].rstrip("/")
        self._auth, self._fifo, self._region = settings.api.auth, settings.queue.fifo, region.region
        self._table = settings.jobs.table
        self._key = ""
        if key := outputs.get("api_key_id"):
            self._key = region.client("apigateway").get_api_key(apiKey=key, includeValue=True)["value"]

    def post(self, job: dict[str, Any]) -> str:
        """`POST /jobs`; the job's id, without a job table the message's. Raises NotAcceptedError."""
        return self._submit("POST", "/jobs", json.dumps(job).encode())

    def get(self, message: str) -> str:
        """`GET /queue?message=…`; the id as of `post`. Raises NotAcceptedError."""
        query = urllib.parse.urlencode({"message": message}, quote_via=urllib.parse.quote)
        return self._submit("GET", f"/queue?{query}", None)

    def ask(self, method: str, target: str) -> Answer:
        """Any request without a body, such as `GET /jobs/{id}`. Raises NotAcceptedError without an answer."""
        status, text = self._send(method, f"{self.url}{target}", None, self._headers(""))
        return Answer(status, json.loads(text))

    def curl(self, job: dict[str, Any]) -> str:
        """The shell command that posts this job, each time as another one."""
        parts = ["curl", *(f'-H "{name}: {value}"' for name, value in self._headers("job-$(date +%s%N)").items())]
        if self._auth == "iam":
            parts.append(f"--aws-sigv4 aws:amz:{self._region}:execute-api --user test:test")
        return " ".join([*parts, f"-d {shlex.quote(json.dumps(job))}", f"{self.url}/jobs"])

    def _headers(self, group: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["x-api-key"] = self._key
        if self._fifo:  # each job has another group, so that jobs do not wait for each other
            headers |= {"x-message-group-id": group}
            headers |= {"idempotency-key" if self._table else "x-message-deduplication-id": group}
        return headers

    def _submit(self, method: str, target: str, body: bytes | None) -> str:
        url = f"{self.url}{target}"
        status, answer = self._send(method, url, body, self._headers(str(uuid.uuid4())))
        if status != ACCEPTED:
            raise NotAcceptedError(f"{method} {url} was answered {status}: {answer.strip()}.")
        return str(json.loads(answer)["id" if self._table else "messageId"])

    def _send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        # SigV4Auth adds its headers to these
        signed = AWSRequest(method, url, headers=headers, data=body)
        if self._auth == "iam":
            SigV4Auth(Credentials("test", "test"), "execute-api", self._region).add_auth(signed)
        request = urllib.request.Request(url, body, dict(signed.headers.items()), method=method)  # noqa: S310
        try:
            with OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            raise NotAcceptedError(f"{method} {url} had no answer: {error}.") from None

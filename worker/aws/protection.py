"""ECS task protection: while it is on, neither scale-in nor a deployment stops this task.

The agent's endpoint: Amazon ECS developer guide, "Amazon ECS task scale-in protection endpoint".
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from worker.core.events import Denial, Protect, Protected

#: Time-out of one request; the agent itself waits four seconds for ECS.
TIMEOUT_SECONDS = 5
HTTP_TOO_MANY_REQUESTS = 429


class DeniedError(Exception):
    """ECS or its agent did not do what was asked; the text is one sentence."""

    def __init__(self, denial: Denial, text: str) -> None:
        super().__init__(text)
        self.denial = denial


class EcsAgent:
    """The ECS agent at `agent_uri`. The core knows whether protection is on."""

    def __init__(self, agent_uri: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._clock = f"{agent_uri}/task-protection/v1/state", clock
        # The agent's address is link-local, so a proxy of the environment must not be used.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def protect(self, protect: Protect) -> Protected:
        """Request or end protection, once: the core decides when to ask again."""
        wanted: dict[str, Any] = {"ProtectionEnabled": protect.minutes > 0}
        if protect.minutes:
            wanted["ExpiresInMinutes"] = protect.minutes
        asked_at = self._clock()
        try:
            self._put(wanted)
        except DeniedError as error:
            return Protected(protect, asked_at, error.denial, str(error))
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            text = f"the ECS agent at {self._url} does not answer: {error}"
            return Protected(protect, asked_at, Denial.UNAVAILABLE, text)
        return Protected(protect, asked_at)

    def check(self) -> None:
        """Show that the agent answers, and that the task's role may ask ECS. Nothing changes.

        A task without a service gets the answer TASK_NOT_VALID: ECS has been reached then too. Raises DeniedError,
        OSError or ValueError.
        """
        try:
            with self._open(self._url, timeout=TIMEOUT_SECONDS) as response:
                json.load(response)
        except urllib.error.HTTPError as error:
            raise DeniedError(Denial.REFUSED, f"the ECS agent refused: {_said(error)}") from error

    def _put(self, wanted: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - ECS sets the address, and its scheme is http
            self._url, json.dumps(wanted).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            text = _said(error)
            later = error.code >= 500 or error.code == HTTP_TOO_MANY_REQUESTS or "ThrottlingException" in text
            denial = Denial.UNAVAILABLE if later else Denial.REFUSED
            raise DeniedError(denial, f"the ECS agent {'cannot' if later else 'refused'}: {text}") from error
        # The status 200 alone does not mean success.
        if failure := answer.get("failure"):
            blocked = failure.get("Reason") == "DEPLOYMENT_BLOCKED"
            text = f"ECS refused: {failure.get('Reason')} {failure.get('Detail') or ''}".rstrip()
            raise DeniedError(Denial.BLOCKED if blocked else Denial.REFUSED, text)
        if (answer.get("protection") or {}).get("ProtectionEnabled") is not wanted["ProtectionEnabled"]:
            text = f"the ECS agent's answer does not confirm the request: {json.dumps(answer)}"
            raise DeniedError(Denial.REFUSED, text)


def _said(error: urllib.error.HTTPError) -> str:
    return f"{error.code} {error.read().decode(errors='replace')}"

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
#: A request is tried again when the agent does not answer, or ECS cannot.
MAX_TRIES = 3
PAUSE_SECONDS = 1.0
HTTP_TOO_MANY_REQUESTS = 429


class _DeniedError(Exception):
    def __init__(self, denial: Denial, text: str) -> None:
        super().__init__(text)
        self.denial = denial


class EcsAgent:
    """The ECS agent at `agent_uri`. The core knows whether protection is on."""

    def __init__(
        self,
        agent_uri: str,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{agent_uri}/task-protection/v1/state"
        self._sleep, self._clock = sleep, clock
        # The agent's address is link-local, so a proxy of the environment must not be used.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def protect(self, protect: Protect) -> Protected:
        """Request or end protection; at most MAX_TRIES tries, with their time-outs and pauses."""
        wanted: dict[str, Any] = {"ProtectionEnabled": protect.minutes > 0}
        if protect.minutes:
            wanted["ExpiresInMinutes"] = protect.minutes
        problem: Exception | None = None
        for attempt in range(MAX_TRIES):
            if attempt:
                self._sleep(PAUSE_SECONDS)
            asked_at = self._clock()
            try:
                self._put(wanted)
            except _DeniedError as error:
                return Protected(protect, asked_at, error.denial, str(error))
            except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
                problem = error
            else:
                return Protected(protect, asked_at)
        text = f"the ECS agent at {self._url} does not answer: {problem}"
        return Protected(protect, asked_at, Denial.REFUSED, text)

    def _put(self, wanted: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - ECS sets the address, and its scheme is http
            self._url, json.dumps(wanted).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            text = f"{error.code} {error.read().decode(errors='replace')}"
            if error.code >= 500 or error.code == HTTP_TOO_MANY_REQUESTS or "ThrottlingException" in text:
                raise OSError(text) from error
            raise _DeniedError(Denial.REFUSED, f"the ECS agent refused: {text}") from error
        # The status 200 alone does not mean success.
        if failure := answer.get("failure"):
            blocked = failure.get("Reason") == "DEPLOYMENT_BLOCKED"
            text = f"ECS refused: {failure.get('Reason')} {failure.get('Detail') or ''}".rstrip()
            raise _DeniedError(Denial.BLOCKED if blocked else Denial.REFUSED, text)
        if (answer.get("protection") or {}).get("ProtectionEnabled") is not wanted["ProtectionEnabled"]:
            text = f"the ECS agent's answer does not confirm the request: {json.dumps(answer)}"
            raise _DeniedError(Denial.REFUSED, text)

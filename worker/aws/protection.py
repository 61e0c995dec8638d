"""ECS task protection: while it is on, scale-in and deployments leave this task alone.

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

#: Seconds for one answer: the agent itself gives ECS four.
TIMEOUT = 5
#: Tries of a call that found no agent or an ECS that could not answer, and the seconds between them.
TRIES, PAUSE = 3, 1.0
#: HTTP status of an agent that is asked too often.
TOO_MANY = 429


class _DeniedError(Exception):
    def __init__(self, denial: Denial, text: str) -> None:
        super().__init__(text)
        self.denial = denial


class Protection:
    """The task's protection, as the ECS agent at `agent_uri` gives it. What is on until when, the core knows."""

    def __init__(
        self,
        agent_uri: str,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{agent_uri}/task-protection/v1/state"
        self._sleep, self._clock = sleep, clock
        # The agent's address is link-local: a proxy in the environment is not for it.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def ask(self, protect: Protect) -> Protected:
        """Ask for it, TRIES times where that may help, for TRIES * TIMEOUT seconds and the pauses at the most."""
        wish: dict[str, Any] = {"ProtectionEnabled": protect.minutes > 0}
        if protect.minutes:
            wish["ExpiresInMinutes"] = protect.minutes
        trouble: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                self._sleep(PAUSE)
            asked_at = self._clock()
            try:
                self._put(wish)
            except _DeniedError as error:
                return Protected(protect, asked_at, error.denial, str(error))
            except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
                trouble = error
            else:
                return Protected(protect, asked_at)
        text = f"the ECS agent at {self._url} does not answer: {trouble}"
        return Protected(protect, asked_at, Denial.REFUSED, text)

    def _put(self, wish: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - the agent gives its own address, and it is http
            self._url, json.dumps(wish).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        try:
            with self._open(request, timeout=TIMEOUT) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            text = f"{error.code} {error.read().decode(errors='replace')}"
            if error.code >= 500 or error.code == TOO_MANY or "ThrottlingException" in text:
                raise OSError(text) from error
            raise _DeniedError(Denial.REFUSED, f"the ECS agent refused it: {text}") from error
        # 200 does not mean yes.
        if failure := answer.get("failure"):
            blocked = failure.get("Reason") == "DEPLOYMENT_BLOCKED"
            text = f"ECS refused it: {failure.get('Reason')} {failure.get('Detail') or ''}".rstrip()
            raise _DeniedError(Denial.BLOCKED if blocked else Denial.REFUSED, text)
        if (answer.get("protection") or {}).get("ProtectionEnabled") is not wish["ProtectionEnabled"]:
            text = f"the ECS agent's answer does not say that it is done: {json.dumps(answer)}"
            raise _DeniedError(Denial.REFUSED, text)

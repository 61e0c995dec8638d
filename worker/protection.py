"""ECS task protection: while it is on, scale-in and deployments leave this task alone.

The agent's endpoint: Amazon ECS developer guide, "Amazon ECS task scale-in protection endpoint".
"""

import http.client
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from worker import logs

#: Minutes of protection asked for (1-2880): a job that begins with the least left must fit, and a job has 12 hours.
EXPIRES_IN, LEAST_LEFT = 1440, 725
#: Seconds for one answer: the agent itself gives ECS four.
TIMEOUT = 5
#: Tries of a call that found no agent or an ECS that could not answer, and the seconds between them.
TRIES, PAUSE = 3, 1.0


class ProtectionError(Exception):
    """The task cannot be protected; the text says why."""


class BlockedError(ProtectionError):
    """A deployment or scale-in is on its way and has no room for another protected task: this one has to go."""


class Protection:
    """The task's protection, asked for only when it has to change. Without an agent (not on ECS) there is none."""

    def __init__(
        self,
        agent_uri: str | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url = agent_uri and f"{agent_uri}/task-protection/v1/state"
        self._clock, self._sleep = clock, sleep
        # The agent's address is link-local: a proxy in the environment is not for it.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        self._expires = 0.0

    @property
    def on(self) -> bool:
        """Whether the task is protected, as far as we asked for it."""
        return self._expires > 0

    def prove(self) -> None:
        """Show, before any job is taken, that protection can be had; raises ProtectionError when not."""
        if self._url:
            self._put({"ProtectionEnabled": False})
        else:
            logs.event("no_protection", reason="ECS_AGENT_URI is not set: this is not an ECS task")

    def protect(self) -> None:
        """Protect a job of 12 hours that begins now to its end; raises ProtectionError, or BlockedError among them."""
        asked_at = self._clock()
        if self._url and self._expires - asked_at < LEAST_LEFT * 60:
            self._put({"ProtectionEnabled": True, "ExpiresInMinutes": EXPIRES_IN})
            self._expires = asked_at + EXPIRES_IN * 60

    def release(self) -> None:
        """Give the protection back, if there is any. When that fails the next call tries again."""
        if self.on:
            try:
                self._put({"ProtectionEnabled": False})
                self._expires = 0.0
            except ProtectionError as error:
                logs.event("release_failed", logging.WARNING, error=str(error))

    def _put(self, wish: dict[str, Any]) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                return self._ask(wish)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if attempt == TRIES:
                    raise ProtectionError(f"the ECS agent at {self._url} does not answer: {error}") from error
                self._sleep(PAUSE)
        return None

    def _ask(self, wish: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - the agent gives its own address, and it is http
            str(self._url), json.dumps(wish).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        try:
            with self._open(request, timeout=TIMEOUT) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            text = f"{error.code} {error.read().decode(errors='replace')}"
            if error.code >= 500 or "ThrottlingException" in text:
                raise OSError(text) from error
            raise ProtectionError(f"the ECS agent refused it: {text}") from error
        # 200 does not mean yes.
        if failure := answer.get("failure"):
            kind = BlockedError if failure.get("Reason") == "DEPLOYMENT_BLOCKED" else ProtectionError
            raise kind(f"ECS refused it: {failure.get('Reason')} {failure.get('Detail') or ''}".rstrip())
        if answer.get("protection", {}).get("ProtectionEnabled") is not wish["ProtectionEnabled"]:
            raise ProtectionError(f"the ECS agent's answer does not say that it is done: {json.dumps(answer)}")

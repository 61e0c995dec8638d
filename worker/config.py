"""The worker's settings: its environment, read once. What is wrong with it is reported together, in one sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: Seconds that a receive waits at the most (SQS API, ReceiveMessage).
LONGEST_WAIT = 20
#: Seconds of visibility at the least: above a receive's read time-out, or a receive could outlive its own message.
LEAST_VISIBILITY = 30
#: Seconds of visibility at the most (SQS API, ChangeMessageVisibility).
MOST_VISIBILITY = 43_200
#: Seconds of stopTimeout at the most on Fargate (ECS API, ContainerDefinition).
MOST_STOP_TIMEOUT = 120
#: Seconds of stopTimeout kept for stopping the child and giving its message back.
STOP_MARGIN = 10
#: Seconds that a child has between SIGTERM and SIGKILL.
GRACE = 2


class SettingsError(Exception):
    """The environment cannot be worked with; the text is one sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The worker's settings; times in seconds."""

    queue_url: str
    region: str
    visibility_timeout: int
    stop_timeout: int
    backoff_base: float
    backoff_cap: float
    #: Where the ECS agent answers; None outside ECS.
    agent_uri: str | None = None

    @property
    def drain(self) -> float:
        """How long a job may go on after SIGTERM."""
        return self.stop_timeout - min(STOP_MARGIN, self.stop_timeout / 2)

    @property
    def grace(self) -> float:
        """How long the child has between SIGTERM and SIGKILL."""
        return min(GRACE, (self.stop_timeout - self.drain) / 2)

    @property
    def wait(self) -> int:
        """How long a receive waits: one in flight at SIGTERM must end while there is time to give its message back."""
        return min(LONGEST_WAIT, max(1, int(self.drain)))


def read(environment: Mapping[str, str]) -> Config:
    """The settings in these environment variables; raises SettingsError with all that is wrong."""
    problems: list[str] = []

    def text(name: str) -> str:
        if not environment.get(name):
            problems.append(f"{name} must be set")
        return environment.get(name, "")

    def number(name: str, least: float, most: float, *, whole: bool) -> float:
        value = text(name)
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if value and not (least <= parsed <= most and (not whole or parsed.is_integer())):
            kind = "a whole number" if whole else "a number"
            problems.append(f"{name} must be {kind} of seconds from {least} to {most}, not {value!r}")
        return parsed

    queue_url = text("EBB_QUEUE_URL")
    if queue_url and not queue_url.startswith(("https://", "http://")):
        problems.append(f"EBB_QUEUE_URL must be a queue's URL, not {queue_url!r}")
    region = text("AWS_REGION")
    visibility = number("EBB_VISIBILITY_TIMEOUT", 0, MOST_VISIBILITY, whole=True)
    stop_timeout = number("EBB_STOP_TIMEOUT", 2, MOST_STOP_TIMEOUT, whole=True)
    base = number("EBB_BACKOFF_BASE", 0, MOST_VISIBILITY, whole=False)
    cap = number("EBB_BACKOFF_CAP", 0, MOST_VISIBILITY, whole=False)
    if problems:
        raise SettingsError("; ".join(problems) + ".")
    return Config(
        queue_url=queue_url,
        region=region,
        visibility_timeout=max(LEAST_VISIBILITY, int(visibility)),
        stop_timeout=int(stop_timeout),
        backoff_base=base,
        backoff_cap=cap,
        agent_uri=environment.get("ECS_AGENT_URI") or None,
    )

"""The worker's settings: its environment, read once. What is wrong with it is reported together, in one sentence."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Seconds that a receive waits at the most (SQS API, ReceiveMessage).
LONGEST_WAIT = 20
#: Seconds of visibility at the least: above a receive's read time-out, or a receive could outlive its own message.
LEAST_VISIBILITY = 30
#: Seconds of visibility at the most, and of a message's life from its receive (SQS API, ChangeMessageVisibility).
MOST_VISIBILITY = 43_200
#: Seconds of stopTimeout at the most on Fargate (ECS API, ContainerDefinition).
MOST_STOP_TIMEOUT = 120
#: Seconds of stopTimeout kept for stopping the children and giving their messages back.
STOP_MARGIN = 10
#: Seconds that a child has between SIGTERM and SIGKILL.
GRACE = 2
#: Jobs at once at the most: each is a process, and the parent gives each a thread.
MOST_CONCURRENCY = 100
#: Bytes of a body that SQS itself can carry (SQS quotas, "Message size").
SQS_BODY = 1_048_576
#: Bytes of an S3 object at the most that can be put at once (S3 user guide, "Uploading objects").
MOST_BODY = 5 * 2**30
#: Seconds in a year: longer than any queue keeps a message, with redrives.
MOST_ONCE = 31_536_000
HANDLER = "worker.handler:handle"
#: A queue's URL, and what may be a region's name: botocore makes a host's name of it.
URL = re.compile(r"https?://[^\s/]+/\S+")
REGION = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")


class SettingsError(Exception):
    """The environment cannot be worked with; the text is one sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The worker's settings; times in seconds."""

    queue_url: str
    dead_letter_url: str
    region: str
    visibility_timeout: int
    stop_timeout: int
    backoff_base: float
    backoff_cap: float
    #: Jobs at once.
    concurrency: int = 1
    #: `module:function`; without a command.
    handler: str = HANDLER
    #: The program that does a job, and its arguments.
    command: tuple[str, ...] = ()
    #: Seconds after which a job is stopped; without it, SQS's 12 hours are the end.
    job_timeout: int | None = None
    #: Whether the task is protected from scale-in and deployments while it works.
    protection: bool = True
    #: Where the ECS agent answers; None outside ECS.
    agent_uri: str | None = None
    max_body_bytes: int = SQS_BODY
    #: The S3 bucket that bodies too long for SQS lie in; None: there are no such bodies.
    payload_bucket: str | None = None
    #: The idempotency store's DynamoDB table; None: a job may be done again.
    once_table: str | None = None
    #: Seconds that a finished job is remembered.
    once_seconds: int = 0
    #: Whether metrics are written into the log, in CloudWatch's embedded metric format.
    metrics: bool = False
    #: The file whose age tells the container's health check that the worker is stuck.
    health_file: str | None = None

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps order within message groups."""
        return self.queue_url.endswith(".fifo")

    @property
    def drain(self) -> float:
        """How long a job may go on after SIGTERM."""
        return self.stop_timeout - min(STOP_MARGIN, self.stop_timeout / 2)

    @property
    def grace(self) -> float:
        """How long a child has between SIGTERM and SIGKILL."""
        return min(GRACE, (self.stop_timeout - self.drain) / 4)

    @property
    def wait(self) -> int:
        """How long a receive waits: one in flight at SIGTERM must end while there is time to give its messages back,
        and a lease, which counts from before the receive, must have most of its time left when the messages come."""
        return min(LONGEST_WAIT, max(1, int(self.drain)), self.visibility_timeout // 3)

    @property
    def longest_job(self) -> int:
        """Seconds that a job may take."""
        return self.job_timeout or MOST_VISIBILITY


def read(environment: Mapping[str, str]) -> Config:
    """The settings in these environment variables; raises SettingsError with all that is wrong."""
    reader = _Reader(environment)
    config = Config(
        queue_url=reader.url("EBB_QUEUE_URL"),
        dead_letter_url=reader.url("EBB_DEAD_LETTER_QUEUE_URL"),
        region=reader.region("AWS_REGION"),
        visibility_timeout=max(LEAST_VISIBILITY, int(reader.number("EBB_VISIBILITY_TIMEOUT", 0, MOST_VISIBILITY))),
        stop_timeout=int(reader.number("EBB_STOP_TIMEOUT", 2, MOST_STOP_TIMEOUT)),
        backoff_base=reader.number("EBB_BACKOFF_BASE", 0, MOST_VISIBILITY, whole=False),
        backoff_cap=reader.number("EBB_BACKOFF_CAP", 0, MOST_VISIBILITY, whole=False),
        concurrency=int(reader.number("EBB_CONCURRENCY", 1, MOST_CONCURRENCY, "jobs", default=1)),
        handler=reader.handler("EBB_HANDLER"),
        command=reader.command("EBB_COMMAND"),
        job_timeout=int(reader.number("EBB_JOB_TIMEOUT", 0, MOST_VISIBILITY, default=0)) or None,
        protection=reader.switch("EBB_PROTECTION", default=True),
        agent_uri=environment.get("ECS_AGENT_URI") or None,
        max_body_bytes=int(reader.number("EBB_MAX_BODY_BYTES", 1, MOST_BODY, "bytes", default=SQS_BODY)),
        payload_bucket=environment.get("EBB_PAYLOAD_BUCKET") or None,
        once_table=environment.get("EBB_ONCE_TABLE") or None,
        once_seconds=int(reader.number("EBB_ONCE_SECONDS", 1, MOST_ONCE, default=MOST_ONCE)),
        metrics=reader.switch("EBB_METRICS", default=False),
        health_file=environment.get("EBB_HEALTH_FILE") or None,
    )
    if environment.get("EBB_HANDLER") and environment.get("EBB_COMMAND"):
        reader.problems.append("EBB_HANDLER and EBB_COMMAND exclude each other: a job is done by one of them")
    if not reader.problems:  # what follows compares values that are each right
        if config.queue_url == config.dead_letter_url:
            reader.problems.append("EBB_DEAD_LETTER_QUEUE_URL must be another queue's URL than EBB_QUEUE_URL")
        if config.backoff_base > config.backoff_cap:
            reader.problems.append(
                f"EBB_BACKOFF_BASE must not exceed EBB_BACKOFF_CAP, which is {config.backoff_cap:g}, "
                f"but is {config.backoff_base:g}"
            )
        if not config.protection and not (config.job_timeout and config.job_timeout <= config.drain):
            given = f"is {config.job_timeout}" if config.job_timeout else "is not set"
            reader.problems.append(
                "EBB_PROTECTION may be off only when EBB_JOB_TIMEOUT lets a job end within "
                f"EBB_STOP_TIMEOUT less its margin, {config.drain:g} seconds, but it {given}"
            )
    if reader.problems:
        raise SettingsError("; ".join(reader.problems) + ".")
    return config


class _Reader:
    """Reads one variable after the other, and collects what is wrong."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            self.problems.append(f"{name} must be set")
        return value

    def url(self, name: str) -> str:
        value = self.text(name)
        if value and not URL.fullmatch(value):
            self.problems.append(f"{name} must be a queue's URL, not {value!r}")
        return value

    def region(self, name: str) -> str:
        value = self.text(name)
        if value and not REGION.fullmatch(value):
            self.problems.append(f"{name} must be a region's name, not {value!r}")
        return value

    def number(
        self,
        name: str,
        least: float,
        most: float,
        unit: str = "seconds",
        *,
        whole: bool = True,
        default: float | None = None,
    ) -> float:
        value = self._environment.get(name, "") if default is not None else self.text(name)
        if not value:
            return least if default is None else default
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if least <= parsed <= most and (not whole or parsed.is_integer()):
            return parsed
        kind = "a whole number" if whole else "a number"
        self.problems.append(f"{name} must be {kind} of {unit} from {least} to {most}, not {value!r}")
        return least

    def switch(self, name: str, *, default: bool) -> bool:
        value = self._environment.get(name) or ("on" if default else "off")
        if value not in {"on", "off"}:
            self.problems.append(f"{name} must be on or off, not {value!r}")
        return value == "on"

    def handler(self, name: str) -> str:
        value = self._environment.get(name) or HANDLER
        module, _, function = value.partition(":")
        if not all(part.isidentifier() for part in [*module.split("."), function]):
            self.problems.append(f"{name} must be module:function, not {value!r}")
        return value

    def command(self, name: str) -> tuple[str, ...]:
        value = self._environment.get(name)
        if not value:
            return ()
        try:
            words = json.loads(value)
        except (ValueError, RecursionError):
            words = None
        proper = isinstance(words, list) and all(isinstance(word, str) and "\0" not in word for word in words)
        if not (proper and words and words[0]):
            self.problems.append(f"{name} must be a JSON list of a program and its arguments, not {value!r}")
            return ()
        return tuple(words)

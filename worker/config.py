"""The worker's settings: its environment variables, read once. All problems are reported together, in one sentence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.variables import DEFAULT_HANDLER, Reader

#: Maximum seconds that a receive waits for messages (SQS API, ReceiveMessage).
MAX_WAIT_SECONDS = 20
#: Above a receive's read time-out: otherwise its messages could be visible again before it is answered.
MIN_VISIBILITY_SECONDS = 30
#: Maximum visibility timeout, and maximum time from a receive to the end of its visibility
#: (SQS API, ChangeMessageVisibility).
MAX_VISIBILITY_SECONDS = 43_200
#: The worker extends its leases, so a long one has no use: it only delays the job after a worker was killed.
MAX_LEASE_SECONDS = 300
#: Maximum stopTimeout on Fargate (ECS API, ContainerDefinition).
MAX_STOP_TIMEOUT_SECONDS = 120
#: The part of stopTimeout in which the worker gives back the messages of the jobs that it stopped.
GIVE_BACK_SECONDS = 8
#: Time between SIGTERM and SIGKILL: the default for a job, and for children that have none to save.
GRACE_SECONDS = 2
#: With the calls about its message this fits into the protection's margin (core/protection.py).
MAX_GRACE_SECONDS = 50
START_TIMEOUT_SECONDS = 300
MAX_START_TIMEOUT_SECONDS = 3600
MAX_JOBS_PER_CHILD = 1_000_000
#: Each job is a process, and the parent gives each a thread.
MAX_CONCURRENCY = 100
#: Maximum body of an SQS message (SQS quotas, "Message size").
SQS_BODY_BYTES = 1_048_576
#: Maximum S3 object of one PUT (S3 user guide, "Uploading objects").
MAX_BODY_BYTES = 5 * 2**30
#: A year: no queue keeps a message longer, redrives included.
MAX_KEEP_SECONDS = 31_536_000
#: 14 days, and receives of a message (SQS API, SetQueueAttributes).
MAX_RETENTION_SECONDS = 1_209_600
MAX_RECEIVE_COUNT = 1000
#: Above the sandbox's own limit.
MAX_SPEED = 10_000


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """What a child process needs to run jobs."""

    #: `module:function`; not used when there is a command.
    handler: str = DEFAULT_HANDLER
    command: tuple[str, ...] = ()
    max_body_bytes: int = SQS_BODY_BYTES
    #: The S3 bucket of bodies that are too long for SQS; None: there are no such bodies.
    payload_bucket: str | None = None
    #: A child is replaced after so many jobs; None: it stays.
    max_jobs_per_child: int | None = None
    #: The queue's region; None: boto3 finds the region.
    region: str | None


@dataclass(frozen=True, kw_only=True)
class Config(JobConfig):
    """The worker's settings; times in seconds."""

    queue_url: str
    dead_letter_url: str
    visibility_timeout: int
    stop_timeout: int
    backoff_base: float
    backoff_cap: float
    #: Time between SIGTERM and SIGKILL for a job; less (`grace`) if the stop timeout is short.
    max_grace: float = GRACE_SECONDS
    concurrency: int = 1
    job_timeout: int | None = None
    #: Maximum time of a child to import the handler. A worker that cannot begin leaves after so long.
    start_timeout: int = START_TIMEOUT_SECONDS
    protection: bool = True
    agent_uri: str | None = None
    #: The job table (DynamoDB); None: a redelivered job may run again.
    job_table: str | None = None
    #: How long the table keeps a job after its end, and how long the queue keeps one before.
    keep_seconds: int = 0
    retention_seconds: int = MAX_RETENTION_SECONDS
    #: Receives after which SQS moves a message to the dead-letter queue; None: not known.
    max_receive_count: int | None = None
    #: Whether EventBridge is notified when a job has ended.
    events: bool = False
    #: Whether metrics are written to the log, in CloudWatch's embedded metric format.
    metrics: bool = False
    #: The container's health check fails when this file gets old.
    health_file: str | None = None
    #: Simulated seconds in a real one, in a sandbox: the periods around protection are so much shorter.
    speed: float = 1.0

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps the order within each message group."""
        return self.queue_url.endswith(".fifo")

    @property
    def lease(self) -> int:
        """The visibility timeout of a receive and of an extension."""
        return min(self.visibility_timeout, MAX_LEASE_SECONDS)

    @property
    def drain(self) -> float:
        """How long a job may continue after SIGTERM."""
        return self.stop_timeout - min(self.max_grace + GIVE_BACK_SECONDS, self.stop_timeout / 2)

    @property
    def grace(self) -> float:
        """Time between SIGTERM and SIGKILL for a job."""
        margin = self.stop_timeout - self.drain
        return min(self.max_grace, max(margin - GIVE_BACK_SECONDS, margin / 4))

    @property
    def short_grace(self) -> float:
        """The same for a job whose lease ends, and for a child without a job."""
        return min(self.grace, GRACE_SECONDS)

    @property
    def wait(self) -> int:
        """How long a receive waits for messages.

        A receive that is in flight at SIGTERM must end while there is time to give its messages back. A lease starts
        before the receive, so most of it must be left when the messages arrive.
        """
        return min(MAX_WAIT_SECONDS, max(1, int(self.drain)), self.lease // 3)

    @property
    def max_job_seconds(self) -> int:
        """Maximum duration of one job."""
        return self.job_timeout or MAX_VISIBILITY_SECONDS


def read_job(environment: Mapping[str, str]) -> JobConfig:
    """The settings for one job. Raises ConfigError with all problems."""
    reader = Reader(environment)
    config = JobConfig(**_job_settings(reader), region=reader.region(environment.get("EBB_QUEUE_URL", "")))
    reader.check()
    return config


def read(environment: Mapping[str, str]) -> Config:
    """The settings for a worker. Raises ConfigError with all problems."""
    reader = Reader(environment)
    queue_url = reader.url("EBB_QUEUE_URL")
    config = Config(
        **_job_settings(reader),
        region=reader.region(queue_url),
        queue_url=queue_url,
        dead_letter_url=reader.url("EBB_DEAD_LETTER_QUEUE_URL"),
        visibility_timeout=max(
            MIN_VISIBILITY_SECONDS, int(reader.number("EBB_VISIBILITY_TIMEOUT", 0, MAX_VISIBILITY_SECONDS))
        ),
        stop_timeout=int(reader.number("EBB_STOP_TIMEOUT", 2, MAX_STOP_TIMEOUT_SECONDS)),
        max_grace=reader.number("EBB_GRACE", 0, MAX_GRACE_SECONDS, whole=False, default=GRACE_SECONDS),
        backoff_base=reader.number("EBB_BACKOFF_BASE", 0, MAX_VISIBILITY_SECONDS, whole=False),
        backoff_cap=reader.number("EBB_BACKOFF_CAP", 0, MAX_VISIBILITY_SECONDS, whole=False),
        concurrency=int(reader.number("EBB_CONCURRENCY", 1, MAX_CONCURRENCY, "jobs", default=1)),
        job_timeout=int(reader.number("EBB_JOB_TIMEOUT", 0, MAX_VISIBILITY_SECONDS, default=0)) or None,
        start_timeout=int(
            reader.number("EBB_START_TIMEOUT", 1, MAX_START_TIMEOUT_SECONDS, default=START_TIMEOUT_SECONDS)
        ),
        protection=reader.switch("EBB_PROTECTION", default=True),
        agent_uri=environment.get("ECS_AGENT_URI") or None,
        job_table=environment.get("EBB_JOB_TABLE") or None,
        keep_seconds=int(reader.number("EBB_KEEP_SECONDS", 1, MAX_KEEP_SECONDS, default=MAX_KEEP_SECONDS)),
        retention_seconds=int(
            reader.number("EBB_RETENTION_SECONDS", 60, MAX_RETENTION_SECONDS, default=MAX_RETENTION_SECONDS)
        ),
        max_receive_count=int(reader.number("EBB_MAX_RECEIVE_COUNT", 1, MAX_RECEIVE_COUNT, "receives", default=0))
        or None,
        events=reader.switch("EBB_EVENTS", default=False),
        metrics=reader.switch("EBB_METRICS", default=False),
        health_file=environment.get("EBB_HEALTH_FILE") or None,
        speed=reader.number("EBB_SANDBOX_SPEED", 1, MAX_SPEED, "simulated seconds", whole=False, default=1),
    )
    if not reader.problems:  # the rules below compare values that are valid by themselves
        reader.problems += _conflicts(config)
    reader.check()
    return config


def _job_settings(reader: Reader) -> dict[str, Any]:
    return {
        "handler": reader.handler("EBB_HANDLER"),
        "command": reader.command("EBB_COMMAND"),
        "max_body_bytes": int(reader.number("EBB_MAX_BODY_BYTES", 1, MAX_BODY_BYTES, "bytes", default=SQS_BODY_BYTES)),
        "max_jobs_per_child": int(reader.number("EBB_MAX_JOBS_PER_CHILD", 0, MAX_JOBS_PER_CHILD, "jobs", default=0))
        or None,
        "payload_bucket": reader.environment.get("EBB_PAYLOAD_BUCKET") or None,
    }


def _conflicts(config: Config) -> Iterator[str]:
    if config.queue_url == config.dead_letter_url:
        yield "EBB_DEAD_LETTER_QUEUE_URL must be another queue's URL than EBB_QUEUE_URL"
    if config.backoff_base > config.backoff_cap:
        yield (
            f"EBB_BACKOFF_BASE must not exceed EBB_BACKOFF_CAP, which is {config.backoff_cap:g}, "
            f"but is {config.backoff_base:g}"
        )
    longest = max(GRACE_SECONDS, config.stop_timeout / 2 - GIVE_BACK_SECONDS)
    if config.max_grace > longest:
        yield (
            f"EBB_GRACE must be at most {longest:g}, half of EBB_STOP_TIMEOUT less {GIVE_BACK_SECONDS} seconds, "
            f"but is {config.max_grace:g}"
        )
    if not config.protection and not (config.job_timeout and config.job_timeout <= config.drain):
        given = f"is {config.job_timeout}" if config.job_timeout else "is not set"
        yield (
            "EBB_PROTECTION may be off only when EBB_JOB_TIMEOUT lets a job end within "
            f"EBB_STOP_TIMEOUT less its margin, {config.drain:g} seconds, but it {given}"
        )

"""The section `worker`."""

from typing import Annotated, Literal

from pydantic import Field

from settings import limits
from settings.forms import (
    Action,
    AsWritten,
    BucketName,
    ClusterName,
    Digest,
    Handler,
    KmsArn,
    PolicyResource,
    RepositoryName,
    RetentionDays,
    SecretSource,
    Tag,
    Text,
    Variable,
)
from settings.sections.base import Section


class Image(Section):
    """The worker's image: built from a folder with a Dockerfile, or an existing image in ECR."""

    build: Text | None = Field(None, description="Folder to build. Default: `worker`, unless `repository` is set.")
    repository: RepositoryName | None = Field(
        None, description="Name of an existing ECR repository in this account and region."
    )
    tag: Tag | None = Field(None, description="Tag in the existing repository.")
    digest: Digest | None = Field(None, description="Digest in the existing repository, instead of the tag.")
    force_delete: bool = Field(False, description="Whether destroying the stack also deletes the built images.")

    @property
    def context(self) -> str | None:
        """The folder to build from; None if the image exists."""
        return self.build or (None if self.repository else "worker")


class Statement(Section):
    """An additional IAM statement for the task role: what the job itself may do."""

    effect: Literal["Allow", "Deny"] = Field("Allow", description="Whether the actions are allowed or denied.")
    actions: tuple[Action, ...] = Field(min_length=1, description="IAM actions.")
    resources: tuple[PolicyResource, ...] = Field(min_length=1, description="ARNs of the resources.")


class Worker(Section):
    """The task: image, size, how it runs jobs, environment, permissions."""

    image: Image = Field(Image(), description="The container image.")
    architecture: Literal["ARM64", "X86_64"] = Field("ARM64", description="CPU architecture of the image and the task.")
    cpu: int = Field(256, description="CPU units; 1024 units are one vCPU.")
    memory: int = Field(512, description="MiB. Fargate supports a few sizes for each CPU size.")
    ephemeral_storage: int | None = Field(None, ge=21, le=200, description="GiB of disk. Default: Fargate's 20.")
    handler: Handler = Field("worker.handler:handle", description="The function that does a job, `module:function`.")
    command: tuple[Annotated[AsWritten, Field(min_length=1)], ...] = Field(
        (), description="A program with its arguments, instead of the handler. It gets the body on standard input."
    )
    concurrency: int = Field(
        1,
        ge=1,
        le=limits.MAX_CONCURRENCY,
        description="Number of jobs at the same time in one task. Each job has its own process.",
    )
    job_timeout: int | None = Field(
        None,
        ge=1,
        le=limits.MAX_VISIBILITY_SECONDS,
        description="Seconds after which a job is stopped. Default: SQS's limit, 12 hours.",
    )
    start_timeout: int = Field(
        300,
        ge=1,
        le=limits.MAX_START_TIMEOUT_SECONDS,
        description="Seconds in which a process must import the handler. Then it is replaced. A worker that gets no "
        "handler or no protection ends after so many seconds and several tries.",
    )
    max_jobs_per_child: int | None = Field(
        None,
        ge=1,
        le=limits.MAX_JOBS_PER_CHILD,
        description="Jobs after which a process is replaced, against leaks of memory. Default: it stays.",
    )
    protection: bool = Field(
        True,
        description="ECS task protection while jobs run. `false` is only for jobs that end within `stop_timeout` less "
        f"`grace` and {limits.GIVE_BACK_SECONDS} seconds.",
    )
    max_body_bytes: int = Field(
        limits.MAX_MESSAGE_BYTES,
        ge=1,
        le=limits.MAX_BODY_BYTES,
        description="Maximum length of a body. A longer body goes to the dead-letter queue unread.",
    )
    payload_bucket: BucketName | None = Field(
        None,
        description="S3 bucket of bodies that are too long for SQS, in the format of Amazon's extended client; read "
        "only. If it is in another region than the stack, tasks need a way to the internet. If a KMS key encrypts the "
        "bucket, add kms:Decrypt to `statements`.",
    )
    metrics: bool = Field(True, description="Job metrics, written to the log (CloudWatch embedded metric format).")
    health_check: bool = Field(
        True, description="Whether ECS replaces a task whose worker is stuck. The image must contain `python`."
    )
    check: bool = Field(
        True,
        description="Whether one task of each new revision shows that it can run jobs before the service gets it: it "
        "imports the handler and asks queue, job table, bucket and task protection. If it cannot, `pulumi up` fails "
        "and the service keeps its revision. A deployment with a new revision takes about a minute longer, and costs a "
        "minute of one task.",
    )
    environment: dict[Variable, AsWritten] = Field(
        {},
        description="Plain environment variables of the job, without credentials. `AWS_REGION`, `AWS_ENDPOINT_URL` and "
        "others that boto3 reads reach the job only: the worker's own clients do not use them.",
    )
    secrets: dict[Variable, SecretSource] = Field(
        {}, description="Variables from SSM parameters (name or ARN) or Secrets Manager (ARN)."
    )
    secrets_kms_key: KmsArn | None = Field(
        None, description="ARN of the KMS key that encrypts the secrets. Default: the account's own key."
    )
    statements: tuple[Statement, ...] = Field((), description="Additional permissions of the job.")
    cluster: ClusterName | None = Field(
        None, description="Name or ARN of an existing ECS cluster with the Fargate capacity providers."
    )
    spot_weight: int = Field(0, ge=0, le=100, description="Percentage of tasks that run on Fargate Spot.")
    stop_timeout: int = Field(
        limits.MAX_STOP_SECONDS,
        ge=2,
        le=limits.MAX_STOP_SECONDS,
        description="Seconds from SIGTERM to SIGKILL of the task (ECS's `stopTimeout`). A running job continues for so "
        f"long less `grace` and {limits.GIVE_BACK_SECONDS} seconds, at least for half of it.",
    )
    grace: int = Field(
        limits.GRACE_SECONDS,
        ge=1,
        le=limits.MAX_GRACE_SECONDS,
        description="Seconds from SIGTERM to SIGKILL of a job that the worker stops, at its `job_timeout` or after its "
        f"part of `stop_timeout`. At most half of `stop_timeout` less {limits.GIVE_BACK_SECONDS}. The lease is "
        f"extended meanwhile; a job whose lease ends has {limits.GRACE_SECONDS} seconds.",
    )
    backoff_base: float = Field(
        10,
        gt=0,
        le=limits.MAX_VISIBILITY_SECONDS,
        description="Delay before the first retry, in seconds. It doubles with each retry.",
    )
    backoff_cap: float = Field(
        900, gt=0, le=limits.MAX_VISIBILITY_SECONDS, description="Maximum delay before a retry, in seconds."
    )
    read_only_root: bool = Field(True, description="Read-only root file system; /tmp stays writable.")
    exec: bool = Field(False, description="ECS Exec into tasks. It makes the root file system writable.")
    log_retention_days: RetentionDays = Field(30, description="Days that the worker's logs are kept.")
    insights: bool = Field(
        False,
        description="CloudWatch Container Insights of the new cluster. It costs $0.30 a month for each of some 25 "
        "metrics, by the hours in which a task runs.",
    )

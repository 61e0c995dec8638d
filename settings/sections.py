"""The six sections as models. Defaults stand here and nowhere else."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from settings.forms import (
    Action,
    BucketName,
    Cidr,
    ClusterName,
    Day,
    Digest,
    Email,
    Endpoint,
    Handler,
    InstanceType,
    Kms,
    KmsArn,
    PolicyArn,
    QueueName,
    RepositoryName,
    RetentionDays,
    SecretSource,
    SecurityGroupId,
    StageName,
    SubnetId,
    Tag,
    Text,
    TimeOfDay,
    Timezone,
    Variable,
    VpcId,
    each_once,
    plain,
)

#: The project's name in Pulumi.yaml, and so the prefix of every section's key.
PROJECT = "ebb"
#: Of one service's tasks (ECS API reference, "AwsVpcConfiguration").
MOST_SUBNETS, MOST_SECURITY_GROUPS = 16, 5
#: Tasks of one service (ECS service quotas).
MOST_TASKS = 5000
#: Jobs at once in one task: each is a process of its own.
MOST_CONCURRENCY = 100
#: Seconds that SQS lets a message be hidden in all, from its receive on (SQS API, ChangeMessageVisibility).
LONGEST_JOB = 43_200
#: Bytes of a body that SQS itself carries (SQS quotas, "Message size"), and of an S3 object that is put in one request
#: (S3 user guide, "Uploading objects").
SQS_BODY, MOST_BODY = 1_048_576, 5 * 2**30
#: Minutes and per cent of the widespread "CPU is idle" scale-in recipe.
CPU_MINUTES, CPU_THRESHOLD = 3, 0.01


class Section(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    # strict: YAML has types, and a quoted number or a bare `on` is a slip
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Network(Section):
    """Where tasks run, and how they reach AWS: a new VPC, or an adopted one (`vpc_id`)."""

    cidr: Cidr = Field("10.0.0.0/16", description="Address range of the new VPC.")
    nat: Literal["none", "instance", "gateway", "gateway_per_az"] = Field(
        "none", description="Way out of the private subnets; `none` without endpoints runs tasks in public ones."
    )
    nat_instance_type: InstanceType = Field("t4g.nano", description="Size of the NAT instance.")
    endpoints: Annotated[tuple[Endpoint, ...], AfterValidator(each_once)] = Field(
        (), description="Interface endpoints; with `nat: none` they are the tasks' only way out."
    )
    vpc_id: VpcId | None = Field(None, description="An existing VPC to adopt.")
    subnet_ids: Annotated[tuple[SubnetId, ...], AfterValidator(each_once)] = Field(
        (), max_length=MOST_SUBNETS, description="The adopted VPC's subnets for the tasks."
    )
    security_group_ids: Annotated[tuple[SecurityGroupId, ...], AfterValidator(each_once)] = Field(
        (),
        max_length=MOST_SECURITY_GROUPS,
        description="Security groups of the adopted VPC for the tasks; without any, one without ingress is made.",
    )
    assign_public_ip: bool | None = Field(
        None, description="Whether tasks get a public address; left out, only those in a new VPC's public subnets do."
    )

    @property
    def public_tasks(self) -> bool:
        """Whether tasks have a public address."""
        if self.assign_public_ip is None:
            return self.vpc_id is None and self.nat == "none" and not self.endpoints
        return self.assign_public_ip


class Queue(Section):
    """The job queue and its dead-letter queue."""

    fifo: bool = Field(False, description="Order within message groups, and deduplication.")
    name: QueueName | None = Field(None, description="The queue's name; left out, Pulumi makes one.")
    visibility_timeout: int = Field(
        300, ge=0, le=43200, description="Seconds a received job stays hidden unless the worker extends it."
    )
    retention_days: int = Field(
        4, ge=1, le=13, description="Days a waiting job is kept; the dead-letter queue keeps it for 14."
    )
    max_receive_count: int = Field(5, ge=1, le=1000, description="Attempts before a job goes to the dead-letter queue.")
    kms: Kms = Field(
        "none", description="Encryption by SQS's own key (`none`), a `new` customer key, or the key with this ARN."
    )


class Api(Section):
    """The REST API in front of the queue."""

    stage: StageName = Field("run", description="The stage's name, part of the URL.")
    auth: Literal["iam", "api_key", "none"] = Field("iam", description="Who may send jobs.")
    get_endpoint: bool = Field(
        False,
        description="Whether `GET /queue?message=…` exists beside `POST /jobs`; to switch it off takes one step more "
        "(architecture.md).",
    )
    tracing: bool = Field(True, description="X-Ray tracing of requests.")
    log_retention_days: RetentionDays = Field(30, description="Days that access logs are kept.")
    account_log_role: Literal["existing", "create"] = Field(
        "existing",
        description="The role that API Gateway logs with, one per account and region: `existing` when somebody has set "
        "it, `create` when this stack shall, which unsets it when it is destroyed.",
    )
    rate_limit: float = Field(100, gt=0, description="Requests per second, on average, to the stage.")
    burst_limit: int = Field(200, ge=1, description="Requests at once to the stage.")
    daily_quota: int | None = Field(None, ge=1, description="Requests per day and API key.")


class Image(Section):
    """The worker's image: built from a folder with a Dockerfile, or one that ECR already has."""

    build: Text | None = Field(None, description="Folder to build; `worker` when nothing else is named.")
    repository: RepositoryName | None = Field(
        None, description="Name of an existing ECR repository of this account and region."
    )
    tag: Tag | None = Field(None, description="Tag in the existing repository.")
    digest: Digest | None = Field(None, description="Digest in place of the tag.")
    force_delete: bool = Field(False, description="Whether destroying the stack deletes the built images too.")

    @property
    def context(self) -> str | None:
        """The folder to build from, or None when the image exists."""
        return self.build or (None if self.repository else "worker")


class Statement(Section):
    """One more IAM statement for the task role: what the job itself may do."""

    effect: Literal["Allow", "Deny"] = Field("Allow", description="Whether it allows or denies.")
    actions: tuple[Action, ...] = Field(min_length=1, description="IAM actions.")
    resources: tuple[Text, ...] = Field(min_length=1, description="ARNs that they are allowed on.")


class Worker(Section):
    """The task: image, size, what does a job and for how long, environment, permissions."""

    image: Image = Field(Image(), description="Where the image comes from.")
    architecture: Literal["ARM64", "X86_64"] = Field("ARM64", description="CPU of the image and of the task.")
    cpu: int = Field(256, description="CPU units: 1024 are one vCPU.")
    memory: int = Field(512, description="MiB; Fargate has a few sizes for each CPU.")
    ephemeral_storage: int | None = Field(None, ge=21, le=200, description="GiB of disk; left out, Fargate's 20.")
    handler: Handler = Field("worker.handler:handle", description="The function that does a job, `module:function`.")
    command: tuple[Text, ...] = Field(
        (), description="A program and its arguments in place of the handler: the body on its standard input."
    )
    concurrency: int = Field(1, ge=1, le=MOST_CONCURRENCY, description="Jobs at once in one task, a process for each.")
    job_timeout: int | None = Field(
        None, ge=1, le=LONGEST_JOB, description="Seconds after which a job is stopped; left out, SQS's 12 hours."
    )
    protection: bool = Field(
        True,
        description="ECS task protection while jobs run; `false` only for jobs that end within `stop_timeout` less its "
        "margin.",
    )
    once_days: int | None = Field(
        None,
        ge=1,
        le=365,
        description="Days that a finished job is remembered in a DynamoDB table, so that it is not run again when SQS "
        "delivers it again; left out, there is no such table.",
    )
    max_body_bytes: int = Field(
        SQS_BODY, ge=1, le=MOST_BODY, description="Longest body; a longer one goes to the dead-letter queue unread."
    )
    payload_bucket: BucketName | None = Field(
        None,
        description="S3 bucket of bodies that are too long for SQS, as Amazon's extended client sends them; read only. "
        "A bucket with a customer's key needs kms:Decrypt in `statements`.",
    )
    metrics: bool = Field(True, description="Metrics of jobs, from the log (CloudWatch's embedded metric format).")
    health_check: bool = Field(
        True, description="Whether ECS replaces a task whose worker is stuck; the image needs `python` for it."
    )
    environment: dict[Annotated[Variable, AfterValidator(plain)], str] = Field(
        {}, description="Plain environment variables."
    )
    secrets: dict[Variable, SecretSource] = Field(
        {}, description="Variables from SSM parameters (name or ARN) or Secrets Manager (ARN)."
    )
    secrets_kms_key: KmsArn | None = Field(
        None, description="ARN of the secrets' customer key; left out, the account's."
    )
    statements: tuple[Statement, ...] = Field((), description="What else the job may do in AWS.")
    permissions_boundary: PolicyArn | None = Field(None, description="Boundary of the two roles.")
    cluster: ClusterName | None = Field(
        None, description="Name or ARN of an existing ECS cluster with the Fargate capacity providers."
    )
    spot_weight: int = Field(0, ge=0, le=100, description="Tasks in a hundred that run on Fargate Spot.")
    stop_timeout: int = Field(
        120, ge=2, le=120, description="Seconds from SIGTERM to SIGKILL; Fargate allows 120 at most."
    )
    backoff_base: float = Field(10, gt=0, le=43200, description="Seconds before the first retry, doubled at each one.")
    backoff_cap: float = Field(900, gt=0, le=43200, description="Seconds before a retry at the most.")
    read_only_root: bool = Field(True, description="Read-only root file system; /tmp stays writable.")
    exec: bool = Field(False, description="ECS Exec into tasks; makes the root file system writable.")
    log_retention_days: RetentionDays = Field(30, description="Days that the worker's logs are kept.")


class Step(Section):
    """One row of a scaling table, in waiting messages; what no row covers means no change."""

    lower: float | None = Field(None, ge=0, description="From this many messages.")
    upper: float | None = Field(
        None,
        ge=0,
        description="Up to this many messages: for a row that adds tasks up to but without them, for a row that "
        "removes some up to and with them.",
    )
    change: int = Field(ge=-MOST_TASKS, le=MOST_TASKS, description="Tasks to add or, negative, to remove.")


class WarmHours(Section):
    """Hours of the week in which more tasks are kept than `min_tasks`."""

    start: TimeOfDay = Field(description="When they begin.")
    stop: TimeOfDay = Field(description="When they end; at `start` or before it, on the next day.")
    days: Annotated[tuple[Day, ...], AfterValidator(each_once)] = Field(
        ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), min_length=1, description="Days on which they begin."
    )
    min_tasks: int = Field(ge=1, le=MOST_TASKS, description="Tasks that are kept; where hours overlap, the larger.")


class Scaling(Section):
    """From zero to N tasks and back: the recommended policy from three numbers, or a table."""

    min_tasks: int = Field(0, ge=0, le=MOST_TASKS, description="Tasks when there is no work.")
    max_tasks: int = Field(1, ge=1, le=MOST_TASKS, description="Tasks at the most.")
    seconds_per_job: float = Field(60, gt=0, description="How long a job takes, roughly.")
    tolerated_wait: float = Field(300, ge=0, description="Seconds that a job may wait while tasks run.")
    surplus: bool = Field(False, description="Also remove tasks while fewer jobs than tasks are left.")
    message_groups: int | None = Field(
        None,
        ge=1,
        description="FIFO: message groups that have jobs at the same time, at the most. A group's jobs run one after "
        "the other, so no more tasks are started than these groups can keep busy.",
    )
    keep_alive: bool = Field(
        True, description="Touch the queue once an hour, so that SQS's metrics do not go to sleep; `watch` does, too."
    )
    watch: bool = Field(
        False, description="Look at the queue once a minute and start a task at once, not when SQS's metrics say so."
    )
    direct: bool = Field(
        False,
        description="The API wakes the service with the job that it takes, of 200 KB at the most; includes `watch`.",
    )
    warm_hours: tuple[WarmHours, ...] = Field((), description="Hours with more tasks at the least.")
    timezone: Timezone = Field("UTC", description="Time zone of `warm_hours`.")
    steps: tuple[Step, ...] = Field((), description="A table in place of the recommended scale-out policy.")
    cooldown: int = Field(300, ge=0, description="Seconds between two changes by the table or by CPU.")
    scale_in: Literal["queue", "cpu", "steps"] | None = Field(
        None, description="What takes tasks away: an empty queue, idle CPU, or the table's own rows (if it has such)."
    )
    cpu_threshold: float = Field(CPU_THRESHOLD, gt=0, le=100, description="Average CPU per cent at which `cpu` acts.")
    cpu_minutes: int = Field(CPU_MINUTES, ge=1, le=1440, description="Minutes that the CPU is averaged over.")

    @property
    def scales_in_by(self) -> Literal["queue", "cpu", "steps"]:
        """What takes tasks away, as told or as the table says."""
        return self.scale_in or ("steps" if any(row.change < 0 for row in self.steps) else "queue")

    @property
    def watches(self) -> bool:
        """Whether the queue is looked at once a minute."""
        return self.watch or self.direct

    @property
    def keeps_alive(self) -> bool:
        """Whether the queue is touched once an hour: not where it is looked at anyway."""
        return self.keep_alive and not self.watches

    @property
    def moves_minimum(self) -> bool:
        """Whether the least number of tasks changes while the stack runs."""
        return self.watches or bool(self.warm_hours)


class Monitoring(Section):
    """Who is told when something is wrong."""

    emails: Annotated[tuple[Email, ...], AfterValidator(each_once)] = Field(
        (), description="Addresses that alarms are sent to."
    )


class Settings(Section):
    """The whole file."""

    network: Network = Network()
    queue: Queue = Queue()
    api: Api = Api()
    worker: Worker = Worker()
    scaling: Scaling = Scaling()
    monitoring: Monitoring = Monitoring()

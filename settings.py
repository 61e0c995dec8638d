"""The stack's configuration: six sections of `Pulumi.<stack>.yaml`, each a frozen pydantic model.

`load()` is the only reader of Pulumi's configuration; `read()` is its pure part. Defaults stand here and nowhere else.
All that is wrong with a file is reported at once, one sentence each: the field, the rule, the value.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

#: The project's name in Pulumi.yaml, and so the prefix of every section's key.
PROJECT = "ebb"

#: Task sizes that Fargate has, CPU units -> MiB (ECS developer guide, "Task size").
FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
#: Days (CloudWatch Logs, PutRetentionPolicy).
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
#: A VPC is cut into four subnets, public and private in two zones; a subnet has /28 at the longest (VPC user guide).
SUBNET_BITS, LONGEST_SUBNET_PREFIX = 2, 28
#: Tasks of one service (ECS service quotas).
MOST_TASKS = 5000
#: Interface endpoints no task without an internet path can do without; the worker asks ECS for task protection.
BASE_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "sqs", "ecs")
#: Parts of a variable's name that say that its value must not stand in a task definition, readable by all.
SECRET_WORDS = ("PASSWORD", "TOKEN", "SECRET")
#: Minutes and per cent of the widespread "CPU is idle" scale-in recipe.
CPU_MINUTES, CPU_THRESHOLD = 3, 0.01


# The rules below say in their docstrings what docs/configuration.md says of them.


def _broken(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


@dataclass(frozen=True)
class Form:
    """The form that a text must have, and that form in words."""

    pattern: str
    words: str

    def check(self, text: str) -> str:
        """The text itself. Raises pydantic's error with our words."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise _broken(self.words)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


def _cidr(text: str) -> str:
    """an IPv4 network from /16 to /26"""
    try:
        prefix = IPv4Network(text).prefixlen
    except ValueError:
        raise _broken("must be an IPv4 network address with its prefix, such as 10.0.0.0/16") from None
    longest = LONGEST_SUBNET_PREFIX - SUBNET_BITS
    if not 16 <= prefix <= longest:
        raise _broken(f"must have a prefix from /16 (AWS's largest VPC) to /{longest} (four subnets of /28 fit)")
    return text


def _retention(days: int) -> int:
    """one that CloudWatch Logs has"""
    if days not in RETENTION_DAYS:
        raise _broken("must be a retention that CloudWatch Logs has: " + ", ".join(map(str, RETENTION_DAYS)))
    return days


def _holds_a_credential(name: str) -> bool:
    return any(word in name.upper() for word in SECRET_WORDS)


def _plain(name: str) -> str:
    """no name of a credential"""
    if _holds_a_credential(name):
        raise _broken("must not hold a credential, as its name says that it does: use secrets")
    return name


def _not_ours(name: str) -> str:
    """not beginning with EBB_"""
    if name.startswith("EBB_"):
        raise _broken("must have another name, those that start with EBB_ are Ebb's own")
    return name


def _endpoints(names: tuple[str, ...]) -> tuple[str, ...]:
    """each once"""
    if len(set(names)) < len(names):
        raise _broken("must name each endpoint once")
    return names


_KMS_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/\S+"
_PARAMETER_ARN = r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/\S+"
_SECRETS_MANAGER_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:\S+"
_CLUSTER_ARN = r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/"

Cidr = Annotated[str, AfterValidator(_cidr)]
RetentionDays = Annotated[int, AfterValidator(_retention)]
VpcId = Annotated[str, Form(r"vpc-[0-9a-f]+", "must be a VPC's id, such as vpc-0123456789abcdef0")]
SubnetId = Annotated[str, Form(r"subnet-[0-9a-f]+", "must be a subnet's id, such as subnet-0123456789abcdef0")]
SecurityGroupId = Annotated[str, Form(r"sg-[0-9a-f]+", "must be a security group's id, such as sg-0123456789abcdef0")]
InstanceType = Annotated[
    str, Form(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "must be an EC2 instance type, such as t4g.nano or t3.nano")
]
Endpoint = Literal["ecr.api", "ecr.dkr", "logs", "sqs", "ecs", "ssm", "secretsmanager", "kms", "ssmmessages"]
QueueName = Annotated[
    str, Form(r"[A-Za-z0-9_-]{1,75}(\.fifo)?", "must be 1 to 75 letters, digits, - or _, then .fifo if it is FIFO")
]
Kms = Annotated[str, Form(rf"none|new|{_KMS_ARN}", "must be none, new or a KMS key's ARN")]
KmsArn = Annotated[str, Form(_KMS_ARN, "must be a KMS key's ARN")]
PolicyArn = Annotated[str, Form(r"arn:aws[a-z-]*:iam::[0-9a-z]+:policy/\S+", "must be an IAM policy's ARN")]
StageName = Annotated[str, Form(r"[A-Za-z0-9_]{1,128}", "must be 1 to 128 letters, digits or _")]
RepositoryName = Annotated[
    str,
    Form(
        r"[a-z0-9]+([._/-]+[a-z0-9]+)*", "must be an ECR repository's name, such as team/encoder, without its address"
    ),
]
Tag = Annotated[str, Form(r"\w[\w.-]{0,127}", "must be an image's tag: 1 to 128 letters, digits, _, . or -")]
Digest = Annotated[str, Form(r"sha256:[0-9a-f]{64}", "must be sha256: and 64 hexadecimal digits")]
Action = Annotated[str, Form(r"\*|[a-z0-9-]+:[A-Za-z0-9*]+", "must be an IAM action, such as s3:GetObject")]
Variable = Annotated[
    str, Form(r"[A-Za-z_]\w*", "must be a variable's name: letters, digits and _"), AfterValidator(_not_ours)
]
SecretSource = Annotated[
    str,
    Form(
        rf"{_PARAMETER_ARN}|{_SECRETS_MANAGER_ARN}|/?\w[\w./-]*",
        "must be an SSM parameter's name or ARN, or a Secrets Manager secret's ARN",
    ),
]
ClusterName = Annotated[
    str, Form(rf"({_CLUSTER_ARN})?[A-Za-z0-9_-]{{1,255}}", "must be the name or ARN of an ECS cluster")
]
Email = Annotated[str, Form(r"[^@\s]+@[^@\s]+\.[^@\s]+", "must be an e-mail address")]
Text = Annotated[str, Field(min_length=1)]


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
    endpoints: Annotated[tuple[Endpoint, ...], AfterValidator(_endpoints)] = Field(
        (), description="Interface endpoints; with `nat: none` they are the tasks' only way out."
    )
    vpc_id: VpcId | None = Field(None, description="An existing VPC to adopt.")
    subnet_ids: tuple[SubnetId, ...] = Field((), description="The adopted VPC's subnets for the tasks.")
    security_group_ids: tuple[SecurityGroupId, ...] = Field(
        (), description="Security groups of the adopted VPC for the tasks; without any, one without ingress is made."
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
    get_endpoint: bool = Field(False, description="Whether `GET /queue?message=…` exists beside `POST /jobs`.")
    tracing: bool = Field(True, description="X-Ray tracing of requests.")
    log_retention_days: RetentionDays = Field(30, description="Days that access logs are kept.")
    account_log_role: Literal["existing", "create"] = Field(
        "existing", description="The role that API Gateway logs with, one per account and region."
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
    """The task: image, size, environment, permissions."""

    image: Image = Field(Image(), description="Where the image comes from.")
    architecture: Literal["ARM64", "X86_64"] = Field("ARM64", description="CPU of the image and of the task.")
    cpu: int = Field(256, description="CPU units: 1024 are one vCPU.")
    memory: int = Field(512, description="MiB; Fargate has a few sizes for each CPU.")
    ephemeral_storage: int | None = Field(None, ge=21, le=200, description="GiB of disk; left out, Fargate's 20.")
    environment: dict[Annotated[Variable, AfterValidator(_plain)], str] = Field(
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
    upper: float | None = Field(None, ge=0, description="Up to this many messages.")
    change: int = Field(ge=-MOST_TASKS, le=MOST_TASKS, description="Tasks to add or, negative, to remove.")


class Scaling(Section):
    """From zero to N tasks and back: the recommended policy from three numbers, or a table."""

    min_tasks: int = Field(0, ge=0, le=MOST_TASKS, description="Tasks when there is no work.")
    max_tasks: int = Field(1, ge=1, le=MOST_TASKS, description="Tasks at the most.")
    seconds_per_job: float = Field(60, gt=0, description="How long a job takes, roughly.")
    tolerated_wait: float = Field(300, ge=0, description="Seconds that a job may wait while tasks run.")
    surplus: bool = Field(False, description="Also remove tasks while fewer jobs than tasks are left.")
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


class Monitoring(Section):
    """Who is told when something is wrong."""

    emails: tuple[Email, ...] = Field((), description="Addresses that alarms are sent to.")


class Settings(Section):
    """The whole file."""

    network: Network = Network()
    queue: Queue = Queue()
    api: Api = Api()
    worker: Worker = Worker()
    scaling: Scaling = Scaling()
    monitoring: Monitoring = Monitoring()


class SettingsError(pulumi.RunError):
    """All that is wrong with a configuration; Pulumi prints it without a stack trace.

    `problems` has one sentence each.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(["The configuration was refused; nothing was changed.", *problems]))


#: A broken rule across fields: the fields (dotted, without prefix), the sentence without them, and what was given.
Breach = tuple[tuple[str, ...], str, object]


def _network_breaches(s: Settings) -> Iterator[Breach]:
    n = s.network
    if n.vpc_id and not n.subnet_ids:
        yield ("network.vpc_id", "network.subnet_ids"), "an adopted VPC needs the subnets for the tasks", n.vpc_id
    if not n.vpc_id:
        for field, ids in (("subnet_ids", n.subnet_ids), ("security_group_ids", n.security_group_ids)):
            if ids:
                yield (f"network.{field}", "network.vpc_id"), "is for an adopted VPC: name its vpc_id too", list(ids)
    if n.vpc_id and n.nat != "none":
        yield ("network.nat", "network.vpc_id"), "nothing is created in an adopted VPC: leave nat out", n.nat
    if n.vpc_id and n.endpoints:
        yield ("network.endpoints", "network.vpc_id"), "nothing is created in an adopted VPC", list(n.endpoints)
    if not n.vpc_id and n.nat != "none" and n.assign_public_ip:
        yield ("network.assign_public_ip", "network.nat"), f"tasks behind nat {n.nat} are in private subnets", True
    if not n.vpc_id and n.nat == "none" and not n.public_tasks:
        needed = dict.fromkeys(_needed_endpoints(s.worker))
        missing = [name for name in needed if name not in n.endpoints]
        rule = f"tasks without NAT or public address have no way out but endpoints; missing: {', '.join(missing)}"
        if missing:
            yield ("network.endpoints", "network.nat", "network.assign_public_ip"), rule, list(n.endpoints)


def _needed_endpoints(worker: Worker) -> Iterator[str]:
    yield from BASE_ENDPOINTS
    for source in worker.secrets.values():
        yield "secretsmanager" if ":secretsmanager:" in source else "ssm"
    if worker.secrets_kms_key:
        yield "kms"
    if worker.exec:
        yield "ssmmessages"


def _queue_breaches(s: Settings) -> Iterator[Breach]:
    q = s.queue
    if q.name is not None and q.fifo != q.name.endswith(".fifo"):
        rule = "the name of a FIFO queue ends in .fifo" if q.fifo else "a name that ends in .fifo needs fifo: true"
        yield ("queue.name", "queue.fifo"), rule, q.name
    if s.api.daily_quota is not None and s.api.auth != "api_key":
        rule = "a quota meters API keys, so it needs auth: api_key"
        yield ("api.daily_quota", "api.auth"), rule, s.api.daily_quota


def sizes_in_words(sizes: tuple[int, ...]) -> str:
    """The memory sizes of one CPU size: a few as they are, many as a range."""
    return ", ".join(map(str, sizes)) if len(sizes) < 5 else f"{sizes[0]} to {sizes[-1]} by {sizes[1] - sizes[0]}"


def _worker_breaches(s: Settings) -> Iterator[Breach]:
    w, image = s.worker, s.worker.image
    sizes = FARGATE_MEMORY.get(w.cpu)
    if sizes is None:
        yield ("worker.cpu",), f"Fargate has {', '.join(map(str, FARGATE_MEMORY))} CPU units", w.cpu
    elif w.memory not in sizes:
        rule = f"Fargate pairs {w.cpu} CPU units with {sizes_in_words(sizes)} MiB"
        yield ("worker.memory", "worker.cpu"), rule, w.memory
    if image.build and (image.repository or image.tag or image.digest):
        rule = "name an image to build or an existing one, not both"
        given = image.model_dump(include={"build", "repository", "tag", "digest"}, exclude_none=True)
        yield ("worker.image",), rule, given
    elif image.repository and (image.tag is None) == (image.digest is None):
        rule = "an existing image needs either its tag or its digest"
        yield ("worker.image",), rule, {"tag": image.tag, "digest": image.digest}
    elif not image.repository and (image.tag or image.digest):
        yield ("worker.image",), "a tag or digest needs the existing repository", image.tag or image.digest
    for name in sorted(set(w.environment) & set(w.secrets)):
        fields = (f"worker.environment.{name}", f"worker.secrets.{name}")
        yield fields, "a variable has one source, either environment or secrets", w.environment[name]
    if w.backoff_base > w.backoff_cap:
        rule = f"must not exceed backoff_cap, which is {w.backoff_cap:g}"
        yield ("worker.backoff_base", "worker.backoff_cap"), rule, w.backoff_base


def _scaling_breaches(s: Settings) -> Iterator[Breach]:
    c = s.scaling
    if c.min_tasks > c.max_tasks:
        rule = f"must not exceed max_tasks, which is {c.max_tasks}"
        yield ("scaling.min_tasks", "scaling.max_tasks"), rule, c.min_tasks
    if c.steps:
        yield from _table_breaches(c)
    if c.steps and c.surplus:
        yield ("scaling.surplus", "scaling.steps"), "belongs to the recommended policy, not to a table", True
    removing = any(row.change < 0 for row in c.steps)
    if c.scale_in == "steps" and not removing:
        rule = "needs a row of steps with a negative change, or the service never reaches zero"
        yield ("scaling.scale_in", "scaling.steps"), rule, c.scale_in
    if c.scale_in in ("queue", "cpu") and removing:
        rule = "takes tasks away already: leave the rows of steps with a negative change out"
        yield ("scaling.scale_in", "scaling.steps"), rule, c.scale_in
    if "cooldown" in c.model_fields_set and not c.steps and c.scale_in != "cpu":
        rule = "belongs to steps or scale_in: cpu; the recommended policy has its own"
        yield ("scaling.cooldown", "scaling.steps", "scaling.scale_in"), rule, c.cooldown
    for field in sorted({"cpu_threshold", "cpu_minutes"} & c.model_fields_set):
        if c.scale_in != "cpu":
            yield (f"scaling.{field}", "scaling.scale_in"), "needs scale_in: cpu", getattr(c, field)


def _table_breaches(c: Scaling) -> Iterator[Breach]:
    fields = ("scaling.steps",)
    given = [row.model_dump(exclude_none=True) for row in c.steps]
    spans = [(-1.0 if r.lower is None else r.lower, float("inf") if r.upper is None else r.upper) for r in c.steps]
    if any(lower >= upper for lower, upper in spans):
        yield fields, "a row needs a lower bound below its upper one", given
        return
    for (low, high), (next_low, _) in pairwise(spans):
        if next_low < low:
            yield fields, "rows must stand in rising order", given
            return
        if next_low < high:
            yield fields, "rows must not overlap", given
            return
    adding = [(row, span) for row, span in zip(c.steps, spans, strict=True) if row.change > 0]
    if not adding:
        yield fields, "a row with a positive change is needed, or no job would ever start a task", given
        return
    first, (lower, _) = adding[0]
    if lower <= 0:
        rule = "a row that adds tasks must begin at 1 message, or an empty queue would start tasks"
        yield fields, rule, first.model_dump(exclude_none=True)
    if c.min_tasks == 0 and lower > 1:
        rule = "with min_tasks 0 the first row that adds a task must begin at 1, or one message would never wake it"
        yield (*fields, "scaling.min_tasks"), rule, first.lower
    if any(row.change < 0 and span[0] > lower for row, span in zip(c.steps, spans, strict=True)):
        yield fields, "rows that remove tasks must stand below those that add some", given


def _breaches(settings: Settings) -> Iterator[Breach]:
    yield from _network_breaches(settings)
    yield from _queue_breaches(settings)
    yield from _worker_breaches(settings)
    yield from _scaling_breaches(settings)


def warnings(settings: Settings) -> list[str]:
    """What is allowed but known to hurt, one sentence each with the mend."""
    found = []
    scaling = settings.scaling
    if scaling.scales_in_by == "cpu":
        found.append(
            f"{PROJECT}:scaling.scale_in cpu: an idle poller uses more CPU than {scaling.cpu_threshold:g} %, and CPU "
            "is not evidence of idleness (a job that waits for the network has none); use scale_in: queue."
        )
    if scaling.scales_in_by == "steps":
        found.append(
            f"{PROJECT}:scaling.steps: rows that remove tasks see waiting messages only, so running jobs look like an "
            "empty queue; leave them out, and scale_in: queue counts jobs in flight too."
        )
    return found


def _nearest(word: str, known: list[str], cutoff: float = 0.0) -> list[str]:
    """The known word most like this one, if any is like it enough (0 to 1)."""
    return difflib.get_close_matches(word, known, n=1, cutoff=cutoff)


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    """The keys that a mapping at this place of the file may have."""
    schema = Settings.model_json_schema()
    node: dict[str, Any] = schema
    for part in path:
        node = node["items"] if isinstance(part, int) else node["properties"][part]
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return list(node["properties"])


#: pydantic's words where ours are plainer; {…} are the error's own numbers.
_WORDS = {
    "missing": "is required",
    "int_type": "must be a whole number (without quotes)",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number (without quotes)",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false (without quotes)",
    "string_type": "must be text (in quotes, if it looks like a number, true or false)",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "tuple_type": "must be a list",
    "rule": "{rule}",
}


def _sentence(field: str, rule: str, given: object) -> str:
    value = json.dumps(given, ensure_ascii=False)
    return f"{PROJECT}:{field}: {rule}, got {value if len(value) <= 120 else value[:119] + '…'}."


def _place(error: ErrorDetails) -> tuple[int | str, ...]:
    """Where in the file the error is; pydantic's own "[key]" says that a mapping's key is meant, not its value."""
    place = error["loc"]
    return place[:-1] if error["type"] == "rule" and place[-1] == "[key]" else place


def _problem(error: ErrorDetails) -> str:
    place = _place(error)
    field = ".".join(map(str, place))
    if error["type"] == "extra_forbidden":
        known = _nearest(str(place[-1]), _keys_at(place[:-1]))[0]
        return _sentence(field, f"unknown key, the nearest known one is {known}", error["input"])
    rule = _WORDS[error["type"]].format(**error.get("ctx", {})) if error["type"] in _WORDS else error["msg"]
    mapping = place[:2] in (("worker", "environment"), ("worker", "secrets")) and len(place) > 2
    if mapping and error["loc"] == place and (place[1] == "secrets" or _holds_a_credential(str(place[2]))):
        return _sentence(field, rule, "(not shown: it may be a credential)")
    return _sentence(field, rule, error["input"])


def _leave_out(raw: dict[str, Any], error: ErrorDetails) -> Iterator[str]:
    """Takes what is wrong out of the file's mapping, a list as a whole, and gives the fields that are in doubt now."""
    place = _place(error)
    numbers = [index for index, part in enumerate(place) if isinstance(part, int)]
    within_list, place = bool(numbers), place[: numbers[0]] if numbers else place
    node: Any = raw
    for part in place[:-1]:
        node = node.get(part, {})
    node.pop(place[-1], None)
    if error["type"] == "extra_forbidden" and not within_list:
        likely = _nearest(str(place[-1]), _keys_at(place[:-1]), cutoff=0.6)
        yield from (".".join(map(str, (*place[:-1], name))) for name in likely)
    else:
        yield ".".join(map(str, place))


def _touches(field: str, other: str) -> bool:
    return f"{field}.".startswith(f"{other}.") or f"{other}.".startswith(f"{field}.")


def read(raw: Mapping[str, Any]) -> Settings:
    """Settings from the file's sections, by name without the project's prefix; what they hold is what JSON has.

    Raises SettingsError with every problem. A field that is wrong in itself counts as left out where rules across
    fields are checked, and no rule that names it is.
    """
    text = json.dumps(raw, default=str)
    errors: list[ErrorDetails] = []
    doubtful: set[str] = set()
    try:
        settings = Settings.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        rest = json.loads(text)
        doubtful.update(field for found in errors for field in _leave_out(rest, found))
        settings = Settings.model_validate_json(json.dumps(rest))
    problems = [_problem(error) for error in errors]
    for fields, rule, given in _breaches(settings):
        if not any(_touches(field, other) for field in fields for other in doubtful):
            problems.append(_sentence(fields[0], rule, given))
    if problems:
        raise SettingsError(problems)
    return settings


def load() -> Settings:
    """The running stack's settings. Raises SettingsError."""
    everything: dict[str, Any] = {**get_config_env(), **CONFIG.get()}
    raw: dict[str, Any] = {}
    for key, text in everything.items():
        namespace, _, section = key.partition(":")
        if namespace == PROJECT:
            try:
                raw[section] = json.loads(text)
            except json.JSONDecodeError:
                raw[section] = text
    return read(raw)

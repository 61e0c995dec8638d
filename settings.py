"""The stack's configuration: six sections of `Pulumi.<stack>.yaml`, each a frozen pydantic model.

`load()` is the only reader of Pulumi's configuration; `read()` is its pure part. Defaults stand here and nowhere else.
All that is wrong with a file is reported at once, one sentence each: the field, the rule, the value.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

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
RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
RETENTION_DAYS += (1096, 1827, 2192, 2557, 2922, 3288, 3653)
#: A VPC is cut into four subnets, public and private in two zones; a subnet has /28 at the longest (VPC user guide).
SUBNET_BITS, LONGEST_SUBNET_PREFIX = 2, 28
#: Interface endpoints no task without an internet path can do without; the worker asks ECS for task protection.
BASE_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "sqs", "ecs")
#: Parts of a variable's name that say that its value must not stand in a task definition, readable by all.
SECRET_WORDS = ("PASSWORD", "TOKEN", "SECRET")
#: Minutes and per cent of the widespread "CPU is idle" scale-in recipe.
CPU_MINUTES, CPU_THRESHOLD = 3, 0.01


def _broken(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


def _cidr(text: str) -> str:
    try:
        prefix = IPv4Network(text).prefixlen
    except ValueError:
        raise _broken("must be an IPv4 network address with its prefix, such as 10.0.0.0/16") from None
    longest = LONGEST_SUBNET_PREFIX - SUBNET_BITS
    if not 16 <= prefix <= longest:
        raise _broken(f"must have a prefix from /16 (AWS's largest VPC) to /{longest} (four subnets of /28 fit)")
    return text


def _retention(days: int) -> int:
    if days not in RETENTION_DAYS:
        raise _broken("must be a retention that CloudWatch Logs has: " + ", ".join(map(str, RETENTION_DAYS)))
    return days


def _environment(variables: dict[str, str]) -> dict[str, str]:
    for name in variables:
        if name.startswith("EBB_"):
            raise _broken(f"must leave names that start with EBB_ to Ebb, not set {name}")
        if any(word in name.upper() for word in SECRET_WORDS):
            raise _broken(f"must not hold a credential as {name} says it does: use secrets")
    return variables


def _endpoints(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise _broken("must name each endpoint once")
    return names


Cidr = Annotated[str, AfterValidator(_cidr)]
RetentionDays = Annotated[int, AfterValidator(_retention)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Arn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+$")]
KMS_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/\S+"
#: An SSM parameter's name or ARN, or a Secrets Manager secret's ARN.
SecretSource = Annotated[
    str, Field(pattern=r"^(arn:aws[a-z-]*:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/|secretsmanager:)\S+|/?[\w.-][\w./-]*)$")
]
Endpoint = Literal["ecr.api", "ecr.dkr", "logs", "sqs", "ecs", "ssm", "secretsmanager", "kms", "ssmmessages"]


class Section(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(Section):
    """Where tasks run, and how they reach AWS: a new VPC, or an adopted one (`vpc_id`)."""

    cidr: Cidr = Field("10.0.0.0/16", description="Address range of the new VPC.")
    nat: Literal["none", "instance", "gateway", "gateway_per_az"] = Field(
        "none", description="Way out of the private subnets; `none` without endpoints runs tasks in public ones."
    )
    nat_instance_type: str = Field(
        "t4g.nano", pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", description="Size of the NAT instance."
    )
    endpoints: Annotated[tuple[Endpoint, ...], AfterValidator(_endpoints)] = Field(
        (), description="Interface endpoints; with `nat: none` they are the tasks' only way out."
    )
    vpc_id: str | None = Field(None, pattern=r"^vpc-[0-9a-f]+$", description="An existing VPC to adopt.")
    subnet_ids: tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")], ...] = Field(
        (), description="The adopted VPC's subnets for the tasks."
    )
    security_group_ids: tuple[Annotated[str, Field(pattern=r"^sg-[0-9a-f]+$")], ...] = Field(
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
    name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,75}(\.fifo)?$", description="The queue's name; left out, Pulumi makes one."
    )
    visibility_timeout: int = Field(
        300, ge=0, le=43200, description="Seconds a received job stays hidden unless the worker extends it."
    )
    retention_days: int = Field(
        4, ge=1, le=13, description="Days a waiting job is kept; the dead-letter queue keeps it for 14."
    )
    max_receive_count: int = Field(5, ge=1, le=1000, description="Attempts before a job goes to the dead-letter queue.")
    kms: str = Field(
        "none",
        pattern=rf"^(none|new|{KMS_ARN})$",
        description="Encryption by SQS's own key (`none`), a `new` customer key, or the key with this ARN.",
    )


class Api(Section):
    """The REST API in front of the queue."""

    stage: str = Field("run", pattern=r"^[A-Za-z0-9_]{1,128}$", description="The stage's name, part of the URL.")
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

    build: str | None = Field(None, min_length=1, description="Folder to build; `worker` when nothing else is named.")
    repository: str | None = Field(
        None, pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$", description="Name of an existing ECR repository of this account."
    )
    tag: str | None = Field(None, pattern=r"^\w[\w.-]{0,127}$", description="Tag in the existing repository.")
    digest: str | None = Field(None, pattern=r"^sha256:[0-9a-f]{64}$", description="Digest in place of the tag.")
    force_delete: bool = Field(False, description="Whether destroying the stack deletes the built images too.")

    @property
    def context(self) -> str | None:
        """The folder to build from, or None when the image exists."""
        return self.build or (None if self.repository else "worker")


class Statement(Section):
    """One more IAM statement for the task role: what the job itself may do."""

    effect: Literal["Allow", "Deny"] = "Allow"
    actions: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+:[A-Za-z*]+$")], ...] = Field(min_length=1)
    resources: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)


class Worker(Section):
    """The task: image, size, environment, permissions."""

    image: Image = Field(Image(), description="Where the image comes from.")
    architecture: Literal["ARM64", "X86_64"] = Field("ARM64", description="CPU of the image and of the task.")
    cpu: int = Field(256, description="CPU units: 1024 are one vCPU.")
    memory: int = Field(512, description="MiB; Fargate has a few sizes for each CPU.")
    ephemeral_storage: int | None = Field(None, ge=21, le=200, description="GiB of disk; left out, Fargate's 20.")
    environment: Annotated[dict[Variable, str], AfterValidator(_environment)] = Field(
        {}, description="Plain environment variables."
    )
    secrets: dict[Variable, SecretSource] = Field(
        {}, description="Variables from SSM parameters (name or ARN) or Secrets Manager (ARN)."
    )
    secrets_kms_key: str | None = Field(
        None, pattern=rf"^{KMS_ARN}$", description="ARN of the secrets' customer key; left out, the account's."
    )
    statements: tuple[Statement, ...] = Field((), description="What else the job may do in AWS.")
    permissions_boundary: Arn | None = Field(None, description="Boundary of the two roles.")
    cluster: str | None = Field(
        None,
        pattern=r"^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z0-9_-]{1,255}$",
        description="Name or ARN of an existing ECS cluster with the Fargate capacity providers.",
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
    change: int = Field(description="Tasks to add or, negative, to remove.")


class Scaling(Section):
    """From zero to N tasks and back: the recommended policy from three numbers, or a table."""

    min_tasks: int = Field(0, ge=0, description="Tasks when there is no work.")
    max_tasks: int = Field(1, ge=1, description="Tasks at the most.")
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

    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")], ...] = Field(
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


def _worker_breaches(s: Settings) -> Iterator[Breach]:
    w, image = s.worker, s.worker.image
    sizes = FARGATE_MEMORY.get(w.cpu)
    if sizes is None:
        yield ("worker.cpu",), f"Fargate has {', '.join(map(str, FARGATE_MEMORY))} CPU units", w.cpu
    elif w.memory not in sizes:
        few = ", ".join(map(str, sizes)) if len(sizes) < 5 else f"{sizes[0]} to {sizes[-1]} by {sizes[1] - sizes[0]}"
        yield ("worker.memory", "worker.cpu"), f"Fargate pairs {w.cpu} CPU units with {few} MiB", w.memory
    if image.build and (image.repository or image.tag or image.digest):
        rule = "name an image to build or an existing one, not both"
        given = image.model_dump(include={"build", "repository", "tag", "digest"}, exclude_none=True)
        yield ("worker.image",), rule, given
    elif image.repository and (image.tag is None) == (image.digest is None):
        rule = "an existing image needs either its tag or its digest"
        yield ("worker.image",), rule, {"tag": image.tag, "digest": image.digest}
    elif not image.repository and (image.tag or image.digest):
        yield ("worker.image",), "a tag or digest needs the existing repository", image.tag or image.digest
    if both := sorted(set(w.environment) & set(w.secrets)):
        yield ("worker.environment", "worker.secrets"), "a variable has one source", both[0]
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
            f"{PROJECT}:scaling.scale_in cpu: an idle poller uses more CPU than {scaling.cpu_threshold:g} %, and CPU is "
            "not evidence of idleness (a job that waits for the network has none); use scale_in: queue."
        )
    if scaling.scales_in_by == "steps":
        found.append(
            f"{PROJECT}:scaling.steps: rows that remove tasks see waiting messages only, so running jobs look like an "
            "empty queue; leave them out, and scale_in: queue counts jobs in flight too."
        )
    return found


def _suggest(word: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(word, known, n=1, cutoff=0)
    return f"unknown key; the nearest known one is {nearest[0]}"


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    """The keys that a mapping at this place of the file may have."""
    schema = Settings.model_json_schema()
    node: dict[str, Any] = schema
    for part in path:
        options = [node, *node.get("anyOf", [])]
        child = next((o["properties"][part] for o in options if part in o.get("properties", {})), None)
        node = child if child is not None else next((o["items"] for o in options if "items" in o), {})
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))


def _sentence(fields: str, rule: str, given: object) -> str:
    return f"{PROJECT}:{fields}: {rule}, got {json.dumps(given, default=str)}."


#: pydantic's words where ours are plainer; {…} are the error's own numbers.
_PLAIN = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text (in quotes)",
    "string_pattern_mismatch": "must match {pattern}",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "tuple_type": "must be a list",
    "rule": "{rule}",
}


def _problem(error: ErrorDetails) -> str:
    # pydantic's own "[key]" says that a mapping's key is meant, not its value
    path = tuple(part for part in error["loc"] if part != "[key]")
    dotted = ".".join(map(str, path))
    if error["type"] == "extra_forbidden":
        return _sentence(dotted, _suggest(str(path[-1]), _keys_at(path[:-1])), error["input"])
    rule = _PLAIN.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])
    return _sentence(dotted, rule.format(**error.get("ctx", {})), error["input"])


def _without(raw: Mapping[str, Any], path: tuple[int | str, ...]) -> dict[str, Any]:
    """A copy of the file's mapping without what stands at the path."""
    pruned = json.loads(json.dumps(raw, default=str))
    node = pruned
    for part in path[:-1]:
        node = node[part] if isinstance(node, list) or part in node else {}
    node.pop(path[-1], None)
    return pruned


def read(raw: Mapping[str, Any]) -> Settings:
    """Settings from the file's sections, by name without the project's prefix.

    Raises SettingsError with every problem. A field that is wrong in itself counts as left out where rules across
    fields are checked, and no rule that names it is.
    """
    try:
        settings, errors = Settings.model_validate(raw), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
        for found in errors:
            unknown = found["type"] == "extra_forbidden"
            raw = _without(raw, found["loc"] if unknown else found["loc"][:2])
        settings = Settings.model_validate(raw)
    problems = [_problem(error) for error in errors]
    doubtful = {".".join(map(str, error["loc"][:2])) for error in errors if error["type"] != "extra_forbidden"}
    for fields, rule, given in _breaches(settings):
        if not any(field in doubtful or field.split(".")[0] in doubtful for field in fields):
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

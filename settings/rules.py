"""Rules across fields: what contradicts itself, and what is allowed but known to hurt."""

from collections.abc import Iterator
from itertools import groupby, pairwise

from settings.lints import scaling_warnings
from settings.sections import PROJECT, SQS_BODY, Scaling, Settings, Step, Worker

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
#: Interface endpoints no task without an internet path can do without; the worker asks ECS for task protection.
BASE_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "sqs", "ecs")
#: Seconds of stop_timeout that the worker keeps for stopping its children and giving their messages back.
STOP_MARGIN = 10
MIB = 2**20  # bytes
#: Steps of one policy (Application Auto Scaling quotas, "Step adjustments per step scaling policy").
MOST_STEPS = 20
#: From where on a row holds, and up to where.
Span = tuple[float, float]
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
    if n.vpc_id and "cidr" in n.model_fields_set:
        yield ("network.cidr", "network.vpc_id"), "nothing is created in an adopted VPC: leave cidr out", n.cidr
    if n.nat != "instance" and "nat_instance_type" in n.model_fields_set:
        yield ("network.nat_instance_type", "network.nat"), "needs nat: instance", n.nat_instance_type
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
    yield from (name for name in BASE_ENDPOINTS if worker.protection or name != "ecs")
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
    if image.force_delete and image.context is None:
        yield ("worker.image",), "force_delete is for images that are built, an existing repository stays", True
    for name in sorted(set(w.environment) & set(w.secrets)):
        fields = (f"worker.environment.{name}", f"worker.secrets.{name}")
        yield fields, "a variable has one source, either environment or secrets", w.environment[name]
    if w.backoff_base > w.backoff_cap:
        rule = f"must not exceed backoff_cap, which is {w.backoff_cap:g}"
        yield ("worker.backoff_base", "worker.backoff_cap"), rule, w.backoff_base
    yield from _job_breaches(w)


def drain(stop_timeout: int) -> float:
    """Seconds that a job may go on after SIGTERM; the worker reckons the same."""
    return stop_timeout - min(STOP_MARGIN, stop_timeout / 2)


def _job_breaches(w: Worker) -> Iterator[Breach]:
    if w.command and "handler" in w.model_fields_set:
        rule = "a job is done by a handler or by a command, not by both"
        yield ("worker.handler", "worker.command"), rule, w.handler
    left = drain(w.stop_timeout)
    if not w.protection and (w.job_timeout is None or w.job_timeout > left):
        rule = (
            "only jobs that end within stop_timeout less its margin can do without it: needs a job_timeout of "
            f"{left:g} seconds at the most"
        )
        yield ("worker.protection", "worker.job_timeout", "worker.stop_timeout"), rule, False
    if w.max_body_bytes > SQS_BODY and not w.payload_bucket:
        rule = f"SQS itself carries {SQS_BODY} bytes, more needs a payload_bucket"
        yield ("worker.max_body_bytes", "worker.payload_bucket"), rule, w.max_body_bytes


def _scaling_breaches(s: Settings) -> Iterator[Breach]:
    c = s.scaling
    if c.min_tasks > c.max_tasks:
        rule = f"must not exceed max_tasks, which is {c.max_tasks}"
        yield ("scaling.min_tasks", "scaling.max_tasks"), rule, c.min_tasks
    if c.message_groups is not None and not s.queue.fifo:
        yield (
            ("scaling.message_groups", "queue.fifo"),
            "a standard queue has none, it needs fifo: true",
            c.message_groups,
        )
    yield from _wake_breaches(c)
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


def _wake_breaches(c: Scaling) -> Iterator[Breach]:
    if c.direct and not c.watch and "watch" in c.model_fields_set:
        yield ("scaling.watch", "scaling.direct"), "direct includes the watcher: leave watch out", False
    for hours in c.warm_hours:
        if hours.min_tasks > c.max_tasks:
            rule = f"min_tasks must not exceed max_tasks, which is {c.max_tasks}"
            yield ("scaling.warm_hours", "scaling.max_tasks"), rule, hours.min_tasks
        if hours.min_tasks <= c.min_tasks:
            rule = f"min_tasks must exceed the other hours' min_tasks, which is {c.min_tasks}"
            yield ("scaling.warm_hours", "scaling.min_tasks"), rule, hours.min_tasks
    if "timezone" in c.model_fields_set and not c.warm_hours:
        yield ("scaling.timezone", "scaling.warm_hours"), "belongs to warm_hours", c.timezone


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
    removing = [(row, span) for row, span in zip(c.steps, spans, strict=True) if row.change < 0]
    made = {"add": _policy_steps(adding, lower, float("inf"))}
    if removing:
        made["remove"] = _policy_steps(removing, 0, removing[-1][1][1])
    for verb, count in made.items():
        if count > MOST_STEPS:
            rule = (
                f"a step policy has {MOST_STEPS} steps at the most, and each gap between rows is one: "
                f"those that {verb} tasks make {count}"
            )
            yield fields, rule, given


def _policy_steps(rows: list[tuple[Step, Span]], lowest: float, highest: float) -> int:
    """How many steps a policy needs for these rows: gaps change nothing, and neighbours of one change are one step."""
    changes: list[int] = []
    for row, (lower, upper) in rows:
        if lowest < lower:
            changes.append(0)
        changes.append(row.change)
        lowest = upper
    if lowest < highest:
        changes.append(0)
    return sum(1 for _ in groupby(changes))


def breaches(settings: Settings) -> Iterator[Breach]:
    """Every rule across fields that these settings break."""
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
    found.extend(_wake_warnings(scaling))
    found.extend(scaling_warnings(settings))
    found.extend(_worker_warnings(settings))
    return found


def _wake_warnings(scaling: Scaling) -> Iterator[str]:
    key = f"{PROJECT}:scaling"
    if scaling.watches and scaling.min_tasks >= 1:
        name = "direct" if scaling.direct else "watch"
        yield (
            f"{key}.{name}: wakes a service that has no task, and with min_tasks {scaling.min_tasks} this one always "
            "has; leave it out, or set min_tasks to 0."
        )
    if scaling.watches and scaling.keep_alive and "keep_alive" in scaling.model_fields_set:
        yield f"{key}.keep_alive: the watcher touches the queue every minute, so this does nothing; leave it out."
    if not scaling.watches and not scaling.keep_alive and scaling.min_tasks == 0:
        yield (
            f"{key}.keep_alive: without it, and after six hours without a job, SQS's metrics take up to 15 minutes to "
            "notice one; leave it out, or set watch."
        )


def _worker_warnings(settings: Settings) -> Iterator[str]:
    worker, key = settings.worker, f"{PROJECT}:worker"
    if worker.exec and worker.read_only_root:
        yield (
            f"{key}.exec: makes the root file system of every task writable, though read_only_root is true; "
            "switch exec off again when you are done."
        )
    if worker.once_days is not None and worker.once_days < settings.queue.retention_days:
        yield (
            f"{key}.once_days: a job that SQS delivers again after {worker.once_days} days would run again, as the "
            f"queue keeps it for {settings.queue.retention_days}; set once_days to that at least."
        )
    if worker.payload_bucket and worker.max_body_bytes <= SQS_BODY:
        yield (
            f"{key}.payload_bucket: bodies of more than {worker.max_body_bytes} bytes go to the dead-letter queue all "
            "the same; raise max_body_bytes to the longest that you send."
        )
    if worker.concurrency * worker.max_body_bytes > worker.memory * MIB:
        yield (
            f"{key}.memory: {worker.concurrency} bodies of max_body_bytes each do not fit into {worker.memory} MiB; "
            "give the task more memory, or fewer jobs at once."
        )

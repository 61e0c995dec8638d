"""Rules across fields: settings that contradict each other are refused."""

import json
from collections.abc import Iterator
from itertools import groupby, pairwise

from settings import api_rules, monitoring_rules, network_rules, python_variables, schedule_rules
from settings.credentials import holds_credential, is_credential
from settings.limits import (
    FARGATE_MEMORY,
    GIVE_BACK_SECONDS,
    GRACE_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_ROLE_POLICY_CHARACTERS,
    MAX_STEPS,
    MAX_TASK_DEFINITION_BYTES,
    OWN_ROLE_POLICY_CHARACTERS,
    OWN_TASK_DEFINITION_BYTES,
    drain,
)
from settings.sections import Jobs, Scaling, Settings, Step, Worker

#: Replaces a value that may be a credential.
NOT_SHOWN = "(not shown: it may be a credential)"
#: The lower and the upper bound of a step.
Span = tuple[float, float]
#: A broken rule: the fields (dotted, without prefix; an error names the first), the rule in words, the value.
Breach = tuple[tuple[str, ...], str, object]


def breaches(settings: Settings) -> Iterator[Breach]:
    """Every rule across fields that these settings break."""
    yield from network_rules.breaches(settings)
    yield from _queue_breaches(settings)
    yield from _jobs_breaches(settings.jobs)
    yield from _worker_breaches(settings)
    yield from _scaling_breaches(settings)
    yield from monitoring_rules.breaches(settings.monitoring)


def _queue_breaches(s: Settings) -> Iterator[Breach]:
    q = s.queue
    if q.name is not None and q.fifo != q.name.endswith(".fifo"):
        rule = "the name of a FIFO queue must end with .fifo" if q.fifo else "a name with .fifo needs fifo: true"
        yield ("queue.name", "queue.fifo"), rule, q.name
    yield from schedule_rules.breaches(s.queue)
    yield from api_rules.breaches(s.api)


def _jobs_breaches(j: Jobs) -> Iterator[Breach]:
    if j.events and not j.table:
        yield ("jobs.events", "jobs.keep_days"), "an event shows a job of the table: set keep_days", True
    if j.webhook and not j.events:
        yield ("jobs.webhook", "jobs.events"), "is called with events: set events: true", j.webhook.url


def sizes_in_words(sizes: tuple[int, ...]) -> str:
    """The memory sizes of one CPU size: a short list, or a range with its step."""
    if len(sizes) < 5:
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def _worker_breaches(s: Settings) -> Iterator[Breach]:
    w, image = s.worker, s.worker.image
    sizes = FARGATE_MEMORY.get(w.cpu)
    if sizes is None:
        yield ("worker.cpu",), f"Fargate supports {', '.join(map(str, FARGATE_MEMORY))} CPU units", w.cpu
    elif w.memory not in sizes:
        rule = f"with {w.cpu} CPU units Fargate supports {sizes_in_words(sizes)} MiB"
        yield ("worker.memory", "worker.cpu"), rule, w.memory
    if w.cluster and w.insights:
        yield ("worker.insights", "worker.cluster"), "an existing cluster has its own setting: remove insights", True
    if image.build and (image.repository or image.tag or image.digest):
        rule = "set either build or an existing image, not both"
        given = image.model_dump(include={"build", "repository", "tag", "digest"}, exclude_none=True)
        yield ("worker.image",), rule, given
    elif image.repository and (image.tag is None) == (image.digest is None):
        rule = "an existing image needs either its tag or its digest"
        yield ("worker.image",), rule, {"tag": image.tag, "digest": image.digest}
    elif not image.repository and (image.tag or image.digest):
        yield ("worker.image",), "a tag or digest needs the existing repository", image.tag or image.digest
    if image.force_delete and image.context is None:
        yield ("worker.image",), "force_delete is only for built images, an existing repository is kept", True
    for name in sorted(set(w.environment) & set(w.secrets)):
        fields = (f"worker.environment.{name}", f"worker.secrets.{name}")
        yield fields, "a variable must be in either environment or secrets, not in both", w.environment[name]
    for name, value in w.environment.items():
        if broken := python_variables.problem(name, value):
            yield (f"worker.environment.{name}",), broken, value
    path = w.environment.get("PATH")
    if path is not None and not all(folder.startswith("/") for folder in path.split(":")):
        rule = "replaces the image's PATH, and ECS does not expand variables: name all folders, each from / on"
        yield ("worker.environment.PATH",), rule, path
    yield from _credential_breaches(w)
    if w.backoff_base > w.backoff_cap:
        rule = f"must be at most backoff_cap, which is {w.backoff_cap:g}"
        yield ("worker.backoff_base", "worker.backoff_cap"), rule, w.backoff_base
    yield from _job_breaches(w)
    yield from _size_breaches(w)


def _size_breaches(w: Worker) -> Iterator[Breach]:
    variables = [{"name": name, "value": value} for name, value in w.environment.items()]
    secrets = [{"name": name, "valueFrom": source} for name, source in w.secrets.items()]
    size = len(_compact([variables, secrets, _compact(w.command)]).encode())
    if size > (left := MAX_TASK_DEFINITION_BYTES - OWN_TASK_DEFINITION_BYTES):
        rule = f"environment, secrets and command have at most {left} bytes together in a task definition: let the job"
        fields = ("worker.environment", "worker.secrets", "worker.command")
        yield fields, f"{rule} read what is long from S3 or SSM", f"{size} bytes"
    given = [{"Effect": it.effect, "Action": it.actions, "Resource": it.resources} for it in w.statements]
    size = len("".join(_compact(given).split()))
    if size > (left := MAX_ROLE_POLICY_CHARACTERS - OWN_ROLE_POLICY_CHARACTERS):
        rule = f"have at most {left} characters together in the role's policy: name fewer resources, with wildcards"
        yield ("worker.statements",), rule, f"{size} characters"


def _compact(value: object) -> str:
    """The shortest JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _credential_breaches(w: Worker) -> Iterator[Breach]:
    for name, value in sorted(w.environment.items()):
        if holds_credential(name, value):
            rule = "contains a credential, and everyone who may read task definitions can read it: put it in secrets"
            yield (f"worker.environment.{name}",), rule, NOT_SHOWN
    for place, word in enumerate(w.command):
        if is_credential(word):
            rule = "contains a credential, and everyone who may read task definitions can read it: let the program "
            yield (f"worker.command.{place}",), f"{rule}read a variable from secrets", NOT_SHOWN


def _job_breaches(w: Worker) -> Iterator[Breach]:
    if w.command and "handler" in w.model_fields_set:
        rule = "set either handler or command, not both"
        yield ("worker.handler", "worker.command"), rule, w.handler
    # the default is shortened where it does not fit
    longest = max(GRACE_SECONDS, w.stop_timeout / 2 - GIVE_BACK_SECONDS)
    if w.grace > longest:
        rule = (
            f"must be at most {longest:g}: half of stop_timeout, which is {w.stop_timeout}, less the "
            f"{GIVE_BACK_SECONDS} seconds in which the worker returns the job's message"
        )
        yield ("worker.grace", "worker.stop_timeout"), rule, w.grace
    left = drain(w.stop_timeout, w.grace)
    if not w.protection and (w.job_timeout is None or w.job_timeout > left):
        rule = f"without protection a job must end before the task is stopped: set job_timeout to at most {left:g}"
        yield ("worker.protection", "worker.job_timeout", "worker.stop_timeout"), rule, False
    if w.max_body_bytes > MAX_MESSAGE_BYTES and not w.payload_bucket:
        rule = f"a message of SQS has at most {MAX_MESSAGE_BYTES} bytes, a longer body needs payload_bucket"
        yield ("worker.max_body_bytes", "worker.payload_bucket"), rule, w.max_body_bytes


def _scaling_breaches(s: Settings) -> Iterator[Breach]:
    c = s.scaling
    if c.min_tasks > c.max_tasks:
        rule = f"must be at most max_tasks, which is {c.max_tasks}"
        yield ("scaling.min_tasks", "scaling.max_tasks"), rule, c.min_tasks
    if c.message_groups is not None and not s.queue.fifo:
        rule = "a standard queue has no message groups: set fifo: true or remove message_groups"
        yield ("scaling.message_groups", "queue.fifo"), rule, c.message_groups
    yield from _wake_breaches(c)
    if c.steps:
        yield from _table_breaches(c)
    if c.steps and c.surplus:
        yield ("scaling.surplus", "scaling.steps"), "is only for the recommended policy, not for steps", True
    removing = any(step.change < 0 for step in c.steps)
    if c.scale_in == "steps" and not removing:
        rule = "needs a step with a negative change, otherwise the service never reaches zero"
        yield ("scaling.scale_in", "scaling.steps"), rule, c.scale_in
    if c.scale_in in ("queue", "cpu") and removing:
        rule = "tasks would be removed in two ways: remove the steps with a negative change"
        yield ("scaling.scale_in", "scaling.steps"), rule, c.scale_in
    if "cooldown" in c.model_fields_set and not c.steps and c.scale_in != "cpu":
        rule = "is only for steps or scale_in: cpu; the recommended policy has fixed cooldowns"
        yield ("scaling.cooldown", "scaling.steps", "scaling.scale_in"), rule, c.cooldown
    for field in sorted({"cpu_threshold", "cpu_minutes"} & c.model_fields_set):
        if c.scale_in != "cpu":
            yield (f"scaling.{field}", "scaling.scale_in"), "needs scale_in: cpu", getattr(c, field)


def _wake_breaches(c: Scaling) -> Iterator[Breach]:
    if c.direct and not c.watch and "watch" in c.model_fields_set:
        yield ("scaling.watch", "scaling.direct"), "direct includes watch: remove watch", False
    for hours in c.warm_hours:
        if hours.min_tasks > c.max_tasks:
            rule = f"min_tasks must be at most max_tasks, which is {c.max_tasks}"
            yield ("scaling.warm_hours", "scaling.max_tasks"), rule, hours.min_tasks
        if hours.min_tasks <= c.min_tasks:
            rule = f"min_tasks must be above scaling.min_tasks, which is {c.min_tasks}"
            yield ("scaling.warm_hours", "scaling.min_tasks"), rule, hours.min_tasks
    if "timezone" in c.model_fields_set and not c.warm_hours:
        yield ("scaling.timezone", "scaling.warm_hours"), "is only for warm_hours", c.timezone


def _table_breaches(c: Scaling) -> Iterator[Breach]:
    fields = ("scaling.steps",)
    given = [step.model_dump(exclude_none=True) for step in c.steps]
    spans = [(-1.0 if s.lower is None else s.lower, float("inf") if s.upper is None else s.upper) for s in c.steps]
    if any(lower >= upper for lower, upper in spans):
        yield fields, "the lower bound of a step must be below its upper bound", given
        return
    for (low, high), (next_low, _) in pairwise(spans):
        if next_low < low:
            yield fields, "steps must be in ascending order", given
            return
        if next_low < high:
            rule = f"steps must not overlap: the step before the one from {max(next_low, 0):g} must end there"
            yield fields, rule, given
            return
    adding = [(step, span) for step, span in zip(c.steps, spans, strict=True) if step.change > 0]
    if not adding:
        yield fields, "needs a step with a positive change, otherwise no task ever starts", given
        return
    first, (lower, _) = adding[0]
    if lower <= 0:
        rule = "a step that adds tasks must begin at 1 message, otherwise an empty queue starts tasks"
        yield fields, rule, first.model_dump(exclude_none=True)
    if c.min_tasks == 0 and lower > 1:
        rule = "with min_tasks 0 the first step that adds tasks must begin at 1, otherwise one message starts no task"
        yield (*fields, "scaling.min_tasks"), rule, first.lower
    if any(step.change < 0 and span[0] > lower for step, span in zip(c.steps, spans, strict=True)):
        yield fields, "steps that remove tasks must have lower bounds below those that add tasks", given
    removing = [(step, span) for step, span in zip(c.steps, spans, strict=True) if step.change < 0]
    counts = {"add": _policy_steps(adding, lower, float("inf"))}
    if removing:
        counts["remove"] = _policy_steps(removing, 0, removing[-1][1][1])
    for verb, count in counts.items():
        if count > MAX_STEPS:
            rule = (
                f"a policy has at most {MAX_STEPS} steps, and each gap counts as one: the steps that {verb} tasks "
                f"make {count}"
            )
            yield fields, rule, given


def _policy_steps(steps: list[tuple[Step, Span]], lowest: float, highest: float) -> int:
    """Number of steps of AWS's policy: a gap is a step without change, neighbours with the same change are one."""
    changes: list[int] = []
    for step, (lower, upper) in steps:
        if lowest < lower:
            changes.append(0)
        changes.append(step.change)
        lowest = upper
    if lowest < highest:
        changes.append(0)
    return sum(1 for _ in groupby(changes))

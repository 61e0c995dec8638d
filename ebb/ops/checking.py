"""Whether a deployed stack is in order: its outputs, service, scaling, queues and alarms, and one task that tries."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.task_check import Place, TaskCheckError, run
from ebb.ops.dead_letters import DeadLetters
from ebb.ops.refusals import refusals
from ebb.ops.scaling import FLAGS, Service, described
from ebb.ops.stack import OPTIONAL, Stack

#: Outputs that each stack has, though one that an older Ebb deployed may lack them.
_OUTPUTS = ("dead_letter_queue_url", "log_group_name", "image_uri", "api_url")
#: Words of ECS's events about what does not work (ECS developer guide, "Service event messages").
_TROUBLE = ("unable to", "failed", "unhealthy", "throttl")
#: And of the one about what does.
_STEADY = "steady state"
#: The worker's variable with its limit for the import, in seconds, and its default.
_START_TIMEOUT = "EBB_START_TIMEOUT", 300


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part of a stack: whether it is in order, and in words what is wrong or what was seen."""

    part: str
    ok: bool
    said: str


def check(
    stack: Stack,
    client: Callable[[str], Any] | None = None,
    *,
    task: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> list[Finding]:
    """All findings. With `task` one task of the deployed revision runs for about a minute. Raises OpsError."""
    with refusals():
        found = client or stack.clients()
        findings = [*_outputs(stack), *_service(stack, found), *_scaling(stack, found), *_alarms(stack, found)]
        if task:
            say("A task of the deployed revision shows whether it can run jobs. That takes about a minute.")
            findings.append(_task(stack, found))
    return findings


def _outputs(stack: Stack) -> Iterator[Finding]:
    missing = [OPTIONAL[name] for name in _OUTPUTS if not getattr(stack, name)]
    said = f"missing: {', '.join(missing)}; run `pulumi up`" if missing else "complete"
    yield Finding(part="outputs", ok=not missing, said=said)


def _service(stack: Stack, client: Callable[[str], Any]) -> Iterator[Finding]:
    service = described(stack, client)
    state = Service(stack, client).state()
    active = service["status"] == "ACTIVE"
    said = f"{state.running} of {state.desired} tasks run" if active else f"its status is {service['status']}"
    yield Finding(part="service", ok=active and state.running >= min(state.desired, 1), said=said)
    failed = [each for each in service["deployments"] if each.get("rolloutState") == "FAILED"]
    said = failed[0].get("rolloutStateReason", "the last one failed") if failed else f"{len(service['deployments'])}"
    yield Finding(part="deployments", ok=not failed, said=said)
    trouble = _trouble(service.get("events", []))
    yield Finding(part="events", ok=trouble is None, said=trouble or "none about a failure since the last steady state")


def _trouble(events: list[Mapping[str, Any]]) -> str | None:
    """The newest event about a failure, if none about a steady state is newer. ECS lists the newest first."""
    for event in events:
        message = str(event["message"])
        if _STEADY in message:
            return None
        if any(word in message for word in _TROUBLE):
            return message
    return None


def _scaling(stack: Stack, client: Callable[[str], Any]) -> Iterator[Finding]:
    state = Service(stack, client).state()
    paused = ", ".join(FLAGS[flag] for flag in state.suspended)
    said = f"paused ({paused}): `ebb resume --stack {stack.name}`" if paused else f"{state.minimum} to {state.maximum}"
    yield Finding(part="scaling", ok=not paused, said=said)
    said = f"{state.waiting} waiting, {state.in_flight} in flight, {state.delayed} delayed"
    yield Finding(part="queue", ok=not (paused and state.waiting), said=said)
    if stack.dead_letter_queue_url:
        dead = DeadLetters(stack, client).count()
        yield Finding(
            part="dead letters", ok=not dead, said=f"{dead}: `ebb dlq list --stack {stack.name}`" if dead else "none"
        )


def _alarms(stack: Stack, client: Callable[[str], Any]) -> Iterator[Finding]:
    names = {name: role for role, name in stack.alarm_names.items()}
    if not names:
        return
    described = [
        alarm
        for page in client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=list(names))
        for alarm in page["MetricAlarms"]
    ]
    for gone in sorted(names.keys() - {alarm["AlarmName"] for alarm in described}):
        yield Finding(part=f"alarm {names[gone]}", ok=False, said="it does not exist: run `pulumi up --refresh`")
    rings = [alarm for alarm in described if alarm["StateValue"] == "ALARM"]
    for alarm in rings:
        role = names[alarm["AlarmName"]]
        yield Finding(part=f"alarm {role}", ok=False, said=f"in ALARM: docs/runbook.md#{role}")
    if not rings:
        yield Finding(part="alarms", ok=True, said=f"{len(described)}, none in ALARM")


def _task(stack: Stack, client: Callable[[str], Any]) -> Finding:
    service = described(stack, client)
    arn = service["taskDefinition"]
    definition = client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    variables = {pair["name"]: pair["value"] for pair in definition["containerDefinitions"][0]["environment"]}
    name, default = _START_TIMEOUT
    place = Place(
        cluster=stack.cluster_name,
        task_definition=arn,
        network=service["networkConfiguration"]["awsvpcConfiguration"],
    )
    try:
        run(place, client, start_timeout=float(variables.get(name, default)))
    except TaskCheckError as error:
        return Finding(part="task", ok=False, said=str(error))
    return Finding(part="task", ok=True, said="can run jobs: handler, queue, secrets and protection")

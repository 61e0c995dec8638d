"""Empties a stack: no new jobs come in, and the command waits until all jobs have ended and no task runs.

The doors are the API's methods that take jobs, whose limit becomes 0 (they answer 429), and the schedules of recurring
jobs, which are disabled. Neither is a part of the Pulumi program's own values, so `pulumi up` leaves them closed. Jobs
that are sent straight to SQS, and jobs that were scheduled for later, still come in.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ebb.ops.refusals import refusals
from ebb.ops.scaling import Service, State
from ebb.ops.stack import OpsError, Stack

#: The methods that take jobs: those of the paths that the API has.
METHODS = (("jobs", "POST"), ("jobs/batch", "POST"), ("queue", "GET"))
#: Seconds between two looks, and looks in a row that must find nothing: SQS's numbers are approximate.
LOOK_SECONDS, EMPTY_LOOKS = 5.0, 3
#: The action of a recurring job's schedule.
_SENDS = ":aws-sdk:sqs:sendMessage"
#: What UpdateSchedule replaces: all that GetSchedule answers except ARN and dates.
_SCHEDULE = (
    *("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target"),
    *("Description", "StartDate", "EndDate", "KmsKeyArn", "ActionAfterCompletion"),
)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What was closed or opened: methods of the API, and the names of schedules."""

    methods: tuple[str, ...]
    schedules: tuple[str, ...]


def close(stack: Stack, client: Callable[[str], Any] | None = None) -> Doors:
    """Let no more jobs in. Raises OpsError."""
    return _doors(stack, client, closed=True)


def reopen(stack: Stack, client: Callable[[str], Any] | None = None) -> Doors:
    """Let jobs in again. Raises OpsError."""
    return _doors(stack, client, closed=False)


def wait(
    stack: Stack,
    client: Callable[[str], Any] | None = None,
    *,
    limit: float | None = None,
    say: Callable[[State], None] = lambda _: None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until no job is in the queue and no task runs. False if that has not come within `limit` seconds."""
    service, until, empty = Service(stack, client), None if limit is None else now() + limit, 0
    while True:
        state = service.state()
        say(state)
        jobs = state.waiting + state.in_flight + state.delayed
        # tasks of the stack's own minimum, or of a paused stack, stay: they have no job
        tasks = 0 if state.minimum or state.suspended else state.running
        empty = 0 if jobs or tasks else empty + 1
        if empty == EMPTY_LOOKS:
            return True
        if until is not None and now() >= until:
            return False
        sleep(LOOK_SECONDS)


def _doors(stack: Stack, client: Callable[[str], Any] | None, *, closed: bool) -> Doors:
    with refusals():
        found = client or stack.clients()
        return Doors(
            methods=tuple(_methods(stack, found("apigateway"), closed)),
            schedules=tuple(_schedules(stack, found("scheduler"), closed)),
        )


def _methods(stack: Stack, gateway: Any, closed: bool) -> Iterator[str]:
    if not stack.api_id or not stack.api_stage:
        raise OpsError(f"Stack {stack.name} has no outputs api_id and api_stage: run `pulumi up`.")
    resources = gateway.get_paginator("get_resources").paginate(restApiId=stack.api_id)
    has = {
        (item["path"].lstrip("/"), verb)
        for page in resources
        for item in page["items"]
        for verb in item.get("resourceMethods", {})
    }
    settings = gateway.get_stage(restApiId=stack.api_id, stageName=stack.api_stage).get("methodSettings", {})
    patches = []
    for path, verb in METHODS:
        # in a patch's path `/` is written ~1 (API Gateway API, "Patch operations")
        escaped = f"/~1{path.replace('/', '~1')}/{verb}"
        if (path, verb) in has and closed:
            limits = ("rateLimit", "burstLimit")
            patches += [{"op": "replace", "path": f"{escaped}/throttling/{name}", "value": "0"} for name in limits]
        elif {f"{path}/{verb}", f"/{path}/{verb}"} & settings.keys() and not closed:
            patches.append({"op": "remove", "path": escaped})
        else:
            continue
        yield f"{verb} /{path}"
    if patches:
        gateway.update_stage(restApiId=stack.api_id, stageName=stack.api_stage, patchOperations=patches)


def _schedules(stack: Stack, scheduler: Any, closed: bool) -> Iterator[str]:
    wanted = "DISABLED" if closed else "ENABLED"
    for page in scheduler.get_paginator("list_schedules").paginate(GroupName="default"):
        for listed in page["Schedules"]:
            if not listed["Target"]["Arn"].endswith(_SENDS):
                continue
            schedule = scheduler.get_schedule(GroupName="default", Name=listed["Name"])
            if f'"{stack.queue_url}"' in schedule["Target"].get("Input", "") and schedule["State"] != wanted:
                kept = {name: schedule[name] for name in _SCHEDULE if schedule.get(name) is not None}
                scheduler.update_schedule(**kept, State=wanted)
                yield listed["Name"]

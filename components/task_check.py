"""Runs one task that looks whether it could run jobs, and waits for its verdict (`python -m worker --check`).

It is a task of no service, so no service and no scaling policy counts it, and it receives nothing. A deployment runs it
before the service gets a new revision (components/revision_check.py), and `ebb check` in the deployed revision.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components._container import NAME
from components.aws_clients import Clients

#: The arguments of the image's ENTRYPOINT.
COMMAND = ("--check",)
#: `startedBy` of the task: how an operator finds it in the console (36 characters at most).
STARTED_BY = "ebb-check"
#: Seconds in which a task is placed, pulls its image and starts; the worker's own limits come on top.
START_SECONDS = 600
#: Two looks at the task. ECS allows 20 DescribeTasks a second (ECS API, "Request throttling").
POLL_SECONDS = 1.0
#: Tries of RunTask while Fargate has no room, or does not know a new role yet, and the seconds between them.
TRIES, PAUSE_SECONDS = 5, 10.0
#: The last lines of the task's log that are shown, and the seconds until the log driver has delivered them.
LINES, LOG_SECONDS = 15, 10.0


class TaskCheckError(Exception):
    """The task did not show that it could run jobs. The text is what the user reads: why, and the last log lines."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the task runs: a task definition (ARN), a cluster, and the network of ECS's API (awsvpcConfiguration)."""

    cluster: str
    task_definition: str
    network: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time for the waits; tests have their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def run(place: Place, client: Clients, *, start_timeout: float, clock: Clock | None = None) -> None:
    """Run the task. Raises TaskCheckError unless it ends with 0. `start_timeout`: the worker's, in seconds."""
    try:
        _run(place, client, start_timeout, clock or Clock())
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise TaskCheckError(f"the task that checks it could not be followed: {error}") from None


def _run(place: Place, client: Clients, start_timeout: float, clock: Clock) -> None:
    ecs = client("ecs")
    arn = _started(place, ecs, clock)
    limit = START_SECONDS + 2 * start_timeout
    task = _ended(place, ecs, arn, clock, clock.now() + limit)
    if task is None:
        ecs.stop_task(cluster=place.cluster, task=arn, reason=f"It did not end within {limit:g} seconds")
        reason = f"its task did not end within {limit:g} seconds and was stopped"
    elif (container := task["containers"][0]).get("exitCode") == 0:
        return
    else:
        reasons = (container.get("reason"), task.get("stoppedReason"))
        said = "; ".join(dict.fromkeys(text for text in reasons if text)) or "ECS gives no reason"
        code = container.get("exitCode")
        reason = f"its task did not start: {said}" if code is None else f"its task ended with exit code {code}"
    raise TaskCheckError("\n".join([f"{reason}.", *_log(place, client, arn, clock)]))


def _started(place: Place, ecs: Any, clock: Clock) -> str:
    """The task's ARN, once ECS has accepted it."""
    for last in (number == TRIES - 1 for number in range(TRIES)):
        try:
            answer = ecs.run_task(
                cluster=place.cluster,
                taskDefinition=place.task_definition,
                launchType="FARGATE",  # Spot may have no room, and a check must not wait for it
                networkConfiguration={"awsvpcConfiguration": dict(place.network)},
                overrides={"containerOverrides": [{"name": NAME, "command": list(COMMAND)}]},
                startedBy=STARTED_BY,
            )
        except ClientError as error:
            # a role that was created seconds ago (IAM user guide, "Changes that I make are not always visible")
            if last or "role" not in str(error).lower():
                raise
        else:
            if answer["tasks"]:
                return str(answer["tasks"][0]["taskArn"])
            said = answer["failures"][0] if answer.get("failures") else {}
            if last:
                raise TaskCheckError(f"ECS started no task to check it: {said.get('reason') or said}.")
        clock.sleep(PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def _ended(place: Place, ecs: Any, arn: str, clock: Clock, until: float) -> dict[str, Any] | None:
    """The stopped task; None if it still runs then."""
    while clock.now() < until:
        found: list[dict[str, Any]] = ecs.describe_tasks(cluster=place.cluster, tasks=[arn])["tasks"]
        if found and found[0]["lastStatus"] == "STOPPED":  # a task that was just made may not be found yet
            return found[0]
        clock.sleep(POLL_SECONDS)
    return None


def _log(place: Place, client: Clients, arn: str, clock: Clock) -> Sequence[str]:
    """The last lines of the task's log, indented; none if it has not written any."""
    definition = client("ecs").describe_task_definition(taskDefinition=place.task_definition)["taskDefinition"]
    container = definition["containerDefinitions"][0]
    options = container.get("logConfiguration", {}).get("options", {})
    stream = f"{options.get('awslogs-stream-prefix')}/{container['name']}/{arn.rpartition('/')[2]}"
    until = clock.now() + LOG_SECONDS
    while True:
        try:
            events = client("logs").get_log_events(
                logGroupName=options["awslogs-group"], logStreamName=stream, limit=LINES, startFromHead=False
            )["events"]
        except (ClientError, KeyError):  # no container has run, so there is no stream
            events = []
        if events or clock.now() >= until:
            return ["Its last log lines:", *(f"  {event['message']}" for event in events)] if events else []
        clock.sleep(POLL_SECONDS)

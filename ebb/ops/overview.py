"""What a stack is doing now, on one screen: tasks, jobs, alarms, deployments, and what stops its scaling."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from components.aws_clients import Clients
from ebb.errors import UserError
from ebb.ops import history
from ebb.ops.cost import cost
from ebb.ops.dead_letters import DeadLetters
from ebb.ops.history import Deployment
from ebb.ops.refusals import refusals
from ebb.ops.scaling import Service, State, lines
from ebb.ops.stack import Stack
from ebb.ops.times import ago, clock_time, span

T = TypeVar("T")

#: Deployments that are shown.
DEPLOYMENTS = 3
#: Seconds of metrics that are read for the age of the oldest job. SQS sends one each minute, some of them late.
METRIC_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An operators' alarm: its role, its name, its state and since when (Unix time), and its paragraph in the docs."""

    role: str
    name: str
    state: str
    since: float
    reason: str
    runbook: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A stack now. `oldest`: seconds that the oldest job is in the queue; None if no job waits or runs.

    `mute_rules`: names of account-wide mute rules that stop its scaling. `dollars`: what this
    month has cost, and what it will have cost at its end. `unknown`: what could not be read, and why.
    """

    stack: str
    state: State
    dead_letters: int
    oldest: float | None
    alarms: tuple[Alarm, ...]
    deployments: tuple[Deployment, ...]
    mute_rules: tuple[str, ...]
    dollars: float | None
    dollars_month: float | None
    unknown: tuple[str, ...]


def overview(stack: Stack, client: Clients | None = None) -> Overview:
    """The overview of a deployed stack. Raises OpsError."""
    with refusals():
        client = client or stack.clients()
    unknown: list[str] = []

    def known(what: str, read: Callable[[Stack, Clients], T], otherwise: T) -> T:
        """A part, which the caller may not be allowed to read: the others are shown then."""
        try:
            return read(stack, client)
        except UserError as error:
            unknown.append(f"{what} cannot be read. {error}")
            return otherwise

    dollars = known("The cost", cost, None)
    return Overview(
        stack=stack.name,
        state=Service(stack, client).state(),
        dead_letters=DeadLetters(stack, client).count() if stack.dead_letter_queue_url else 0,
        oldest=known("The oldest job", _oldest, None),
        alarms=known("The alarms", _alarms, ()),
        deployments=known("The deployments", _deployments, ()),
        mute_rules=known("Rules that mute the scaling's alarms, and so stop it,", _mute_rules, ()),
        dollars=dollars.so_far if dollars else None,
        dollars_month=dollars.month if dollars else None,
        unknown=tuple(unknown),
    )


def screen(seen: Overview, now: float) -> Iterator[str]:
    """The overview in words."""
    yield from lines(seen.stack, seen.state)
    if seen.oldest is not None:
        yield f"Oldest job: in the queue for {span(seen.oldest)}."
    if seen.dead_letters:
        yield f"Dead letters: {seen.dead_letters}. To see them: `ebb dlq list --stack {seen.stack}`."
    in_alarm = [alarm for alarm in seen.alarms if alarm.state == "ALARM"]
    for alarm in in_alarm:
        yield f"Alarm {alarm.role} since {clock_time(alarm.since)}, see {alarm.runbook}: {alarm.reason}"
    if seen.alarms and not in_alarm:
        yield f"Alarms: none of {len(seen.alarms)} is in ALARM."
    for rule in seen.mute_rules:
        yield f"The mute rule {rule} names an alarm that scales this stack: while it is active, no task is started."
    for deployment in seen.deployments:
        end = f", ended {ago(deployment.finished, now)}" if deployment.finished else ""
        reason = f": {deployment.reason}" if deployment.reason else ""
        yield f"Deployment: {deployment.status.lower()}, began {ago(deployment.started, now)}{end}{reason}"
    if seen.dollars is not None:
        yield f"Cost of this month: ${seen.dollars:.2f} so far, ${seen.dollars_month:.2f} at its end, see `ebb cost`."
    yield from seen.unknown


def _oldest(stack: Stack, client: Clients) -> float | None:
    """The last value of SQS's metric; it is one to two minutes old."""
    now = stack.clock.at(time.time())
    with refusals():
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": stack.queue_name}],
            StartTime=now - METRIC_SECONDS,
            EndTime=now + 60,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
    newest = max(points, key=lambda point: point["Timestamp"], default=None)
    return newest["Maximum"] or None if newest else None


def _alarms(stack: Stack, client: Clients) -> tuple[Alarm, ...]:
    if not stack.alarm_names:
        return ()
    with refusals():
        found = client("cloudwatch").describe_alarms(AlarmNames=list(stack.alarm_names.values()))["MetricAlarms"]
    by_name = {alarm["AlarmName"]: alarm for alarm in found}
    return tuple(
        Alarm(
            role=role,
            name=name,
            state=alarm["StateValue"],
            since=alarm["StateUpdatedTimestamp"].timestamp(),
            reason=alarm.get("StateReason", ""),
            runbook=f"docs/runbook.md#{role}",
        )
        for role, name in stack.alarm_names.items()
        if (alarm := by_name.get(name))
    )


def _deployments(stack: Stack, client: Clients) -> tuple[Deployment, ...]:
    return tuple(history.deployments(stack, client, DEPLOYMENTS))


def _mute_rules(stack: Stack, client: Clients) -> tuple[str, ...]:
    """The rules that mute an alarm of the scaling: with the notifications they mute what the alarm does."""
    names, found = history.scaling_alarms(stack, client), set[str]()
    with refusals():
        cloudwatch = client("cloudwatch")
        for name in names:
            rules = cloudwatch.list_alarm_mute_rules(AlarmName=name, Statuses=["ACTIVE", "SCHEDULED"])
            found.update(rule["AlarmMuteRuleArn"].rpartition(":")[2] for rule in rules["AlarmMuteRuleSummaries"])
    return tuple(sorted(found))

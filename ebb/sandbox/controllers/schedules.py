"""Executes the schedules that were deployed, in simulated time: MiniStack's run by the wall clock, if at all.

A flexible time window is not drawn from: a schedule is on time to the look. A call that fails is not tried again.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from ebb.sandbox.controllers.ticker import Surroundings, Ticker, gone
from ebb.scaling.schedules import Schedule

#: Simulated seconds between two looks: "All schedule types … invoke their targets with 60 second precision"
#: (EventBridge Scheduler user guide, schedule-types.html).
LOOK = 15
#: The API's services by the name that Java's SDK has for them, where boto's differs.
_SERVICES = {"applicationautoscaling": "application-autoscaling", "sfn": "stepfunctions", "cloudwatchlogs": "logs"}
#: "EventBridge Scheduler doesn't support read-only actions, such as common GET operations"
#: (managing-targets-universal.html).
_READS = re.compile(r"(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet)")
_UNIVERSAL = re.compile(r"arn:[^:]+:scheduler:::aws-sdk:(?P<service>[a-z0-9]+):(?P<action>\w+)")

Described = dict[str, Any]


class UndeliverableError(Exception):
    """A target that cannot be called; the text says why."""


@dataclass
class _Due:
    """When a schedule is next due; another definition of it is due anew."""

    definition: tuple[Any, ...]
    schedule: Schedule
    origin: float
    end: float | None
    at: float | None


class Scheduler:
    """Fires each schedule when it is due: its target is called as deployed, with its input.

    A call is an event of kind "schedule"; one that cannot be made, is refused, or starts a workflow that fails is an
    event of kind "error", each text once in a row.
    """

    def __init__(self, region: Surroundings) -> None:
        self._region = region
        self._due: dict[str, _Due] = {}
        self._told: dict[str, str] = {}
        self._running: dict[str, str] = {}
        self._ticker = Ticker(region, "scheduler", self.look, LOOK, phase=0)

    def start(self) -> None:
        """Fire what is due until stop()."""
        self._ticker.start()

    def stop(self) -> None:
        """Fire no more."""
        self._ticker.stop()

    def look(self) -> None:
        """Fire what is due now, and see what became of the workflows that were started before."""
        now = self._region.clock.now()
        client = self._region.client("scheduler")
        found: dict[str, _Due] = {}
        for page in client.get_paginator("list_schedules").paginate():
            for listed in page["Schedules"]:
                try:
                    schedule = client.get_schedule(GroupName=listed["GroupName"], Name=listed["Name"])
                except ClientError as error:
                    if gone(error):
                        continue
                    raise
                due = self._known(schedule, now)
                if due:
                    found[schedule["Arn"]] = due
                    if due.at is not None and due.at <= now:
                        due.at = _within(due.schedule.next(now, due.origin), due.end)
                        self._fire(schedule)
        self._due = found
        self._follow()

    def _known(self, described: Described, now: float) -> _Due | None:
        """What is known of the schedule; it begins anew when it was changed."""
        expression, zone = described["ScheduleExpression"], described.get("ScheduleExpressionTimezone") or "UTC"
        start, end = (_seconds(described.get(key)) for key in ("StartDate", "EndDate"))
        definition = expression, zone, start, end
        if described["State"] != "ENABLED":
            return None
        known = self._due.get(described["Arn"])
        if known and known.definition == definition:
            return known
        try:
            schedule = Schedule(expression=expression, timezone=zone)
        except ValueError as error:
            self._tell("error", described["Name"], str(error))
            return None
        if expression.startswith("at"):  # "EventBridge Scheduler ignores StartDate for one-time schedules", and EndDate
            start = end = None
        # "With rate-based schedules, you use the StartDate property to set the first occurrence of the schedule. If you
        # do not provide a StartDate for a rate-based schedule, your schedule starts invoking the target immediately"
        # (schedule-types.html)
        origin = now - now % LOOK if start is None else start
        at = schedule.next(max(now, origin), origin)
        if expression.startswith("rate") and (start is None or start >= now):
            at = origin
        return _Due(definition, schedule, origin, end, _within(at, end))

    def _fire(self, described: Described) -> None:
        name, target = described["Name"], described["Target"]
        try:
            self._check_role(target["RoleArn"])
            what = self._deliver(described, target)
        except (UndeliverableError, ClientError, BotoCoreError) as error:
            self._tell("error", name, f"Schedule {name}: {error}")
        else:
            self._told.pop(name, None)
            self._region.events.add("schedule", f"{name}: {what}.", schedule=name, target=target["Arn"])

    def _check_role(self, arn: str) -> None:
        """The role must be there, and for EventBridge Scheduler to take; what it allows, nobody enforces here."""
        role = self._region.client("iam").get_role(RoleName=arn.rsplit("/", 1)[1])["Role"]
        document = role["AssumeRolePolicyDocument"]
        document = document if isinstance(document, dict) else json.loads(unquote(document))
        if "scheduler.amazonaws.com" not in json.dumps(document):
            raise UndeliverableError(f"the role {arn} does not trust scheduler.amazonaws.com")

    def _deliver(self, described: Described, target: Described) -> str:
        """Call the target; what was called, in words."""
        arn, given = target["Arn"], target.get("Input")
        if match := _UNIVERSAL.fullmatch(arn):
            return self._call(match["service"], match["action"], given)
        deliveries: dict[str, Callable[[str, Described, str | None], str]] = {
            "states": self._start_workflow,
            "sqs": self._send_message,
        }
        deliver = deliveries.get(arn.split(":")[2]) if arn.count(":") > 2 else None
        if deliver is None:
            raise UndeliverableError(f"the target {arn} is not in the sandbox")
        return deliver(described["Name"], target, given)

    def _call(self, service: str, action: str, given: str | None) -> str:
        """A universal target: any operation of any service."""
        if _READS.match(action):
            raise UndeliverableError(
                f"{service}:{action} only reads, and EventBridge Scheduler calls nothing that does"
            )
        try:
            client = self._region.client(_SERVICES.get(service, service))
            operations = {
                operation[0].lower() + operation[1:] for operation in client.meta.service_model.operation_names
            }
        except BotoCoreError as error:
            raise UndeliverableError(f"there is no service {service}: {error}") from None
        if client.meta.service_model.service_id.replace(" ", "").lower() != service:
            raise UndeliverableError(f"there is no service {service}")
        if action not in operations:
            raise UndeliverableError(f"{service} has no operation {action}")
        try:
            parameters = json.loads(given or "{}")
        except ValueError as error:
            raise UndeliverableError(f"the input is not JSON: {error}") from None
        getattr(client, xform_name(action))(**parameters)
        return f"{service}:{action}"

    def _start_workflow(self, name: str, target: Described, given: str | None) -> str:
        machine = target["Arn"]
        answer = self._region.client("stepfunctions").start_execution(stateMachineArn=machine, input=given or "{}")
        self._running[answer["executionArn"]] = name
        return f"started {machine.rsplit(':', 1)[1]}"

    def _send_message(self, _: str, target: Described, given: str | None) -> str:
        *_, account, queue = target["Arn"].split(":")
        sqs = self._region.client("sqs")
        url = sqs.get_queue_url(QueueName=queue, QueueOwnerAWSAccountId=account)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=given or "{}", **target.get("SqsParameters", {}))
        return f"sent to {queue}"

    def _follow(self) -> None:
        """What became of the workflows: of an Express one AWS tells in its log alone."""
        for execution, name in list(self._running.items()):
            try:
                seen = self._region.client("stepfunctions").describe_execution(executionArn=execution)
            except ClientError as error:
                if not gone(error):
                    raise
                del self._running[execution]
                continue
            if seen["status"] == "RUNNING":
                continue
            del self._running[execution]
            arn = seen["stateMachineArn"]
            if seen["status"] == "SUCCEEDED":
                self._told.pop(arn, None)
            else:
                why = f"{seen.get('error', seen['status'])}: {seen.get('cause', '')}"
                self._tell("error", arn, f"Workflow {arn.rsplit(':', 1)[1]}, started by {name}, failed: {why}")

    def _tell(self, kind: str, about: str, text: str) -> None:
        """An event, unless it was the last thing said about this."""
        if self._told.get(about) != text:
            self._told[about] = text
            self._region.events.add(kind, text)


def _seconds(date: datetime | None) -> float | None:
    return None if date is None else date.timestamp()


def _within(at: float | None, end: float | None) -> float | None:
    return None if at is None or (end is not None and at > end) else at

"""Runs the deployed schedules of EventBridge Scheduler in simulated time. MiniStack's own run in real time.

The time in `at(…)` comes from a clock of real time, such as the caller's or a workflow's. What the sandbox simulates is
the wait: a schedule for 30 minutes later runs after 30 simulated minutes.

It ignores flexible time windows, and does not retry a call that fails. `targets.py` runs Auto Scaling's scheduled
actions.
"""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from ebb.sandbox.controllers.ticker import Reporter, SimulatedRegion, Ticker, is_gone
from ebb.scaling.schedules import Schedule

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_iam import IAMClient
    from types_boto3_scheduler import EventBridgeSchedulerClient
    from types_boto3_scheduler.type_defs import GetScheduleOutputTypeDef, TargetOutputTypeDef
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

#: Simulated seconds between two checks: "All schedule types … invoke their targets with 60 second precision"
#: (schedule-types.html).
CHECK_SECONDS = 15
#: boto3's name of a service, by the name in the target's ARN, where they differ.
_SERVICES = {"applicationautoscaling": "application-autoscaling", "sfn": "stepfunctions", "cloudwatchlogs": "logs"}
#: "EventBridge Scheduler doesn't support read-only actions, such as common GET operations"
#: (managing-targets-universal.html).
_READS = re.compile(r"(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet)")
_UNIVERSAL = re.compile(r"arn:[^:]+:scheduler:::aws-sdk:(?P<service>[a-z0-9]+):(?P<action>\w+)")


class UndeliverableError(Exception):
    """A target cannot be called; the text says why."""


@dataclass
class _Due:
    """The next time of a schedule; a schedule with another definition starts again."""

    definition: tuple[Any, ...]
    schedule: Schedule
    origin: float
    end: float | None
    at: float | None


class Scheduler:
    """Calls the target of each schedule that is due, with its input.

    A call is an event of kind "schedule". A call that fails, and a started workflow that fails, are of kind "error". A
    started workflow that has ended is a data point in AWS/States.
    """

    def __init__(self, region: SimulatedRegion) -> None:
        self._region, self._clock, self._events = region, region.clock, region.events
        self._reporter = Reporter(region.events)
        self._iam: IAMClient = region.client("iam")
        self._scheduler: EventBridgeSchedulerClient = region.client("scheduler")
        self._sqs: SQSClient = region.client("sqs")
        self._cloudwatch: CloudWatchClient = region.client("cloudwatch")
        self._workflows: SFNClient = region.client("stepfunctions")
        #: What is deployed, by ARN and the time of its last change.
        self._described: dict[tuple[str, datetime], GetScheduleOutputTypeDef] = {}
        self._due: dict[str, _Due] = {}
        #: Names of schedules by the execution that they started.
        self._running: dict[str, str] = {}
        self._ticker = Ticker(region, "scheduler", self.check, CHECK_SECONDS)

    def start(self) -> None:
        """Call what is due until stop()."""
        self._ticker.start()

    def stop(self) -> None:
        """Stop calling."""
        self._ticker.stop()

    def check(self) -> None:
        """Call what is due now, and report the workflows that have failed since the last check."""
        now = self._clock.now()
        found: dict[str, _Due] = {}
        for schedule in self._deployed():
            due = self._known(schedule, now)
            if due:
                found[schedule["Arn"]] = due
                if due.at is not None and due.at <= now:
                    planned, due.at = due.at, _within(due.schedule.next(now, due.origin), due.end)
                    self._call(schedule, planned)
                    if due.at is None and schedule.get("ActionAfterCompletion") == "DELETE":
                        self._delete(schedule)
        self._due = found
        self._check_workflows()

    def _deployed(self) -> "list[GetScheduleOutputTypeDef]":
        found: dict[tuple[str, datetime], GetScheduleOutputTypeDef] = {}
        for page in self._scheduler.get_paginator("list_schedules").paginate():
            for listed in page["Schedules"]:
                key = listed["Arn"], listed["LastModificationDate"]
                try:
                    found[key] = self._described.get(key) or self._scheduler.get_schedule(
                        GroupName=listed["GroupName"], Name=listed["Name"]
                    )
                except ClientError as error:
                    if not is_gone(error):
                        raise
        self._described = found
        return list(found.values())

    def _delete(self, schedule: "GetScheduleOutputTypeDef") -> None:
        """What AWS does after the last run of a schedule with ActionAfterCompletion DELETE."""
        try:
            self._scheduler.delete_schedule(GroupName=schedule["GroupName"], Name=schedule["Name"])
        except ClientError as error:
            if not is_gone(error):
                raise

    def _known(self, described: "GetScheduleOutputTypeDef", now: float) -> _Due | None:
        """The schedule's next time; None if it is disabled or invalid."""
        expression, zone = described["ScheduleExpression"], described.get("ScheduleExpressionTimezone") or "UTC"
        start, end = _seconds(described.get("StartDate")), _seconds(described.get("EndDate"))
        definition = expression, zone, start, end
        if described["State"] != "ENABLED":
            return None
        known = self._due.get(described["Arn"])
        if known and known.definition == definition:
            return known
        try:
            schedule = Schedule(expression=expression, timezone=zone)
        except ValueError as error:
            self._reporter.report("error", described["Name"], str(error))
            return None
        if expression.startswith("at"):  # "EventBridge Scheduler ignores StartDate for one-time schedules", and EndDate
            ahead = now - self._clock.moment(now)
            single = schedule.next(now - ahead)
            return _Due(definition, schedule, now, None, None if single is None else single + ahead)
        # A rate's first occurrence is at StartDate; without one it "starts invoking the target immediately"
        # (schedule-types.html).
        origin = now - now % CHECK_SECONDS if start is None else start
        at = schedule.next(max(now, origin), origin)
        if expression.startswith("rate") and (start is None or start >= now):
            at = origin
        return _Due(definition, schedule, origin, end, _within(at, end))

    def _call(self, described: "GetScheduleOutputTypeDef", planned: float) -> None:
        name, target = described["Name"], _with_context(described, planned)
        try:
            self._check_role(target["RoleArn"])
            what = self._deliver(name, target)
        except (UndeliverableError, ClientError, BotoCoreError) as error:
            self._reporter.report("error", name, f"Schedule {name}: {error}")
        else:
            self._reporter.forget(name)
            why = f" {described['Description']}." if described.get("Description") else ""
            self._events.add("schedule", f"{name}: {what}.{why}", schedule=name, target=target["Arn"])

    def _check_role(self, arn: str) -> None:
        """The role must exist and trust EventBridge Scheduler. The sandbox does not check its permissions."""
        document: Any = self._iam.get_role(RoleName=arn.rsplit("/", 1)[1])["Role"]["AssumeRolePolicyDocument"]
        document = document if isinstance(document, dict) else json.loads(unquote(document))
        if "scheduler.amazonaws.com" not in json.dumps(document):
            raise UndeliverableError(f"the role {arn} does not trust scheduler.amazonaws.com")

    def _deliver(self, name: str, target: "TargetOutputTypeDef") -> str:
        """Call the target; returns a text that says what was called."""
        arn = target["Arn"]
        if match := _UNIVERSAL.fullmatch(arn):
            return self._call_operation(match["service"], match["action"], target.get("Input", "{}"))
        match arn.split(":")[2:3]:
            case ["states"]:
                return self._start_workflow(name, target)
            case ["sqs"]:
                return self._send_message(target)
        raise UndeliverableError(f"the target {arn} is not in the sandbox")

    def _call_operation(self, service: str, action: str, given: str) -> str:
        """Call a universal target: any operation of any service."""
        if _READS.match(action):
            raise UndeliverableError(
                f"{service}:{action} only reads, and EventBridge Scheduler refuses such operations"
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
            parameters = json.loads(given)
        except ValueError as error:
            raise UndeliverableError(f"the input is not JSON: {error}") from None
        getattr(client, xform_name(action))(**parameters)
        return f"called {action[0].upper()}{action[1:]} of {client.meta.service_model.service_id}"

    def _start_workflow(self, name: str, target: "TargetOutputTypeDef") -> str:
        machine = target["Arn"]
        started = self._workflows.start_execution(stateMachineArn=machine, input=target.get("Input", "{}"))
        self._running[started["executionArn"]] = name
        return f"started {machine.rsplit(':', 1)[1]}"

    def _send_message(self, target: "TargetOutputTypeDef") -> str:
        *_, account, queue = target["Arn"].split(":")
        url = self._sqs.get_queue_url(QueueName=queue, QueueOwnerAWSAccountId=account)["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=target.get("Input", "{}"), **target.get("SqsParameters", {}))
        return f"sent to {queue}"

    def _check_workflows(self) -> None:
        """Report the started workflows that have failed. AWS reports those of type Express only in their log."""
        for execution, name in list(self._running.items()):
            try:
                seen = self._workflows.describe_execution(executionArn=execution)
            except ClientError as error:
                if not is_gone(error):
                    raise
                del self._running[execution]
                continue
            if seen["status"] == "RUNNING":
                continue
            del self._running[execution]
            arn = seen["stateMachineArn"]
            self._publish(arn, seen["status"])
            if seen["status"] == "SUCCEEDED":
                self._reporter.forget(arn)
            else:
                # the same sentence each time, without the id of the request, is shown once
                why = f"{seen.get('error', seen['status'])}: {seen.get('cause', '').partition(' (Service: ')[0]}"
                text = f"Workflow {arn.rsplit(':', 1)[1]}, started by {name}, failed: {why}"
                self._reporter.report("error", arn, text)

    def _publish(self, machine: str, status: str) -> None:
        """The metric of an ended execution (Step Functions guide, "Monitoring Step Functions metrics")."""
        name = {"SUCCEEDED": "ExecutionsSucceeded", "TIMED_OUT": "ExecutionsTimedOut"}.get(status, "ExecutionsFailed")
        self._cloudwatch.put_metric_data(
            Namespace="AWS/States",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "StateMachineArn", "Value": machine}],
                    "Timestamp": datetime.fromtimestamp(self._clock.now(), UTC),
                    "Value": 1,
                    "Unit": "Count",
                }
            ],
        )


def _with_context(described: "GetScheduleOutputTypeDef", planned: float) -> "TargetOutputTypeDef":
    """The target, with the values of the context attributes in its input.

    EventBridge Scheduler user guide, "Adding context attributes"; the sandbox makes one attempt.
    """
    target = described["Target"]
    attributes = {
        "schedule-arn": described["Arn"],
        "scheduled-time": datetime.fromtimestamp(planned, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": uuid.uuid4().hex[:16],
        "attempt-number": "1",
    }
    text = target.get("Input", "{}")
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return {**target, "Input": text}


def _seconds(date: datetime | None) -> float | None:
    return None if date is None else date.timestamp()


def _within(at: float | None, end: float | None) -> float | None:
    return None if at is None or (end is not None and at > end) else at

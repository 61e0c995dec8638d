"""Runs the workflows of jobs with moto's DynamoDB, and a queue and schedules that are lists."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from components.workflows import cancellation, scheduled_release, submission
from components.workflows.header_rules import HEADERS
from components.workflows.job_states import Place
from tests.components.workflows.account import COUNT, EXECUTE, START
from tests.components.workflows.states import Ended, Failed, execute

TABLE = "jobs"
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
RELEASE = "arn:aws:states:us-east-1:123456789012:stateMachine:release"
PLACE = Place(
    partition="aws",
    table=TABLE,
    queue_url=URL,
    fifo=False,
    retention_days=4,
    keep_days=14,
    schedule_group="jobs",
    release_arn=RELEASE,
    scheduler_role_arn="arn:aws:iam::123456789012:role/scheduler",
)
PUT, GET, UPDATE, DELETE = (f"dynamodb:{action}Item" for action in ("put", "get", "update", "delete"))
SEND, SCHEDULE, UNSCHEDULE = "sqs:sendMessage", "scheduler:createSchedule", "scheduler:deleteSchedule"
RESCHEDULE = "scheduler:updateSchedule"
EVENT = "eventbridge:putEvents"
METHODS = {PUT: "put_item", GET: "get_item", UPDATE: "update_item", DELETE: "delete_item"}


class Died(Exception):  # noqa: N818
    """The execution ends here, as when Step Functions aborts it."""


@dataclass
class Region:
    """The table, the queue and the schedules, as the workflows see them."""

    place: Place = PLACE
    #: What happens at a call: (action, number of calls of it before) -> an error, or a function that is called before.
    faults: dict[tuple[str, int], Failed | Died | Callable[[], None]] = field(default_factory=dict)
    #: The same, after the call: its answer is lost.
    lost: dict[tuple[str, int], Failed | Died] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    #: The id of the latest item that was put.
    put: str = ""

    def __post_init__(self) -> None:
        self.table = boto3.client("dynamodb", region_name="us-east-1")

    def __call__(self, action: str, arguments: dict[str, Any]) -> Any:
        number = self.calls.count(action)
        self.calls.append(action)
        fault = self.faults.get((action, number))
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            fault()
        answer = self._answer(action, arguments)
        if (action, number) in self.lost:
            raise self.lost[action, number]
        return answer

    def _answer(self, action: str, arguments: dict[str, Any]) -> Any:  # noqa: PLR0911 - one for each action
        if action in METHODS:
            self.put = arguments["Item"]["id"]["S"] if action == PUT else self.put
            try:
                return getattr(self.table, METHODS[action])(**arguments)
            except ClientError as error:
                found = error.response["Error"]
                raise Failed(f"DynamoDb.{found['Code']}", found["Message"]) from error
        if action == SEND:
            assert arguments.pop("QueueUrl") == URL
            self.sent.append(arguments)
            return {"MessageId": f"m-{len(self.sent)}", "MD5OfMessageBody": "d"}
        if action == SCHEDULE:
            assert arguments["GroupName"] == "jobs"
            if arguments["Name"] in self.schedules:
                raise Failed("Scheduler.ConflictException", "Schedule exists. (Service: Scheduler, Status Code: 409)")
            self.schedules[arguments["Name"]] = arguments
            return {"ScheduleArn": "s"}
        if action == RESCHEDULE:
            assert arguments["Name"] in self.schedules
            self.schedules[arguments["Name"]] = arguments
            return {"ScheduleArn": "s"}
        if action == UNSCHEDULE:
            if self.schedules.pop(arguments["Name"], None) is None:
                raise Failed("Scheduler.ResourceNotFoundException")
            return {}
        if action == EVENT:
            self.events.extend(arguments["Entries"])
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}
        if action == COUNT:
            return {"Attributes": dict.fromkeys(arguments["AttributeNames"], "0")}
        assert (action, arguments) == (EXECUTE, {"StateMachineArn": START})
        return {"ExecutionArn": "e", "StartDate": "d"}

    def submit(self, body: str = "{}", **headers: str) -> dict[str, Any]:
        """The answer to one job."""
        return self._output(submission.submit(self.place), {"body": body, **_all(headers)})

    def batch(self, *bodies: str, **headers: str) -> dict[str, Any]:
        """The answer to a batch."""
        return self._output(submission.batch(self.place), {"bodies": list(bodies), **_all(headers)})

    def cancel(self, id_: str, *, events: bool = False) -> dict[str, Any]:
        """The answer to a cancel."""
        return self._output(cancellation.cancel(self.place, stack="jobs", events=events), {"id": id_})

    def release(self, id_: str, given: str | None = None) -> Ended:
        """What a job's schedule does when its time has come. `given`: its input, if the schedule does not exist."""
        text = given or self.schedules[id_]["Target"]["Input"]
        return execute(scheduled_release.release(self.place), json.loads(text), self, self.pauses.append)

    def _output(self, document: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        ended = execute(document, given, self, self.pauses.append)
        assert ended.status == "SUCCEEDED", ended
        return dict(ended.output)

    def item(self, id_: str) -> dict[str, Any]:
        """A job's item, with plain values; empty without one."""
        found = self.table.get_item(TableName=TABLE, Key={"id": {"S": id_}}).get("Item", {})
        return {name: value.get("S", value.get("N")) for name, value in found.items()}

    def set(self, id_: str, **values: str | int | float) -> None:
        """Changes attributes of an item, as a worker does, or time."""
        item: dict[str, Any] = self.table.get_item(TableName=TABLE, Key={"id": {"S": id_}}).get(
            "Item", {"id": {"S": id_}}
        )
        kinds = {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()}
        self.table.put_item(TableName=TABLE, Item=item | kinds)

    def forget(self, id_: str, *names: str) -> None:
        """Removes attributes of an item."""
        item = self.table.get_item(TableName=TABLE, Key={"id": {"S": id_}})["Item"]
        self.table.put_item(TableName=TABLE, Item={name: item[name] for name in item if name not in names})


def _all(headers: dict[str, str]) -> dict[str, str]:
    return {**dict.fromkeys(HEADERS.values(), ""), **headers}


def create() -> None:
    """The table, of the running moto."""
    boto3.client("dynamodb", region_name="us-east-1").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def waking() -> Place:
    """With the workflow that adds tasks."""
    return replace(PLACE, start_arn=START)

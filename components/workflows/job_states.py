"""What the workflows of jobs share: where jobs go, and states that write the job table or answer the caller."""

import json
from dataclasses import dataclass
from typing import Any

from components import _problems
from components._problems import Problem
from components.rest_api.templates.job_table import ASK_AGAIN
from components.workflows.asl import Document, caught, jsonata, retried, sdk

#: Seconds of an update of the table, such as that of a job that was sent.
SETTLE_TIMEOUT = 2
DAY = 24 * 3600
#: The message attribute with the job's id.
JOB_ID = "EbbJobId"
CONDITION_FAILED = "DynamoDb.ConditionalCheckFailedException"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where jobs go. `start_arn`: the workflow that adds tasks; None without `scaling.direct`."""

    partition: str
    table: str
    queue_url: str
    fifo: bool
    #: Days that a message waits at most, and that the table keeps a job after its end.
    retention_days: int
    keep_days: int
    schedule_group: str
    release_arn: str
    scheduler_role_arn: str
    start_arn: str | None = None

    @property
    def kept(self) -> int:
        """Seconds that an item is kept after its message was sent."""
        return (self.retention_days + self.keep_days) * DAY


def problem(found: Problem, detail: str | None = None) -> dict[str, Any]:
    """The answer with a problem, with the seconds of its Retry-After."""
    retry = {"retry": found.headers["Retry-After"]} if "Retry-After" in found.headers else {}
    body = json.dumps(_problems.members(found, detail or found.detail))
    return {"status": found.status, "type": _problems.MEDIA_TYPE, "body": body} | retry


def ends(found: Problem, detail: str | None = None) -> Document:
    """The state that ends a run with a problem."""
    return {"Type": "Pass", "Output": problem(found, detail), "End": True}


def accepted(scheduled: str, created: str) -> str:
    """The answer for a job that was taken, from expressions."""
    body = f"$string({{'id': $id, 'state': {scheduled} ? 'scheduled' : 'queued', 'created': {created}}})"
    return (
        f"{{'status': 202, 'type': 'application/json', 'location': 'jobs/' & $id, 'retry': '{ASK_AGAIN}', "
        f"'body': {body}}}"
    )


def at(seconds: str) -> str:
    """A schedule's expression for a moment, from an expression of Unix seconds."""
    moment = f"$fromMillis(({seconds}) * 1000, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]')"
    return f"'at(' & {moment} & ')'"


def dynamodb(place: Place, action: str) -> Document:
    """The start of a state that calls DynamoDB."""
    return {"Type": "Task", "Resource": sdk(place.partition, f"dynamodb:{action}")}


def settle(place: Place, update: str, *, cancelled: bool = False) -> Document:
    """The update of an item that is still this run's."""
    values: Document = {
        ":run": {"N": jsonata("$sending")},
        ":expires": {"N": jsonata(f"$string(($scheduled ? $due : $now) + {place.kept})")},
    }
    if cancelled:
        values |= {":cancelled": {"S": "cancelled"}, ":now": {"N": jsonata("$string($floor($millis() / 1000))")}}
    else:
        values |= {":message": {"S": jsonata("$messageId")}} if ":message" in update else {}
    return {
        **dynamodb(place, "updateItem"),
        "Arguments": {
            "TableName": place.table,
            "Key": {"id": {"S": jsonata("$id")}},
            "UpdateExpression": update,
            "ConditionExpression": "sending = :run",
            **({"ExpressionAttributeNames": {"#state": "state"}} if cancelled else {}),
            "ExpressionAttributeValues": values,
        },
        "TimeoutSeconds": SETTLE_TIMEOUT,
        "Retry": retried(1, never=[CONDITION_FAILED]),
    }


def failed(following: str) -> Document:
    """Any error, with its name and its cause."""
    kept = {
        "error": jsonata("$states.errorOutput.Error"),
        "cause": jsonata("$exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : ''"),
    }
    return caught(following, Assign=kept)


def message(queue_url: str, body: str, id_: str, *more: str) -> str:
    """The arguments of a job's SendMessage, from expressions."""
    attribute = f"{{'{JOB_ID}': {{'DataType': 'String', 'StringValue': {id_}}}}}"
    first = f"{{'QueueUrl': '{queue_url}', 'MessageBody': {body}, 'MessageAttributes': {attribute}}}"
    return f"$merge([{', '.join([first, *more])}])"

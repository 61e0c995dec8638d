"""The Express workflow that cancels a job, and the job as its answer has it.

Its input is {"id"}. Its output is that of `submit` (submission.py). A job that has not started never does. A running
one is marked: its worker stops it.
"""

from components import _problems
from components.rest_api.templates.job_table import ASK_AGAIN, FINAL, ID, json_of_item
from components.workflows.asl import Document, caught, jsonata, retried, sdk
from components.workflows.job_states import (
    CONDITION_FAILED,
    SETTLE_TIMEOUT,
    Place,
    dynamodb,
    ends,
    failed,
)

#: Seconds, below the 29 s that API Gateway waits.
TIMEOUT = 28
#: Seconds of a read of the table, of a schedule's deletion, and of an event.
LOOK_TIMEOUT, DELETE_TIMEOUT, EVENT_TIMEOUT = 3, 3, 3


def cancel(place: Place, *, stack: str, events: bool) -> Document:
    """Cancels a job. `stack`: the queue's name, for the event of a cancelled job."""
    after = "Event" if events else "Cancelled"
    states: dict[str, Document] = {
        "Begin": {
            "Type": "Choice",
            "Choices": [{"Condition": jsonata(f"$contains($states.input.id, /^{ID}$/)"), "Next": "Name"}],
            "Default": "NoSuchJob",
        },
        "Name": {"Type": "Pass", "Assign": {"id": jsonata("$states.input.id")}, "Next": "Look"},
        "Look": {
            **dynamodb(place, "getItem"),
            "Arguments": {"TableName": place.table, "Key": {"id": {"S": jsonata("$id")}}, "ConsistentRead": True},
            "TimeoutSeconds": LOOK_TIMEOUT,
            "Retry": retried(2),
            "Catch": [failed("Failed")],
            "Assign": {
                "item": jsonata("$exists($states.result.Item) ? $states.result.Item : {}"),
                "state": jsonata("$exists($states.result.Item) ? $states.result.Item.state.S : 'absent'"),
                "expires": jsonata("$exists($states.result.Item) ? $number($states.result.Item.expires.N) : 0"),
                "now": jsonata("$floor($millis() / 1000)"),
            },
            "Next": "State",
        },
        "State": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata("$expires < $now"), "Next": "NoSuchJob"},
                {"Condition": jsonata("$state = 'queued' or $state = 'scheduled'"), "Next": "Cancel"},
                {"Condition": jsonata("$state = 'running'"), "Next": "Mark"},
            ],
            "Default": "Final",
        },
        "Cancel": _update(place, "SET #state = :cancelled, finished = :now", after),
        "Mark": _update(place, "SET #cancel = if_not_exists(#cancel, :now)", "Answered"),
        "Cancelled": {
            "Type": "Choice",
            "Choices": [{"Condition": jsonata("$exists($item.at)"), "Next": "Unschedule"}],
            "Default": "Answered",
        },
        "Unschedule": {
            "Type": "Task",
            "Resource": sdk(place.partition, "scheduler:deleteSchedule"),
            "Arguments": {"Name": jsonata("$id"), "GroupName": place.schedule_group},
            "TimeoutSeconds": DELETE_TIMEOUT,
            # the schedule is deleted after it ran; `release` sends no cancelled job
            "Catch": [caught("Answered")],
            "Next": "Answered",
        },
        "Answered": _answer(202),
        "Final": _answer(200),
        "NoSuchJob": ends(_problems.NO_SUCH_JOB),
        "Failed": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"$contains($error, /{'|'.join(_problems.BUSY_WORDS)}/)"), "Next": "Busy"},
            ],
            "Default": "Broken",
        },
        "Busy": ends(_problems.UNAVAILABLE, "The job table does not answer at the moment. Send it again later."),
        "Broken": ends(_problems.BAD_GATEWAY, "The job table did not answer."),
    }
    if events:
        states["Event"] = _event(place, stack)
    return {
        "Comment": "Cancels a job",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": TIMEOUT,
        "StartAt": "Begin",
        "States": states,
    }


def _update(place: Place, update: str, following: str) -> Document:
    """Changes the item if its state is still the one that was read; else it is read again."""
    cancels = ":cancelled" in update
    return {
        **dynamodb(place, "updateItem"),
        "Arguments": {
            "TableName": place.table,
            "Key": {"id": {"S": jsonata("$id")}},
            "UpdateExpression": update,
            "ConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"} | ({} if cancels else {"#cancel": "cancel"}),
            "ExpressionAttributeValues": {
                ":state": {"S": jsonata("$state")},
                ":now": {"N": jsonata("$string($now)")},
                **({":cancelled": {"S": "cancelled"}} if cancels else {}),
            },
            "ReturnValues": "ALL_NEW",
        },
        "TimeoutSeconds": SETTLE_TIMEOUT,
        "Retry": retried(2, never=[CONDITION_FAILED]),
        "Catch": [caught("Look", CONDITION_FAILED), failed("Failed")],
        "Assign": {"item": jsonata("$states.result.Attributes")},
        "Next": following,
    }


def _event(place: Place, stack: str) -> Document:
    """The event of a job that no worker sees again; the worker sends it too if it gets the job's message."""
    detail = f'$substring({json_of_item("$item")}, 0, $length({json_of_item("$item")}) - 1) & \',"stack":"{stack}"}}\''
    entry = {"Source": "ebb", "DetailType": "Job Cancelled", "Detail": jsonata(detail)}
    return {
        "Type": "Task",
        "Resource": sdk(place.partition, "eventbridge:putEvents"),
        "Arguments": {"Entries": [entry]},
        "TimeoutSeconds": EVENT_TIMEOUT,
        "Retry": retried(2),
        "Catch": [caught("Cancelled")],
        "Next": "Cancelled",
    }


def _answer(status: int) -> Document:
    output = {"status": status, "type": "application/json", "body": jsonata(json_of_item("$item"))}
    # a running job ends soon
    retry = {"retry": jsonata(f"$item.state.S in {list(FINAL)} ? '' : '{ASK_AGAIN}'")} if status == 202 else {}
    return {"Type": "Pass", "Output": output | retry, "End": True}

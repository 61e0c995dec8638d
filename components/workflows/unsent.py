"""The states for a job whose key is taken, and for one that was not sent, or perhaps not."""

import json

from components import _problems
from components.rest_api.templates.job_table import FINAL
from components.workflows.asl import Document, caught, jsonata, retried
from components.workflows.job_states import (
    CONDITION_FAILED,
    SETTLE_TIMEOUT,
    Place,
    accepted,
    dynamodb,
    ends,
    failed,
    settle,
)

#: Seconds of a read of the table.
LOOK_TIMEOUT = 3


def repeat(place: Place) -> dict[str, Document]:
    """What becomes of a job whose key is taken."""
    item = "$states.result.Item"
    settled = f"($not($exists({item}.sending)) or {item}.state.S in {json.dumps(FINAL)})"
    return {
        "Look": {
            **dynamodb(place, "getItem"),
            "Arguments": {"TableName": place.table, "Key": {"id": {"S": jsonata("$id")}}, "ConsistentRead": True},
            "TimeoutSeconds": LOOK_TIMEOUT,
            "Retry": retried(1),
            "Catch": [failed("Failed")],
            "Assign": {
                "other": jsonata(f"$exists({item}.digest) and {item}.digest.S != $digest"),
                "done": jsonata(f"$exists({item}) and {settled}"),
                "answer": jsonata(
                    f"$exists({item}) ? {accepted(f'$exists({item}.at)', f'$number({item}.created.N)')} : {{}}"
                ),
            },
            "Next": "Known",
        },
        "Known": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata("$other"), "Next": "OtherJob"},
                {"Condition": jsonata("$done"), "Next": "Answer"},
            ],
            "Default": "UnderWay",
        },
        "OtherJob": ends(_problems.KEY_REUSED),
        "UnderWay": ends(_problems.UNDER_WAY),
    }


def undo(place: Place) -> dict[str, Document]:
    """What becomes of a job that was not sent, or perhaps not."""
    # Step Functions has one name for all errors that SQS's API does not declare, Sqs.SqsException
    refused_by_aws = (
        r"$contains($error, /^(Sqs|Scheduler)[.]/) and $not($contains($error, /SdkClient|Internal|Unavailable/))"
        " and $not($contains($cause, /Status Code: 5/))"
    )
    words = "InvalidMessageContents|parameter MessageGroupId|shorter than"
    never = "SET #state = :cancelled, finished = :now, expires = :expires REMOVE sending"
    return {
        "Fate": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(refused_by_aws), "Next": "Undo"},
                {"Condition": jsonata("$key = ''"), "Next": "Withdraw"},
            ],
            "Default": "Unknown",
        },
        "Withdraw": {
            **settle(place, never, cancelled=True),
            # a worker has it, so it was sent
            "Catch": [caught("Answer", CONDITION_FAILED), caught("Unknown")],
            "Next": "Withdrawn",
        },
        "Undo": {
            **dynamodb(place, "deleteItem"),
            "Arguments": {
                "TableName": place.table,
                "Key": {"id": {"S": jsonata("$id")}},
                # a cancelled job is remembered
                "ConditionExpression": "sending = :run AND #state IN (:queued, :scheduled)",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": {
                    ":run": {"N": jsonata("$sending")},
                    ":queued": {"S": "queued"},
                    ":scheduled": {"S": "scheduled"},
                },
            },
            "TimeoutSeconds": SETTLE_TIMEOUT,
            "Catch": [caught("Failed")],
            "Next": "Failed",
        },
        "Failed": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"$contains($error & $cause, /{words}/)"), "Next": "Invalid"},
                {"Condition": jsonata(f"$contains($error, /{'|'.join(_problems.BUSY_WORDS)}/)"), "Next": "Busy"},
                {"Condition": jsonata("$error = 'States.Timeout'"), "Next": "Slow"},
            ],
            "Default": "Broken",
        },
        "Invalid": ends(_problems.INVALID_JOB),
        "Busy": ends(_problems.UNAVAILABLE),
        "Slow": ends(_problems.TIMEOUT, "A service did not answer in time. The job was not sent."),
        "Broken": ends(_problems.BAD_GATEWAY),
        "Withdrawn": ends(_problems.TIMEOUT, "The queue did not answer in time. The job will not run: send it again."),
        "Unknown": ends(_problems.TIMEOUT),
    }

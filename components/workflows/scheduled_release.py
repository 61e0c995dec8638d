"""The Express workflow that a job's schedule starts: it sends the job when its time has come.

Its input is {"id", "body", "group", "target"}. It may run twice: each run sends the message unless a message's id is in
the item. A second message of a job does not run, because the worker claims the job once.

A run that cannot reach the table or the queue puts the job on a schedule again, whose target is `target`. Then it
fails, and an alarm reports that.
"""

from components.workflows.asl import Document, caught, jsonata, retried, sdk, wake
from components.workflows.job_states import CONDITION_FAILED, Place, at, dynamodb, message

#: Retries of a call with growing pauses, a minute in all, and seconds of each try. An Express workflow runs for at most
#: 5 minutes (Step Functions quotas), and the longest path has two such calls.
ATTEMPTS = 6
CALL_TIMEOUT = 6
#: Seconds until the next run, after one that did not reach the table or the queue.
AGAIN = 120
#: The error of such a run.
LATER = "Ebb.SentLater"


def release(place: Place) -> Document:
    """Sends a scheduled job, unless it was cancelled."""
    group = "$group != '' ? {'MessageGroupId': $group} : {}"
    deduplication = ["{'MessageDeduplicationId': $id}"] if place.fifo else []
    waking = place.start_arn is not None
    key = {"TableName": place.table, "Key": {"id": {"S": jsonata("$id")}}}
    names = {"ExpressionAttributeNames": {"#state": "state"}}
    states: dict[str, Document] = {
        "Begin": {
            "Type": "Pass",
            "Assign": {name: jsonata(f"$states.input.{name}") for name in ("id", "body", "group", "target")},
            "Next": "Queue",
        },
        "Queue": {
            **dynamodb(place, "updateItem"),
            "Arguments": {
                **key,
                **names,
                "UpdateExpression": "SET #state = :queued REMOVE sending",
                "ConditionExpression": "expires > :now AND "
                "(#state = :scheduled OR (#state = :queued AND attribute_not_exists(message_id)))",
                "ExpressionAttributeValues": {
                    ":queued": {"S": "queued"},
                    ":scheduled": {"S": "scheduled"},
                    ":now": {"N": jsonata("$string($floor($millis() / 1000))")},
                },
            },
            "TimeoutSeconds": CALL_TIMEOUT,
            "Retry": retried(ATTEMPTS, never=[CONDITION_FAILED], rate=2),
            "Catch": [caught("Done", CONDITION_FAILED), caught("Again")],
            "Next": "Send",
        },
        "Send": {
            "Type": "Task",
            "Resource": sdk(place.partition, "sqs:sendMessage"),
            "Arguments": jsonata(message(place.queue_url, "$body", "$id", group, *deduplication)),
            "TimeoutSeconds": CALL_TIMEOUT,
            "Retry": retried(ATTEMPTS, rate=2),
            "Catch": [caught("Again")],
            "Assign": {"messageId": jsonata("$states.result.MessageId")},
            "Next": "Sent",
        },
        "Sent": {
            **dynamodb(place, "updateItem"),
            "Arguments": {
                **key,
                **names,
                "UpdateExpression": "SET message_id = :message",
                "ConditionExpression": "#state = :queued AND attribute_not_exists(message_id)",
                "ExpressionAttributeValues": {
                    ":queued": {"S": "queued"},
                    ":message": {"S": jsonata("$messageId")},
                },
            },
            "Retry": retried(2, never=[CONDITION_FAILED]),
            "Catch": [caught("Count" if waking else "Done")],
            "Next": "Count" if waking else "Done",
        },
        "Done": {"Type": "Succeed"},
        **_again(place),
    }
    if place.start_arn is not None:
        states |= wake(place.partition, place.queue_url, place.start_arn, "Done")
    return {
        "Comment": "Sends a scheduled job",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": states,
    }


def _again(place: Place) -> dict[str, Document]:
    """The schedule of the next run. That of this run may still exist, or another run may have made one."""
    schedule = {
        "Name": jsonata("$id"),
        "GroupName": place.schedule_group,
        "ScheduleExpression": jsonata(at(f"$floor($millis() / 1000) + {AGAIN}")),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": jsonata(
            "$merge([$target, {'Input': $string({'id': $id, 'body': $body, 'group': $group, 'target': $target})}])"
        ),
    }
    call = {"Type": "Task", "Arguments": schedule, "TimeoutSeconds": CALL_TIMEOUT, "Next": "Later"}
    conflict = "Scheduler.ConflictException"
    return {
        "Again": {
            **call,
            "Resource": sdk(place.partition, "scheduler:createSchedule"),
            "Retry": retried(2, never=[conflict]),
            "Catch": [caught("Change", conflict)],
        },
        "Change": {
            **call,
            "Resource": sdk(place.partition, "scheduler:updateSchedule"),
            "Retry": retried(2),
        },
        "Later": {
            "Type": "Fail",
            "Error": LATER,
            "Cause": "The table or the queue cannot be reached. The job is on a schedule again.",
        },
    }

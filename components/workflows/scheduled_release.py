"""The Express workflow that a job's schedule starts: it sends the job when its time has come.

Its input is {"id", "body", "group"}. It may run twice: each run sends the message unless a message's id is in the item.
A second message of a job does not run, because the worker claims the job once.
"""

from components.workflows.asl import Document, caught, jsonata, retried, sdk, wake
from components.workflows.job_states import CONDITION_FAILED, Place, dynamodb, message

#: Retries with growing pauses, four minutes in all. An Express workflow runs for at most 5 minutes (Step Functions
#: quotas).
ATTEMPTS = 12


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
            "Assign": {name: jsonata(f"$states.input.{name}") for name in ("id", "body", "group")},
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
            "Retry": retried(ATTEMPTS, never=[CONDITION_FAILED], rate=2),
            "Catch": [caught("Done", CONDITION_FAILED)],
            "Next": "Send",
        },
        "Send": {
            "Type": "Task",
            "Resource": sdk(place.partition, "sqs:sendMessage"),
            "Arguments": jsonata(message(place.queue_url, "$body", "$id", group, *deduplication)),
            "Retry": retried(ATTEMPTS, rate=2),
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
    }
    if place.start_arn is not None:
        states |= wake(place.partition, place.queue_url, place.start_arn, "Done")
    return {
        "Comment": "Sends a scheduled job",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": states,
    }

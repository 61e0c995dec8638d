"""The Express workflows that take a job of the API with a job table: `submit` for one, `batch` for up to ten.

Their input is {"body": text, HEADERS' names: text}, for a batch "bodies" in the place of "body". Their output is
{"status": HTTP status, "body": text, "type": media type} and, for some answers, "location" and "retry" (seconds).

A job is first an item of the table, then a message or a schedule. While it is neither, its item has `sending`: Unix
seconds until which its run may last, with a random fraction that names the run. A message whose fate is not known
(a time-out) is not sent again: without a key its item becomes `cancelled`, so the message does not run. With a key
the item stays, and a repeat of the request continues it.
"""

import json
from collections.abc import Mapping

from components import _problems
from components.rest_api.routes import MAX_BATCH
from components.workflows.admission import admission
from components.workflows.asl import Document, caught, jsonata, retried, sdk, wake
from components.workflows.job_states import (
    CONDITION_FAILED,
    DAY,
    Place,
    accepted,
    at,
    dynamodb,
    ends,
    failed,
    message,
    settle,
)
from components.workflows.unsent import repeat, undo
from components.workflows.waking import MAX_BODY_CHARACTERS

#: Seconds. API Gateway waits 29 s (API Gateway quotas, "Integration timeout"); a run ends before.
TIMEOUT = 28
#: Seconds after which a run of the same job is over.
SENDING = 30
#: Seconds of single calls. The longest path, with its retries, is below TIMEOUT.
PUT_TIMEOUT, SEND_TIMEOUT = 3, 6
#: Seconds (SQS API reference, SendMessage, "DelaySeconds").
MAX_MESSAGE_DELAY = 900
#: Characters of which $hash takes at most 10,000 at once (Step Functions developer guide, "Intrinsic functions").
HASHED = 10_000


def submit(place: Place) -> Document:
    """Takes one job."""
    waking = place.start_arn is not None
    states = {
        **admission("Body", fifo=place.fifo),
        **_job(place, sent="Count" if waking else "Answer"),
        "Answer": {"Type": "Pass", "Output": jsonata("$answer"), "End": True},
    }
    if place.start_arn is not None:
        states |= wake(place.partition, place.queue_url, place.start_arn, "Answer")
    return _machine("Puts a job into the table and sends it", "Headers", states)


def batch(place: Place) -> Document:
    """Takes up to ten jobs. Each has the headers of the request, and its key: the request's, with its number."""
    each = "$merge([$common, {'body': $body, 'key': $common.key = '' ? '' : $common.key & '\\n' & $string($number)}])"
    items = f"($common := $states.input; [$map($states.input.bodies, function($body, $number) {{ {each} }})])"
    jobs = {
        **_job(place, sent="Answer"),
        "Answer": {"Type": "Pass", "Output": jsonata("$answer"), "End": True},
    }
    states: dict[str, Document] = {
        **admission("Jobs", fifo=place.fifo),
        "Jobs": {
            "Type": "Map",
            "Items": jsonata(items),
            # a FIFO queue keeps the order in which messages are sent
            "MaxConcurrency": 1 if place.fifo else MAX_BATCH,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Body", "States": jobs},
            "Assign": {"answers": jsonata("[$states.result.body]")},
            "Next": "All" if place.start_arn is None else "Count",
        },
        "All": {
            "Type": "Pass",
            "Output": {
                "status": 200,
                "type": "application/json",
                "body": jsonata("'[' & $join($answers, ',') & ']'"),
            },
            "End": True,
        },
    }
    if place.start_arn is not None:
        states |= wake(place.partition, place.queue_url, place.start_arn, "All")
    return _machine("Puts jobs into the table and sends them", "Headers", states)


def _machine(comment: str, first: str, states: Mapping[str, Document]) -> Document:
    return {
        "Comment": comment,
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": TIMEOUT,
        "StartAt": first,
        "States": dict(states),
    }


def _job(place: Place, sent: str) -> dict[str, Document]:
    """The states from `Body` on that take one job and set `answer`. `sent` follows a message, `Answer` all others."""
    return {**_begin(place), **_send(place, sent), **_schedule(place), **repeat(place), **undo(place)}


def _begin(place: Place) -> dict[str, Document]:
    """From the body to the item."""
    part = f"$hash($substring($text, $ * {HASHED}, {HASHED}), 'SHA-256')"
    hashed = f"$hash($join([0..$floor($length($text) / {HASHED})].{part}), 'SHA-256')"
    scheduled = "$states.input.due > $states.input.now" + (
        ""
        if place.fifo
        else f" and ($states.input.at != '' or $states.input.due > $states.input.now + {MAX_MESSAGE_DELAY})"
    )
    item = f"""$merge([
{{
'id': {{'S': $id}}, 'digest': {{'S': $digest}}, 'created': {{'N': $string($now)}}, 'sending': {{'N': $sending}},
'state': {{'S': $scheduled ? 'scheduled' : 'queued'}},
'expires': {{'N': $string($scheduled ? $due + {place.kept} : $now + {DAY})}}
}},
$scheduled ? {{'at': {{'N': $string($due)}}}} : {{}},
$group != '' ? {{'group': {{'S': $group}}}} : {{}},
$reference != '' ? {{'reference': {{'S': $reference}}}} : {{}}
])"""
    # an earlier run of the same job, or this one, whose first answer was lost; it may be cancelled meanwhile
    continues = "(#state IN (:queued, :scheduled) AND (digest = :digest AND sending < :now OR sending = :run))"
    return {
        "Body": {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata("$states.input.body = ''"), "Next": "Empty"},
                {"Condition": jsonata(f"$length($states.input.body) > {MAX_BODY_CHARACTERS}"), "Next": "TooLong"},
            ],
            "Default": "Name",
        },
        "Empty": ends(_problems.INVALID_JOB),
        "TooLong": ends(_problems.TOO_LARGE, "This API accepts at most 200 KB."),
        "Name": {
            "Type": "Pass",
            "Assign": {
                **{
                    name: jsonata(f"$states.input.{name}")
                    for name in ("body", "key", "group", "reference", "now", "due")
                },
                "id": jsonata(
                    "$states.input.key = '' ? $uuid() : $substring($hash($states.input.key, 'SHA-256'), 0, 32)"
                ),
                "digest": jsonata(f"($text := $states.input.headers & '\\n' & $states.input.body; {hashed})"),
                "scheduled": jsonata(scheduled),
                "sending": jsonata(
                    f"$string($states.input.now + {SENDING}) & '.' & $string(100000 + $floor($random() * 900000))"
                ),
            },
            "Next": "Put",
        },
        "Put": {
            **dynamodb(place, "putItem"),
            "Arguments": {
                "TableName": place.table,
                "Item": jsonata(item),
                "ConditionExpression": f"attribute_not_exists(id) OR expires < :now OR {continues}",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": {
                    ":now": {"N": jsonata("$string($now)")},
                    ":digest": {"S": jsonata("$digest")},
                    ":queued": {"S": "queued"},
                    ":scheduled": {"S": "scheduled"},
                    ":run": {"N": jsonata("$sending")},
                },
            },
            "TimeoutSeconds": PUT_TIMEOUT,
            "Retry": retried(2, never=[CONDITION_FAILED]),
            "Catch": [caught("Look", CONDITION_FAILED), failed("Undo")],
            "Assign": {"answer": jsonata(accepted("$scheduled", "$now"))},
            "Next": "Way",
        },
        "Way": {
            "Type": "Choice",
            "Choices": [{"Condition": jsonata("$scheduled"), "Next": "Schedule"}],
            "Default": "Send",
        },
    }


def _send(place: Place, sent: str) -> dict[str, Document]:
    """From the item to the message."""
    group = "$group != '' ? {'MessageGroupId': $group} : {}"
    delay = "$due > $now ? {'DelaySeconds': $due - $now} : {}"
    more = "{'MessageDeduplicationId': $id}" if place.fifo else delay
    return {
        "Send": {
            "Type": "Task",
            "Resource": sdk(place.partition, "sqs:sendMessage"),
            "Arguments": jsonata(message(place.queue_url, "$body", "$id", group, more)),
            "TimeoutSeconds": SEND_TIMEOUT,
            "Catch": [failed("Fate")],
            "Assign": {"messageId": jsonata("$states.result.MessageId")},
            "Next": "Sent",
        },
        "Sent": {
            **settle(place, "SET message_id = :message, expires = :expires REMOVE sending"),
            "Catch": [caught(sent)],
            "Next": sent,
        },
    }


def _schedule(place: Place) -> dict[str, Document]:
    """From the item to the schedule, which starts the workflow `release` once and is deleted then."""
    target = {"Arn": place.release_arn, "RoleArn": place.scheduler_role_arn}
    given = f"{{'id': $id, 'body': $body, 'group': $group, 'target': {json.dumps(target)}}}"
    return {
        "Schedule": {
            "Type": "Task",
            "Resource": sdk(place.partition, "scheduler:createSchedule"),
            "Arguments": {
                "Name": jsonata("$id"),
                "GroupName": place.schedule_group,
                "ScheduleExpression": jsonata(at("$due")),
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "DELETE",
                "Target": {**target, "Input": jsonata(f"$string({given})")},
            },
            "TimeoutSeconds": SEND_TIMEOUT,
            # a run that died made it
            "Catch": [caught("Scheduled", "Scheduler.ConflictException"), failed("Fate")],
            "Next": "Scheduled",
        },
        "Scheduled": {
            **settle(place, "SET expires = :expires REMOVE sending"),
            "Catch": [caught("Answer")],
            "Next": "Answer",
        },
    }

"""The Express workflows of Wake, in Amazon States Language with JSONata.

`watch` runs once a minute, `submit` for each job of the API with `direct`, and `start` when `submit` finds the queue
nearly empty. Resources and arguments have the names of AWS's SDK (Step Functions developer guide, "Learning to use AWS
service SDK integrations").
"""

from dataclasses import dataclass

from components.workflows.asl import COUNTS, Document, count, sdk, wake
from policy import sizing
from policy.formula import expression, variable
from policy.plan import SCALABLE_DIMENSION, SERVICE_NAMESPACE
from policy.sizing import Sizing

#: Characters of a body that the API passes to a workflow. The whole input has at most 262,144 bytes, escapes included
#: (Step Functions quotas, "Maximum input or output size for a task, state, or execution").
MAX_BODY_CHARACTERS = 200 * 1024
#: The error for a longer body.
TOO_LONG = "TooLong"
#: The error for an empty body.
EMPTY = "MessageMissing"
#: Seconds. A watcher ends before the next one starts.
WATCH_TIMEOUT = 30
#: Seconds. With those of `wake` they are below the 29 s that API Gateway waits (API Gateway quotas, "Integration
#: timeout").
SEND_TIMEOUT = 15
#: The name of the scheduled action that takes back a raised minimum.
TAKE_BACK = "ebb-take-back"
#: Retries of a call that AWS throttles, with pauses of 1, 2 and 4 seconds.
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 3}]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a workflow looks and registers, how it sizes the service, and the minimum number of tasks of the stack."""

    partition: str
    queue_url: str
    cluster: str
    service: str
    resource_id: str
    tasks: Sizing
    min_tasks: int


def watch(place: Place) -> Document:
    """Sets the minimum number of tasks: what the jobs have use for, otherwise the minimum of its input.

    Its input is {"minimum": tasks}. After a failure nothing changes until the next minute.
    """
    least = variable("least")
    registers = sizing.changes(
        least, registered=variable("registered"), running=variable("running"), desired=variable("desired")
    )
    states = _look(place)
    return {
        "Comment": "As many tasks as the jobs in the queue have use for",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": WATCH_TIMEOUT,
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Pass", "Assign": {"minimum": "{% $states.input.minimum %}"}, "Next": "Count"},
            **states,
            "Decide": _decide(registers, otherwise="Done"),
            "Register": {**states["Register"], "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }


def start(place: Place) -> Document:
    """Raises the minimum to at least 1, and again to what the jobs have use for after each pause of the policy.

    A run that finds the service running ends at once. It never lowers the minimum: the watcher does. A look that fails
    is tried again, and then left to the next look.
    """
    look, raises = variable("look"), variable("least") > variable("registered")
    enough = variable("desired") >= variable("least")
    states = _look(place)
    again = {"Retry": RETRY, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Again"}]}
    first, second = sizing.PAUSES
    return {
        "Comment": "As many tasks as the jobs of a burst have use for",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Pass", "Assign": {"minimum": 1, "look": 0}, "Next": "Count"},
            **{name: again | state if state["Type"] == "Task" else state for name, state in states.items()},
            "Decide": _decide(raises, otherwise="Unchanged"),
            "Unchanged": {
                "Type": "Choice",
                "Choices": [{"Condition": expression(look < 1), "Next": "Done"}],
                "Default": "Again",
            },
            "Register": {**states["Register"], **again, "Next": "Registered"},
            # only the minimum was below what runs
            "Registered": {
                "Type": "Choice",
                "Choices": [{"Condition": expression((look < 1) & enough), "Next": "Done"}],
                "Default": "Again",
            },
            "Again": {
                "Type": "Choice",
                "Choices": [{"Condition": f"{{% $look = {len(sizing.PAUSES)} %}}", "Next": "Done"}],
                "Default": "Pause",
            },
            "Pause": {
                "Type": "Wait",
                "Seconds": f"{{% $look = 0 ? {first} : {second} %}}",
                "Assign": {"look": expression(look + 1)},
                "Next": "Count",
            },
            "Done": {"Type": "Succeed"},
        },
    }


def submit(*, partition: str, queue_url: str, start_arn: str, fifo: bool) -> Document:
    """Sends the job, and then starts the workflow `start` if nothing runs and little waits.

    Its input is {"body": text} and, for a FIFO queue, "group" and "deduplication". Its output is {"messageId": text}.
    An error after the message was sent is ignored.
    """
    ids = {"MessageGroupId": "{% $states.input.group %}", "MessageDeduplicationId": "{% $states.input.deduplication %}"}
    return {
        "Comment": "Sends a job to the queue and starts a task",
        "QueryLanguage": "JSONata",
        "StartAt": "Fits",
        "States": {
            "Fits": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": f"{{% $length($states.input.body) > {MAX_BODY_CHARACTERS} %}}", "Next": "TooLong"},
                    {"Condition": "{% $states.input.body = '' %}", "Next": "Empty"},
                ],
                "Default": "Send",
            },
            "Empty": {"Type": "Fail", "Error": EMPTY, "Cause": "The message is empty."},
            "TooLong": {"Type": "Fail", "Error": TOO_LONG, "Cause": f"More than {MAX_BODY_CHARACTERS} characters."},
            "Send": {
                "Type": "Task",
                "Resource": sdk(partition, "sqs:sendMessage"),
                "Arguments": {
                    "QueueUrl": queue_url,
                    "MessageBody": "{% $states.input.body %}",
                    **(ids if fifo else {}),
                },
                "TimeoutSeconds": SEND_TIMEOUT,
                "Assign": {"messageId": "{% $states.result.MessageId %}"},
                "Next": "Count",
            },
            **wake(partition, queue_url, start_arn, "Sent"),
            "Sent": {"Type": "Pass", "Output": {"messageId": "{% $messageId %}"}, "End": True},
        },
    }


def _look(place: Place) -> dict[str, Document]:
    """The states from the queue's counts to `least`, the minimum to register, and those that register it.

    `Decide` follows them. A minimum above the one without jobs is taken back by a scheduled action, if no watcher does.
    """
    counts = (variable(name) for name in COUNTS)
    later = f"$millis() + {sizing.TAKE_BACK_SECONDS * 1000}"
    least = sizing.least(
        variable("need"), floor=variable("minimum"), desired=variable("desired"), limit=variable("limit")
    )
    return {
        "Count": {**count(place.partition, place.queue_url), "Next": "Tasks"},
        "Tasks": {
            "Type": "Task",
            "Resource": sdk(place.partition, "ecs:describeServices"),
            "Arguments": {"Cluster": place.cluster, "Services": [place.service]},
            "Assign": {
                "need": expression(place.tasks.need(*counts)),
                "desired": "{% $states.result.Services[0].DesiredCount %}",
                "running": "{% $states.result.Services[0].RunningCount %}",
            },
            "Next": "Target",
        },
        "Target": {
            "Type": "Task",
            "Resource": sdk(place.partition, "applicationautoscaling:describeScalableTargets"),
            "Arguments": {**_DIMENSION, "ResourceIds": [place.resource_id]},
            "Assign": {
                "registered": "{% $states.result.ScalableTargets[0].MinCapacity %}",
                "limit": "{% $states.result.ScalableTargets[0].MaxCapacity %}",
                # `=` with a missing value is false (JSONata, "Comparison Operators")
                "paused": "{% $states.result.ScalableTargets[0].SuspendedState.DynamicScalingOutSuspended = true %}",
            },
            "Next": "Size",
        },
        "Size": {"Type": "Pass", "Assign": {"least": expression(least)}, "Next": "Decide"},
        "TakeBack": {
            "Type": "Task",
            "Resource": sdk(place.partition, "applicationautoscaling:putScheduledAction"),
            "Arguments": {
                **_DIMENSION,
                "ResourceId": place.resource_id,
                "ScheduledActionName": TAKE_BACK,
                "Schedule": f"{{% 'at(' & $fromMillis({later}, {_MOMENT}) & ')' %}}",
                "ScalableTargetAction": {"MinCapacity": place.min_tasks},
            },
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Register"}],
            "Next": "Register",
        },
        "Register": {
            "Type": "Task",
            "Resource": sdk(place.partition, "applicationautoscaling:registerScalableTarget"),
            "Arguments": {**_DIMENSION, "ResourceId": place.resource_id, "MinCapacity": "{% $least %}"},
        },
    }


def _decide(registers: bool, otherwise: str) -> Document:
    """A choice by formulas: what follows if the target is paused, or if its minimum is registered or not."""
    beyond = sizing.beyond(variable("least"), variable("minimum"))
    return {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $paused %}", "Next": "Done"},
            {"Condition": expression(registers & beyond), "Next": "TakeBack"},
            {"Condition": expression(registers), "Next": "Register"},
        ],
        "Default": otherwise,
    }


_DIMENSION = {"ServiceNamespace": SERVICE_NAMESPACE, "ScalableDimension": SCALABLE_DIMENSION}
#: A moment of UTC in a scheduled action's `at`, as a picture of JSONata.
_MOMENT = "'[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]'"

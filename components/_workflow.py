"""The two Express workflows of Wake, in Amazon States Language with JSONata.

Resources and arguments have the names of AWS's SDK (Step Functions developer guide, "Learning to use AWS service SDK
integrations").
"""

from typing import Any

from policy.plan import SCALABLE_DIMENSION, SERVICE_NAMESPACE

#: A state machine's definition.
Document = dict[str, Any]

#: Counts of messages. If one of them is above 0, the service needs a task.
JOBS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
#: Characters of a body that the API passes to a workflow. The whole input has at most 262,144 bytes, escapes included
#: (Step Functions quotas, "Maximum input or output size for a task, state, or execution").
MAX_BODY_CHARACTERS = 200 * 1024
#: The error for a longer body.
TOO_LONG = "TooLong"
#: The error for an empty body.
EMPTY = "MessageMissing"
#: Seconds. A watcher ends before the next one starts.
WATCH_TIMEOUT = 30
#: Seconds. In sum they are below the 29 s that API Gateway waits (API Gateway quotas, "Integration timeout").
SEND_TIMEOUT = 15
WAKE_TIMEOUT = 3


def watch(*, partition: str, queue_url: str, cluster: str, service: str, resource_id: str) -> Document:
    """Sets the minimum number of tasks: at least 1 while there is a job, otherwise the minimum of its input.

    Its input is {"minimum": tasks}. After a failure nothing changes until the next minute. The minimum is not lowered
    while a task is starting.
    """
    count = " + ".join(f"$number($states.result.Attributes.{name})" for name in JOBS)
    return {
        "Comment": "At least one task while a job is waiting, running or delayed",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": WATCH_TIMEOUT,
        "StartAt": "Count",
        "States": {
            "Count": {
                "Type": "Task",
                "Resource": _sdk(partition, "sqs:getQueueAttributes"),
                "Arguments": {"QueueUrl": queue_url, "AttributeNames": list(JOBS)},
                "Assign": {
                    "jobs": f"{{% {count} %}}",  # a separate variable, so that a missing number is an error
                    "least": f"{{% $max([$states.input.minimum, {count} > 0 ? 1 : 0]) %}}",
                },
                "Next": "Look",
            },
            "Look": {
                **_look(partition, resource_id),
                "Assign": {
                    "raises": _unless_paused("$target.MinCapacity < $least"),
                    "lowers": _unless_paused("$target.MinCapacity > $least"),
                },
                "Next": "Decide",
            },
            "Decide": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": "{% $raises %}", "Next": "Register"},
                    {"Condition": "{% $lowers %}", "Next": "Tasks"},
                ],
                "Default": "Done",
            },
            # SQS counts some seconds late: it may not count the job for which a task is already starting
            "Tasks": {
                "Type": "Task",
                "Resource": _sdk(partition, "ecs:describeServices"),
                "Arguments": {"Cluster": cluster, "Services": [service]},
                "Assign": {"starts": "{% $states.result.Services[0].(RunningCount < DesiredCount) %}"},
                "Next": "Settled",
            },
            "Settled": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $starts %}", "Next": "Done"}],
                "Default": "Register",
            },
            "Register": {**_register(partition, resource_id, "{% $least %}"), "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }


def submit(*, partition: str, queue_url: str, resource_id: str, fifo: bool) -> Document:
    """Sends the job, and then starts a task if the minimum number of tasks is 0.

    Its input is {"body": text} and, for a FIFO queue, "group" and "deduplication". Its output is {"messageId": text}.
    An error after the message was sent is ignored: the watcher or the metrics start a task later.
    """
    ids = {"MessageGroupId": "{% $states.input.group %}", "MessageDeduplicationId": "{% $states.input.deduplication %}"}
    ignore = [{"ErrorEquals": ["States.ALL"], "Next": "Sent"}]
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
                "Resource": _sdk(partition, "sqs:sendMessage"),
                "Arguments": {
                    "QueueUrl": queue_url,
                    "MessageBody": "{% $states.input.body %}",
                    **(ids if fifo else {}),
                },
                "TimeoutSeconds": SEND_TIMEOUT,
                "Assign": {"messageId": "{% $states.result.MessageId %}"},
                "Next": "Look",
            },
            "Look": {
                **_look(partition, resource_id),
                "TimeoutSeconds": WAKE_TIMEOUT,
                "Assign": {"wakes": _unless_paused("$target.MinCapacity = 0")},
                "Catch": ignore,
                "Next": "Decide",
            },
            "Decide": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $wakes %}", "Next": "Register"}],
                "Default": "Sent",
            },
            "Register": {
                **_register(partition, resource_id, 1),
                "TimeoutSeconds": WAKE_TIMEOUT,
                "Catch": ignore,
                "Next": "Sent",
            },
            "Sent": {"Type": "Pass", "Output": {"messageId": "{% $messageId %}"}, "End": True},
        },
    }


def _sdk(partition: str, action: str) -> str:
    return f"arn:{partition}:states:::aws-sdk:{action}"


def _look(partition: str, resource_id: str) -> Document:
    return {
        "Type": "Task",
        "Resource": _sdk(partition, "applicationautoscaling:describeScalableTargets"),
        "Arguments": {**_DIMENSION, "ResourceIds": [resource_id]},
    }


def _register(partition: str, resource_id: str, minimum: int | str) -> Document:
    return {
        "Type": "Task",
        "Resource": _sdk(partition, "applicationautoscaling:registerScalableTarget"),
        "Arguments": {**_DIMENSION, "ResourceId": resource_id, "MinCapacity": minimum},
    }


_DIMENSION = {"ServiceNamespace": SERVICE_NAMESPACE, "ScalableDimension": SCALABLE_DIMENSION}


def _unless_paused(condition: str) -> str:
    """The condition, for a target whose scaling is not suspended."""
    # `=` and `!=` with a missing value are both false (JSONata, "Comparison Operators")
    paused = "$target.SuspendedState.DynamicScalingOutSuspended = true"
    return f"{{% ($target := $states.result.ScalableTargets[0]; $not({paused}) and {condition}) %}}"

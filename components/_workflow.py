"""The two Express workflows of Wake, in Amazon States Language with JSONata.

Names of resources and arguments are those of AWS's SDK (Step Functions developer guide, "Learning to use AWS service
SDK integrations").
"""

from typing import Any

Document = dict[str, Any]

#: What is counted: with any of these a service that has no task is to have one.
JOBS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
#: Characters of a body that the API hands to a workflow: with its escapes and the rest of the input it has to fit into
#: 262,144 bytes (Step Functions quotas, "Maximum input or output size for a task, state, or execution").
LONGEST_BODY = 200 * 1024
#: The error of a longer one.
TOO_LONG = "TooLong"
#: Seconds: a watcher is done before the next, and an API's caller gets its answer within the 29 s that API Gateway
#: waits (API Gateway quotas, "Integration timeout").
WATCH_TIMEOUT, SEND_TIMEOUT, WAKE_TIMEOUT = 30, 15, 3


def watch(*, partition: str, queue_url: str, resource_id: str) -> Document:
    """Keeps the least number of tasks at one while there is a job, and else at what its input says.

    Its input is {"minimum": tasks}. A failure leaves all as it is until the next minute, and so does a task that starts
    where there is nothing for it to do.
    """
    _, cluster, service = resource_id.split("/")
    count = " + ".join(f"$number($states.result.Attributes.{name})" for name in JOBS)
    return {
        "Comment": "One task at the least while a job waits, runs or is delayed",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": WATCH_TIMEOUT,
        "StartAt": "Count",
        "States": {
            "Count": {
                "Type": "Task",
                "Resource": _sdk(partition, "sqs:getQueueAttributes"),
                "Arguments": {"QueueUrl": queue_url, "AttributeNames": list(JOBS)},
                "Assign": {
                    "jobs": f"{{% {count} %}}",  # of its own, so that a number that is not there is an error
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
            # SQS counts some seconds late: a job that woke the service may not be among them yet, but its task starts
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
    """Sends the job, and then wakes the service where its least number of tasks is 0.

    Its input is {"body": text} and, for a FIFO queue, "group" and "deduplication"; its output {"messageId": text}. What
    goes wrong after the message was sent does not make it fail: the watcher or the metrics wake the service, later.
    """
    ids = {"MessageGroupId": "{% $states.input.group %}", "MessageDeduplicationId": "{% $states.input.deduplication %}"}
    anyway = [{"ErrorEquals": ["States.ALL"], "Next": "Sent"}]
    return {
        "Comment": "A job goes to the queue, and wakes the service",
        "QueryLanguage": "JSONata",
        "StartAt": "Fits",
        "States": {
            "Fits": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": f"{{% $length($states.input.body) <= {LONGEST_BODY} %}}", "Next": "Send"},
                ],
                "Default": "TooLong",
            },
            "TooLong": {"Type": "Fail", "Error": TOO_LONG, "Cause": f"More than {LONGEST_BODY} characters."},
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
                "Catch": anyway,
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
                "Catch": anyway,
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


_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


def _unless_paused(condition: str) -> str:
    """Whether to act on the target that was looked at; a paused one is left alone."""
    # `=` with what is not there is false, `!=` is, too (JSONata, "Comparison Operators")
    paused = "$target.SuspendedState.DynamicScalingOutSuspended = true"
    return f"{{% ($target := $states.result.ScalableTargets[0]; $not({paused}) and {condition}) %}}"

"""Amazon States Language as plain data: the states that several workflows of the program have.

Resources and arguments have the names of AWS's SDK (Step Functions developer guide, "Learning to use AWS service SDK
integrations"). Expressions are JSONata.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from policy import sizing

#: A state machine's definition, or a state.
Document = dict[str, Any]

#: Attributes of the queue, by the variable that has the number: messages waiting, running, delayed.
COUNTS = {
    "visible": "ApproximateNumberOfMessages",
    "inFlight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
#: Seconds of each call that wakes the service.
WAKE_TIMEOUT = 3


def jsonata(expression: str) -> str:
    """An expression as a state's fields have it."""
    return f"{{% {expression} %}}"


def sdk(partition: str, action: str) -> str:
    """The resource of a call of AWS's SDK, such as "sqs:sendMessage"."""
    return f"arn:{partition}:states:::aws-sdk:{action}"


def caught(following: str, *errors: str, **fields: Any) -> Document:
    """What follows after these errors; without errors, after any."""
    return {"ErrorEquals": list(errors) or ["States.ALL"], **fields, "Next": following}


def retried(attempts: int, *, never: Sequence[str] = (), rate: int = 1) -> list[Document]:
    """Retries after 1 s and pauses that grow by `rate`, at most 30 s; none for the errors in `never`."""
    again = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": rate, "MaxAttempts": attempts}
    growing = {"MaxDelaySeconds": 30} if rate > 1 else {}
    return [*([{"ErrorEquals": list(never), "MaxAttempts": 0}] if never else []), again | growing]


def count(partition: str, queue_url: str) -> Document:
    """The call that reads the queue's counts."""
    return {
        "Type": "Task",
        "Resource": sdk(partition, "sqs:getQueueAttributes"),
        "Arguments": {"QueueUrl": queue_url, "AttributeNames": list(COUNTS.values())},
        # a missing number is an error
        "Assign": {name: jsonata(f"$number($states.result.Attributes.{found})") for name, found in COUNTS.items()},
    }


def wake(partition: str, queue_url: str, start_arn: str, following: str) -> Mapping[str, Document]:
    """The states from `Count` on that start the workflow `start` if nothing runs and little waits.

    In a longer queue a job starts it at random, so the jobs of a burst start it about ten times. An error is ignored:
    the watcher or the metrics start a task later.
    """
    wakes = f"$inFlight = 0 and $random() * ($visible + $delayed) < {sizing.STARTS}"
    return {
        "Count": {
            **count(partition, queue_url),
            "TimeoutSeconds": WAKE_TIMEOUT,
            "Catch": [caught("Start")],
            "Next": "Decide",
        },
        "Decide": {
            "Type": "Choice",
            "Choices": [{"Condition": jsonata(wakes), "Next": "Start"}],
            "Default": following,
        },
        "Start": {
            "Type": "Task",
            "Resource": sdk(partition, "sfn:startExecution"),
            "Arguments": {"StateMachineArn": start_arn},
            "TimeoutSeconds": WAKE_TIMEOUT,
            "Catch": [caught(following)],
            "Next": following,
        },
    }

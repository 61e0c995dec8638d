"""Runs the workflows with a fake queue, service and scalable target."""

from dataclasses import dataclass, field
from typing import Any

from components.workflows import waking
from components.workflows.asl import COUNTS
from policy.sizing import Sizing
from tests.components.workflows.states import Ended, Failed, execute

URL, TARGET = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs", "service/cluster/worker"
START = "arn:aws:states:us-east-1:123456789012:stateMachine:start"
#: Ten messages a task; at most nine tasks.
TASKS_OF = Sizing(share=10, concurrency=1, maximum=9)
PLACE = waking.Place(
    partition="aws",
    queue_url=URL,
    cluster="cluster",
    service="worker",
    resource_id=TARGET,
    tasks=TASKS_OF,
    min_tasks=0,
)
DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
COUNT, LOOK = "sqs:getQueueAttributes", "applicationautoscaling:describeScalableTargets"
TASKS = "ecs:describeServices"
SEND, REGISTER = "sqs:sendMessage", "applicationautoscaling:registerScalableTarget"
EXECUTE, TAKE_BACK = "sfn:startExecution", "applicationautoscaling:putScheduledAction"
LOOKS = [COUNT, TASKS, LOOK]


@dataclass
class Account:
    """A queue, a service and its scalable target, as the workflows see them."""

    jobs: tuple[int, int, int] = (0, 0, 0)
    minimum: int = 0
    maximum: int = 9
    suspended: bool = False
    #: Running tasks and the desired count.
    running: int = 1
    desired: int = 1
    #: When the minimum is taken back, and to what.
    take_back: tuple[str, dict[str, int]] | None = None
    #: Errors of failing actions.
    broken: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, action: str, arguments: dict[str, Any]) -> Any:  # noqa: PLR0911 - one for each action
        self.calls.append(action)
        if action in self.broken:
            raise Failed(self.broken[action])
        if action == COUNT:
            assert arguments == {"QueueUrl": URL, "AttributeNames": list(COUNTS.values())}
            return {"Attributes": dict(zip(COUNTS.values(), map(str, self.jobs), strict=True))}
        if action == LOOK:
            assert arguments == {**DIMENSION, "ResourceIds": [TARGET]}
            suspended = dict.fromkeys(
                ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), self.suspended
            )
            return {
                "ScalableTargets": [
                    {"MinCapacity": self.minimum, "MaxCapacity": self.maximum, "SuspendedState": suspended}
                ]
            }
        if action == TASKS:
            assert arguments == {"Cluster": "cluster", "Services": ["worker"]}
            return {"Services": [{"RunningCount": self.running, "DesiredCount": self.desired}]}
        if action == EXECUTE:
            assert arguments == {"StateMachineArn": START}
            return {"ExecutionArn": "e", "StartDate": "d"}
        if action == TAKE_BACK:
            self.take_back = arguments.pop("Schedule"), arguments.pop("ScalableTargetAction")
            assert arguments == {**DIMENSION, "ResourceId": TARGET, "ScheduledActionName": "ebb-take-back"}
            return {}
        if action == REGISTER:
            self.minimum = arguments.pop("MinCapacity")
            self.desired = max(self.desired, self.minimum)
            assert arguments == {**DIMENSION, "ResourceId": TARGET}
            return {}
        assert action == SEND
        assert arguments.pop("QueueUrl") == URL
        self.sent.append(arguments)
        return {"MessageId": "m-1", "MD5OfMessageBody": "d"}


def watch(account: Account, minimum: int = 0) -> Ended:
    return execute(waking.watch(PLACE), {"minimum": minimum}, account)


def start(account: Account, *later: dict[str, Any]) -> tuple[Ended, list[float]]:
    """The end, and the pauses; at each pause the account changes."""
    pauses: list[float] = []
    changes = iter(later)

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        for name, value in next(changes, {}).items():
            setattr(account, name, value)

    return execute(waking.start(PLACE), {}, account, wait), pauses


def submit(account: Account, fifo: bool = False, **given: str) -> Ended:
    document = waking.submit(partition="aws", queue_url=URL, start_arn=START, fifo=fifo)
    return execute(document, {"body": "{}", **given}, account)

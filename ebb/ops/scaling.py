"""A service's scaling as it is now, paused or not, and how to change that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ebb.ops.stack import OpsError, Stack

_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
#: The parts of a scalable target's suspended state, and what each stops (Application Auto Scaling user guide,
#: "Suspending and resuming scaling").
FLAGS = {
    "DynamicScalingOutSuspended": "starting tasks",
    "DynamicScalingInSuspended": "taking tasks away",
    "ScheduledScalingSuspended": "warm hours",
}
_COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


@dataclass(frozen=True, kw_only=True)
class State:
    """A service's tasks, its queue's jobs, and which parts of its scaling are suspended, as FLAGS name them."""

    minimum: int
    maximum: int
    desired: int
    running: int
    waiting: int
    in_flight: int
    delayed: int
    suspended: tuple[str, ...]

    @property
    def paused(self) -> bool:
        """Whether nothing starts a task or takes one away."""
        return set(self.suspended) == set(FLAGS)


class Service:
    """A deployed stack's service. Each method raises OpsError."""

    def __init__(self, stack: Stack, client: Callable[[str], Any] | None = None) -> None:
        self._stack = stack
        session: Any = boto3.Session(region_name=stack.region)
        self._client: Callable[[str], Any] = client or session.client

    def state(self) -> State:
        """What is there now."""
        stack = self._stack
        with _refusals():
            targets = self._client("application-autoscaling").describe_scalable_targets(
                ResourceIds=[stack.resource_id], **_DIMENSION
            )["ScalableTargets"]
            services = self._client("ecs").describe_services(cluster=stack.cluster_name, services=[stack.service_name])[
                "services"
            ]
            counts = self._client("sqs").get_queue_attributes(
                QueueUrl=stack.queue_url, AttributeNames=list(_COUNTS.values())
            )["Attributes"]
        if not targets or not services:
            what = "scalable target" if services else "service"
            raise OpsError(f"The {what} of stack {stack.name} is not there; run pulumi up --refresh.")
        suspended = targets[0].get("SuspendedState", {})
        return State(
            minimum=targets[0]["MinCapacity"],
            maximum=targets[0]["MaxCapacity"],
            desired=services[0]["desiredCount"],
            running=services[0]["runningCount"],
            suspended=tuple(flag for flag in FLAGS if suspended.get(flag)),
            **{name: int(counts[attribute]) for name, attribute in _COUNTS.items()},
        )

    def suspend(self, suspended: bool) -> None:
        """Stops, or starts again, all that scales the service; its least and most tasks stay as they are."""
        with _refusals():
            self._client("application-autoscaling").register_scalable_target(
                ResourceId=self._stack.resource_id, SuspendedState=dict.fromkeys(FLAGS, suspended), **_DIMENSION
            )


@contextmanager
def _refusals() -> Iterator[None]:
    """AWS's errors, and those on the way to it, as one sentence."""
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise OpsError(f"AWS refused {error.operation_name}: {said.get('Code')}: {said.get('Message')}") from None
    except BotoCoreError as error:
        raise OpsError(f"AWS could not be asked: {error}") from None


def lines(stack: str, state: State) -> Iterator[str]:
    """The state in words."""
    resume = f"python -m ebb resume --stack {stack}"
    if state.paused:
        yield f"Stack {stack} is paused: no task is started or taken away until {resume}."
    elif state.suspended:
        parts = ", ".join(FLAGS[flag] for flag in state.suspended)
        yield f"Stack {stack} is suspended in part, by other means ({parts}); {resume} ends that."
    else:
        yield f"Stack {stack} scales from {state.minimum} to {state.maximum} tasks."
    yield f"Tasks: {state.running} running of {state.desired} desired."
    yield f"Jobs: {state.waiting} waiting, {state.in_flight} in flight, {state.delayed} delayed."
    if state.paused and state.running:
        yield "The running tasks go on: they take what waits, and cost while they idle."
    elif state.paused and state.waiting:
        yield "What waits is kept, and starts when scaling is resumed."

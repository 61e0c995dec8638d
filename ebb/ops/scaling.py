"""The state of a service's scaling, and how to pause and resume it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack

DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
#: The parts of a scalable target's suspended state, and what each of them stops (Application Auto Scaling user guide,
#: "Suspending and resuming scaling").
FLAGS = {
    "DynamicScalingOutSuspended": "starting tasks",
    "DynamicScalingInSuspended": "removing tasks",
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
    pending: int
    waiting: int
    in_flight: int
    delayed: int
    suspended: tuple[str, ...]

    @property
    def paused(self) -> bool:
        """Whether no task is started or removed."""
        return set(self.suspended) == set(FLAGS)


def described(stack: Stack, client: Callable[[str], Any]) -> Mapping[str, Any]:
    """The stack's service, as ECS describes it. Raises OpsError, also for one that was deleted."""
    with refusals():
        ecs = client("ecs")
        services = ecs.describe_services(cluster=stack.cluster_name, services=[stack.service_name])["services"]
    if not services:  # a part that is missing is no error of the request
        raise OpsError(f"The service of stack {stack.name} does not exist: run `pulumi up --refresh`.")
    service: Mapping[str, Any] = services[0]
    return service


class Service:
    """A deployed stack's service. Each method raises OpsError."""

    def __init__(self, stack: Stack, client: Callable[[str], Any] | None = None) -> None:
        self._stack = stack
        with refusals():
            self._client = client or stack.clients()

    def state(self) -> State:
        """The present state."""
        stack, service = self._stack, described(self._stack, self._client)
        with refusals():
            targets = self._client("application-autoscaling").describe_scalable_targets(
                ResourceIds=[stack.resource_id], **DIMENSION
            )["ScalableTargets"]
            counts = self._client("sqs").get_queue_attributes(
                QueueUrl=stack.queue_url, AttributeNames=list(_COUNTS.values())
            )["Attributes"]
        if not targets:
            raise OpsError(f"The scalable target of stack {stack.name} does not exist: run `pulumi up --refresh`.")
        suspended = targets[0].get("SuspendedState", {})
        return State(
            minimum=targets[0]["MinCapacity"],
            maximum=targets[0]["MaxCapacity"],
            desired=service["desiredCount"],
            running=service["runningCount"],
            pending=service["pendingCount"],
            suspended=tuple(flag for flag in FLAGS if suspended.get(flag)),
            **{name: int(counts[attribute]) for name, attribute in _COUNTS.items()},
        )

    def suspend(self, suspended: bool) -> None:
        """Pause or resume all that scales the service. Its minimum and maximum do not change."""
        with refusals():
            self._client("application-autoscaling").register_scalable_target(
                ResourceId=self._stack.resource_id, SuspendedState=dict.fromkeys(FLAGS, suspended), **DIMENSION
            )


def lines(stack: str, state: State) -> Iterator[str]:
    """The state in words."""
    resume = f"`ebb resume --stack {stack}`"
    if state.paused:
        yield f"Stack {stack} is paused: no task is started or removed. To end the pause: {resume}."
    elif state.suspended:
        parts = ", ".join(FLAGS[flag] for flag in state.suspended)
        yield f"Stack {stack} is paused in part, not by `ebb pause` ({parts}). To end the pause: {resume}."
    else:
        yield f"Stack {stack} scales from {state.minimum} to {state.maximum} tasks."
    starting = f", {state.pending} starting" if state.pending else ""
    yield f"Tasks: {state.running} running of {state.desired} desired{starting}."
    yield f"Jobs: {state.waiting} waiting, {state.in_flight} in flight, {state.delayed} delayed."
    if state.paused and state.running:
        yield "The running tasks go on with waiting jobs. They cost money while they are idle."
    elif state.paused and state.waiting:
        yield "Waiting jobs are kept. They start when scaling is resumed."

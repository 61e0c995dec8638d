"""Starts a task now, before any job waits: to be warm for a demonstration or a burst."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ebb.ops.refusals import refusals
from ebb.ops.scaling import DIMENSION, Service
from ebb.ops.stack import OpsError, Stack

#: Seconds in which Auto Scaling acts on a new minimum, and between two looks.
LIMIT_SECONDS, LOOK_SECONDS = 120.0, 1.0


@dataclass(frozen=True, kw_only=True)
class Woken:
    """The number of tasks that the service wants now and before, and how many ran before."""

    desired: int
    before: int
    running: int


def wake(
    stack: Stack,
    tasks: int = 1,
    client: Callable[[str], Any] | None = None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Woken:
    """Have Auto Scaling start tasks until there are this many. The stack's minimum stays as it was.

    The minimum is raised until Auto Scaling has acted, and then put back: no one else moves tasks. The scaling rules
    stop tasks that get nothing to do. Raises OpsError.
    """
    service = Service(stack, client)
    before = service.state()
    if before.suspended:
        raise OpsError(f"Stack {stack.name} is paused, so no task starts: `ebb resume --stack {stack.name}` first.")
    if tasks > before.maximum:
        raise OpsError(f"Stack {stack.name} has at most {before.maximum} tasks (`scaling.max_tasks`), not {tasks}.")
    if before.desired >= tasks:
        return Woken(desired=before.desired, before=before.desired, running=before.running)
    with refusals():
        scaling = (client or stack.clients())("application-autoscaling")
    desired, until = before.desired, now() + LIMIT_SECONDS
    try:
        _minimum(scaling, stack, tasks)
        while desired < tasks and now() < until:
            sleep(LOOK_SECONDS)
            desired = service.state().desired
    finally:
        _minimum(scaling, stack, before.minimum)
    if desired < tasks:
        raise OpsError(
            f"Auto Scaling did not start a task of stack {stack.name} within {LIMIT_SECONDS:g} seconds: "
            f"`ebb check --stack {stack.name}` looks for the cause."
        )
    return Woken(desired=desired, before=before.desired, running=before.running)


def _minimum(scaling: Any, stack: Stack, tasks: int) -> None:
    with refusals():
        scaling.register_scalable_target(ResourceId=stack.resource_id, MinCapacity=tasks, **DIMENSION)

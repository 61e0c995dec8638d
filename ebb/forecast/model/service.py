"""The ECS service: tasks that follow the desired count at Fargate's pace, and which go when there are too many."""

import math
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from ebb.forecast.model.context import Context

#: Seconds of warning before a Spot task goes (Fargate developer guide, "Fargate Spot"): stopTimeout is shorter.
SPOT_WARNING = 120


class Life(Enum):
    """Where a task is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    GONE = "gone"


class Host(Protocol):
    """The worker that runs in a task."""

    def started(self) -> None:
        """The task runs."""

    def stopped(self) -> None:
        """The task was sent SIGTERM."""


class Task:
    """A task of the service."""

    __slots__ = ("billed_from", "host", "life", "protected_until", "spot", "zone")

    def __init__(self, *, zone: int, spot: bool, billed_from: float) -> None:
        self.zone, self.spot, self.billed_from = zone, spot, billed_from
        self.life = Life.STARTING
        self.protected_until = -math.inf
        self.host: Host | None = None


class Service:
    """Keeps the desired count. `running` is the number of its tasks that run."""

    def __init__(self, context: Context, host: Callable[[Task], Host]) -> None:
        self._setup, self._world = context.setup, context.world
        self._clock, self._record, self._random = context.clock, context.record, context.random
        self._host = host
        self._start = self._world.starts[self._setup.start]
        self._tokens, self._refilled = float(self._world.launch_burst), self._clock.now
        self._watching_until = -math.inf
        self._stopping = False
        self._zones = [0] * self._world.zones
        self.desired = self.running = 0
        #: Those that count, starting or running; and those of an earlier deployment that are still protected.
        self.tasks: list[Task] = []
        self.outgoing: list[Task] = []
        #: Whether a deployment is in progress: old tasks are left, or not all new ones run yet.
        self.deploying = False
        #: Told when the number of running tasks changed.
        self.changed: Callable[[], None] = lambda: None
        for time in self._world.deployments:
            self._clock.at(time, self._deploy)

    def set_desired(self, desired: int) -> None:
        """UpdateService."""
        self.desired = desired
        self._record.changed_at = self._clock.now
        self._record.desired.note(self._clock.now, desired)
        self.reconcile()

    def reconcile(self) -> None:
        """Launch what is missing, stop what is too much and unprotected."""
        if self._stopping:
            return  # a task that goes at once comes here, too
        self._stopping = True
        for task in [task for task in self.outgoing if task.protected_until <= self._clock.now]:
            self.stop(task)
        self._stopping = False
        if self.outgoing:
            self._look_again(min(task.protected_until for task in self.outgoing))
        while len(self.tasks) < self.desired:
            self._launch()
        excess = len(self.tasks) - self.desired
        if excess <= 0:
            return
        self._stopping = True
        now = self._clock.now
        candidates = [task for task in self.tasks if task.protected_until <= now]
        self._random.shuffle(candidates)
        for _ in range(min(excess, len(candidates))):
            fullest = max(candidates, key=lambda task: self._zones[task.zone])
            candidates.remove(fullest)
            self.stop(fullest)
        self._stopping = False
        if len(self.tasks) > self.desired:
            self._look_again(min(task.protected_until for task in self.tasks))

    def protect(self, task: Task, seconds: float) -> bool:
        """Protect a task for so long, or not at all with 0. False: DEPLOYMENT_BLOCKED.

        "If the number of protected tasks exceeds the desired count" the service cannot scale in, and setting protection
        fails with DEPLOYMENT_BLOCKED (ECS developer guide, task-scale-in-protection.html).
        """
        now = self._clock.now
        if not seconds:
            task.protected_until = -math.inf
            self.reconcile()
            return True
        counted = [*self.tasks, *self.outgoing] if self._world.outgoing_block else self.tasks
        others = sum(other.protected_until > now for other in counted if other is not task)
        if task in self.outgoing or others >= self.desired:
            return False
        task.protected_until = now + seconds
        return True

    def stop(self, task: Task) -> None:
        """SIGTERM."""
        self._uncount(task)
        starting = task.life is Life.STARTING
        task.life = Life.STOPPING
        if starting or task.host is None:
            self.gone(task)
        else:
            self._count(-1)
            task.host.stopped()

    def leaves(self, task: Task) -> None:
        """The worker ends by itself: the task is no longer one of those that count."""
        if task.life is Life.RUNNING:
            self._uncount(task)
            task.life = Life.STOPPING
            self._count(-1)

    def gone(self, task: Task) -> None:
        """The task's containers have stopped: what it cost, and whether another has to take its place."""
        if task.life is Life.GONE:
            return
        task.life = Life.GONE
        now = self._clock.now
        if now > task.billed_from:
            least = max(now, task.billed_from + self._world.billed_least)
            self._bill(task, least)
        self.reconcile()

    def close(self) -> None:
        """Bill what still runs when the simulation ends."""
        for task in (*self.tasks, *self.outgoing):
            if self._clock.now > task.billed_from:
                self._bill(task, self._clock.now)

    def _bill(self, task: Task, until: float) -> None:
        seconds = until - max(0.0, task.billed_from)  # what was before time 0 is not part of the load
        if seconds > 0:
            self._record.task_seconds += seconds
            self._record.spot_seconds += seconds if task.spot else 0

    def _launch(self) -> None:
        now, world = self._clock.now, self._world
        self._tokens = min(world.launch_burst, self._tokens + (now - self._refilled) * world.launch_rate)
        self._refilled = now
        self._tokens -= 1
        queued = max(0.0, -self._tokens / world.launch_rate)
        takes = self._start(self._random)
        task = Task(
            zone=self._zones.index(min(self._zones)),
            spot=self._random.random() * 100 < self._setup.task.spot_weight,
            billed_from=now + queued + takes * (1 - world.billed_share),
        )
        self.tasks.append(task)
        self._zones[task.zone] += 1
        if now >= 0:
            self._record.launches += 1
        self._clock.at(now + queued + takes, self._started, task)

    def _started(self, task: Task) -> None:
        if task.life is not Life.STARTING:
            return
        task.life = Life.RUNNING
        if task.spot:
            self._clock.at(self._clock.now + self._world.spot_life(self._random), self._reclaim, task)
        task.host = self._host(task)
        self._count(1)
        task.host.started()

    def _reclaim(self, task: Task) -> None:
        if task.life is Life.RUNNING:
            self._record.reclaims += 1
            self.stop(task)
            self.reconcile()

    def _deploy(self) -> None:
        """New tasks for all: the old ones go at once (minimumHealthyPercent 0), but for those that are protected."""
        self.deploying = True
        self._record.changed_at = self._clock.now
        self.outgoing += self.tasks
        self.tasks, self._zones = [], [0] * self._world.zones
        self.reconcile()
        self._count(0)

    def _uncount(self, task: Task) -> None:
        if task in self.outgoing:
            self.outgoing.remove(task)
        else:
            self.tasks.remove(task)
            self._zones[task.zone] -= 1

    def _count(self, change: int) -> None:
        self.running += change
        self._record.changed_at = self._clock.now
        self._record.running.note(self._clock.now, self.running)
        self.deploying = self.deploying and (bool(self.outgoing) or self.running < self.desired)
        self.changed()

    def _look_again(self, time: float) -> None:
        """Protection that runs out lets a task go."""
        if self._clock.now < time < math.inf and not self._clock.now < self._watching_until <= time:
            self._watching_until = time
            self._clock.at(time, self.reconcile)

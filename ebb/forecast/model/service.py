"""The ECS service: tasks start at Fargate's pace until there are as many as desired; surplus tasks stop."""

import math
from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Protocol

from ebb.forecast.durations import MINUTE
from ebb.forecast.model.context import Context
from ebb.forecast.model.path import Path


class Life(Enum):
    """The state of a task."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Host(Protocol):
    """The worker that runs in a task."""

    def started(self) -> None:
        """The task runs."""

    def stopped(self) -> None:
        """The task received SIGTERM."""


class SimulatedTask:
    """A task of the service."""

    __slots__ = ("billed_from", "host", "life", "protected_until", "spot", "zone")

    def __init__(self, *, zone: int, spot: bool, billed_from: float) -> None:
        self.zone, self.spot, self.billed_from = zone, spot, billed_from
        self.life = Life.STARTING
        self.protected_until = -math.inf
        self.host: Host | None = None


class SimulatedService:
    """Keeps the desired count of tasks. `running` is the number of its running tasks."""

    def __init__(self, context: Context, host: Callable[[SimulatedTask], Host]) -> None:
        self._scenario, self._assumptions = context.scenario, context.assumptions
        self._clock, self._record, self._random = context.clock, context.record, context.random
        self._host = host
        self._start = self._assumptions.starts[self._scenario.start]
        task = self._scenario.task
        self._path = Path(self._clock, task.pull) if task.pull and task.shared_path else None
        self._own_pull = 0.0 if task.shared_path else task.pull
        #: The token bucket of Fargate's launch rate.
        self._tokens, self._refilled = float(self._assumptions.launch_burst), self._clock.now
        #: The last launches, as many as the service may have in a minute.
        self._launches: deque[float] = deque(maxlen=self._assumptions.launches_a_minute)
        #: When reconcile() is due next, because a protection ends.
        self._due = -math.inf
        self._reconciling = False
        self._zones = [0] * self._assumptions.zones
        self.desired = self.running = 0
        #: The tasks that count, starting or running.
        self.tasks: list[SimulatedTask] = []
        #: Protected tasks of an earlier deployment.
        self.outgoing: list[SimulatedTask] = []
        #: A deployment is in progress: old tasks remain, or not all new ones run yet.
        self.deploying = False
        self._deployed_at = -math.inf
        #: Called after each change of the number of running tasks.
        self.changed: Callable[[], None] = lambda: None
        for time in self._assumptions.deployments:
            self._clock.at(time, self._deploy)

    def set_desired(self, desired: int) -> None:
        """UpdateService."""
        self.desired = desired
        self._record.changed_at = self._clock.now
        self._record.desired.note(self._clock.now, desired)
        self.reconcile()

    def reconcile(self) -> None:
        """Launch missing tasks, and stop surplus tasks that are not protected."""
        if self._reconciling:
            return  # a stopped task that ends at once calls this method again
        self._reconciling = True
        for task in [task for task in self.outgoing if task.protected_until <= self._clock.now]:
            self.stop(task)
        self._reconciling = False
        if self.outgoing:
            self._reconcile_at(min(task.protected_until for task in self.outgoing))
        while len(self.tasks) < self.desired:
            self._launch()
        surplus = len(self.tasks) - self.desired
        if surplus <= 0:
            return
        self._reconciling = True
        now = self._clock.now
        candidates = [task for task in self.tasks if task.protected_until <= now]
        self._random.shuffle(candidates)
        # of each zone the candidates in their order, so that each choice compares zones, not tasks
        zones: dict[int, deque[tuple[int, SimulatedTask]]] = {}
        for place, task in enumerate(candidates):
            zones.setdefault(task.zone, deque()).append((place, task))
        for _ in range(min(surplus, len(candidates))):
            fullest = max(filter(None, zones.values()), key=lambda each: (self._zones[each[0][1].zone], -each[0][0]))
            self.stop(fullest.popleft()[1])
        self._reconciling = False
        if len(self.tasks) > self.desired:
            self._reconcile_at(min(task.protected_until for task in self.tasks))

    def protect(self, task: SimulatedTask, seconds: float) -> bool:
        """Protect a task for so many seconds; 0 ends its protection. False: DEPLOYMENT_BLOCKED.

        "If the number of protected tasks exceeds the desired count" the service cannot scale in, and setting protection
        fails with DEPLOYMENT_BLOCKED (ECS developer guide, task-scale-in-protection.html).
        """
        now = self._clock.now
        if not seconds:
            task.protected_until = -math.inf
            self.reconcile()
            return True
        counted = [*self.tasks, *self.outgoing] if self._assumptions.outgoing_block else self.tasks
        # most of the time there are not more tasks than desired, and none has to be counted
        many = len(counted) > self.desired
        others = sum(other.protected_until > now for other in counted if other is not task) if many else 0
        if task in self.outgoing or others >= self.desired:
            return False
        task.protected_until = now + seconds
        return True

    def stop(self, task: SimulatedTask) -> None:
        """Send SIGTERM."""
        self._remove(task)
        starting = task.life is Life.STARTING
        task.life = Life.STOPPING
        if starting or task.host is None:
            self.end(task)
        else:
            self._count(-1)
            task.host.stopped()

    def finish(self, task: SimulatedTask) -> None:
        """The task has done its only job: it ends, and is not replaced."""
        self.leave(task)
        self.set_desired(self.desired - 1)
        self.end(task)

    def leave(self, task: SimulatedTask) -> None:
        """The worker exits: the task no longer counts."""
        if task.life is Life.RUNNING:
            self._remove(task)
            task.life = Life.STOPPING
            self._count(-1)

    def end(self, task: SimulatedTask) -> None:
        """The task's containers have stopped: bill it, and replace it if needed."""
        if task.life is Life.STOPPED:
            return
        task.life = Life.STOPPED
        now = self._clock.now
        if now > task.billed_from:
            self._bill(task, max(now, task.billed_from + self._assumptions.min_billed))
        self.reconcile()

    def close(self) -> None:
        """Bill the tasks that run when the simulation ends."""
        for task in (*self.tasks, *self.outgoing):
            if self._clock.now > task.billed_from:
                self._bill(task, self._clock.now)

    def _bill(self, task: SimulatedTask, until: float) -> None:
        seconds = until - max(0.0, task.billed_from)  # the time before 0 does not belong to the load
        if seconds > 0:
            self._record.task_seconds += seconds
            self._record.spot_seconds += seconds if task.spot else 0

    def _launch(self) -> None:
        now, assumptions = self._clock.now, self._assumptions
        self._tokens = min(assumptions.launch_burst, self._tokens + (now - self._refilled) * assumptions.launch_rate)
        self._refilled = now
        self._tokens -= 1
        queued = max(0.0, -self._tokens / assumptions.launch_rate)
        if len(self._launches) == assumptions.launches_a_minute:
            queued = max(queued, self._launches[0] + MINUTE - now)
        self._launches.append(now + queued)
        takes = self._start(self._random)
        task = SimulatedTask(
            zone=self._zones.index(min(self._zones)),
            spot=self._random.random() * 100 < self._scenario.task.spot_weight,
            billed_from=now + queued + takes * (1 - assumptions.billed_share),
        )
        self.tasks.append(task)
        self._zones[task.zone] += 1
        if now >= 0:
            self._record.launches += 1
        if self._path is None:
            self._clock.at(now + queued + takes + self._own_pull, self._started, task)
        else:
            share = assumptions.billed_share
            self._clock.at(
                now + queued + takes * (1 - share), self._path.pull, partial(self._pulled, task, takes * share)
            )

    def _pulled(self, task: SimulatedTask, takes: float) -> None:
        self._clock.at(self._clock.now + takes, self._started, task)

    def _started(self, task: SimulatedTask) -> None:
        if task.life is not Life.STARTING:
            return
        task.life = Life.RUNNING
        if task.spot:
            self._clock.at(self._clock.now + self._assumptions.spot_life(self._random), self._reclaim, task)
        task.host = self._host(task)
        self._count(1)
        task.host.started()

    def _reclaim(self, task: SimulatedTask) -> None:
        if task.life is Life.RUNNING:
            self._record.reclaims += 1
            self.stop(task)
            self.reconcile()

    def _deploy(self) -> None:
        """Replace all tasks: old ones stop at once (minimumHealthyPercent 0), unless they are protected."""
        self.deploying, self._deployed_at = True, self._clock.now
        self._record.changed_at = self._clock.now
        self._record.replaced[self._clock.now] = len(self.tasks) + len(self.outgoing)
        self.outgoing += self.tasks
        self.tasks, self._zones = [], [0] * self._assumptions.zones
        self.reconcile()
        self._count(0)

    def _remove(self, task: SimulatedTask) -> None:
        if task in self.outgoing:
            self.outgoing.remove(task)
        else:
            self.tasks.remove(task)
            self._zones[task.zone] -= 1

    def _count(self, change: int) -> None:
        self.running += change
        self._record.changed_at = self._clock.now
        self._record.running.note(self._clock.now, self.running)
        if self.deploying and self._clock.now > self._deployed_at:
            taken = self._clock.now - self._deployed_at
            self._record.deployment_seconds = max(self._record.deployment_seconds, taken)
        self.deploying = self.deploying and (bool(self.outgoing) or self.running < self.desired)
        self.changed()

    def _reconcile_at(self, time: float) -> None:
        if self._clock.now < time < math.inf and not self._clock.now < self._due <= time:
            self._due = time
            self._clock.at(time, self.reconcile)

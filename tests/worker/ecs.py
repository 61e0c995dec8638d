"""ECS in a simulation: a service scheduler with a desired count and revisions, and the rule of task protection."""

import math
from typing import TYPE_CHECKING

from tests.worker.faults import QUIET
from worker.core.events import Denial

if TYPE_CHECKING:
    from tests.worker.simulated import Worker
    from tests.worker.simulation import Simulation

#: Seconds between two looks of the scheduler: AWS states none.
LOOK_SECONDS = 5.0
#: deploymentConfiguration.maximumPercent, as components/service.py has it; its minimumHealthyPercent is 0.
MAXIMUM_PERCENT = 200


class Ecs:
    """Keeps the desired count of tasks of the newest revision. A protected task is never stopped."""

    def __init__(self, simulation: "Simulation") -> None:
        self._sim = simulation
        #: Whether it starts and stops tasks; otherwise only the test does.
        self.active = True
        self.desired = 0
        self.revision = 0
        #: Tasks that start, by their revisions.
        self._starting: list[int] = []
        self._sim.after(LOOK_SECONDS, self._look)
        every = self._sim.plan.deploy_every
        if every < math.inf:
            self._sim.after(self._sim.random.expovariate(1 / every), self._change)

    def deploy(self) -> None:
        """A new revision."""
        self._sim.judge.note(" ! ", ("deployment", self.revision + 1))
        self._sim.judge.counts["deployments"] += 1
        self.revision += 1

    def protect(self, worker: "Worker", minutes: int) -> Denial | None:
        """Change a task's protection, or deny it: no more tasks may be protected than are desired.

        ECS developer guide, "Protect your Amazon ECS tasks from being terminated by scale-in events". It does not say
        whether a protected task may prolong its protection then: here it may not.
        """
        if not minutes:
            worker.protected_until = -math.inf
            return None
        protected = sum(other.protected for other in self._sim.workers if other is not worker)
        if protected >= self.desired:
            self._sim.judge.counts["blocked"] += 1
            return Denial.BLOCKED
        worker.protected_until = self._sim.now + minutes * 60
        return None

    def settle(self) -> None:
        """Let the deployment come to its end."""
        for _ in range(10):
            if all(worker.revision == self.revision for worker in self._sim.workers) and not self._starting:
                return
            self._sim.advance(60)

    def _change(self) -> None:
        if self._sim.plan is QUIET:
            return
        if self._sim.random.random() < 0.5:
            self.deploy()
        else:
            self.desired = max(1, self.desired + self._sim.random.choice([-1, 1]))
        self._sim.after(self._sim.random.expovariate(1 / self._sim.plan.deploy_every), self._change)

    def _look(self) -> None:
        self._sim.after(LOOK_SECONDS, self._look)
        if not self.active:
            return
        alive = [worker for worker in self._sim.workers if worker.stopping_at is None]
        current = [worker for worker in alive if worker.revision == self.revision]
        for worker in alive:
            surplus = len(current) > self.desired
            if not worker.protected and (worker.revision < self.revision or surplus):
                if worker in current:
                    current.remove(worker)
                self._sim.judge.counts["scheduler stops"] += 1
                worker.stop(twice=False)
        room = self.desired * MAXIMUM_PERCENT // 100 - len(self._sim.workers) - len(self._starting)
        missing = self.desired - len(current) - self._starting.count(self.revision)
        for _ in range(min(missing, room)):
            self._starting.append(self.revision)
            self._sim.after(self._sim.random.uniform(20, 60), lambda revision=self.revision: self._started(revision))  # type: ignore[misc]

    def _started(self, revision: int) -> None:
        self._starting.remove(revision)
        if self.active and revision == self.revision:
            self._sim.add_worker()

"""The requests for task protection of a simulated worker."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.worker.simulated_calls import Lane
from worker.core.events import Denial, Protect, Protected

if TYPE_CHECKING:
    from tests.worker.simulated import Worker
    from tests.worker.simulation import Simulation

#: Maximum seconds of a protection request.
PROTECTION_LIMIT = 5.0


class Protecting:
    """Asks ECS, one request at a time."""

    def __init__(self, simulation: "Simulation", worker: "Worker", clock: Callable[[], float]) -> None:
        self._sim, self._worker, self._clock = simulation, worker, clock
        self._judge, self._random = simulation.judge, simulation.random
        self._lane = Lane(1)

    def ask(self, protect: Protect) -> None:
        """Ask, when the thread is free."""
        self._lane.submit(lambda: self._protect(protect))

    def _protect(self, protect: Protect) -> None:
        asked_at, plan = self._clock(), self._sim.plan
        denial: list[Denial | None] = []
        failed, seconds = self._random.random() < plan.refused, self._random.uniform(0.01, 0.3)
        if failed or self._random.random() < plan.slow:
            seconds = self._random.uniform(0.3, PROTECTION_LIMIT)

        def effect() -> None:
            if not self._worker.alive or (failed and self._random.random() < 0.5):
                return
            denial.append(self._sim.ecs.protect(self._worker, protect.minutes))
            self._judge.check(
                bool(protect.minutes) or not self._worker.children.runs, f"{self._worker.name} works, unprotected"
            )
            self._judge.counts["protection calls"] += 1

        def answer() -> None:
            if not self._worker.alive:
                return
            why = Denial.UNAVAILABLE if failed else denial[0]
            self._lane.done()
            self._worker.post(Protected(protect, asked_at, why, why.name if why else None))

        self._sim.after(seconds / 2, effect)
        self._sim.after(seconds, answer)

"""The children of a simulated worker: they start, or do not, have a job each, and die."""

import math
from typing import TYPE_CHECKING

from tests.worker import judge as judges
from tests.worker.faults import Play, Script, result
from tests.worker.simulated_calls import Calls
from worker.core.children import TRIES
from worker.core.events import Ended, Lost, NotStarted, Ready, Starting
from worker.job import Job

if TYPE_CHECKING:
    from tests.worker.simulated import Worker
    from tests.worker.simulation import Simulation


class Children:
    """One child for each slot of the worker, from `open` on."""

    def __init__(self, simulation: "Simulation", worker: "Worker", calls: Calls) -> None:
        self._sim, self._worker, self._calls = simulation, worker, calls
        self._judge, self._random, self._config = simulation.judge, simulation.random, simulation.config
        #: The jobs at work, by slot.
        self.runs: dict[int, judges.Run] = {}
        #: The job that ended last in a slot: in hand until the core gets the event.
        self.ended: dict[int, tuple[judges.Run, Play | None]] = {}
        #: Children so far of each slot, and the slots whose child is ready, or dead without its core's knowledge.
        self._opened = [0] * self._config.concurrency
        self._idle: set[int] = set()
        self._had_child = False

    @property
    def any_idle(self) -> bool:
        """Whether a child is ready, or dead without its core's knowledge."""
        return bool(self._idle)

    @property
    def hopeless(self) -> bool:
        """Whether no slot has had a child, after so many tries of each that the worker leaves."""
        return not self._had_child and min(self._opened) >= TRIES

    def die(self) -> None:
        """They are gone with their worker."""
        for run in self.runs.values():
            self._judge.ended(run, None)
        self.runs.clear()

    def open(self, slot: int) -> None:
        """Start a child: it imports the handler, or cannot, or hangs."""
        self._opened[slot] += 1
        self._idle.discard(slot)
        number, dice = self._opened[slot], self._random.random()
        self._worker.post(Starting(slot))
        if dice >= self._sim.plan.hung_child:
            broken = dice < self._sim.plan.hung_child + self._sim.plan.broken_child
            self._sim.after(self._random.uniform(0.2, 1.0), lambda: self._stands(slot, number, broken))

    def _stands(self, slot: int, number: int, broken: bool) -> None:
        if not self._worker.alive or self._opened[slot] != number:
            return
        if broken:
            self._worker.post(Ready(slot, "it cannot be imported", "…"))
            self._sim.after(self._random.uniform(1, 20), lambda: self.open(slot) if self._worker.alive else None)
        else:
            self._idle.add(slot)
            self._had_child = True
            self._worker.post(Ready(slot))

    def idle_death(self) -> None:
        """An idle child dies; its core hears of it soon, or when it starts a job."""
        every = self._sim.plan.idle_death_every
        if every < math.inf:
            self._sim.after(self._random.expovariate(1 / every), self._worker.if_faulty(self.idle_death))
        if self._idle:
            self.lose(self._random.choice(sorted(self._idle)))

    def lose(self, slot: int) -> None:
        """The slot's idle child dies."""
        self._judge.note(" ! ", ("idle death", self._worker.name, slot))
        self._judge.counts["idle deaths"] += 1
        self._idle.discard(slot)
        number = self._opened[slot]

        def noticed() -> None:
            if self._worker.alive and self._opened[slot] == number:
                self._worker.post(Lost(slot, "killed"))
                self.open(slot)

        self._sim.after(self._random.uniform(0, 0.05), noticed)

    def start(self, slot: int, job: Job) -> None:
        """A job for the slot's child."""
        self._judge.check(slot not in self.runs, f"{self._worker.name}'s slot {slot} gets a second job", job.id)
        if slot not in self._idle:
            self._judge.counts["jobs not started"] += 1
            self._worker.post(NotStarted(slot, "gone"))
            return
        self._idle.discard(slot)
        self._judge.check(not self._worker.asked_to_stop, f"{self._worker.name} starts a job, asked to stop", job.id)
        handle = str(job.attributes["handle"])
        script = self._sim.scripts[job.message_id]
        play, seconds = script.attempt(self._judge.past[job.message_id].ended_runs)
        run = self.runs[slot] = self._judge.started(handle, slot, play)
        self._calls.started(job.message_id)
        if self._config.protection:
            self._judge.check(self._worker.protected, f"{self._worker.name} works, unprotected", job.id)
        if self._config.job_table:
            self._judge.jobs.may_run(job.message_id, self._sim.table.items[job.id].state)
        if seconds < math.inf:
            self._sim.after(seconds, lambda: self._done(slot, run, script))

    def _done(self, slot: int, run: judges.Run, script: Script) -> None:
        if run.killed:  # it ends cleanly on SIGTERM: the worker cannot know whether it is done
            self._end(slot, run, None, alive=False)
        else:
            self._end(slot, run, run.play, script.after, alive=run.play is not Play.CRASH)

    def _end(self, slot: int, run: judges.Run, play: Play | None, after: float | None = None, *, alive: bool) -> None:
        if self.runs.get(slot) is not run:
            return
        del self.runs[slot]
        self._judge.ended(run, play)
        if self._config.protection:
            self._judge.check(self._worker.protected, f"{self._worker.name} worked, unprotected", run.message_id)
        late = self._sim.now - run.began - (self._config.job_timeout or 43_200)
        fine = late < self._config.grace + 0.5 or self._judge.disturbed.get(self._worker.name, -1.0) >= run.began
        self._judge.check(fine, f"a job ran {late:.1f} s past its limit", run.message_id)
        self.ended[slot] = run, play
        ended = Ended(slot, result(play or Play.FAIL, after), alive)
        self._sim.after(self._random.uniform(0, 0.005), lambda: self._worker.post(ended))
        if alive:
            self._idle.add(slot)
        else:
            self.open(slot)

    def kill(self, slot: int, grace: float) -> None:
        """SIGTERM, and SIGKILL after so many seconds; also for a child whose import takes too long."""
        run = self.runs.get(slot)
        if run is None:
            if slot not in self._idle:
                self.open(slot)  # its import took too long
            return
        run.killed = True
        if run.cancelled_at is not None:
            self._judge.counts["cancelled runs"] += 1
            seconds = self._sim.now + grace - run.cancelled_at
            self._judge.jobs.longest_cancel = max(self._judge.jobs.longest_cancel, seconds)
        grace = grace if self._random.random() < 0.3 else self._random.uniform(0, grace)
        self._sim.after(grace + 0.05, lambda: self._end(slot, run, None, alive=False))

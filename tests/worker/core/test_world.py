"""hypothesis looks for the order of things that breaks a promise of the worker: to its messages, and to its jobs."""

import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.helpers.examples import examples
from tests.worker.faults import Fault, Play, Script
from tests.worker.simulation import Simulation, settings

SECONDS = st.one_of(st.floats(0, 1), st.floats(1, 60), st.sampled_from([5.0, 8.0, 10.0, 20.0, 27.0, 30.0]))
PLAYS = st.sampled_from([Play.DONE, Play.DONE, Play.FAIL, Play.RETRY, Play.CRASH, Play.HANG, Play.REJECT])
LENGTHS = st.one_of(st.floats(0.005, 1), st.floats(1, 100))
FAULTS = st.sampled_from([fault for fault in Fault if fault is not Fault.NONE])


class World(RuleBasedStateMachine):
    """Workers and a queue, to which anything may happen at any time."""

    @initialize(
        seed=st.integers(0, 2**32),
        fifo=st.booleans(),
        concurrency=st.sampled_from([1, 2, 4]),
        visibility_timeout=st.sampled_from([30, 60]),
        stop_timeout=st.sampled_from([2, 30, 120]),
        table=st.booleans(),
        workers=st.integers(1, 3),
    )
    def begin(self, seed: int, fifo: bool, workers: int, table: bool, **changes: Any) -> None:
        url = "https://sqs/q.fifo" if fifo else "https://sqs/q"
        config = settings(
            queue_url=url,
            job_timeout=90,
            job_table="jobs" if table else None,
            max_receive_count=10,
            events=table,
            **changes,
        )
        self.random = random.Random(seed)
        self.simulation = Simulation(seed, config, max_receive_count=10)
        self.simulation.ecs.active = False
        for _ in range(workers):
            self.simulation.start_worker()
        self.simulation.advance(2)

    @rule(
        count=st.integers(1, 6),
        plays=st.lists(st.tuples(PLAYS, LENGTHS), min_size=1, max_size=3),
        group=st.integers(0, 2),
    )
    def send(self, count: int, plays: list[tuple[Play, float]], group: int) -> None:
        attempts = [(play, math.inf if play is Play.HANG else seconds) for play, seconds in plays]
        for _ in range(count):
            fifo = self.simulation.config.fifo
            self.simulation.send(Script((*attempts, (Play.DONE, 0.1))), group=f"g{group}" if fifo else None)

    @rule(seconds=SECONDS)
    def advance(self, seconds: float) -> None:
        self.simulation.advance(seconds)

    @rule(several=st.lists(FAULTS, min_size=1, max_size=5))
    def spoil(self, several: list[Fault]) -> None:
        self.simulation.forced.extend(several)

    @rule(seconds=SECONDS)
    def outage(self, seconds: float) -> None:
        self.simulation.outage(seconds)

    @precondition(lambda self: self.simulation.workers)
    @rule(data=st.data(), seconds=SECONDS, what=st.sampled_from(["kill", "stop", "stall", "jump"]))
    def harm(self, data: st.DataObject, seconds: float, what: str) -> None:
        worker = data.draw(st.sampled_from(range(len(self.simulation.workers))))
        one = self.simulation.workers[worker]
        match what:
            case "kill":
                one.kill()
            case "stop":
                one.stop()
            case "stall":
                one.stall(seconds)
            case _:
                one.jump(seconds)

    @precondition(lambda self: len(self.simulation.workers) < 4)
    @rule()
    def another(self) -> None:
        self.simulation.start_worker()

    @precondition(lambda self: self.simulation.queue.messages)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.simulation.cancel(data.draw(st.sampled_from(sorted(self.simulation.queue.messages))))

    @rule()
    def duplicate(self) -> None:
        for message in self.simulation.queue.in_flight()[:2]:
            self.simulation.duplicate(message.id)

    @invariant()
    def all_is_accounted_for(self) -> None:
        if not hasattr(self, "simulation"):
            return
        queued, past = self.simulation.queue.messages, self.simulation.judge.past
        assert {id_ for id_, one in past.items() if one.gone is None} == set(queued)

    def teardown(self) -> None:
        if hasattr(self, "simulation"):
            self.simulation.start_worker()
            self.simulation.finish(50_000)


TestWorld = pytest.mark.slow(World.TestCase)
TestWorld.settings = hypothesis_settings(
    max_examples=examples(60), stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)

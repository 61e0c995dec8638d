"""Whole runs of a simulation of callers, workflows, table, queue and workers, from one seed each."""

import random
from typing import Any

from tests.followed import promises
from tests.followed.callers import Caller
from tests.followed.region import Followed
from tests.worker.faults import KINDS, Plan, script
from tests.worker.judge import Violation
from tests.worker.runs import LIMIT, Summary
from tests.worker.simulation import settings


def run(seed: int, jobs: int, plan: Plan, **changes: Any) -> Summary:
    """One run; raises Violation, which begins with how to repeat it."""
    rng = random.Random(seed)
    fifo, attempts = rng.random() < 0.3, rng.choice([3, 20])
    config = settings(
        queue_url="https://sqs/q.fifo" if fifo else "https://sqs/q",
        concurrency=rng.choice([1, 4]),
        stop_timeout=rng.choice([30, 120]),
        job_timeout=rng.choice([60, 200]),
        job_table="jobs",
        protection=rng.random() < 0.5,
        max_receive_count=attempts,
        events=True,
        **changes,
    )
    sim = Followed(seed, config, plan=plan, max_receive_count=attempts)
    try:
        _drive(sim, rng, jobs)
    except Violation as violation:
        raise Violation(f"seed {seed}, {jobs} jobs, {config}, {plan}\n{violation}") from None
    return Summary(jobs, sim.now - sim.began, sim.judge.counts)


def _drive(sim: Followed, rng: random.Random, jobs: int) -> None:
    for _ in range(rng.choice([1, 2, 3])):
        sim.start_worker()
    callers: list[Caller] = []
    while len(callers) < jobs:
        for number in range(len(callers), min(jobs, len(callers) + rng.choice([1, 3, 20]))):
            sim.region.scripts[str(number)] = script(rng, KINDS)
            callers.append(Caller(sim, number))
        sim.advance(rng.choice([0.0, 0.5, 5.0, 60.0]))
    until = sim.now + LIMIT
    while sim.judge.left > jobs // 20 or _active(sim, callers):
        sim.judge.check(sim.now < until, "a caller or a workflow does not end")
        sim.advance(20)
    sim.forget_unsent()
    sim.finish(LIMIT)
    promises.check(sim, callers)


def _active(sim: Followed, callers: list[Caller]) -> bool:
    return bool(sim.region.running or sim.region.schedules) or any(caller.busy for caller in callers)

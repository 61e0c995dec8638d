"""Whole runs of a simulation, from one seed each: so many messages, workers that differ, faults by a plan."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.worker.faults import KINDS, Plan, script
from tests.worker.judge import Violation
from tests.worker.simulation import Simulation, settings

#: Seconds of virtual time that a run may take to come to its end once nothing goes wrong any longer.
LIMIT = 100_000
#: Messages of a run: each begins with an empty queue and a new fleet.
MESSAGES = 500


@dataclass
class Summary:
    """What several runs came to."""

    messages: int = 0
    #: Seconds of virtual time.
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


def run(seed: int, messages: int, plan: Plan, **changes: Any) -> Summary:
    """One run; raises Violation, which begins with how to repeat it."""
    rng = random.Random(seed)
    fifo = changes.pop("fifo", rng.random() < 0.4)
    job_timeout = changes.pop("job_timeout", rng.choice([60, 200]))
    attempts = changes.pop("max_receive_count", 20)
    config = settings(
        queue_url="https://sqs/q.fifo" if fifo else "https://sqs/q",
        concurrency=changes.pop("concurrency", rng.choice([1, 2, 4, 10])),
        visibility_timeout=changes.pop("visibility_timeout", rng.choice([30, 30, 45, 120])),
        stop_timeout=changes.pop("stop_timeout", rng.choice([2, 30, 60, 120])),
        job_table=changes.pop("job_table", rng.choice([None, None, "jobs"])),
        protection=changes.pop("protection", rng.random() < 0.8),
        job_timeout=job_timeout,
        max_receive_count=attempts,
        events=True,
    )
    kinds = changes.pop("kinds", KINDS)
    simulation = Simulation(seed, config, plan=plan, max_receive_count=attempts)
    try:
        _drive(simulation, rng, messages, kinds)
    except Violation as violation:
        raise Violation(f"seed {seed}, {messages} messages, {config}, {plan}\n{violation}") from None
    seconds = simulation.now - simulation.began
    return Summary(messages, seconds, simulation.judge.counts)


def _drive(simulation: Simulation, rng: random.Random, messages: int, kinds: dict[str, int]) -> None:
    for _ in range(rng.choice([1, 2, 3])):
        simulation.start_worker()
    groups = rng.choice([1, 5, 50])
    left = messages
    while left:
        burst = min(left, rng.choice([1, 3, 20, 100]))
        left -= burst
        for _ in range(burst):
            group = f"g{rng.randrange(groups)}" if simulation.config.fifo else None
            delay = rng.uniform(0, 60) if group is None and rng.random() < simulation.plan.delayed else 0
            simulation.send(script(rng, kinds), group=group, delay=delay)
        simulation.advance(rng.choice([0.0, 0.5, 5.0, 60.0]))
    # Most messages meet faults to their end; the last ones are let through.
    until = simulation.now + LIMIT
    while simulation.judge.left > messages // 20 and simulation.now < until:
        simulation.advance(20)
    simulation.finish(LIMIT)

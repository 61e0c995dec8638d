"""What the jobs of a run in chaos are to do, drawn from its seed, and how large runs are."""

import random
from dataclasses import dataclass
from typing import Any

#: Of the jobs, what share is to do what; the rest has nothing to do. The second: seconds that it takes.
ORDERS: tuple[tuple[float, str, tuple[float, float]], ...] = (
    (0.12, "sleep", (0.05, 0.3)),
    (0.015, "sleep", (1, 3)),
    (0.0025, "sleep", (11, 14)),  # beyond a third of the visibility timeout: these are extended
    (0.0005, "sleep", (31, 36)),  # beyond the visibility timeout: without extensions they would be lost
    (0.01, "fail once", (0, 0)),
    (0.004, "fail", (0, 0)),
    (0.005, "retry", (0, 2)),
    (0.006, "reject", (0, 0)),
    (0.003, "exit", (0, 0)),
    (0.003, "die", (0, 0)),
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a run is: messages, seconds over which they are sent (or longer), and workers."""

    messages: int
    seconds: float
    workers: int
    #: Seconds between moves, and how much more often the wire's faults happen than FAULTS says.
    pause: tuple[float, float]
    faults: float
    #: Whether SQS once falls silent for longer than the visibility timeout, while jobs run that last longer still.
    silence: bool
    #: Message groups of a FIFO queue; 0: a standard one.
    groups: int = 0
    #: Whether there is a job table, in which some of the jobs are cancelled.
    table: bool = False


FULL = Size(messages=20_000, seconds=200, workers=5, pause=(1.5, 4), faults=1, silence=True)
FIFO = Size(messages=1_500, seconds=45, workers=4, pause=(1.5, 4), faults=2, silence=False, groups=60)
TABLE = Size(messages=10_000, seconds=200, workers=4, pause=(1.5, 4), faults=1, silence=False, table=True)
SHORT = Size(messages=600, seconds=16, workers=3, pause=(0.3, 1.2), faults=3, silence=False, table=True)
SHORT_FIFO = Size(messages=200, seconds=10, workers=3, pause=(0.5, 1.5), faults=3, silence=False, groups=20)


def order(seed: int, number: int) -> dict[str, Any]:
    """What the job of this number is to do."""
    rng = random.Random(f"{seed} order {number}")
    drawn = rng.random()
    for share, name, (least, most) in ORDERS:
        drawn -= share
        if drawn < 0:
            return {"number": number, "do": name, "for": round(rng.uniform(least, most), 3)}
    return {"number": number}

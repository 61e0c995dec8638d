"""The worker's core in simulation, at length: 100,000 messages in many runs, a seed each, under every plan of faults.

A run that breaks a promise is printed with its seed, what was promised, and a trace; `--only` repeats it.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.worker import faults
from tests.worker.judge import Violation
from tests.worker.runs import Summary, run

#: Messages of all runs.
ALL_MESSAGES = 100_000
#: Messages of one run; each begins with an empty queue and a new fleet.
MESSAGES = 500
#: How often each plan is run: those with everything more often.
PLANS = ("CALLS", "OUTAGES", "WORKERS", "ALL", "ALL", "STORM", "STALLS", "QUIET")
#: Runs that broke a promise, of which the traces are printed.
SHOWN = 3


def one(plan: str, seed: int, messages: int) -> Summary | str:
    """One run's summary, or what it broke."""
    try:
        return run(seed, messages, getattr(faults, plan))
    except Violation as violation:
        return f"--only {plan} {seed} {messages}\n{violation}"


def runs(first: int, messages: int) -> Iterator[tuple[str, int, int]]:
    """Plans, seeds and sizes of as many runs as it takes."""
    seed = first
    while messages > 0:
        yield PLANS[(seed - first) % len(PLANS)], seed, min(messages, MESSAGES)
        seed, messages = seed + 1, messages - MESSAGES


def main() -> int:
    """All runs; 0 when no promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulate", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=ALL_MESSAGES)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9), help="the first run's")
    parser.add_argument("--only", nargs=3, metavar=("PLAN", "SEED", "MESSAGES"), help="repeat one run")
    options = parser.parse_args()
    console = Console()
    if options.only:
        plan, seed, size = options.only
        answer = one(plan, int(seed), int(size))
        console.print(answer if isinstance(answer, str) else "no promise broken", markup=False, highlight=False)
        return int(isinstance(answer, str))
    console.print(f"Chaos in simulation: {options.messages} messages, seed {options.seed}")
    began, counts, broken, seconds = time.monotonic(), Counter[str](), list[str](), 0.0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ProcessPoolExecutor(os.cpu_count()) as pool, Progress(*columns, console=console) as progress:
        task = progress.add_task("messages", total=options.messages)
        asked = {pool.submit(one, *each): each for each in runs(options.seed, options.messages)}
        for future in as_completed(asked):
            answer = future.result()
            if isinstance(answer, str):
                broken.append(answer)
            else:
                counts += answer.counts
                seconds += answer.seconds
            progress.advance(task, asked[future][2])
    for name, count in sorted(counts.items()):
        console.print(f"  {count:>8}  {name}", highlight=False)
    for text in broken[:SHOWN]:
        console.print(f"BROKEN: {text}\n", style="red", highlight=False, markup=False)
    verdict = f"{len(broken)} runs broke a promise, seed {options.seed}" if broken else "no promise broken"
    console.print(
        f"{verdict}; {options.messages} messages, {seconds / 86_400:.1f} simulated days, "
        f"{time.monotonic() - began:.0f} s",
        highlight=False,
    )
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())

"""Simulations at length, in many runs under every plan of faults: 100,000 messages of the worker's core; 10,000 jobs.

The jobs (`--jobs`) have callers, and pass through the API's workflows and the job table to the workers. Each run has a
seed. One that breaks a promise is printed with its seed, what was promised, and a trace; `--only` repeats it.
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

from tests.followed import runs as followed
from tests.worker import faults
from tests.worker import runs as worker
from tests.worker.judge import Violation
from tests.worker.runs import Summary

#: Messages, or jobs, of all runs.
ALL_MESSAGES, ALL_JOBS = 100_000, 10_000
#: Those of one run; each begins with an empty queue and a new fleet.
MESSAGES, JOBS = 500, 100
#: How often each plan is run: those with everything more often.
PLANS = ("CALLS", "OUTAGES", "WORKERS", "ALL", "ALL", "STORM", "STALLS", "QUIET")
#: Runs that broke a promise, of which the traces are printed.
SHOWN = 3


def one(plan: str, seed: int, count: int, *, jobs: bool = False) -> Summary | str:
    """One run's summary, or what it broke."""
    try:
        run = followed.run if jobs else worker.run
        return run(seed, count, getattr(faults, plan))
    except Violation as violation:
        return f"{'--jobs ' if jobs else ''}--only {plan} {seed} {count}\n{violation}"


def runs(first: int, count: int, size: int = MESSAGES) -> Iterator[tuple[str, int, int]]:
    """Plans, seeds and sizes of as many runs as it takes."""
    seed = first
    while count > 0:
        yield PLANS[(seed - first) % len(PLANS)], seed, min(count, size)
        seed, count = seed + 1, count - size


def main() -> int:
    """All runs; 0 when no promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulate", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, help=f"{ALL_MESSAGES} without --jobs")
    parser.add_argument("--jobs", type=int, nargs="?", const=ALL_JOBS, help=f"callers' jobs instead; {ALL_JOBS}")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9), help="the first run's")
    parser.add_argument("--only", nargs=3, metavar=("PLAN", "SEED", "MESSAGES"), help="repeat one run")
    options = parser.parse_args()
    if options.messages and options.jobs:
        parser.error("--messages or --jobs, not both")
    console, what = Console(), "jobs" if options.jobs else "messages"
    if options.only:
        plan, seed, size = options.only
        answer = one(plan, int(seed), int(size), jobs=bool(options.jobs))
        console.print(answer if isinstance(answer, str) else "no promise broken", markup=False, highlight=False)
        return int(isinstance(answer, str))
    count = options.jobs or options.messages or ALL_MESSAGES
    console.print(f"Chaos in simulation: {count} {what}, seed {options.seed}")
    began, counts, broken, seconds = time.monotonic(), Counter[str](), list[str](), 0.0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ProcessPoolExecutor(os.cpu_count()) as pool, Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=count)
        each_run = runs(options.seed, count, JOBS if options.jobs else MESSAGES)
        asked = {pool.submit(one, *each, jobs=bool(options.jobs)): each for each in each_run}
        for future in as_completed(asked):
            answer = future.result()
            if isinstance(answer, str):
                broken.append(answer)
            else:
                counts += answer.counts
                seconds += answer.seconds
            progress.advance(task, asked[future][2])
    for name, times in sorted(counts.items()):
        console.print(f"  {times:>8}  {name}", highlight=False)
    for text in broken[:SHOWN]:
        console.print(f"BROKEN: {text}\n", style="red", highlight=False, markup=False)
    verdict = f"{len(broken)} runs broke a promise, seed {options.seed}" if broken else "no promise broken"
    console.print(
        f"{verdict}; {count} {what}, {seconds / 86_400:.1f} simulated days, {time.monotonic() - began:.0f} s",
        highlight=False,
    )
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())

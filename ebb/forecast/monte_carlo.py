"""Many runs of one setup under one load, a seed each: quantiles and means, and how far they can be trusted.

Intervals are 95 % bootstrap intervals over whole runs (percentile method): jobs of one run share its delays, so runs
are what is drawn again, not jobs. They say how well the runs know the model, not how well the model knows AWS.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from ebb.forecast import bill
from ebb.forecast.checks import Jobs
from ebb.forecast.model.outcome import Bill, Outcome, Part
from ebb.forecast.scenario import Setup
from ebb.forecast.workloads import Load

#: How often runs are drawn again, and what share of the results the interval leaves out at each end.
RESAMPLES, TAIL = 200, 0.025
#: Values of one run that are kept, evenly through its sorted ones: a month of jobs needs no more for a 95th percentile.
KEPT = 400
#: Jobs that are looked at to know a load's typical and longest job.
LOOKED_AT = 10_000
#: In place of seconds: a wake-up that never came, a job that was never done.
NEVER = math.inf

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its 95 % interval; infinite is never."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median and the 95th percentile over all runs."""

    p50: Estimate
    p95: Estimate


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What many runs found. Seconds, hours, US dollars a month.

    `wake` is over each wake-up of each run, `wait` (sent to started) and `latency` (sent to done) over each job, those
    that never started or ended included; `drain` over runs. None where there is nothing to tell: of a load without
    jobs, of wake-ups if the service never sleeps. The others are means of a run. `first` is the run of the first seed;
    the load is taken to come again after `every` seconds.
    """

    setup: Setup
    load: str
    every: float
    runs: int
    seed: int
    first: Outcome
    wake: Spread | None
    wait: Spread | None
    latency: Spread | None
    drain: Spread | None
    sent: float
    done: float
    task_hours: Estimate
    launches: Estimate
    killed: Estimate
    give_backs: Estimate
    failed: Estimate
    dead: Estimate
    left: Estimate
    bill: Bill


@dataclass(frozen=True)
class _Run:
    """What is kept of a run."""

    wakes: tuple[float, ...]
    waits: list[tuple[float, float]]
    latencies: list[tuple[float, float]]
    drain: float
    counts: dict[str, float]
    bill: Bill


_COUNTS = ("sent", "done", "task_hours", "launches", "killed", "give_backs", "failed", "dead", "left")


def forecast(
    setup: Setup,
    load: Load,
    run: Callable[[int], Outcome],
    *,
    runs: int,
    seed: int,
    progress: Progress = lambda _done, _all: None,
) -> Forecast:
    """Run `run` with the seeds from `seed` on; the same arguments give the same forecast.

    `progress` is told how many of all runs are done.
    """
    first: Outcome | None = None
    kept: list[_Run] = []
    for number in range(runs):
        outcome = run(seed + number)
        first = first or outcome
        kept.append(_keep(outcome, bill.monthly(outcome, setup, load)))
        progress(number + 1, runs)
    if first is None:
        raise ValueError(f"A forecast needs at least one run, got {runs}.")
    draws = _draws(runs, seed)
    counts = {name: _mean([each.counts[name] for each in kept], draws) for name in _COUNTS}
    jobs = counts["sent"].value > 0
    return Forecast(
        setup=setup,
        load=load.text,
        every=load.every,
        runs=runs,
        seed=seed,
        first=first,
        wake=_spread([[(wake, 1.0) for wake in each.wakes] for each in kept], draws) if jobs else None,
        wait=_spread([each.waits for each in kept], draws) if jobs else None,
        latency=_spread([each.latencies for each in kept], draws) if jobs else None,
        drain=_spread([[(each.drain, 1.0)] for each in kept], draws) if jobs else None,
        sent=counts["sent"].value,
        done=counts["done"].value,
        task_hours=counts["task_hours"],
        launches=counts["launches"],
        killed=counts["killed"],
        give_backs=counts["give_backs"],
        failed=counts["failed"],
        dead=counts["dead"],
        left=counts["left"],
        bill=Bill(
            idle=_mean_parts([each.bill.idle for each in kept]), load=_mean_parts([each.bill.load for each in kept])
        ),
    )


def jobs_of(load: Load, seed: int) -> Jobs:
    """The load's typical and longest job and its number of message groups, from the first jobs that it draws."""
    drawn = list(islice(load.arrivals(Random(seed)), LOOKED_AT))  # noqa: S311 — a simulation's
    times = sorted(each.seconds for each in drawn) or [load.job.median]
    groups = len({each.group for each in drawn})
    return Jobs(typical=times[len(times) // 2], longest=times[-1], groups=groups or None)


def _keep(outcome: Outcome, cost: Bill) -> _Run:
    never_started = max(0, outcome.sent - len(outcome.waits))
    never_done = max(0, outcome.sent - len(outcome.latencies) - outcome.dead)
    slept_on = outcome.sent > 0 and not outcome.waits
    return _Run(
        wakes=outcome.wakes or ((NEVER,) if slept_on else ()),
        waits=_thinned(outcome.waits, never_started),
        latencies=_thinned(outcome.latencies, never_done),
        drain=NEVER if outcome.drain is None else outcome.drain,
        counts={name: float(getattr(outcome, name)) for name in _COUNTS},
        bill=cost,
    )


def _thinned(values: Sequence[float], never: int) -> list[tuple[float, float]]:
    """At most KEPT of the values with the weight of those that each stands for, and how many are infinite."""
    ordered = sorted(values)
    count = len(ordered)
    kept = min(count, KEPT)
    thinned = [(ordered[(2 * index + 1) * count // (2 * kept)], count / kept) for index in range(kept)]
    return [*thinned, (NEVER, float(never))] if never else thinned


def _draws(runs: int, seed: int) -> list[list[int]]:
    """How often each run is in each resample."""
    random = Random(seed)  # noqa: S311 — a simulation's
    draws = []
    for _ in range(RESAMPLES if runs > 1 else 1):
        times = [0] * runs
        for _ in range(runs):
            times[random.randrange(runs)] += 1
        draws.append(times)
    return draws


def _spread(values: Sequence[Sequence[tuple[float, float]]], draws: Sequence[Sequence[int]]) -> Spread | None:
    """Of the weighted values of each run; None without any."""
    pooled = sorted((value, weight, run) for run, of_run in enumerate(values) for value, weight in of_run)
    if not pooled:
        return None
    all_of_them = [1] * len(values)
    medians, high = zip(*(_quantiles(pooled, times) for times in [all_of_them, *draws]), strict=True)
    return Spread(p50=_estimate(medians[0], medians[1:]), p95=_estimate(high[0], high[1:]))


def _quantiles(pooled: Sequence[tuple[float, float, int]], times: Sequence[int]) -> tuple[float, float]:
    """The median and 95th percentile: the least value that at least that share of the weight does not exceed."""
    total = math.fsum(weight * times[run] for _, weight, run in pooled)
    found: list[float] = []
    below, shares = 0.0, [0.5, 0.95]
    for value, weight, run in pooled:
        below += weight * times[run]
        while shares and times[run] and below >= shares[0] * total * (1 - 1e-12):
            found.append(value)
            shares.pop(0)
        if not shares:
            break
    found += [NEVER] * len(shares)
    return found[0], found[1]


def _mean(values: Sequence[float], draws: Sequence[Sequence[int]]) -> Estimate:
    count = len(values)
    means = [math.fsum(value * times for value, times in zip(values, draw, strict=True)) / count for draw in draws]
    return _estimate(math.fsum(values) / count, means)


def _estimate(value: float, resampled: Sequence[float]) -> Estimate:
    ordered = sorted(resampled)
    outside = int(TAIL * len(ordered))
    return Estimate(value=value, low=min(value, ordered[outside]), high=max(value, ordered[-1 - outside]))


def _mean_parts(bills: Sequence[Sequence[Part]]) -> tuple[Part, ...]:
    """The mean of each part, in the order in which they first appear."""
    sums: dict[tuple[str, str], float] = {}
    for parts in bills:
        for part in parts:
            key = (part.name, part.source)
            sums[key] = sums.get(key, 0.0) + part.dollars
    return tuple(
        Part(name=name, dollars=dollars / len(bills), source=source) for (name, source), dollars in sums.items()
    )

"""Many runs of one scenario under one load, each with its own seed: quantiles and means with confidence intervals.

Intervals are 95 % bootstrap intervals over whole runs (percentile method). The jobs of one run share its delays, so
runs are resampled, not jobs. The intervals show how well the runs represent the model, not how well the model
represents AWS.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from ebb.forecast import bill
from ebb.forecast.bill import Bill, Part
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.scenario import Scenario
from ebb.forecast.workloads import Load

#: Bootstrap resamples.
RESAMPLES = 200
#: Tail probability at each end of the interval.
TAIL = 0.025
#: Values that are kept of one run, evenly spaced through its sorted values.
KEPT_VALUES = 400
#: In place of seconds: a wake-up that never happened, a job that was never done.
NEVER = math.inf
#: Called after each run with the runs that are done, and the runs in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its 95 % interval. Infinite means never."""

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
    """The results of many runs, in seconds, hours and US dollars a month.

    `wake` is over all wake-ups. `wait` (sent to started) and `latency` (sent to done) are over all jobs, including
    those that never started or ended. `drain` is over runs. They are None for a load without jobs; `wake` is also None
    if the service never is at zero tasks. All other figures are means per run. `first` is the run of the first seed.
    The bill assumes that the load repeats after `every` seconds.
    """

    scenario: Scenario
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


#: A value and its weight: how many jobs it stands for.
_Weighted = tuple[float, float]


@dataclass(frozen=True)
class _Run:
    """The figures that are kept of one run."""

    wakes: tuple[float, ...]
    waits: list[_Weighted]
    latencies: list[_Weighted]
    drain: float
    counts: dict[str, float]
    bill: Bill


_COUNTS = ("sent", "done", "task_hours", "launches", "killed", "give_backs", "failed", "dead", "left")


def forecast(
    scenario: Scenario,
    load: Load,
    run: Callable[[int], Outcome],
    *,
    runs: int,
    seed: int,
    progress: Progress = lambda _done, _all: None,
) -> Forecast:
    """Call `run` with `runs` seeds, from `seed` on. The same arguments give the same forecast."""
    first: Outcome | None = None
    kept: list[_Run] = []
    for number in range(runs):
        outcome = run(seed + number)
        first = first or outcome
        kept.append(_keep(outcome, bill.monthly(outcome, scenario, load)))
        progress(number + 1, runs)
    if first is None:
        raise ValueError(f"A forecast needs at least one run, got {runs}.")
    draws = _draws(runs, seed)
    counts = {name: _mean([each.counts[name] for each in kept], draws) for name in _COUNTS}
    jobs = counts["sent"].value > 0
    return Forecast(
        scenario=scenario,
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


def _keep(outcome: Outcome, cost: Bill) -> _Run:
    never_started = max(0, outcome.sent - len(outcome.waits))
    never_done = max(0, outcome.sent - len(outcome.latencies) - outcome.dead)
    never_woke = outcome.sent > 0 and not outcome.waits
    return _Run(
        wakes=outcome.wakes or ((NEVER,) if never_woke else ()),
        waits=_thinned(outcome.waits, never_started),
        latencies=_thinned(outcome.latencies, never_done),
        drain=NEVER if outcome.drain is None else outcome.drain,
        counts={name: float(getattr(outcome, name)) for name in _COUNTS},
        bill=cost,
    )


def _thinned(values: Sequence[float], never: int) -> list[_Weighted]:
    """At most KEPT_VALUES of the values, weighted, and one infinite value with the weight `never`."""
    ordered = sorted(values)
    count = len(ordered)
    kept = min(count, KEPT_VALUES)
    thinned = [(ordered[(2 * index + 1) * count // (2 * kept)], count / kept) for index in range(kept)]
    return [*thinned, (NEVER, float(never))] if never else thinned


def _draws(runs: int, seed: int) -> list[list[int]]:
    """For each resample: how often it contains each run."""
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    draws = []
    for _ in range(RESAMPLES if runs > 1 else 1):
        times = [0] * runs
        for _ in range(runs):
            times[random.randrange(runs)] += 1
        draws.append(times)
    return draws


def _spread(values: Sequence[Sequence[_Weighted]], draws: Sequence[Sequence[int]]) -> Spread | None:
    """The spread of the weighted values of each run; None without any value."""
    pooled = sorted((value, weight, run) for run, of_run in enumerate(values) for value, weight in of_run)
    if not pooled:
        return None
    all_of_them = [1] * len(values)
    medians, high = zip(*(_quantiles(pooled, times) for times in [all_of_them, *draws]), strict=True)
    return Spread(p50=_estimate(medians[0], medians[1:]), p95=_estimate(high[0], high[1:]))


def _quantiles(pooled: Sequence[tuple[float, float, int]], times: Sequence[int]) -> tuple[float, float]:
    """The median and the 95th percentile: the smallest value that at least that share of the weight does not exceed."""
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
    """The mean of each part, in the order in which the parts first appear."""
    sums: dict[tuple[str, str], float] = {}
    for parts in bills:
        for part in parts:
            key = (part.name, part.source)
            sums[key] = sums.get(key, 0.0) + part.dollars
    return tuple(
        Part(name=name, dollars=dollars / len(bills), source=source) for (name, source), dollars in sums.items()
    )

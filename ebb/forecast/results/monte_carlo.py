"""Many runs of one scenario under one load, each with its own seed: quantiles and means with confidence intervals.

Intervals are 95 % bootstrap intervals over whole runs (percentile method). The jobs of one run share its delays, so
runs are resampled, not jobs. The intervals show how well the runs represent the model, not how well the model
represents AWS.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray

from ebb.forecast.load.workloads import Load
from ebb.forecast.model.histogram import Histogram
from ebb.forecast.model.outcome import Outcome, Timeline
from ebb.forecast.results import bill
from ebb.forecast.results.bill import Bill, Part
from ebb.forecast.scenario.scenario import Scenario

#: Bootstrap resamples.
RESAMPLES = 200
#: Tail probability at each end of the interval.
TAIL = 0.025
#: The shares of jobs of a Spread.
QUANTILES = (0.5, 0.95)
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


#: Values, and how many jobs each of them stands for.
Weighted = tuple[NDArray[np.float64], NDArray[np.float64]]
#: Times of a Band, and the runs that it needs.
BAND_TIMES, BAND_RUNS = 240, 10
TIMES = ("wake", "wait", "latency", "drain")
COUNTS = ("sent", "done", "task_hours", "launches", "killed", "give_backs", "failed", "dead", "left", "refused")


@dataclass(frozen=True)
class Run:
    """The figures that are kept of one run: weighted values of each of TIMES, each of COUNTS, and the bill.

    `running`: tasks at the times of the band. `replaced`: the tasks that each deployment replaced, by its time.
    """

    times: dict[str, Weighted]
    counts: dict[str, float]
    bill: Bill
    running: NDArray[np.int32]
    replaced: Mapping[float, int]


@dataclass(frozen=True)
class Band:
    """The running tasks over time: 5 % of the runs have fewer than `low`, and 5 % more than `high`."""

    times: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The results of many runs, in seconds, hours and US dollars a month.

    `wake` is over all wake-ups. `wait` (sent to started) and `latency` (sent to done) are over all jobs, including
    those that never started or ended. `drain` is over runs. They are None for a load without jobs; `wake` is also None
    if the service never is at zero tasks. All other figures are means per run. `first` is the run of the first seed.
    The bill assumes that the load repeats after `every` seconds. `each` has the figures of every run.
    """

    scenario: Scenario
    load: str
    every: float
    span: float
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
    refused: Estimate
    bill: Bill
    band: Band | None = None
    each: tuple[Run, ...] = field(default=(), compare=False, repr=False)


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
    kept: list[Run] = []
    times = np.zeros(0)
    for number in range(runs):
        outcome = run(seed + number)
        if first is None:
            first, times = outcome, np.linspace(0.0, outcome.shown_until, BAND_TIMES)
        kept.append(_keep(outcome, bill.monthly(outcome, scenario, load), times))
        progress(number + 1, runs)
    if first is None:
        raise ValueError(f"A forecast needs at least one run, got {runs}.")
    resampled = draws(runs, seed)
    counts = {name: mean([each.counts[name] for each in kept], resampled) for name in COUNTS}
    jobs = counts["sent"].value > 0
    spreads = {name: _spread([each.times[name] for each in kept], resampled) if jobs else None for name in TIMES}
    return Forecast(
        scenario=scenario,
        load=load.text,
        every=math.fsum(each.bill.every for each in kept) / runs,
        span=load.span,
        runs=runs,
        seed=seed,
        first=first,
        wake=spreads["wake"],
        wait=spreads["wait"],
        latency=spreads["latency"],
        drain=spreads["drain"],
        sent=counts["sent"].value,
        done=counts["done"].value,
        task_hours=counts["task_hours"],
        launches=counts["launches"],
        killed=counts["killed"],
        give_backs=counts["give_backs"],
        failed=counts["failed"],
        dead=counts["dead"],
        left=counts["left"],
        refused=counts["refused"],
        bill=Bill(
            idle=_mean_parts([each.bill.idle for each in kept]),
            load=_mean_parts([each.bill.load for each in kept]),
            every=math.fsum(each.bill.every for each in kept) / runs,
        ),
        band=_band(times, kept),
        each=tuple(kept),
    )


def _keep(outcome: Outcome, cost: Bill, times: NDArray[np.float64]) -> Run:
    never_started = max(0, outcome.sent - outcome.waits.count)
    never_done = max(0, outcome.sent - outcome.latencies.count - outcome.dead)
    never_woke = outcome.sent > 0 and not outcome.waits.count
    drain = NEVER if outcome.drain is None else outcome.drain
    return Run(
        times={
            "wake": _weighted([(time, 1) for time in outcome.wakes or ((NEVER,) if never_woke else ())]),
            "wait": _binned(outcome.waits, never_started),
            "latency": _binned(outcome.latencies, never_done),
            "drain": _weighted([(drain, 1)]),
        },
        counts={name: float(getattr(outcome, name)) for name in COUNTS},
        bill=cost,
        running=_at(outcome.running, times),
        replaced=outcome.replaced,
    )


def _at(timeline: Timeline, times: NDArray[np.float64]) -> NDArray[np.int32]:
    """The values at these times."""
    changes, values = (np.array(each) for each in zip(*timeline, strict=True))
    return values[np.maximum(np.searchsorted(changes, times, side="right") - 1, 0)].astype(np.int32)


def _band(times: NDArray[np.float64], kept: Sequence[Run]) -> Band | None:
    if len(kept) < BAND_RUNS:
        return None
    low, high = np.quantile([each.running for each in kept], (0.05, 0.95), axis=0, method="inverted_cdf")
    return Band(tuple(times.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _binned(times: Histogram, never: int) -> Weighted:
    """The bins, and one infinite value with the weight `never`."""
    return _weighted([*times.bins(), (NEVER, never)] if never else times.bins())


def _weighted(pairs: Sequence[tuple[float, float]]) -> Weighted:
    return np.array([value for value, _ in pairs], float), np.array([weight for _, weight in pairs], float)


def draws(runs: int, seed: int) -> NDArray[np.float64]:
    """One row for each resample: how often it contains each run. The same arguments give the same draws."""
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    times = np.zeros((RESAMPLES if runs > 1 else 1, runs))
    for resample in times:
        for _ in range(runs):
            resample[random.randrange(runs)] += 1
    return times


def _spread(of_runs: Sequence[Weighted], resampled: NDArray[np.float64]) -> Spread | None:
    """The spread of the weighted values of each run; None without any value."""
    if not any(len(values) for values, _ in of_runs):
        return None
    found = quantiles(of_runs, resampled)
    return Spread(p50=estimate(found[0, 0], found[1:, 0]), p95=estimate(found[0, 1], found[1:, 1]))


def quantiles(of_runs: Sequence[Weighted], resampled: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median and the 95th percentile over all runs, in the first row, and of each resample.

    A quantile is the smallest value that at least its share of the weight does not exceed; infinite without any.
    """
    values = np.concatenate([values for values, _ in of_runs])
    weights = np.concatenate([weights for _, weights in of_runs])
    runs = np.repeat(np.arange(len(of_runs)), [len(values) for values, _ in of_runs])
    order = np.argsort(values, kind="stable")
    values, weights, runs = np.append(values[order], NEVER), weights[order], runs[order]
    rows = []
    for times in (np.ones(len(of_runs)), *resampled):
        below = np.cumsum(weights * times[runs])
        total = below[-1] if len(below) else 0.0
        wanted = np.array(QUANTILES) * total * (1 - 1e-12)
        rows.append(values[np.searchsorted(below, wanted)] if total else np.full(len(QUANTILES), NEVER))
    return np.array(rows)


def mean(values: Sequence[float], resampled: NDArray[np.float64]) -> Estimate:
    """The mean over runs."""
    count = len(values)
    return estimate(math.fsum(values) / count, resampled @ np.array(values) / count)


def estimate(value: float, resampled: NDArray[np.float64]) -> Estimate:
    """The value, and its interval from those of the resamples."""
    ordered = np.sort(resampled)
    outside = int(TAIL * len(ordered))
    low, high = float(ordered[outside]), float(ordered[-1 - outside])
    return Estimate(value=float(value), low=min(float(value), low), high=max(float(value), high))


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

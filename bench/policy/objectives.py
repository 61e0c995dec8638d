"""The objectives of the default policy with ten tasks, and their forecasts: `python -m bench.policy.objectives [runs]`.

`make aims` prints them too. The exit code is 1 if one is missed. Each can also be asked alone: `ebb forecast --set
scaling.max_tasks=10 --job 30s --runs 600`, and so on.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench import arguments
from bench.policy.tune import LOADS, Trial
from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.load.workloads import Load, load
from ebb.forecast.model.assumptions import Assumptions, Uniform
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from ebb.forecast.report import formatting
from ebb.forecast.results.bill import of_scaling
from ebb.forecast.results.monte_carlo import Estimate, Forecast, Spread, draws, forecast, mean
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario
from settings import Settings

#: Runs for the quantiles of a wake-up.
RUNS = 600
#: Runs for a burst: with fewer, its median is known to ten seconds only.
BURST_RUNS = 300
#: Runs for all other figures, which take longer.
FEWER_RUNS = 60
ONE = load("burst:1", "30s")
BURST = load("burst:200", "30s")
TRICKLE = load("trickle:60", "60s")
IDLE = load("idle")
#: SQS's counts as old as AWS says that they may be.
STALE = Assumptions(count_lag=Uniform(0, 60))


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way of waking, its settings, and its limits, each a maximum: seconds at p50 and p95, dollars of an idle month.

    Those of a burst until it is done, also with stale counts, and the dollars of a trickle: of the watcher only.
    """

    name: str
    settings: Mapping[str, bool]
    wake: tuple[int, int]
    idle: float
    drain: int | None = None
    stale: int | None = None
    trickle: float | None = None


#: Metrics show a job after a minute or two. So a burst has no limit by metrics alone.
WAYS = (
    Way(name="by metrics alone", settings={}, wake=(140, 185), idle=1.25),
    Way(name="with `watch`", settings={"watch": True}, wake=(70, 100), idle=1, drain=690, stale=715, trickle=2.2),
    Way(name="with `direct`", settings={"direct": True}, wake=(40, 60), idle=1, drain=665, stale=690, trickle=2.2),
)
#: Tasks that one message starts, and how far the mean may be from it.
TASKS, TASKS_APART = 1.0, 0.05


@dataclass(frozen=True, kw_only=True)
class Objective:
    """An objective, its limit and the forecast; `value` is the forecast as a number."""

    text: str
    limit: str
    found: str
    value: float
    met: bool

    @property
    def row(self) -> str:
        """A row of a table in Markdown."""
        return f"| {self.text} | {self.limit} | {self.found} | {'yes' if self.met else '**no**'} |"


def stack(**scaling: object) -> Scenario:
    """At most ten tasks in public subnets, and all other settings by default."""
    return from_settings(Settings.model_validate({"scaling": {"max_tasks": 10, "seconds_per_job": 30, **scaling}}))


def objectives(
    runs: int = RUNS, burst_runs: int = BURST_RUNS, fewer_runs: int = FEWER_RUNS, loads: Sequence[Trial] = LOADS
) -> Iterator[Objective]:
    """The objectives, one after the other."""
    for way in WAYS:
        yield from _one(way, runs)
    for way in WAYS:
        yield from _burst(way, burst_runs)
        yield from _cost(way, fewer_runs)
    yield from _lost(loads)
    yield _trickle(fewer_runs)


def _one(way: Way, runs: int) -> Iterator[Objective]:
    """One message: its wake-up, and the tasks that it starts."""
    found = _run(stack(**way.settings), ONE, runs)
    wake, (median, high) = _always(found.wake), way.wake
    yield _seconds(f"one message wakes the service {way.name}, p50", median, wake.p50)
    yield _seconds(f"one message wakes the service {way.name}, p95", high, wake.p95)
    yield Objective(
        text=f"tasks that one message starts {way.name}, mean",
        limit=f"{TASKS:.1f} ± {TASKS_APART}",
        found=formatting.interval(found.launches, "{:.2f}".format),
        value=found.launches.value,
        met=abs(found.launches.value - TASKS) <= TASKS_APART,
    )


def _burst(way: Way, runs: int) -> Iterator[Objective]:
    for limit, counts, assumptions in ((way.drain, "", Assumptions()), (way.stale, ", counts 60 s stale", STALE)):
        if limit is not None:
            drain = _always(_run(stack(**way.settings), BURST, runs, assumptions).drain)
            yield _seconds(f"200 jobs of 30 s done {way.name}{counts}, p50 (600 s are work)", limit, drain.p50)


def _cost(way: Way, runs: int) -> Iterator[Objective]:
    """Months with and without jobs, in public subnets."""
    if way.trickle is not None:
        found = _run(stack(**way.settings, seconds_per_job=60), TRICKLE, runs)
        dollars = mean([of_scaling(run.bill.load) for run in found.each], draws(found.runs, found.seed))
        yield _dollars(f"scaling in a month of 60 jobs of 60 s in four hours a day {way.name}", way.trickle, dollars)
    idle = of_scaling(_run(stack(**way.settings), IDLE, 1).bill.idle)
    yield _dollars(f"scaling in a month without jobs {way.name}", way.idle, Estimate(value=idle, low=idle, high=idle))


def _lost(loads: Sequence[Trial]) -> Iterator[Objective]:
    """Jobs that a scale-in killed, and jobs in the dead-letter queue that do not fail, under all loads by all ways."""
    killed = dead = 0
    for each in loads:
        for way in WAYS:
            for surplus in (False, True):
                scenario = from_settings(each.settings(surplus=surplus, **way.settings))
                for seed in range(1, 2 if each.long else 6):
                    outcome = simulate(scenario, each.load, seed=seed)
                    killed += outcome.killed
                    dead += 0 if each.load.failing else outcome.dead
    for text, number in (("jobs killed", killed), ("sound jobs in the dead-letter queue", dead)):
        yield Objective(
            text=f"{text} under all loads below, by metrics, `watch` and `direct`",
            limit="0",
            found=str(number),
            value=number,
            met=not number,
        )


def _trickle(runs: int) -> Objective:
    """Task-hours, compared with the cheapest service among the baselines that neither kills a job nor leaves one.

    A task for each job has no idle task, and pays for it with a start in the wait of each job.
    """
    own = stack(seconds_per_job=60)
    baselines = [baseline.scenario(own, TRICKLE.profile(1)) for baseline in BASELINES]
    services = [each for each in baselines if not each.worker.one_job]
    found = map(partial(_run, under=TRICKLE, runs=runs), services)
    complete = [each for each in found if each.done == each.sent and not each.killed.value]
    cheapest = min(complete, key=lambda each: each.task_hours.value)
    hours = _run(own, TRICKLE, runs).task_hours
    return Objective(
        text="task-hours of 60 jobs of 60 s in four hours, compared with the cheapest service that does all of them",
        limit=f"{formatting.hours(cheapest.task_hours.value)} ({cheapest.scenario.name})",
        found=formatting.interval(hours, formatting.hours),
        value=hours.value,
        met=hours.value <= cheapest.task_hours.value,
    )


def _run(scenario: Scenario, under: Load, runs: int, assumptions: Assumptions | None = None) -> Forecast:
    def one(seed: int) -> Outcome:
        return simulate(scenario, under, seed=seed, assumptions=assumptions)

    return forecast(scenario, under, one, runs=runs, seed=1)


def _always(spread: Spread | None) -> Spread:
    if spread is None:
        raise AssertionError("a load with jobs has times")
    return spread


def _seconds(text: str, limit: int, found: Estimate) -> Objective:
    return Objective(
        text=text,
        limit=_in_seconds(limit),
        found=formatting.interval(found, _in_seconds),
        value=found.value,
        met=found.value <= limit,
    )


def _in_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s"


def _dollars(text: str, limit: float, found: Estimate) -> Objective:
    """What scaling costs. A tenth of a cent decides too, so it is shown."""
    return Objective(
        text=text,
        limit=f"${limit:.2f}",
        found=formatting.interval(found, "${:.3f}".format),
        value=found.value,
        met=found.value <= limit,
    )


def table(found: Iterable[Objective], say: Callable[[str], None]) -> bool:
    """Say the rows of the table, each when it is known; False if an objective is missed."""
    say("| with ten tasks | at most | forecast | met |\n|---|---|---|---|")
    met = True
    for objective in found:
        say(objective.row)
        met = met and objective.met
    return met


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 1 if an objective is missed."""
    what = f"runs of a wake-up, up to {BURST_RUNS} of a burst and up to {FEWER_RUNS} of other loads"
    runs = arguments.number(given, "runs", RUNS, what, program="python -m bench.policy.objectives", about=__doc__)
    found = objectives(runs, min(runs, BURST_RUNS), min(runs, FEWER_RUNS))
    return 0 if table(found, partial(print, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())

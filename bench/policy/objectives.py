"""The objectives of the default policy with ten tasks, and their forecasts: `python -m bench.policy.objectives [runs]`.

Each can also be asked alone: `ebb forecast --set scaling.max_tasks=10 --job 30s --runs 600`, and so on.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.policy.tune import LOADS
from ebb.forecast import bill
from ebb.forecast.baselines import BASELINES
from ebb.forecast.deployed import from_settings
from ebb.forecast.model.simulate import simulate
from ebb.forecast.monte_carlo import Estimate, Forecast, Spread, forecast
from ebb.forecast.report import formatting
from ebb.forecast.scenario import Scenario
from ebb.forecast.workloads import Load, load
from settings import Settings

#: Runs for the quantiles of a wake-up.
RUNS = 600
#: Runs for all other figures, which take longer.
FEWER_RUNS = 60
ONE = load("burst:1", "30s")
BURST = load("burst:200", "30s")
TRICKLE = load("trickle:60", "60s")
IDLE = load("idle")
#: How the service wakes, and the settings for it.
WAYS: tuple[tuple[str, dict[str, bool]], ...] = (
    ("by metrics alone", {}),
    ("with `watch`", {"watch": True}),
    ("with `direct`", {"direct": True}),
)
#: Maximum seconds of a wake-up, p50 and p95, for each of these ways.
MAX_WAKE = ((140, 185), (70, 100), (40, 60))
#: Maximum seconds until a burst is done, p50.
MAX_DRAIN = 700
#: Maximum US dollars of a month without jobs.
MAX_IDLE_DOLLARS = 1


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


def objectives(runs: int = RUNS, fewer_runs: int = FEWER_RUNS) -> Iterator[Objective]:
    """The objectives, one after the other."""
    for (way, settings), (median, high) in zip(WAYS, MAX_WAKE, strict=True):
        wake = _always(_run(stack(**settings), ONE, runs).wake)
        yield _seconds(f"one message wakes the service {way}, p50", median, wake.p50)
        yield _seconds(f"one message wakes the service {way}, p95", high, wake.p95)
    for way, settings in WAYS:
        drain = _always(_run(stack(**settings), BURST, fewer_runs).drain)
        yield _seconds(f"200 jobs of 30 s done {way}, p50 (600 s are work)", MAX_DRAIN, drain.p50)
    yield _killed()
    yield _trickle(fewer_runs)
    for way, settings in WAYS[:2]:
        dollars = bill.of_scaling(_run(stack(**settings), IDLE, 1).bill.idle)
        yield Objective(
            text=f"scaling in a month without jobs {way}, public subnets",
            limit=f"${MAX_IDLE_DOLLARS}",
            found=formatting.dollars(dollars),
            value=dollars,
            met=dollars < MAX_IDLE_DOLLARS,
        )


def _run(scenario: Scenario, under: Load, runs: int) -> Forecast:
    return forecast(scenario, under, lambda seed: simulate(scenario, under, seed=seed), runs=runs, seed=1)


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


def _killed() -> Objective:
    killed = sum(
        simulate(from_settings(each.settings(surplus=surplus)), each.load, seed=seed).killed
        for each in LOADS
        for surplus in (False, True)
        for seed in range(1, 3 if each.long else 11)
    )
    return Objective(
        text="jobs killed under all loads below", limit="0", found=str(killed), value=killed, met=not killed
    )


def _trickle(runs: int) -> Objective:
    """Task-hours, compared with the cheapest baseline that neither kills a job nor leaves one."""
    own = stack(seconds_per_job=60)
    baselines = [baseline.scenario(own, TRICKLE.profile(1)) for baseline in BASELINES]
    found = map(partial(_run, under=TRICKLE, runs=runs), baselines)
    complete = [each for each in found if each.done == each.sent and not each.killed.value]
    cheapest = min(complete, key=lambda each: each.task_hours.value)
    hours = _run(own, TRICKLE, runs).task_hours
    return Objective(
        text="task-hours of 60 jobs of 60 s in four hours, compared with the cheapest baseline that does all jobs",
        limit=f"{formatting.hours(cheapest.task_hours.value)} ({cheapest.scenario.name})",
        found=formatting.interval(hours, formatting.hours),
        value=hours.value,
        met=hours.value <= cheapest.task_hours.value,
    )


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    runs = int(arguments[0]) if arguments else RUNS
    print("| with ten tasks | at most | forecast | met |\n|---|---|---|---|")
    for objective in objectives(runs, min(runs, FEWER_RUNS)):
        print(objective.row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

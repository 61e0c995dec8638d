"""The aims of the default policy at ten tasks, and what the forecast finds: `python -m bench.policy.aims [runs]`.

The same can be asked one by one: `python -m ebb forecast --set scaling.max_tasks=10 --job 30s --runs 600`, and so on.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.policy.tune import LOADS
from ebb.forecast.baselines import RECIPES
from ebb.forecast.model.simulate import simulate
from ebb.forecast.monte_carlo import Estimate, Forecast, forecast, jobs_of
from ebb.forecast.report import formatting
from ebb.forecast.scenario import Setup, from_settings
from ebb.forecast.workloads import Load, load
from settings import Settings

#: Runs for the 95th percentile of a wake-up, and of all else that takes longer.
RUNS, FEWER_RUNS = 600, 60
ONE, BURST, TRICKLE, IDLE = load("burst:1", "30s"), load("burst:200", "30s"), load("trickle:60", "60s"), load("idle")


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What is aimed at, the limit and what was found, in words."""

    text: str
    limit: str
    found: str
    met: bool

    @property
    def row(self) -> str:
        """A row of a table in Markdown."""
        return f"| {self.text} | {self.limit} | {self.found} | {'yes' if self.met else '**no**'} |"


def stack(**scaling: object) -> Setup:
    """Ten tasks at the most in public subnets, and all else as it is by default."""
    return from_settings(Settings.model_validate({"scaling": {"max_tasks": 10, "seconds_per_job": 30, **scaling}}))


def aims(runs: int = RUNS, fewer_runs: int = FEWER_RUNS) -> Iterator[Aim]:
    """Each aim, one after the other."""
    for how, settings, limits in (
        ("by metrics alone", {}, (140, 185)),
        ("with `watch`", {"watch": True}, (70, 100)),
        ("with `direct`", {"direct": True}, (40, 60)),
    ):
        wake = _run(stack(**settings), ONE, runs).wake
        if wake is None:
            raise AssertionError("one job always wakes the service")
        yield _seconds(f"one message wakes the service {how}, p50", limits[0], wake.p50)
        yield _seconds(f"one message wakes the service {how}, p95", limits[1], wake.p95)
    for how, settings in (
        ("by metrics alone", {}),
        ("with `watch`", {"watch": True}),
        ("with `direct`", {"direct": True}),
    ):
        drain = _run(stack(**settings), BURST, fewer_runs).drain
        if drain is None:
            raise AssertionError("a burst is always done")
        yield _seconds(f"200 jobs of 30 s done {how}, p50 (600 s are work)", 700, drain.p50)
    killed = sum(
        simulate(from_settings(each.settings(surplus=surplus)), each.load, seed=seed).killed
        for each in LOADS
        for surplus in (False, True)
        for seed in range(1, 3 if each.long else 11)
    )
    yield Aim(text="jobs killed under all loads below", limit="0", found=str(killed), met=not killed)
    yield _trickle(fewer_runs)
    for how, settings in (("by metrics alone", {}), ("with `watch`", {"watch": True})):
        dollars = _run(stack(**settings), IDLE, 1).bill.idle_total
        yield Aim(
            text=f"a month without jobs {how}, public subnets",
            limit="$1",
            found=formatting.dollars(dollars),
            met=dollars < 1,
        )


def _run(setup: Setup, under: Load, runs: int) -> Forecast:
    return forecast(setup, under, lambda seed: simulate(setup, under, seed=seed), runs=runs, seed=1)


def _seconds(text: str, limit: int, found: Estimate) -> Aim:
    return Aim(text=text, limit=_plainly(limit), found=formatting.interval(found, _plainly), met=found.value <= limit)


def _plainly(seconds: float) -> str:
    return f"{seconds:.0f} s"


def _trickle(runs: int) -> Aim:
    """Task-hours beside those of the cheapest recipe that neither kills a job nor leaves one."""
    own = stack(seconds_per_job=60)
    recipes = [recipe.setup(own, jobs_of(TRICKLE, 1)) for recipe in RECIPES]
    found = map(partial(_run, under=TRICKLE, runs=runs), recipes)
    keeping = [each for each in found if each.done == each.sent and not each.killed.value]
    cheapest = min(keeping, key=lambda each: each.task_hours.value)
    hours = _run(own, TRICKLE, runs).task_hours
    return Aim(
        text="task-hours of 60 jobs of 60 s in four hours, beside the cheapest recipe that keeps its jobs",
        limit=f"{formatting.hours(cheapest.task_hours.value)} ({cheapest.setup.name})",
        found=formatting.interval(hours, formatting.hours),
        met=hours.value <= cheapest.task_hours.value,
    )


def main(arguments: Sequence[str]) -> None:
    """Prints the table."""
    runs = int(arguments[0]) if arguments else RUNS
    print("| at ten tasks | at most | forecast | met |\n|---|---|---|---|")
    for aim in aims(runs, min(runs, FEWER_RUNS)):
        print(aim.row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The search for the default policy: each of its numbers is varied alone, under several loads.

`python -m bench.policy.tune [runs]` prints the tables of docs/scaling.md. A variant is worse under a load if its
latency (p50 or p95) or its task-minutes are more than 5 % above the deployed policy's. It is also worse if it kills,
gives back or loses more jobs.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, fsum, inf

from bench import arguments
from ebb.forecast.load.workloads import Load, load
from ebb.forecast.model.histogram import Histogram
from ebb.forecast.model.simulate import simulate
from ebb.forecast.report import formatting
from ebb.forecast.scenario.deployed import from_settings, rules
from ebb.forecast.scenario.scenario import Scenario
from policy import plan as policy_plan
from policy import steps as policy_steps
from settings import Settings

MAX_TASKS = 10
#: Runs of each load.
RUNS = 40
#: Runs of a long load, which has as many jobs as many short runs.
LONG_RUNS = 5
#: A difference above this share of the deployed policy's figure counts.
NOTABLE = 0.05

Plan = policy_plan.Plan


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A named load; `groups`: message groups of a FIFO queue, 0 for a standard queue."""

    name: str
    load: Load
    groups: int = 0
    long: bool = False

    def settings(self, *, surplus: bool | None = None, **scaling: bool) -> Settings:
        """The settings under which policies are tried with this load."""
        policy = {"max_tasks": MAX_TASKS, "seconds_per_job": self.load.job.median, "surplus": surplus, **scaling}
        fifo = {"message_groups": self.groups} if self.groups else {}
        return Settings.model_validate({"scaling": {**policy, **fifo}, "queue": {"fifo": bool(self.groups)}})


LOADS = (
    Trial(name="one", load=load("burst:1", "30s")),
    Trial(name="10 of 60 s", load=load("burst:10", "60s")),
    Trial(name="25 of 60 s", load=load("burst:25", "60s")),
    Trial(name="200 of 30 s", load=load("burst:200", "30s")),
    Trial(name="5,000 of 30 s", load=load("burst:5000", "30s"), long=True),
    Trial(name="trickle", load=load("trickle:60", "60s")),
    Trial(name="steady", load=load("poisson:240:4h", "60s"), long=True),
    Trial(name="tail", load=load("tail:100", "30s")),
    Trial(name="20 of 20 min", load=load("burst:20", "20m")),
    Trial(name="10 of 5 h", load=load("burst:10", "5h")),
    Trial(name="FIFO, 3 groups", load=load("burst:60", "60s", groups=3), groups=3),
    Trial(name="a fifth fails", load=load("burst:60", "60s", failing=0.2)),
)


def _unchanged(plan: Plan, _: Settings) -> Plan:
    return plan


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A policy: the deployed one with a change of its plan; `varied` is what differs."""

    varied: str
    name: str
    change: Callable[[Plan, Settings], Plan] = _unchanged
    surplus: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """p50 and p95 of the latency in seconds, task-minutes, and jobs, each as a mean per run."""

    median: float
    latency: float
    task_minutes: float
    killed: float
    give_backs: float
    lost: float

    def worse(self, than: "Score") -> bool:
        """Whether any figure is worse."""
        return (
            self.median > than.median * (1 + NOTABLE)
            or self.latency > than.latency * (1 + NOTABLE)
            or self.task_minutes > than.task_minutes * (1 + NOTABLE)
            or self.killed > than.killed
            or self.give_backs > than.give_backs + 1
            or self.lost > than.lost * (1 + NOTABLE)
        )

    def better(self, than: "Score") -> bool:
        """Whether no figure is worse, and it is notably faster or cheaper."""
        below = 1 - NOTABLE
        faster = self.median < than.median * below or self.latency < than.latency * below
        return not self.worse(than) and (faster or self.task_minutes < than.task_minutes * below)

    def text(self) -> str:
        """Latency p50 and p95, task-minutes, and jobs that were killed or given back."""
        wrong = ((self.killed, "killed"), (self.give_backs if self.give_backs >= 1 else 0, "given back"))
        more = "".join(f", {formatting.number(round(count, 1))} {what}" for count, what in wrong if count)
        times = f"{formatting.seconds(self.median)} / {formatting.seconds(self.latency)}"
        return f"{times}, {self.task_minutes:,.0f} min{more}"


def variants() -> tuple[Variant, ...]:
    """All variants. The first one of each parameter is deployed; the others are compared with it."""
    return (
        Variant(varied="ladder", name="1.5 tasks a share (deployed)"),
        *(Variant(varied="ladder", name=f"{each:g} tasks a share", change=_share(each)) for each in (1.0, 1.25, 2.0)),
        Variant(varied="ladder", name="3, 6, 10 tasks from 2, 10, 40 shares", change=_out(steps=_rungs((2, 10, 40)))),
        Variant(varied="ladder", name="3, 6, 10 tasks from 2, 5, 10 shares", change=_out(steps=_rungs((2, 5, 10)))),
        Variant(varied="OUT cooldown", name="120 s (deployed)"),
        *(Variant(varied="OUT cooldown", name=f"{each} s", change=_out(cooldown=each)) for each in (60, 90, 180, 300)),
        Variant(varied="MORE", name="2 of 2 (deployed)"),
        *(Variant(varied="MORE", name=f"{n} of {n}", change=_periods("out", n, n)) for n in (1, 3)),
        Variant(varied="ZERO", name="5 of 5 (deployed)"),
        *(Variant(varied="ZERO", name=f"{m} of {n}", change=_periods("zero", m, n)) for m, n in ZERO),
        Variant(varied="SURPLUS", name="3 of 3 (deployed)"),
        Variant(varied="SURPLUS", name="none (`surplus: false`)", surplus=False),
        *(Variant(varied="SURPLUS", name=f"{m} of {n}", change=_periods("surplus", m, n)) for m, n in SURPLUS),
        Variant(varied="SURPLUS", name="3 of 3, cooldown 180 s", change=_cooldown("surplus", 180)),
    )


#: Datapoints and periods of ZERO's alarm.
ZERO = ((3, 3), (4, 4), (6, 6), (8, 8), (4, 5))
#: Those of SURPLUS's alarm.
SURPLUS = ((2, 2), (5, 5), (8, 10))


def scenario(variant: Variant, trial: Trial) -> Scenario:
    """The scenario that is simulated."""
    settings = trial.settings(surplus=variant.surplus)
    return replace(from_settings(settings), rules=rules(variant.change(policy_plan.plan(settings), settings)))


def score(variant: Variant, trial: Trial, runs: int = RUNS) -> Score:
    """The figures of the first `runs` seeds."""
    runs = min(runs, LONG_RUNS) if trial.long else runs
    outcomes = [simulate(scenario(variant, trial), trial.load, seed=seed) for seed in range(1, runs + 1)]
    latencies = sum((outcome.latencies for outcome in outcomes), Histogram())
    return Score(
        median=latencies.quantile(0.5),
        latency=latencies.quantile(0.95),
        task_minutes=fsum(outcome.task_seconds for outcome in outcomes) / 60 / runs,
        killed=sum(outcome.killed for outcome in outcomes) / runs,
        give_backs=sum(outcome.give_backs for outcome in outcomes) / runs,
        lost=sum(outcome.dead + outcome.expired + outcome.left for outcome in outcomes) / runs,
    )


def tables(runs: int = RUNS, progress: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """One table in Markdown for each parameter: a row for each load, a column for each variant."""
    parameters: dict[str, list[Variant]] = {}
    for variant in variants():
        parameters.setdefault(variant.varied, []).append(variant)
    known: dict[tuple[object, bool | None, str], Score] = {}  # each parameter has the deployed policy
    for parameter, tried in parameters.items():
        scores: list[Mapping[str, Score]] = []
        for variant in tried:
            progress(f"{parameter}: {variant.name}")
            for each in LOADS:
                key = (variant.change, variant.surplus, each.name)
                if key not in known:
                    known[key] = score(variant, each, runs)
            scores.append({each.name: known[variant.change, variant.surplus, each.name] for each in LOADS})
        yield _table(parameter, tried, scores)


def _table(parameter: str, tried: Sequence[Variant], scores: Sequence[Mapping[str, Score]]) -> str:
    """Latency and task-minutes of each variant, compared with the first one."""
    lines = [f"| {parameter} | {' | '.join(variant.name for variant in tried)} |", f"|{'---|' * (len(tried) + 1)}"]
    for each in LOADS:
        base = scores[0][each.name]
        cells = [base.text(), *(_marked(of[each.name], base) for of in scores[1:])]
        lines.append(f"| {each.name} | {' | '.join(cells)} |")
    totals = [
        f"{sum(of[each.name].better(scores[0][each.name]) for each in LOADS)}, "
        f"{sum(of[each.name].worse(scores[0][each.name]) for each in LOADS)}"
        for of in scores[1:]
    ]
    return "\n".join([*lines, f"| **better, worse** | | {' | '.join(totals)} |"])


def _marked(found: Score, base: Score) -> str:
    mark = " ▼" if found.worse(base) else " ▲" if found.better(base) else ""
    return f"{found.text()}{mark}"


def _changed(change: Callable[[policy_plan.Rule], policy_plan.Rule], *roles: str) -> Callable[[Plan, Settings], Plan]:
    def changed(plan: Plan, _: Settings) -> Plan:
        return replace(plan, rules=tuple(change(rule) if rule.role in roles else rule for rule in plan.rules))

    return changed


def _cooldown(role: str, seconds: int) -> Callable[[Plan, Settings], Plan]:
    return _changed(lambda rule: replace(rule, policy=replace(rule.policy, cooldown=seconds)), role)


def _periods(role: str, datapoints: int, periods: int) -> Callable[[Plan, Settings], Plan]:
    def change(rule: policy_plan.Rule) -> policy_plan.Rule:
        return replace(rule, alarm=replace(rule.alarm, datapoints_to_alarm=datapoints, evaluation_periods=periods))

    return _changed(change, role)


def _out(
    *, cooldown: int | None = None, steps: Callable[[int, int], tuple[policy_steps.Adjustment, ...]] | None = None
) -> Callable[[Plan, Settings], Plan]:
    def changed(plan: Plan, settings: Settings) -> Plan:
        def change(rule: policy_plan.Rule) -> policy_plan.Rule:
            policy = rule.policy if cooldown is None else replace(rule.policy, cooldown=cooldown)
            own = policy.steps if steps is None else steps(plan.maximum, policy_plan.share(settings))
            return replace(rule, policy=replace(policy, steps=own))

        return _changed(change, "start", "out")(plan, settings)

    return changed


def _share(tasks: float) -> Callable[[Plan, Settings], Plan]:
    """This number of tasks starts for each share of backlog."""
    return _out(steps=lambda maximum, share: policy_steps.recommended(maximum, share, tasks_per_share=tasks).steps)


def _rungs(shares: Sequence[int]) -> Callable[[int, int], tuple[policy_steps.Adjustment, ...]]:
    """The ladder of published designs: 1 task, then 3, 6 and 10 tenths of the maximum from these shares on."""

    def steps(maximum: int, share: int) -> tuple[policy_steps.Adjustment, ...]:
        bounds = [0, *(count * share - 1 for count in shares), inf]
        changes = [1, *(ceil(maximum * tenths / 10) for tenths in (3, 6, 10))]
        return tuple(
            policy_steps.Adjustment(lower, None if upper == inf else upper, change)
            for (lower, upper), change in zip(pairwise(bounds), changes, strict=True)
            if upper > lower
        )

    return steps


def main(given: Sequence[str] | None = None) -> None:
    """Print the tables."""
    what = f"runs of each load, up to {LONG_RUNS} of a long one"
    runs = arguments.number(given, "runs", RUNS, what, program="python -m bench.policy.tune", about=__doc__)
    for table in tables(runs, lambda text: print(text, file=sys.stderr)):
        print(table, end="\n\n", flush=True)


if __name__ == "__main__":
    main()

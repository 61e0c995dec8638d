"""Runs a forecast: reads the stack, simulates it and, if asked, the baselines under the same load."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ebb.forecast import stack
from ebb.forecast.baselines import BASELINES
from ebb.forecast.checks import Pull, check
from ebb.forecast.deployed import from_settings
from ebb.forecast.findings import Finding
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from ebb.forecast.monte_carlo import forecast
from ebb.forecast.scenario import Scenario
from ebb.forecast.shown import shown
from ebb.forecast.workloads import JobProfile, Load

#: Called after each run with the scenario's name, the runs that are done, and the runs in all.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asks for. `stack` is a name or the path of a stack's file; `until` is in seconds.

    `start`: the date that the user has given; the load has it.
    """

    stack: str
    load: Load
    changes: tuple[str, ...] = ()
    start: str | None = None
    against: bool = False
    runs: int = 20
    seed: int = 1
    until: float | None = None
    pull: Pull | None = None


def findings(request: Request, progress: Progress) -> tuple[Finding, ...]:
    """The stack's own finding and, with `against`, those of the baselines.

    Raises UserError.
    """
    folder, name = stack.find(request.stack)
    own = from_settings(stack.read(name, folder, request.changes), name)
    if request.pull is not None:
        own = replace(own, task=replace(own.task, image=request.pull.megabytes, pull=request.pull.seconds))
    jobs = request.load.profile(request.seed)
    found = [_finding(request, own, jobs, progress)]
    for baseline in BASELINES if request.against else ():
        scenario = baseline.scenario(own, jobs)
        found.append(_finding(request, scenario, jobs, progress, title=baseline.title, source=baseline.source))
    return tuple(found)


def _finding(
    request: Request, scenario: Scenario, jobs: JobProfile, progress: Progress, *, title: str = "", source: str = ""
) -> Finding:
    def run(seed: int) -> Outcome:
        return simulate(scenario, request.load, seed=seed, until=request.until)

    found = forecast(
        scenario,
        request.load,
        run,
        runs=request.runs,
        seed=request.seed,
        progress=partial(progress, scenario.name),
    )
    problems = (*shown(found, request.load, until=request.until), *check(scenario, jobs, request.pull))
    return Finding(forecast=found, problems=problems, title=title, source=source)

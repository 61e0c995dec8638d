"""Runs a forecast: reads the stack, simulates it and, if asked, the baselines under the same load."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from ebb.forecast.baselines.catalog import BASELINES
from ebb.forecast.load.workloads import JobProfile, Load
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from ebb.forecast.results.findings import Finding
from ebb.forecast.results.monte_carlo import Forecast, forecast
from ebb.forecast.results.run_checks import check_runs
from ebb.forecast.results.static_checks import check_scenario
from ebb.forecast.scenario import stack
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.image_pull import Pull
from ebb.forecast.scenario.scenario import Scenario
from settings import Settings

#: Called after each run with the scenario's name, the runs that are done, and the runs in all.
Progress = Callable[[str, int, int], None]


def _silent(_name: str, _done: int, _of: int) -> None:
    """No progress."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asks for. `stack` is a name or the path of a stack's file; `until` is in seconds.

    `start`: the date that the user has given; the load has it. `calibration`: a sentence about the stack's measured
    delays, if the assumptions have them.
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
    assumptions: Assumptions = field(default_factory=Assumptions)
    calibration: str = ""


def findings(request: Request, progress: Progress) -> tuple[Finding, ...]:
    """The stack's own finding and, with `against`, those of the baselines.

    Raises UserError.
    """
    own = stack_scenario(request)
    jobs = request.load.profile(request.seed)
    found = [_finding(request, own, jobs, progress)]
    for baseline in BASELINES if request.against else ():
        scenario = baseline.scenario(own, jobs)
        found.append(_finding(request, scenario, jobs, progress, title=baseline.title, source=baseline.source))
    return tuple(found)


def stack_settings(request: Request) -> Settings:
    """The stack's settings with its changes. Raises UserError."""
    folder, name = stack.find(request.stack)
    return stack.read(name, folder, request.changes)


def stack_scenario(request: Request) -> Scenario:
    """The scenario of the stack with its changes. Raises UserError."""
    own = from_settings(stack_settings(request), stack.find(request.stack)[1])
    pull = request.pull
    if pull is None:
        return own
    task = replace(own.task, image=pull.megabytes, pull=pull.seconds, shared_path=pull.shared)
    return replace(own, task=task)


def stack_finding(request: Request, progress: Progress, *, name: str) -> Finding:
    """The stack's own finding, under this name. Raises UserError."""
    scenario = replace(stack_scenario(request), name=name)
    return _finding(request, scenario, request.load.profile(request.seed), progress)


def stack_forecast(request: Request) -> Forecast:
    """The stack's own forecast. Raises UserError."""
    return scenario_forecast(request, stack_scenario(request))


def _finding(
    request: Request, scenario: Scenario, jobs: JobProfile, progress: Progress, *, title: str = "", source: str = ""
) -> Finding:
    found = scenario_forecast(request, scenario, progress)
    problems = (*check_runs(found, request.load, until=request.until), *check_scenario(scenario, jobs, request.pull))
    return Finding(forecast=found, problems=problems, title=title, source=source)


def scenario_forecast(request: Request, scenario: Scenario, progress: Progress = _silent) -> Forecast:
    """The forecast of a scenario under the request's load."""

    def run(seed: int) -> Outcome:
        return simulate(scenario, request.load, seed=seed, until=request.until, assumptions=request.assumptions)

    return forecast(
        scenario,
        request.load,
        run,
        runs=request.runs,
        seed=request.seed,
        progress=partial(progress, scenario.name),
    )

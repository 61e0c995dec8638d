"""From a stack and a load, in words, to findings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ebb.forecast import stack
from ebb.forecast.baselines import RECIPES
from ebb.forecast.checks import Jobs, Pull, lints
from ebb.forecast.findings import Finding
from ebb.forecast.model.outcome import Outcome
from ebb.forecast.model.simulate import simulate
from ebb.forecast.monte_carlo import forecast, jobs_of
from ebb.forecast.scenario import Setup, from_settings
from ebb.forecast.workloads import Load

#: Told what is under way, and how many of how many runs are done.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be forecast."""

    stack: str
    load: Load
    changes: tuple[str, ...] = ()
    against: bool = False
    runs: int = 20
    seed: int = 1
    until: float | None = None
    pull: Pull | None = None


def findings(request: Request, progress: Progress) -> tuple[Finding, ...]:
    """The stack's own finding and, if asked for, those of the known recipes.

    Raises UserError.
    """
    own = from_settings(stack.read(request.stack, changes=request.changes), request.stack)
    jobs = jobs_of(request.load, request.seed)
    found = [_finding(request, own, jobs, progress)]
    if request.against:
        for recipe in RECIPES:
            found.append(
                _finding(request, recipe.setup(own, jobs), jobs, progress, title=recipe.title, source=recipe.source)
            )
    return tuple(found)


def _finding(
    request: Request, setup: Setup, jobs: Jobs, progress: Progress, *, title: str = "", source: str = ""
) -> Finding:
    def run(seed: int) -> Outcome:
        return simulate(setup, request.load, seed=seed, until=request.until)

    found = forecast(
        setup,
        request.load,
        run,
        runs=request.runs,
        seed=request.seed,
        progress=partial(progress, setup.name),
    )
    return Finding(forecast=found, lints=lints(setup, jobs, request.pull), title=title, source=source)

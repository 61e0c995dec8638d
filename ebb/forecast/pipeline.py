"""All that one `ebb forecast` asks for: the stack, the baselines, other settings, scales and assumptions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ebb.errors import UserError
from ebb.forecast import run
from ebb.forecast.compare.revisions import change, sides
from ebb.forecast.compare.scale import scales
from ebb.forecast.compare.sensitivity import swings
from ebb.forecast.compare.versus import changed, versus
from ebb.forecast.load import dates, workloads
from ebb.forecast.load.workloads import Load
from ebb.forecast.results.budgets import budgets
from ebb.forecast.results.findings import Change, Report
from ebb.forecast.run import Progress, Request
from ebb.forecast.scenario import stack
from settings import PROJECT, Settings


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a forecast compares, as well as the stack's own figures; `versus`: changes of settings."""

    versus: tuple[str, ...] = ()
    scales: bool = False
    sensitivity: bool = False


def stack_load(found: Settings, arrivals: str | None, job: str | None, start: str | None = None, **more: Any) -> Load:
    """The load of a command's options. What they leave out is the load of the stack's budgets. Raises UserError."""
    own, calendar = found.budgets.load, dates.read(start, found.scaling.timezone)
    try:
        return workloads.load(arrivals or own.arrivals, job or own.job, calendar=calendar, **more)
    except UserError as error:
        if "load" in found.budgets.model_fields_set and (arrivals is None or job is None):
            raise UserError(f"{PROJECT}:budgets.load: {error}") from None
        raise


def compared(stack_name: str, revision: str, ask: Callable[[str], Request], progress: Progress) -> Change:
    """The stack at a revision and now. `ask` makes the request for a stack's file. Raises UserError."""
    with sides(revision, stack_name) as both:
        return change(ask(both.newest), both, progress)


def report(request: Request, wanted: Wanted, progress: Progress) -> Report:
    """The whole report. Raises UserError."""
    for changes in wanted.versus:
        run.stack_scenario(changed(request, changes))  # refused before anything runs
    found_settings = run.stack_settings(request)
    own, *baselines = run.findings(request, progress)
    found, no_effect = swings(request, own, progress) if wanted.sensitivity else ((), ())
    return Report(
        own=own,
        baselines=tuple(baselines),
        versus=versus(request, own, wanted.versus, progress),
        scales=scales(request, own, progress) if wanted.scales else (),
        swings=found,
        no_effect=no_effect,
        settings=stack.main_settings(found_settings),
        budgets=budgets(found_settings.budgets, own.forecast),
        calibration=request.calibration,
    )

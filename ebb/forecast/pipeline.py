"""All that one `ebb forecast` asks for: the stack, the baselines, other settings, scales and assumptions."""

from dataclasses import dataclass

from ebb.forecast import run
from ebb.forecast.compare.scale import scales
from ebb.forecast.compare.sensitivity import swings
from ebb.forecast.compare.versus import changed, versus
from ebb.forecast.results.findings import Report
from ebb.forecast.run import Progress, Request
from ebb.forecast.scenario import stack


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a forecast compares, as well as the stack's own figures; `versus`: changes of settings."""

    versus: tuple[str, ...] = ()
    scales: bool = False
    sensitivity: bool = False


def report(request: Request, wanted: Wanted, progress: Progress) -> Report:
    """The whole report. Raises UserError."""
    for changes in wanted.versus:
        run.stack_scenario(changed(request, changes))  # refused before anything runs
    own, *baselines = run.findings(request, progress)
    found, no_effect = swings(request, own, progress) if wanted.sensitivity else ((), ())
    return Report(
        own=own,
        baselines=tuple(baselines),
        versus=versus(request, own, wanted.versus, progress),
        scales=scales(request, own, progress) if wanted.scales else (),
        swings=found,
        no_effect=no_effect,
        settings=stack.main_settings(run.stack_settings(request)),
    )

"""A stack before and after: its file at a revision of git and its present file, both run by this code (`--compare`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ebb import project
from ebb.errors import UserError
from ebb.forecast import run
from ebb.forecast.compare.differences import differences
from ebb.forecast.results.budgets import budgets
from ebb.forecast.results.findings import Change
from ebb.forecast.results.monte_carlo import Forecast
from ebb.forecast.run import Progress, Request
from ebb.forecast.scenario import stack
from ebb.forecast.scenario.revision import stack_at


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The two files of a stack: their paths, or its name; None where there is none. At least one of them exists."""

    stack: str
    revision: str
    before: str | None
    after: str | None

    @property
    def newest(self) -> str:
        """The present file or, of a removed stack, the one of the revision."""
        return self.after or self.before or self.stack


@contextmanager
def sides(revision: str, given: str) -> Iterator[Sides]:
    """The files of a stack, by its name or the path of its file, while the block runs. Raises UserError."""
    folder, name = stack.find(given)
    with stack_at(revision, name, folder) as copy:
        there = name in project.stacks(folder)
        yield Sides(stack=name, revision=revision, before=copy, after=given if there or copy is None else None)


def change(request: Request, both: Sides, progress: Progress) -> Change:
    """The stack's forecasts with both files. `request` has the newest one.

    Raises UserError if the present file is refused.
    """
    after = None if both.after is None else run.stack_finding(request, progress, name=both.stack).forecast
    before, refused = _before(request, both, after, progress)
    return Change(
        stack=both.stack,
        revision=both.revision,
        before=before,
        after=after,
        refused=refused,
        differences=differences(before, after) if before and after else {},
        budgets=budgets(run.stack_settings(request).budgets, after) if after else (),
        calibration=request.calibration,
    )


def _before(request: Request, both: Sides, after: Forecast | None, progress: Progress) -> tuple[Forecast | None, str]:
    """The forecast with the revision's file, or why that file is refused."""
    if both.before is None:
        return None, ""
    older = replace(request, stack=both.before)
    try:
        scenario = replace(run.stack_scenario(older), name=both.stack)
    except UserError as error:
        if after is None:
            raise
        return None, " ".join(str(error).split())
    if after and scenario == after.scenario:
        return after, ""
    return run.scenario_forecast(older, scenario, progress), ""

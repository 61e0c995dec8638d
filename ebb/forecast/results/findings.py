"""What a forecast finds: figures and known problems of scenarios, and how they compare. Plain data for the reports."""

from collections.abc import Mapping
from dataclasses import dataclass

from ebb.forecast.results.budgets import Budget
from ebb.forecast.results.monte_carlo import Estimate, Forecast
from ebb.forecast.results.static_checks import Problem


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One scenario's forecast and its known problems; `title` and `source` are those of a baseline."""

    forecast: Forecast
    problems: tuple[Problem, ...]
    title: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Versus:
    """The same stack with other settings. `differences`: its figures minus the stack's own, over the same seeds.

    A figure that does not exist on one of the sides has no difference.
    """

    changes: str
    finding: Finding
    differences: Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The load so many times. `max_tasks` grows with it. `extrapolated`: too many jobs to simulate them all.

    `wait`: p95 in seconds, None where nothing was simulated. `dollars`: a month with the stack's settings, and with
    each alternative.
    """

    times: int
    max_tasks: int
    jobs_a_month: float
    wait: float | None
    dollars: float
    alternatives: Mapping[str, float]
    extrapolated: bool

    @property
    def dollars_per_1000(self) -> float:
        """US dollars for 1,000 jobs."""
        return self.dollars / self.jobs_a_month * 1000


@dataclass(frozen=True, kw_only=True)
class Swing:
    """What an assumption changes: the p95 of the wait, and US dollars a month, with 20 % less and 20 % more of it.

    Each is a difference to the forecast, over the same seeds.
    """

    assumption: str
    wait_less: Estimate
    wait_more: Estimate
    dollars_less: Estimate
    dollars_more: Estimate


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that one command finds. `no_effect`: assumptions that change nothing in this forecast.

    `settings`: the settings that matter most, as names and values. `budgets`: those of the stack. `calibration`: a
    sentence about measured delays.
    """

    own: Finding
    baselines: tuple[Finding, ...] = ()
    versus: tuple[Versus, ...] = ()
    scales: tuple[Scale, ...] = ()
    swings: tuple[Swing, ...] = ()
    no_effect: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    budgets: tuple[Budget, ...] = ()
    calibration: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A stack's forecast with its file at a revision of git (`before`), and with its present file (`after`).

    `before` is None where the revision has no such file, or one that is refused: then `refused` says why. `after` is
    None where the file was removed. `differences`: `after` minus `before`, over the same seeds.
    """

    stack: str
    revision: str
    before: Forecast | None
    after: Forecast | None
    refused: str = ""
    differences: Mapping[str, Estimate]
    budgets: tuple[Budget, ...] = ()
    calibration: str = ""

    @property
    def newest(self) -> Forecast:
        """The forecast after or, of a removed stack, before. Raises ValueError without any."""
        found = self.after or self.before
        if found is None:
            raise ValueError(f"The stack {self.stack} has no forecast.")
        return found


@dataclass(frozen=True, kw_only=True)
class Option:
    """Settings that were tried: changes of the stack's own, and what they give.

    `lost`: jobs a run that are not done.
    """

    changes: tuple[str, ...]
    wait_p50: Estimate
    wait_p95: Estimate
    dollars: float
    lost: float


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The cheapest settings that meet a wait. `best`: None if none was found. `today`: the stack as it is.

    `frontier`: those than which none is both cheaper and faster, cheapest first; `others`: the rest of the best.
    `left_out`: settings for which there was no time. `refused`: those that the stack's other settings exclude.
    """

    load: str
    wait: float
    budget: float | None
    today: Option | None
    best: Option | None
    frontier: tuple[Option, ...]
    others: tuple[Option, ...]
    tried: int
    left_out: int
    refused: int = 0

"""How much each assumption of the model changes the result (`--sensitivity`).

Each one is made 20 % smaller and 20 % larger, with the same seeds. What AWS documents as a rule or a quota is not an
assumption. The second of the minute of a schedule or an alarm is random already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import Any

from ebb.forecast import run
from ebb.forecast.compare.differences import differences
from ebb.forecast.load.variations import longer
from ebb.forecast.model.assumptions import Assumptions, Distribution
from ebb.forecast.results.findings import Finding, Swing
from ebb.forecast.results.monte_carlo import Estimate, Forecast
from ebb.forecast.run import Progress, Request

#: The change of each assumption.
SHARE = 0.2
#: Fields of Assumptions in words.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "publish": "delay of SQS's metrics",
        "resume": "delay after a queue's inactivity",
        "ecs_delay": "delay of ECS's metrics",
        "ecs_delay_fast": "delay of ECS's 20 s metrics",
        "custom_delay": "delay of custom metrics",
        "reaction": "alarm to UpdateService",
        "starts": "start of a task",
        "billed_share": "billed share of a start",
        "protect": "task protection's call",
        "call": "a worker's call",
        "workflow": "workflow to UpdateService",
        "scheduled": "start of a scheduled action",
        "count_lag": "lag of GetQueueAttributes",
        "crash": "time until a crash",
        "spot_life": "time between Spot reclaims",
    }
)
_NOTHING = Estimate(value=0.0, low=0.0, high=0.0)


@dataclass(frozen=True)
class Scaled:
    """A distribution, each value times a factor."""

    of: Distribution
    factor: float

    def __call__(self, random: Random) -> float:
        """One value."""
        return self.factor * self.of(random)


def swings(request: Request, own: Finding, progress: Progress) -> tuple[tuple[Swing, ...], tuple[str, ...]]:
    """The assumptions that change the wait or the bill, most important first; and the names of the others."""
    found = list(_swings(request, own.forecast, progress))
    moving = [swing for swing in found if _size(swing) > (0, 0)]
    return (
        tuple(sorted(moving, key=_size, reverse=True)),
        tuple(swing.assumption for swing in found if swing not in moving),
    )


def _size(swing: Swing) -> tuple[float, float]:
    """The width of the swing of the wait, then of the bill."""
    return abs(swing.wait_more.value - swing.wait_less.value), abs(swing.dollars_more.value - swing.dollars_less.value)


def _swings(request: Request, base: Forecast, progress: Progress) -> Iterator[Swing]:
    names = ("", *assumed(request.assumptions))
    for number, name in enumerate(names):
        less, more = (
            differences(base, run.scenario_forecast(_changed(request, name, factor), base.scenario))
            for factor in (1 - SHARE, 1 + SHARE)
        )
        progress("sensitivity", number + 1, len(names))
        yield Swing(
            assumption=NAMES.get(name, name.replace("_", " ")) or "time of a job",
            wait_less=less.get("wait p95", _NOTHING),
            wait_more=more.get("wait p95", _NOTHING),
            dollars_less=less["$ a month"],
            dollars_more=more["$ a month"],
        )


def _changed(request: Request, name: str, factor: float) -> Request:
    """One assumption, or without a name the time of each job, times the factor."""
    if not name:
        return replace(request, load=longer(request.load, factor))
    return replace(request, assumptions=scaled(request.assumptions, name, factor))


def assumed(assumptions: Assumptions) -> tuple[str, ...]:
    """The fields that are assumed or measured lengths: all that is drawn at random, except phases."""
    values = vars(assumptions).items()
    drawn = [name for name, value in values if callable(value) and not name.endswith("_phase")]
    return ("starts", "billed_share", *drawn)


def scaled(assumptions: Assumptions, name: str, factor: float) -> Assumptions:
    """The assumptions with each value of one of them times a factor."""
    value = getattr(assumptions, name)
    changed: Any
    if isinstance(value, Mapping):
        changed = {key: Scaled(each, factor) for key, each in value.items()}
    else:
        changed = Scaled(value, factor) if callable(value) else value * factor
    return replace(assumptions, **{name: changed})

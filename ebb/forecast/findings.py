"""The result of a forecast: figures and known problems of one scenario."""

from dataclasses import dataclass

from ebb.forecast.checks import Problem
from ebb.forecast.monte_carlo import Forecast


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One scenario's forecast and its known problems; `title` and `source` are those of a baseline."""

    forecast: Forecast
    problems: tuple[Problem, ...]
    title: str = ""
    source: str = ""

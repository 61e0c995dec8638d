"""What a forecast says of one setup: its figures and its known problems."""

from dataclasses import dataclass

from ebb.forecast.checks import Lint
from ebb.forecast.monte_carlo import Forecast


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One setup's forecast and its known problems; `title` and `source` say whose design it is."""

    forecast: Forecast
    lints: tuple[Lint, ...]
    title: str = ""
    source: str = ""

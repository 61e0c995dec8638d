"""The stack's budgets (`ebb:budgets`), compared with its forecast."""

from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast.results.monte_carlo import Forecast
from settings import Budgets

#: Relative: sums of dollars are exact to less than this.
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A limit by its key, and the forecast's value in the limit's unit; None where the load has no such figure."""

    key: str
    limit: float
    value: float | None

    @property
    def exceeded(self) -> bool:
        """Whether the value is above the limit."""
        return self.value is not None and self.value > self.limit * (1 + ROUNDING)


def budgets(limits: Budgets, found: Forecast) -> tuple[Budget, ...]:
    """Each limit that is set, with the forecast's value."""
    return tuple(
        Budget(key=key, limit=limit, value=value)
        for key, value in _values(found)
        if (limit := getattr(limits, key)) is not None
    )


def _values(found: Forecast) -> Iterator[tuple[str, float | None]]:
    yield "idle", found.bill.idle_total
    yield "bill", found.bill.load_total
    for name in ("wake", "wait", "drain"):
        spread = getattr(found, name)
        yield f"{name}_p95", None if spread is None else spread.p95.value
    yield "killed", found.killed.value

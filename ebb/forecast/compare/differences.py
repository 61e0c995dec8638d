"""The differences of two forecasts over the same seeds, each with a 95 % interval.

A seed gives both the same phases and jobs, so runs are compared in pairs: a resample takes the same runs of both.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ebb.forecast.results.monte_carlo import TIMES, Estimate, Forecast, draws, estimate, mean, quantiles

#: The figures that are compared, as the reports name them.
FIGURES = (
    *(f"{name} {quantile}" for name in TIMES for quantile in ("p50", "p95")),
    *("task-hours", "jobs killed", "dead letters", "jobs left", "$ a month idle", "$ a month"),
)
_COUNTS = {"task-hours": "task_hours", "jobs killed": "killed", "dead letters": "dead", "jobs left": "left"}


def differences(base: Forecast, other: Forecast) -> dict[str, Estimate]:
    """Each of FIGURES of `other` minus that of `base`. The forecasts have the same seeds.

    A figure is left out if one of the forecasts does not have it, or if it is infinite in both.
    """
    resampled = draws(base.runs, base.seed)
    return dict(_differences(base, other, resampled))


def _differences(base: Forecast, other: Forecast, resampled: NDArray[np.float64]) -> Iterator[tuple[str, Estimate]]:
    for name in TIMES:
        if getattr(base, name) is None or getattr(other, name) is None:
            continue
        ours, theirs = (quantiles([run.times[name] for run in each.each], resampled) for each in (base, other))
        for column, quantile in enumerate(("p50", "p95")):
            if not (np.isinf(ours[0, column]) and np.isinf(theirs[0, column])):
                with np.errstate(invalid="ignore"):  # infinite in both is no difference
                    paired = np.nan_to_num(theirs[:, column] - ours[:, column], nan=0.0, posinf=np.inf, neginf=-np.inf)
                yield f"{name} {quantile}", estimate(paired[0], paired[1:])
    pairs = list(zip(base.each, other.each, strict=True))
    for figure, name in _COUNTS.items():
        yield figure, mean([theirs.counts[name] - ours.counts[name] for ours, theirs in pairs], resampled)
    yield "$ a month idle", mean([theirs.bill.idle_total - ours.bill.idle_total for ours, theirs in pairs], resampled)
    yield "$ a month", mean([theirs.bill.load_total - ours.bill.load_total for ours, theirs in pairs], resampled)

"""Assumptions about AWS that the user replaces: `--start-time` and `--deploy`."""

from collections.abc import Sequence
from dataclasses import replace

from ebb.forecast import durations
from ebb.forecast.load.job_time import job_time
from ebb.forecast.model.assumptions import STARTS, Assumptions, Constant, Distribution, LogNormal


def overridden(
    start_time: str | None, deployments: Sequence[str], assumptions: Assumptions | None = None
) -> Assumptions:
    """The assumptions with the user's start time and deployments. Raises UserError."""
    times = tuple(sorted(durations.parse(text) for text in deployments))
    base = replace(assumptions or Assumptions(), deployments=times)
    if start_time is None:
        return base
    read = job_time(start_time, "A start")
    start: Distribution = LogNormal(read.median, read.sigma) if read.sigma else Constant(read.median)
    return replace(base, starts=dict.fromkeys(STARTS, start))

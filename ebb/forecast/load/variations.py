"""Loads made from a load: longer jobs, more jobs, and a part that is enough."""

import heapq
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from random import Random

from ebb.forecast.durations import HOUR
from ebb.forecast.load.arrivals import Timed
from ebb.forecast.load.workloads import Load

#: Random arrivals are alike at any time: a part of so many seconds is enough, if it has enough jobs.
ENOUGH_SECONDS = 6 * HOUR


def longer(load: Load, factor: float) -> Load:
    """The load with each job's time times a factor."""

    def times(random: Random) -> Iterator[Timed]:
        for time, seconds, group in load.times(random):
            yield time, None if seconds is None else seconds * factor, group

    return replace(load, times=times, job=replace(load.job, median=load.job.median * factor))


def multiplied(load: Load, times: int) -> Load:
    """So many independent loads at once."""

    def all_of_them(random: Random) -> Iterator[Timed]:
        each = [load.times(Random(random.random())) for _ in range(times)]  # noqa: S311 - reproducible, not secret
        return heapq.merge(*each, key=lambda timed: timed[0])

    return replace(load, times=all_of_them, text=f"{times} x {load.text}")


def shortened(load: Load, share: float) -> Load:
    """Of random arrivals the first part, with this share of the jobs or more; any other load as it is."""
    share = max(share, ENOUGH_SECONDS / load.span) if "poisson:" in load.text else 1.0
    if share >= 1:
        return load
    span = load.span * share

    def times(random: Random) -> Iterator[Timed]:
        return takewhile(lambda timed: timed[0] <= span, load.times(random))

    return replace(load, times=times, span=span, every=load.every * share)

"""When jobs are sent: the second of the minute at which a load begins, what the API refuses, and recurring jobs."""

import heapq
import math
from collections.abc import Iterator
from random import Random

from ebb.forecast.load.workloads import Arrival, Load, Recurring
from ebb.forecast.model.record import Record
from ebb.forecast.scenario.scenario import ApiSetup
from ebb.scaling.schedules import Schedule


def sent(arrivals: Iterator[Arrival], later: float, api: ApiSetup, record: Record) -> Iterator[Arrival]:
    """The jobs, `later` seconds later and when the API accepts them. `record` counts those that it refuses at first.

    The API has a token bucket (API Gateway developer guide, "Throttle requests to your REST APIs"). It answers 429
    without a token. The sender tries again, and each job is accepted as soon as there is a token for it.
    """
    tokens, refilled = api.burst, -math.inf
    for arrival in arrivals:
        time = arrival.time + later
        if math.isfinite(api.rate):
            accepted = max(time, refilled)
            if refilled > -math.inf:
                tokens = min(api.burst, tokens + (accepted - refilled) * api.rate)
            if tokens < 1:
                accepted += (1 - tokens) / api.rate
                tokens = 1.0
            tokens, refilled = tokens - 1, accepted
            record.refused += accepted > time
            time = accepted
        yield arrival._replace(time=time)


def recurring(schedules: tuple[Schedule, ...], load: Load, random: Random) -> Iterator[Recurring]:
    """The jobs that schedules send while the load lasts. They take as long as the load's jobs."""
    times = heapq.merge(*(_times(schedule, load) for schedule in schedules))
    for time in times:
        yield Recurring(time, load.job.draw(random), "0", failing=False)


def _times(schedule: Schedule, load: Load) -> Iterator[float]:
    time = schedule.next(load.origin - 1, load.origin)
    while time is not None and time <= load.origin + load.span:
        yield time - load.origin
        time = schedule.next(time, load.origin)

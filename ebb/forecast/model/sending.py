"""When jobs are sent: the second of the minute at which a load begins, and what the API refuses."""

import math
from collections.abc import Iterator

from ebb.forecast.load.workloads import Arrival
from ebb.forecast.model.record import Record
from ebb.forecast.scenario.scenario import ApiSetup


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

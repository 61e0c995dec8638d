"""The history of a simulated stack, as AWS would show it: the model has delays that the fit does not know."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

from ebb.forecast.calibrate.records import Alarmed, History, Job, Scaled
from ebb.forecast.load.arrivals import Timed
from ebb.forecast.load.workloads import load
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.simulate import simulate
from tests.forecast.scenarios import recommended

#: Seconds between two jobs: the service is at zero tasks again.
APART = 1500


def history(hidden: Assumptions, *, wakes: int, seed: int = 1) -> History:
    """What is seen of so many jobs, each of which wakes the service."""
    random = Random(seed)
    sent = [number * APART + random.uniform(0, 600) for number in range(wakes)]

    def times(_: object) -> Iterator[Timed]:
        return ((time, 30.0, "") for time in sent)

    jobs = replace(load("burst:1"), times=times, span=sent[-1], exact=True, origin=0.0)
    outcome = simulate(recommended(), jobs, seed=seed, assumptions=hidden)
    started = [after for before, after in pairwise(outcome.running) if after[1] > before[1]]
    assert len(started) == len(outcome.wakes) == wakes
    return History(
        since=0.0,
        until=outcome.until,
        alarms=tuple(
            Alarmed(alarm=change.alarm, time=change.time, point=point(change.reason))
            for change in outcome.alarms
            if change.state == "ALARM"
        ),
        changes=tuple(
            Scaled(time=each.time, tasks=each.after, alarm=each.alarm or None) for each in outcome.activities
        ),
        workers=tuple(time for time, _ in started),
        jobs=tuple(
            Job(sent=time, started=time + wake, seconds=30) for time, wake in zip(sent, outcome.wakes, strict=True)
        ),
    )


def point(reason: str) -> float:
    """The newest data point that a reason names."""
    found = re.findall(r"\((\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\)", reason)
    return max(datetime.strptime(text, "%d/%m/%y %H:%M:%S").replace(tzinfo=UTC).timestamp() for text in found)

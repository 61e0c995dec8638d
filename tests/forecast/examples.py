"""Outcomes and scenarios that tests of the report share."""

from dataclasses import replace
from typing import Any

from ebb.forecast.model.histogram import Histogram
from ebb.forecast.model.outcome import Outcome, Requests
from ebb.forecast.results.bill import Bill, Part
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario
from ebb.scaling.activities import ScalingActivity
from ebb.scaling.alarms import AlarmChange, State
from settings import read

BILL = Bill(
    idle=(Part(name="Scaling alarms", dollars=0.5, source="c3x.dev, 2026"),),
    load=(
        Part(name="Scaling alarms", dollars=0.5, source="c3x.dev, 2026"),
        Part(name="Fargate", dollars=1.5, source="<aws>"),
    ),
)
OUTCOME = Outcome(
    scenario="dev",
    load="burst:2 of 30s",
    seed=1,
    until=900.0,
    at_rest=True,
    visible=((0.0, 2), (140.0, 1), (170.0, 0)),
    in_flight=((0.0, 0), (140.0, 1), (200.0, 0)),
    desired=((0.0, 0), (100.0, 1), (560.0, 0)),
    running=((0.0, 0), (135.0, 1), (561.0, 0)),
    alarms=(
        AlarmChange(time=95.0, alarm="out", before=State.OK, state=State.ALARM, reason="crossed"),
        AlarmChange(time=300.0, alarm="out", before=State.ALARM, state=State.OK, reason="not crossed"),
    ),
    activities=(ScalingActivity(time=100.0, alarm="out", policy="out", before=0, after=1, cause="alarm out"),),
    notes=(),
    sent=2,
    done=2,
    dead=0,
    expired=0,
    left=0,
    waits=Histogram.of((140.0, 170.0)),
    latencies=Histogram.of((170.0, 200.0)),
    wakes=(140.0,),
    drain=200.0,
    task_seconds=440.0,
    spot_seconds=0.0,
    work_seconds=60.0,
    launches=1,
    killed=0,
    give_backs=0,
    failed=0,
    blocked=0,
    refused=0,
    deployment_seconds=0.0,
    replaced={},
    busiest_day=1,
    sent_seconds=0.0,
    reclaims=0,
    requests=Requests(api=2, sqs=30),
)


def outcome(**changes: Any) -> Outcome:
    """The outcome of two jobs, with changes; `waits` and `latencies` may be times."""
    for name in {"waits", "latencies"} & set(changes):
        changes[name] = Histogram.of(changes[name])
    return replace(OUTCOME, **changes)


def stack(**sections: Any) -> Scenario:
    """The scenario_ of a stack with these sections."""
    return from_settings(read(sections), "dev")

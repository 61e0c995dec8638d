"""`ebb calibrate`: reads what happened in a deployed stack, and compares it with forecasts."""

import json
import math
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from components.aws_clients import Clients
from ebb.forecast import run
from ebb.forecast.calibrate import replay, samples
from ebb.forecast.calibrate.calibration import Calibration, calibrated, fit, missing
from ebb.forecast.calibrate.records import Alarmed, History, Job, Scaled
from ebb.forecast.durations import DAY
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.results.monte_carlo import Forecast
from ebb.forecast.run import Request
from ebb.forecast.scenario.deployed import from_settings
from ebb.ops.history import Activity, AlarmChange, activities, alarm_changes
from ebb.ops.refusals import refusals
from ebb.ops.settings import settings_of, short
from ebb.ops.stack import OpsError, Stack
from settings import Settings

#: Runs of each forecast: the jobs are known, and only the delays are random.
RUNS = 10
#: Lines of the worker's log that say when a task and its jobs started, and how long a job took (worker/core).
PATTERN = '{ ($.event = "started") || ($.event = "job_started") || ($.event = "job_done") }'
#: An activity's texts (Application Auto Scaling user guide, "Scaling activities").
_DESIRED = re.compile(r"desired count to (\d+)")
_ALARM = re.compile(r"monitor alarm (\S+) in state ALARM")
#: The data points in an alarm's reason.
_POINT = re.compile(r"\((\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\)")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What happened in seconds, and what forecasts of the same jobs say: with the assumptions, and calibrated.

    None where there is no such time, or it never comes.
    """

    name: str
    happened: float | None
    assumed: float | None
    calibrated: float | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A calibration, the figures next to each other, and what there was too little of."""

    calibration: Calibration
    figures: tuple[Figure, ...]
    missing: tuple[str, ...]


def calibrate(stack: Stack, client: Clients, days: float) -> Result:
    """The stack's calibration, and its forecasts. Raises OpsError with too little data, and UserError."""
    history, settings = read(stack, client, days), settings_of(stack)
    found, lacks = fit(short(stack.name), history), tuple(missing(history))
    if found.empty:
        raise OpsError(
            f"There is too little data to calibrate {found.stack}: in {days:g} days {', '.join(lacks)}. Calibrate "
            "again after more jobs that found no task, or look further back with --days."
        )
    return Result(calibration=found, figures=tuple(_figures(settings, history, found)), missing=lacks)


def read(stack: Stack, client: Clients, days: float) -> History:
    """What happened in the last days. In the sandbox the times are simulated ones. Raises OpsError."""
    clock, until = stack.clock, time.time()
    since = until - days * DAY
    changes = [found for each in activities(stack, client, since) if (found := _scaled(each, clock.at(each.time)))]
    names = sorted({change.alarm for change in changes if change.alarm})
    lines = list(_lines(stack, client, since))
    return History(
        since=clock.at(since),
        until=clock.at(until),
        alarms=tuple(
            Alarmed(alarm=each.alarm, time=clock.at(each.time), point=point)
            for each in alarm_changes(client, names, since, until)
            if each.state == "ALARM" and (point := _point(each)) is not None
        ),
        changes=tuple(changes),
        workers=tuple(sorted(clock.at(_time(line)) for line in lines if line["event"] == "started")),
        jobs=tuple(sorted(_jobs(lines, stack), key=lambda job: job.started)),
    )


def _scaled(activity: Activity, moment: float) -> Scaled | None:
    """None for an activity that changed nothing."""
    desired, alarm = _DESIRED.search(activity.description), _ALARM.search(activity.cause)
    if desired is None or activity.status == "Failed":
        return None
    return Scaled(time=moment, tasks=int(desired[1]), alarm=alarm[1] if alarm else None)


def _point(change: AlarmChange) -> float | None:
    """The start of the newest data point that the alarm's reason names."""
    moments = [datetime.strptime(text, "%d/%m/%y %H:%M:%S") for text in _POINT.findall(change.reason)]
    return max((moment.replace(tzinfo=UTC).timestamp() for moment in moments), default=None)


def _lines(stack: Stack, client: Clients, since: float) -> Iterator[dict[str, Any]]:
    """The worker's lines of PATTERN; none without the stack's log group."""
    if stack.log_group_name is None:
        return
    with refusals():
        pages = client("logs").get_paginator("filter_log_events")
        asked = {"logGroupName": stack.log_group_name, "filterPattern": PATTERN, "startTime": int(since * 1000)}
        for page in pages.paginate(**asked):
            for event in page["events"]:
                line = _line(event["message"])
                if line.get("event") in ("started", "job_started", "job_done") and "time" in line:
                    yield line


def _line(text: str) -> dict[str, Any]:
    """The fields of a line; none of a line that is no JSON object, such as one that a job printed."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _time(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


def _jobs(lines: Sequence[dict[str, Any]], stack: Stack) -> Iterator[Job]:
    """The first attempts."""
    clock, speed = stack.clock, stack.clock.speed
    took = {line.get("message_id"): line.get("duration") for line in lines if line["event"] == "job_done"}
    for line in lines:
        if line["event"] == "job_started" and line.get("attempt") == 1 and line.get("waited") is not None:
            started, seconds = clock.at(_time(line)), took.get(line.get("message_id"))
            yield Job(
                sent=started - line["waited"] * speed,
                started=started,
                seconds=None if seconds is None else seconds * speed,
            )


def _figures(settings: Settings, history: History, found: Calibration) -> Iterator[Figure]:
    load = replay.load(history)
    if load is None:
        return
    scenario = from_settings(settings, found.stack)
    assumed, now = (
        run.scenario_forecast(Request(stack=found.stack, load=load, runs=RUNS, assumptions=each), scenario)
        for each in (Assumptions(), calibrated(Assumptions(), found))
    )
    for figure, happened in (("wake", samples.wakes(history)), ("wait", samples.waits(history))):
        for quantile, share in (("p50", 0.5), ("p95", 0.95)):
            yield Figure(
                name=f"{figure} {quantile}",
                happened=float(np.quantile(happened, share, method="inverted_cdf")) if happened else None,
                assumed=_value(assumed, figure, quantile),
                calibrated=_value(now, figure, quantile),
            )


def _value(found: Forecast, figure: str, quantile: str) -> float | None:
    spread = getattr(found, figure)
    value = math.inf if spread is None else float(getattr(spread, quantile).value)
    return value if math.isfinite(value) else None

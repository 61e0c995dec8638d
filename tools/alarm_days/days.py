"""The days: an idle week, a healthy busy day of the forecast's model, and one fault for each alarm."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

from ebb.forecast.load.workloads import load
from ebb.forecast.model.outcome import Outcome, Timeline
from ebb.forecast.model.simulate import simulate
from ebb.forecast.scenario.deployed import from_settings
from ebb.scaling.statistics import StatisticSet
from settings import Jobs, Monitoring, Network, Scaling, Settings, Webhook
from tools.alarm_days.series import MINUTE, Key, Minute, Span, merged

DAY, WEEK = 24 * 60, 7 * 24 * 60  # minutes
#: A stack with all that has an alarm.
SETTINGS = Settings(
    network=Network(nat="instance"),
    jobs=Jobs(keep_days=14, events=True, webhook=Webhook(url="https://example.com/jobs", secret="/webhook")),  # noqa: S106
    scaling=Scaling(max_tasks=10, watch=True, direct=True),
    monitoring=Monitoring(emails=("operators@example.com",)),
)
#: The busy day: jobs at random, of very different length.
ARRIVALS, JOB, SEED = "poisson:40/h:24h", "lognormal:3m,0.7", 7
#: Of the busy day: one attempt of so many fails, one answer of the API of so many is a 5xx, a 4xx.
FAILING, SERVER_ERROR, CLIENT_ERROR = 25, 400, 12

WAITING, IN_FLIGHT = ("queue", "ApproximateNumberOfMessagesVisible"), ("queue", "ApproximateNumberOfMessagesNotVisible")


def _minute(values: Mapping[Key, float], tasks: int = 0, cpu: float = 0.1) -> Minute:
    """The data points of a minute. The API's metrics have a sample for each request, 1 for an error."""
    requests = values.get(("api", "Count"), 0)
    found: dict[Key, StatisticSet] = {
        key: StatisticSet(requests, value, 0, 1) if key[0] == "api" else StatisticSet.of(value)
        for key, value in values.items()
    }
    if tasks:
        for name in ("CPUUtilization", "MemoryUtilization"):
            found["service", name] = StatisticSet.of(cpu, tasks)
    return found


#: What each minute has, also while nothing happens: SQS's counts, a run of the watcher, EC2's check. Container Insights
#: counts tasks also when there are none.
QUIET: dict[Key, float] = {
    WAITING: 0,
    IN_FLIGHT: 0,
    ("queue", "NumberOfMessagesReceived"): 0,
    ("queue", "NumberOfMessagesSent"): 0,
    ("dead_letter", "ApproximateNumberOfMessagesVisible"): 0,
    ("webhook_dead_letter", "ApproximateNumberOfMessagesVisible"): 0,
    ("watcher", "ExecutionsSucceeded"): 1,
    ("nat", "StatusCheckFailed"): 0,
    ("service", "RunningTaskCount"): 0,
}


def _spans(*parts: tuple[int, Mapping[Key, float | None], int]) -> list[Span]:
    """Minutes, what differs from QUIET (None: no data), and running tasks."""
    found = []
    for minutes, differs, tasks in parts:
        values = {**QUIET, ("service", "RunningTaskCount"): tasks, **differs}
        found.append(Span(minutes, _minute({key: value for key, value in values.items() if value is not None}, tasks)))
    return found


def idle_week() -> list[Span]:
    """Seven days without a job."""
    return _spans((WEEK, {}, 0))


@cache
def outcome() -> Outcome:
    """The run of the busy day."""
    scenario = from_settings(SETTINGS)
    jobs = load(ARRIVALS, JOB)
    return simulate(scenario, jobs, seed=SEED, until=DAY * MINUTE)


class Events(NamedTuple):
    """When the jobs of the busy day were sent, started and ended, in seconds. The oldest job starts and ends first."""

    sent: list[float]
    started: list[float]
    ended: list[float]


@cache
def events() -> Events:
    """What the lines of the run say: a job that starts is in flight, and one that neither waits nor starts was sent."""
    run, found = outcome(), Events([], [], [])
    times = sorted({time for line in (run.visible, run.in_flight) for time, _ in line})
    waiting, working = (dict(zip(times, _at(line, times), strict=True)) for line in (run.visible, run.in_flight))
    before = (0, 0)
    for time in times:
        now = (waiting[time], working[time])
        started = max(0, now[1] - before[1], before[0] - now[0])  # another job may end at the same time
        found.started.extend([time] * started)
        found.ended.extend([time] * (before[1] - now[1] + started))
        found.sent.extend([time] * (now[0] - before[0] + started))
        before = now
    return found


@cache
def samples() -> Mapping[Key, Mapping[int, list[float]]]:
    """The values of metrics that have percentiles, by the minute of the busy day."""
    found, random = events(), Random(SEED)  # noqa: S311 - no secret
    waits: dict[int, list[float]] = defaultdict(list)
    durations: dict[int, list[float]] = defaultdict(list)
    latencies: dict[int, list[float]] = defaultdict(list)
    for sent, started in zip(found.sent, found.started, strict=False):
        waits[int(started // MINUTE)].append(started - sent)
    for started, ended in zip(found.started, found.ended, strict=False):
        durations[int(ended // MINUTE)].append(ended - started)
    for sent in found.sent:
        latencies[int(sent // MINUTE)].append(random.lognormvariate(4, 0.4))  # 55 milliseconds
    return {("worker", "JobWait"): waits, ("worker", "JobDuration"): durations, ("api", "Latency"): latencies}


def busy_day() -> list[Span]:
    """A healthy day, after a quiet hour: jobs arrive, wait, run and end. A few attempts and requests fail."""
    run, found, random = outcome(), events(), Random(SEED)  # noqa: S311 - no secret
    ends = [MINUTE * minute for minute in range(1, DAY + 1)]
    waiting, in_flight, running = (_at(line, ends) for line in (run.visible, run.in_flight, run.running))
    sent, started, ended = (_per_minute(times) for times in found)
    busiest, done = _highest(run.in_flight), 0
    minutes = []
    for minute in range(DAY):
        work, tasks, requests = in_flight[minute], running[minute], sent[minute]
        failed = sum(random.random() < 1 / FAILING for _ in range(ended[minute]))
        done += ended[minute]
        values: dict[Key, float] = {
            **QUIET,
            WAITING: waiting[minute],
            IN_FLIGHT: max(work, busiest[minute]),
            ("queue", "NumberOfMessagesReceived"): started[minute],
            ("queue", "NumberOfMessagesSent"): requests,
            ("queue", "NumberOfMessagesDeleted"): ended[minute],
            ("service", "RunningTaskCount"): tasks,
        }
        if waiting[minute] or work:
            values["queue", "ApproximateAgeOfOldestMessage"] = ends[minute] - found.sent[done]
        if requests:
            values["api", "Count"] = requests
            values["api", "5XXError"] = sum(random.random() < 1 / SERVER_ERROR for _ in range(requests))
            values["api", "4XXError"] = sum(random.random() < 1 / CLIENT_ERROR for _ in range(requests))
        if work or ended[minute]:
            values["worker", "DiskUsed"] = 30 + 5 * (minute % 7)
            values |= {("worker", "JobsDone"): ended[minute] - failed, ("worker", "JobsFailed"): failed}
        minutes.append(_minute(values, tasks, cpu=70 if work else 0.1))
    return [*_spans((BEFORE, {}, 0)), *merged(minutes)]


def _per_minute(times: Sequence[float]) -> list[int]:
    counted = Counter(int(time // MINUTE) for time in times)
    return [counted[minute] for minute in range(DAY)]


def _at(line: Timeline, times: Sequence[float]) -> list[int]:
    """The values at these times, which ascend."""
    found, place = [], 0
    for time in times:
        while place + 1 < len(line) and line[place + 1][0] <= time:
            place += 1
        found.append(line[place][1])
    return found


def _highest(line: Timeline) -> list[int]:
    """The highest value within each minute."""
    found = [0, *_at(line, [MINUTE * minute for minute in range(1, DAY)])]
    for time, value in line:
        if (minute := math.floor(time / MINUTE)) < DAY:
            found[minute] = max(found[minute], value)
    return found


#: Minutes before a fault and after it.
BEFORE, AFTER = 60, 6 * 60


class Fault(NamedTuple):
    """What happens, for so many minutes, after and before quiet hours."""

    what: str
    minutes: int
    spans: Sequence[Span]


def _fault(what: str, minutes: int, differs: Mapping[Key, float | None], tasks: int = 0) -> Fault:
    return Fault(what, minutes, _spans((BEFORE, {}, 0), (minutes, differs, tasks), (AFTER, {}, 0)))


def _growing(what: str, source: Key, hours: int, differs: Mapping[Key, float | None], tasks: int) -> Fault:
    """A message that ages, in steps of six hours."""
    steps = [(6 * 60, {**differs, source: 3600 * hour}, tasks) for hour in range(6, hours + 1, 6)]
    return Fault(what, hours * 60, _spans((BEFORE, {}, 0), *steps, (AFTER, {}, 0)))


AGE = "ApproximateAgeOfOldestMessage"
VISIBLE = "ApproximateNumberOfMessagesVisible"
_WORK: dict[Key, float | None] = {IN_FLIGHT: 1, ("queue", "NumberOfMessagesReceived"): 1, ("worker", "DiskUsed"): 30}


def faults() -> dict[str, Fault]:
    """By the role of the alarm that is for it."""
    errors: dict[Key, float | None] = {("api", "Count"): 10, ("api", "5XXError"): 5}
    no_run: dict[Key, float | None] = {("watcher", "ExecutionsSucceeded"): None, ("watcher", "ExecutionsFailed"): 1}
    no_job_done: dict[Key, float | None] = {("worker", "JobsFailed"): 1, ("worker", "JobsDone"): None}
    throttled: dict[Key, float | None] = {("table", "ReadThrottleEvents"): 20, ("table", "WriteThrottleEvents"): 2}
    letters: dict[Key, float | None] = {("dead_letter", VISIBLE): 1}
    dropped: dict[Key, float | None] = {("schedules", "InvocationDroppedCount"): 1}
    return {
        "stalled": _fault("no task can start, because the image is broken", 180, {WAITING: 3}),
        "oldest": _growing(
            "more jobs come than `max_tasks` can do", ("queue", AGE), 60, {**_WORK, WAITING: 900, IN_FLIGHT: 10}, 10
        ),
        "dead-letter": _fault("a job fails at each attempt", 180, letters),
        "dead-letter-age": _growing("dead letters stay for six days", ("dead_letter", AGE), 144, letters, 0),
        "webhook": _fault("the webhook's server is down for a day", 180, {("webhook_dead_letter", VISIBLE): 1}),
        "watcher": _fault("the watcher's role is wrong, and a task runs", 180, {**_WORK, **no_run}, 1),
        "useless": _fault("the scaling is muted, and a task stays", 180, {}, 1),
        "failures": _fault("a deployment fails each job", 60, {**_WORK, **no_job_done}, 1),
        "leases": _fault("a worker loses a job's lease", 1, {**_WORK, ("worker", "LeasesLost"): 1}, 1),
        "disk": _fault("files of old jobs fill the disk", 60, {**_WORK, ("worker", "DiskUsed"): 95}, 1),
        "api": _fault("the API may not send messages", 30, errors),
        "schedules": _fault("a schedule's role was deleted", 60, dropped),
        "workflows": _fault("the watcher's role is wrong, and no task runs", 60, no_run),
        "release": _fault("a delayed job is not sent", 1, {("release", "ExecutionsFailed"): 1}),
        "throttled": _fault("a caller reads the job table without a pause", 60, throttled),
        "nat": _fault("the NAT instance is gone", 60, {("nat", "StatusCheckFailed"): None}),
        "notifications": _fault("a receiver refuses alarms", 1, {("topic", "NumberOfNotificationsFailed"): 1}),
    }

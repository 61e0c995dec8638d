"""From a history to samples of each delay."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast.calibrate.records import Alarmed, History, Job
from ebb.forecast.durations import MINUTE

#: An alarm invokes its actions again each minute. A later change is not an answer to its change of state.
MAX_REACTION_SECONDS = 45
#: CloudWatch's and Auto Scaling's clocks may differ by this.
CLOCKS_SECONDS = 1
#: A job that was sent longer before an alarm is not what the alarm is for: metrics are at most 15 minutes late.
MAX_WAKE_SECONDS = 900
#: A task that starts later than this after a change was started for another reason, such as a deployment.
MAX_START_SECONDS = 600


@dataclass(frozen=True)
class Age:
    """How old a data point was when an alarm acted on it: seconds from the point's start to the alarm.

    `earliest`: seconds from the point's start to the sending of the job for which the service woke; negative if the job
    was sent before. None if no such job is known.
    """

    seconds: float
    earliest: float | None = None


def reactions(history: History) -> list[float]:
    """Seconds from an alarm to the change of the desired count that it caused."""
    changes = [change for change in history.changes if change.alarm]
    found = []
    for alarm in history.alarms:
        answers = (
            change.time - alarm.time
            for change in changes
            if change.alarm == alarm.alarm and -CLOCKS_SECONDS <= change.time - alarm.time <= MAX_REACTION_SECONDS
        )
        found.append(next(answers, None))
    return [max(0.0, seconds) for seconds in found if seconds is not None]


def starts(history: History) -> list[float]:
    """Seconds from a change of the desired count to the first receive of each task that it started.

    The first task to start is taken for the first one that was wanted.
    """
    changes = [(change.time, change.tasks) for change in history.changes]
    events = sorted([*changes, *((time, None) for time in history.workers)], key=lambda event: event[0])
    wanted: deque[float] = deque()
    found, before = [], 0
    for time, tasks in events:
        if tasks is not None:
            wanted.extend([time] * (tasks - before))
            for _ in range(min(len(wanted), before - tasks)):
                wanted.pop()  # ECS stops tasks first that do not run yet
            before = tasks
            continue
        while wanted and time - wanted[0] > MAX_START_SECONDS:
            wanted.popleft()
        if wanted:
            found.append(time - wanted.popleft())
    return found


def adding(history: History) -> Iterator[tuple[Alarmed, bool]]:
    """The alarms that added tasks, and whether there was no task before."""
    before = 0
    for change in history.changes:
        if change.tasks > before and change.alarm:
            for alarm in history.alarms:
                if alarm.alarm == change.alarm and -CLOCKS_SECONDS <= change.time - alarm.time <= MAX_REACTION_SECONDS:
                    yield alarm, before == 0
                    break
        before = change.tasks


def ages(history: History) -> list[Age]:
    """The age of the newest data point at each alarm that added tasks."""
    return [_age(alarm, history.jobs if woke else ()) for alarm, woke in adding(history)]


def _age(alarm: Alarmed, jobs: tuple[Job, ...]) -> Age:
    waiting = [job.sent for job in jobs if job.sent <= alarm.time <= job.started]
    earliest = min(waiting) - alarm.point if waiting else None
    recent = earliest is not None and -MAX_WAKE_SECONDS < earliest <= MINUTE
    return Age(alarm.time - alarm.point, earliest if recent else None)


def seconds_of_alarms(history: History) -> list[float]:
    """The seconds of the minute at which alarms that added tasks were evaluated."""
    return [alarm.time % MINUTE for alarm, _ in adding(history)]


def wakes(history: History) -> list[float]:
    """Seconds from the first job that was sent while no task ran to the first start of a job after it."""
    found, before = [], 0
    for change in history.changes:
        if change.tasks > 0 and before == 0:
            waiting = [job for job in history.jobs if job.sent <= change.time <= job.started]
            if waiting:
                found.append(min(job.started for job in waiting) - min(job.sent for job in waiting))
        before = change.tasks
    return found


def waits(history: History) -> list[float]:
    """Seconds from sent to started of each job."""
    return [job.started - job.sent for job in history.jobs]

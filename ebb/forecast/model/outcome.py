"""The result of one run. Times are seconds from the start of the load."""

from collections.abc import Mapping
from dataclasses import dataclass

from ebb.forecast.model.histogram import Histogram
from ebb.scaling.activities import ScalingActivity
from ebb.scaling.alarms import AlarmChange

#: Change points: from each time on, the value.
Timeline = tuple[tuple[float, int], ...]


@dataclass(frozen=True, kw_only=True)
class Requests:
    """What is billed by its number. Requests to SQS are in units of 64 KB.

    `api`: calls, and `traces` of them. `schedules` and `workflows`: their runs. `table_writes`: to the table of jobs.
    `workflow_seconds`: pauses in workflows. `worker_calls`: calls of the worker to SQS.
    """

    api: int = 0
    traces: float = 0.0
    sqs: int = 0
    worker_calls: int = 0
    schedules: int = 0
    workflows: int = 0
    workflow_seconds: float = 0.0
    received: int = 0
    table_writes: int = 0
    metric_hours: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run of one scenario under one load with one seed. It ended at `until`; `at_rest`: nothing more happens then.

    `waits`: sent to first started, of the jobs that started. `latencies`: sent to done, of the jobs that were done.
    `wakes`: from each send to a service without messages and tasks to the next start of a job.
    `drain`: from the first send to the end of the last job; None while jobs are left, and if none was done.
    `dead`: jobs in the dead-letter queue. `expired`: jobs that the queue's retention removed. `left`: all other jobs
    that are not done at the end.
    `killed`: jobs interrupted by a task's stop (scale-in, Spot). `give_backs`: messages that a worker returned because
    of its stop. `failed`: attempts that the handler failed, or that took too long.
    `blocked`: refused protections (DEPLOYMENT_BLOCKED). `reclaims`: reclaimed Spot tasks. `refused`: jobs that the API
    refused at first. `deployment_seconds`: the longest time in which tasks of an earlier deployment ran.
    `replaced`: the tasks that each deployment replaced, by its time.
    `busiest_day`: jobs sent on the UTC day with most of them. `sent_seconds`: what all jobs that were sent take.
    `notes`: why policies did not act, with the time.
    `task_seconds` are billed, `spot_seconds` are those of them on Spot. `work_seconds`: time in which jobs ran.
    """

    scenario: str
    load: str
    seed: int
    until: float
    at_rest: bool
    visible: Timeline
    in_flight: Timeline
    desired: Timeline
    running: Timeline
    alarms: tuple[AlarmChange, ...]
    activities: tuple[ScalingActivity, ...]
    notes: tuple[tuple[float, str], ...]
    sent: int
    done: int
    dead: int
    expired: int
    left: int
    waits: Histogram
    latencies: Histogram
    wakes: tuple[float, ...]
    drain: float | None
    task_seconds: float
    spot_seconds: float
    work_seconds: float
    launches: int
    killed: int
    give_backs: int
    failed: int
    blocked: int
    refused: int
    deployment_seconds: float
    replaced: Mapping[float, int]
    busiest_day: int
    sent_seconds: float
    reclaims: int
    requests: Requests

    @property
    def wake(self) -> float | None:
        """Seconds from the first send to the first start of a job."""
        return self.wakes[0] if self.wakes else None

    @property
    def task_hours(self) -> float:
        """Billed hours of tasks."""
        return self.task_seconds / 3600

    @property
    def shown_until(self) -> float:
        """The right end of a plot's time axis: shortly after the last change, and within the run."""
        lines = (self.visible, self.in_flight, self.desired, self.running)
        last = max(60.0, max((line[-1][0] for line in lines if line), default=0.0) * 1.04)
        return min(self.until, last) if self.until > 0 else last

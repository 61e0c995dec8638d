"""What a forecast finds. Times are seconds from the start of the simulation, which is a Monday's midnight, UTC."""

from dataclasses import dataclass, field

from ebb.scaling.activities import ScalingActivity
from ebb.scaling.alarms import AlarmChange

#: Change points: from each time on, the value.
Timeline = tuple[tuple[float, int], ...]


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Counted calls: submits to the `api`, all of `sqs`, runs of `schedules` and of `workflows`."""

    api: int = 0
    sqs: int = 0
    schedules: int = 0
    workflows: int = 0


@dataclass(frozen=True, kw_only=True)
class Part:
    """One line of the bill: US dollars in a month of 730 hours; `source` says where the price comes from."""

    name: str
    dollars: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The cost of a month without any job, and of a month in which the load goes on as simulated; no free tier."""

    idle: tuple[Part, ...]
    load: tuple[Part, ...]

    @property
    def idle_total(self) -> float:
        """US dollars a month without any job."""
        return sum(part.dollars for part in self.idle)

    @property
    def load_total(self) -> float:
        """US dollars a month at this load."""
        return sum(part.dollars for part in self.load)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run of one setup under one load with one seed.

    `waits` (sent to first start) of the jobs that started and `latencies` (sent to done) of those that were done are in
    the order in which that happened. `wakes` are the seconds from each send to a system without message and task to the
    first start after it; `drain` is the first send to the end of the last job, None while jobs are left.

    `killed` are jobs cut off because their task had to go (scale-in, Spot), `give_backs` messages that a worker made
    visible again because of that, `failed` attempts that the handler failed or that took too long, `dead` messages in
    the dead-letter queue, `expired` those that the queue's retention ended, `left` those that were neither when the
    simulation ended; `blocked` refusals of protection (DEPLOYMENT_BLOCKED), `reclaims` of Spot tasks. `notes`: why
    policies did not act, with the time. `task_seconds` are billed, `work_seconds` those in which jobs ran.
    """

    setup: str
    load: str
    seed: int
    until: float
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
    waits: tuple[float, ...]
    latencies: tuple[float, ...]
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
    reclaims: int
    requests: Requests
    bill: Bill = field(default_factory=lambda: Bill(idle=(), load=()))

    @property
    def wake(self) -> float | None:
        """Seconds from the first send to the first start of a job."""
        return self.wakes[0] if self.wakes else None

    @property
    def task_hours(self) -> float:
        """Billed hours of tasks."""
        return self.task_seconds / 3600

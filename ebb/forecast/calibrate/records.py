"""What happened in a deployed stack, as plain records. Times in Unix seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Alarmed:
    """An alarm went from another state to ALARM. `point`: the start of the newest data point that it names."""

    alarm: str
    time: float
    point: float


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """The desired count changed to `tasks`. `alarm`: the one that caused it; None for another cause."""

    time: float
    tasks: int
    alarm: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job's first attempt in the log: when it was sent and started, and seconds that it took, if the log says it."""

    sent: float
    started: float
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """All of it between two times, each part the oldest first. `workers`: when a task's worker was ready to receive."""

    since: float
    until: float
    alarms: tuple[Alarmed, ...] = ()
    changes: tuple[Scaled, ...] = ()
    workers: tuple[float, ...] = ()
    jobs: tuple[Job, ...] = ()

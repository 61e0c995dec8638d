"""The jobs of a history as a load, to compare a forecast with what happened."""

from collections.abc import Iterator
from statistics import median

from ebb.forecast.calibrate.records import History
from ebb.forecast.load.arrivals import Timed
from ebb.forecast.load.job_time import DEFAULT_JOB, JobTime, job_time
from ebb.forecast.load.workloads import Load

#: The newest jobs are enough, and a forecast of so many takes seconds.
MAX_JOBS = 5_000


def load(history: History) -> Load | None:
    """The jobs at the times at which they were sent, each as long as it was; None without jobs."""
    jobs = sorted(history.jobs, key=lambda job: job.sent)[-MAX_JOBS:]
    if not jobs:
        return None
    took = [job.seconds for job in jobs if job.seconds]
    typical = JobTime("as they took", median(took)) if took else job_time(DEFAULT_JOB)
    origin = jobs[0].sent

    def times(_: object) -> Iterator[Timed]:
        return ((job.sent - origin, job.seconds or typical.median, "") for job in jobs)

    span = jobs[-1].sent - origin
    return Load(
        text=f"{len(jobs)} jobs of the log",
        times=times,
        job=typical,
        span=span,
        every=max(1.0, span),
        origin=origin,
        dated=True,
        exact=True,
    )

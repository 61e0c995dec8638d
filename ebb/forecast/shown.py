"""Problems that the runs of a forecast show. `checks` finds others without a run."""

from collections.abc import Iterator

from ebb.forecast.checks import Problem
from ebb.forecast.monte_carlo import Forecast
from ebb.forecast.workloads import Load

#: Share of the time in which all tasks together work. Above it the waits grow without a limit (queueing theory).
MAX_WORK = 0.9
#: Jobs a run that rounding can make of none.
TOLERANCE = 1e-6


def shown(found: Forecast, load: Load, *, until: float | None) -> tuple[Problem, ...]:
    """The problems, most harmful first. `until`: when the runs were ended, in seconds; None: at rest."""
    return (*_lost(found, load, until=until), *_overload(found, load))


def _lost(found: Forecast, load: Load, *, until: float | None) -> Iterator[Problem]:
    queue = found.scenario.queue
    if found.dead.value > TOLERANCE:
        why = "A share of them fails" if load.failing else "None fails by itself, so something interrupts them"
        yield Problem(
            "dead-letters",
            f"{_jobs(found.dead.value)} a run end in the dead-letter queue, after {queue.max_receive_count} receives "
            f"each. {why}. See jobs killed and given back, and raise queue.max_receive_count.",
        )
    if until is not None:
        return
    if found.left.value > TOLERANCE:
        yield Problem("jobs-left", f"{_jobs(found.left.value)} a run are never done: no task takes them.")
    if (expired := found.sent - found.done - found.dead.value - found.left.value) > TOLERANCE:
        yield Problem(
            "expired-jobs",
            f"{_jobs(expired)} a run expire, because they wait longer than {queue.retention:g} s. Raise "
            "queue.retention_days, or let more tasks run.",
        )


def _overload(found: Forecast, load: Load) -> Iterator[Problem]:
    scenario = found.scenario
    work = found.first.work_seconds / load.every
    possible = scenario.maximum * scenario.worker.concurrency
    if work > MAX_WORK * possible:
        yield Problem(
            "overload",
            f"The jobs need {work:.3g} of {possible} jobs at the same time, all the time, so that waits grow from load "
            "to load. Raise scaling.max_tasks or worker.concurrency.",
        )


def _jobs(number: float) -> str:
    return f"{number:.2g} {'job' if number == 1 else 'jobs'}" if number < 10 else f"{number:,.0f} jobs"

"""Problems that the runs of a forecast show. `static_checks` finds others without a run."""

from collections.abc import Iterator

from ebb.forecast.durations import DAY, HOUR, MINUTE
from ebb.forecast.load.workloads import Load
from ebb.forecast.results.monte_carlo import Forecast
from ebb.forecast.results.static_checks import Problem

#: Share of the time in which all tasks together work. Above it the waits grow without a limit (queueing theory).
MAX_WORK = 0.9
#: Seconds in which a deployment usually ends: a task's start, and jobs of some minutes.
MAX_DEPLOYMENT = 30 * MINUTE
#: How jobs that wait are done earlier.
MORE_TASKS = "Let more tasks run, or raise it."
#: Jobs a run that rounding can make of none.
TOLERANCE = 1e-6


def check_runs(found: Forecast, load: Load, *, until: float | None) -> tuple[Problem, ...]:
    """The problems, most harmful first. `until`: when the runs were ended, in seconds; None: at rest."""
    return (
        *_long_body(found, load),
        *_lost(found, load, until=until),
        *_killed(found, load),
        *_overload(found, load),
        *_throttled(found),
        *_above_quota(found),
        *_deployment(found),
    )


def _long_body(found: Forecast, load: Load) -> Iterator[Problem]:
    longest = found.scenario.max_body
    if found.sent and load.body > longest:
        why = "the API refuses a longer one" if found.scenario.wake.direct else "a longer one is a dead letter"
        yield Problem(
            "long-body",
            f"A body has {load.body:,} bytes, and the stack accepts {longest:,.0f}: {why}, and no job of this load is "
            "done. See scaling.direct and worker.max_body_bytes.",
        )


def _lost(found: Forecast, load: Load, *, until: float | None) -> Iterator[Problem]:
    queue = found.scenario.queue
    if found.dead.value > TOLERANCE:
        yield Problem(
            "dead-letters",
            f"{_jobs(found.dead.value)} a run end in the dead-letter queue, after {queue.max_receive_count} receives "
            f"each. {_cause(found, load)}",
        )
    if (expired := found.sent - found.done - found.dead.value - found.left.value) > TOLERANCE:
        yield Problem(
            "expired-jobs",
            f"{_jobs(expired)} a run expire: they are not done {queue.retention / DAY:g} days after they were sent "
            f"(queue.retention_days). {_cause(found, load) if found.failed.value > TOLERANCE else MORE_TASKS}",
        )
    crashes = load.crash is not None and load.crash.after is None
    if (until is None or crashes) and found.left.value > TOLERANCE:
        why = "each task crashes before it receives" if crashes else "no task takes them"
        yield Problem("jobs-left", f"{_jobs(found.left.value)} a run are never done: {why}.")


def _killed(found: Forecast, load: Load) -> Iterator[Problem]:
    worker = found.scenario.worker
    if found.killed.value <= TOLERANCE:
        return
    if load.crash is not None:
        why = "Each task crashes (--crash)."
    elif found.scenario.task.spot_weight:
        why = (
            f"A task that Spot takes back has {worker.drain:g} s for its jobs. Make jobs shorter, or set "
            "worker.spot_weight to 0."
        )
    else:
        why = f"A task that is stopped has {worker.drain:g} s for its jobs. Ask for ECS task protection while they run."
    yield Problem(
        "jobs-killed",
        f"{_jobs(found.killed.value)} a run {'is' if found.killed.value == 1 else 'are'} killed while they run, and "
        f"start again from the beginning. {why}",
    )


def _cause(found: Forecast, load: Load) -> str:
    if load.crash is not None:
        return "The tasks crash while they work on them. See the worker's log."
    if load.failing:
        return "A share of them fails at each attempt (--failing)."
    if found.failed.value > TOLERANCE:
        return "They take longer than a job may (worker.job_timeout, and SQS's 12 hours). Raise it, or split them."
    return (
        "None fails by itself, so something interrupts them. See jobs killed and given back, and raise "
        "queue.max_receive_count."
    )


def _overload(found: Forecast, load: Load) -> Iterator[Problem]:
    scenario = found.scenario
    first = found.first
    work = max(first.work_seconds, first.sent_seconds) / (first.until if first.until < load.span else load.every)
    possible = scenario.maximum * scenario.worker.concurrency
    if work > MAX_WORK * possible:
        yield Problem(
            "overload",
            f"The jobs need {work:.3g} of {possible} jobs at the same time, all the time, so that waits grow from load "
            "to load. Raise scaling.max_tasks or worker.concurrency.",
        )


def _throttled(found: Forecast) -> Iterator[Problem]:
    api = found.scenario.api
    if found.refused.value > TOLERANCE:
        yield Problem(
            "throttled",
            f"The API refuses {_jobs(found.refused.value)} a run at first (429): it accepts {api.burst:g} at once and "
            f"then {api.rate:g} a second. The forecast sends each again until the API accepts it. Let the senders do "
            "so, or raise api.rate_limit and api.burst_limit.",
        )


def _above_quota(found: Forecast) -> Iterator[Problem]:
    quota, sent = found.scenario.api.daily_quota, found.first.busiest_day
    if quota is not None and sent > quota:
        yield Problem(
            "above-daily-quota",
            f"{sent:,} jobs are sent on one day (UTC), and the API accepts {quota:,} requests a day from each API key "
            "(api.daily_quota). It refuses the others (429) until the next day. The forecast sends all of them. Raise "
            "the quota.",
        )


def _deployment(found: Forecast) -> Iterator[Problem]:
    seconds = found.first.deployment_seconds
    if seconds > MAX_DEPLOYMENT:
        yield Problem(
            "slow-deployment",
            f"A deployment takes {seconds / HOUR:.1f} h, because a protected task of the earlier one works on a long "
            "job. Meanwhile the service removes no tasks, and all that run are paid for. Deploy when no long job runs.",
        )


def _jobs(number: float) -> str:
    return f"{number:.2g} {'job' if number == 1 else 'jobs'}" if number < 10 else f"{number:,.0f} jobs"

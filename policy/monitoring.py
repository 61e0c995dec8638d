"""The operators' alarms on jobs: they wait longer than the settings can explain, dead letters expire.

policy/of_parts.py has those on the parts that serve the jobs. A message that no worker receives never gets into the
dead-letter queue, because SQS moves messages by their number of receives. SQS deletes it without a trace at the end of
its retention (SQS developer guide, "Amazon SQS message quotas").
"""

import math
from dataclasses import replace

from policy import of_parts, steps
from policy.of_parts import PERIOD, RUNNING_MINUTES, single
from policy.plan import MINUTE, OUT_COOLDOWN_SECONDS, RUNNING, AlarmPlan, MetricPlan, Source, messages
from settings import Settings
from settings.limits import MAX_LEASE_SECONDS, MAX_RETENTION_DAYS, MAX_VISIBILITY_SECONDS

DAY = 24 * 3600  # seconds
#: Seconds from a message to the alarm that starts a task: metrics are up to 100 s old, the alarm takes a minute.
METRICS_SECONDS = 3 * MINUTE
#: Seconds from the alarm to the task's first receive. Half a minute is usual; this is an image of some 10 GB.
START_SECONDS = 15 * MINUTE
#: Seconds, beyond a running job, in which a deployment may find no room for its tasks (docs/worker.md).
DEPLOYMENT_SECONDS = 10 * MINUTE
#: Seconds that a job may wait behind a peak at the maximum number of tasks: at least this, or so many jobs' durations.
PEAK_SECONDS = 4 * 3600
PEAK_JOBS = 10
#: After so many receives a standard queue leaves a message out of the age of its oldest one (SQS developer guide,
#: "Available CloudWatch metrics for Amazon SQS", ApproximateAgeOfOldestMessage).
AGED_RECEIVES = 3
#: The parts of the retention after which the alarms fire at the latest, even if the settings explain more.
STALLED_SHARE, OLDEST_SHARE = 1 / 4, 1 / 2

#: Seconds.
STALLED_PERIOD = PERIOD
#: Waiting messages and messages in flight; 0 in a period in which a message was in flight and tasks ran. A message is
#: in flight also while a worker that failed has given it back with a delay: nothing works on it then. SQS may omit a
#: number in flight of 0, and ECS sends nothing without tasks.
STALLED_EXPRESSION = f"IF(n > 0 AND FILL(r,0) >= {RUNNING_MINUTES}, 0, v + n)"
#: Periods of STALLED_PERIOD in which tasks run and no run of the watcher succeeds. It runs each minute, so some
#: failures in a row are no fault.
WATCHER_PERIODS = 3
#: The running tasks of a period's minutes (r), or 0 if the watcher's workflow succeeded in it (s). Without tasks there
#: is no point: an idle service waits longer for its first task then, but costs nothing.
WATCHER_EXPRESSION = "IF(FILL(s,0) > 0, 0, r)"


def alarms(settings: Settings) -> dict[str, AlarmPlan]:
    """The operators' alarms by role. Each description ends with the role's paragraph in the runbook."""
    found = {**_of_jobs(settings), **(of_parts.alarms(settings) if settings.monitoring.alarms == "all" else {})}
    return {role: _linked(alarm, f"{settings.monitoring.runbook}#{role}") for role, alarm in found.items()}


def _linked(alarm: AlarmPlan, paragraph: str) -> AlarmPlan:
    return replace(alarm, description=f"{alarm.description}. See {paragraph}")


def _of_jobs(settings: Settings) -> dict[str, AlarmPlan]:
    """The alarms that say whether jobs are done."""
    return {
        **({"watcher": _watcher()} if settings.scaling.watches else {}),
        "dead-letter": single(
            messages("v", "Visible", of="dead_letter"),
            1,
            "Jobs failed permanently and are in the dead-letter queue: read the reason with `ebb dlq list`, fix it, "
            "and run them again with `ebb dlq redrive`",
        ),
        **({"webhook": _webhook()} if settings.jobs.webhook else {}),
        "dead-letter-age": single(
            _age("dead_letter"),
            dead_letter_seconds(settings),
            "SQS soon deletes jobs in the dead-letter queue: run them again with `ebb dlq redrive`, or save what you "
            "need of them",
        ),
        "oldest": single(
            _age("queue"),
            oldest_seconds(settings),
            "A job waits longer than the settings can explain: see `ebb status` and the worker's log, and whether "
            f"max_tasks is enough. SQS deletes a job after {settings.queue.retention_days} days",
        ),
        "stalled": _stalled(settings),
    }


def least_waiting(settings: Settings) -> float:
    """The number of waiting messages from which on the service must have a task."""
    scaling = settings.scaling
    if not scaling.steps or scaling.min_tasks or scaling.watches:
        return 1
    return max(1, steps.scale_out(scaling.steps).threshold)


def stalled_seconds(settings: Settings) -> int:
    """Seconds that jobs may wait while no task works on any: the longest wake-up, and a deployment.

    If tasks are not removed by an empty queue, none may be left during a retry's delay. A whole number of the alarm's
    periods.
    """
    scaling = settings.scaling
    cooldown = scaling.cooldown if scaling.steps else OUT_COOLDOWN_SECONDS
    retry = 0 if scaling.scales_in_by == "queue" else settings.worker.backoff_cap
    start = METRICS_SECONDS + cooldown + START_SECONDS + RUNNING_MINUTES * MINUTE
    explained = start + DEPLOYMENT_SECONDS + retry
    limit = min(DAY, STALLED_SHARE * _retention(settings))  # an alarm evaluates a day at most (API, PutMetricAlarm)
    return math.ceil(min(explained, limit) / STALLED_PERIOD) * STALLED_PERIOD


def oldest_seconds(settings: Settings) -> int:
    """The age that no message reaches while all is well: wake-up, a peak, one job ahead, and all of its attempts.

    A job that is running counts too, since its message is in the queue. In a FIFO queue a job may also wait for all
    attempts of the job ahead of it in its message group.
    """
    worker, scaling, queue = settings.worker, settings.scaling, settings.queue
    attempts = queue.max_receive_count if queue.fifo else min(AGED_RECEIVES, queue.max_receive_count)
    timeout = worker.job_timeout or MAX_VISIBILITY_SECONDS
    own = attempts * (timeout + MAX_LEASE_SECONDS) + backoffs(attempts, worker.backoff_base, worker.backoff_cap)
    ahead = own if queue.fifo else timeout
    peak = max(PEAK_SECONDS, scaling.tolerated_wait, PEAK_JOBS * scaling.seconds_per_job)
    explained = stalled_seconds(settings) + peak + ahead + own
    return math.ceil(min(explained, OLDEST_SHARE * _retention(settings)))


def backoffs(attempts: int, base: float, cap: float) -> float:
    """Seconds of the delays between so many attempts."""
    total, delay = 0.0, base
    for done in range(1, attempts):
        if delay >= cap:
            return total + (attempts - done) * cap
        total, delay = total + delay, delay * 2
    return total


def dead_letter_seconds(settings: Settings) -> int:
    """Half of the time that a dead letter has at least.

    In a standard queue it expires by the date on which it was sent, while its age counts from its move (SQS developer
    guide, "Setting up dead-letter queue retention").
    """
    return (MAX_RETENTION_DAYS - settings.queue.retention_days) * DAY // 2


def _retention(settings: Settings) -> int:
    return settings.queue.retention_days * DAY


def _age(of: Source) -> MetricPlan:
    return MetricPlan(id="a", namespace="AWS/SQS", name="ApproximateAgeOfOldestMessage", statistic="Maximum", of=of)


def _webhook() -> AlarmPlan:
    return single(
        messages("v", "Visible", of="webhook_dead_letter"),
        1,
        "The webhook did not take an event within 24 hours: see the attribute ERROR_MESSAGE of the message in its "
        "dead-letter queue, and the state of the job, which the API still shows",
    )


def _watcher() -> AlarmPlan:
    succeeded = MetricPlan(id="s", namespace="AWS/States", name="ExecutionsSucceeded", statistic="Sum", of="watcher")
    return AlarmPlan(
        description=f"Tasks run, and for {WATCHER_PERIODS * STALLED_PERIOD // MINUTE} minutes the watcher has not done "
        "its work: see its schedule, and run its workflow with `aws stepfunctions start-sync-execution`, which prints "
        "the error. Metrics scale the service meanwhile; it may keep a task too many",
        metrics=(succeeded, RUNNING),
        expression=WATCHER_EXPRESSION,
        label="Running tasks without a watcher",
        period=STALLED_PERIOD,
        evaluation_periods=WATCHER_PERIODS,
        datapoints_to_alarm=WATCHER_PERIODS,
        threshold=RUNNING_MINUTES,
        comparison="GreaterThanOrEqualToThreshold",
    )


def _stalled(settings: Settings) -> AlarmPlan:
    seconds = stalled_seconds(settings)
    return AlarmPlan(
        description=f"Jobs wait, and for {seconds // MINUTE} minutes no task has worked on any: see the service's "
        "events, the worker's log and `ebb status`. A stack that is paused has this alarm too",
        metrics=(messages("v", "Visible", statistic="Minimum"), messages("n", "NotVisible"), RUNNING),
        expression=STALLED_EXPRESSION,
        label="Waiting jobs that nothing works on",
        period=STALLED_PERIOD,
        evaluation_periods=seconds // STALLED_PERIOD,
        datapoints_to_alarm=seconds // STALLED_PERIOD,
        threshold=least_waiting(settings),
        comparison="GreaterThanOrEqualToThreshold",
    )

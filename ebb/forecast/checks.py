"""What is known to hurt in a setup under a load, one finding each, with the mend.

What can stand in Ebb's own settings is told by `pulumi preview`, too (settings/advice.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast.model.worker import LONGEST_JOB
from ebb.forecast.scenario import Rule, Setup
from ebb.scaling.policies import StepPolicy
from ebb.scaling.tracking import TargetTracking
from settings.advice import min_receives
from settings.limits import NEW_ACCOUNT_VCPUS

#: Seconds from which on a period is called long: a service that waits for its point is minutes late.
LONG_PERIOD = 300
#: MB that Fargate must have pulled within this many seconds, or tasks come later than the measured starts say.
PULL_SECONDS = 60
#: Metrics of waiting messages alone, and those that jobs at work are in; the last of each is a recipe's own.
_WAITING = frozenset({"ApproximateNumberOfMessagesVisible", "BacklogPerTask"})
_RUNNING = frozenset({"ApproximateNumberOfMessagesNotVisible", "TotalMessages"})


@dataclass(frozen=True)
class Lint:
    """One finding: a short name that stays, and a sentence with the mend."""

    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What the lints ask of a load: the typical and the longest time of a job in seconds, and how many groups."""

    typical: float
    longest: float
    groups: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pull:
    """An image of so many MB whose layers go through a way out of so many Mbit/s (no S3 gateway endpoint)."""

    megabytes: float
    megabits: float


def lints(setup: Setup, jobs: Jobs, pull: Pull | None = None) -> tuple[Lint, ...]:
    """All that is known to hurt, most harmful first."""
    return (
        *_scale_in(setup),
        *_waking(setup),
        *_alarms(setup),
        *_jobs(setup, jobs),
        *_queue(setup, jobs),
        *_size(setup, pull),
    )


def removes(rule: Rule) -> bool:
    """Whether the rule takes tasks away."""
    if isinstance(rule.policy, TargetTracking) or rule.policy.adjustment_type == "ExactCapacity":
        return rule.alarm.comparison.startswith("Less")
    return any(step.adjustment < 0 for step in rule.policy.steps)


def adds(rule: Rule) -> bool:
    """Whether the rule adds tasks."""
    if isinstance(rule.policy, TargetTracking) or rule.policy.adjustment_type == "ExactCapacity":
        return rule.alarm.comparison.startswith("Greater")
    return any(step.adjustment > 0 for step in rule.policy.steps)


def _names(rule: Rule) -> set[str]:
    return {metric.name for metric in rule.alarm.metrics}


def _scale_in(setup: Setup) -> Iterator[Lint]:
    for rule in filter(removes, setup.rules):
        names = _names(rule)
        if names & _WAITING and not names & _RUNNING:
            yield Lint(
                "visible-only-scale-in",
                f"Alarm {rule.alarm.name} takes tasks away when no message waits, but a running job's message does not "
                "wait: add ApproximateNumberOfMessagesNotVisible to what it watches.",
            )
        if any(metric.namespace == "AWS/ECS" and metric.statistic == "Average" for metric in rule.alarm.metrics):
            yield Lint(
                "cpu-as-idleness",
                f"Alarm {rule.alarm.name} takes CPU for evidence of idleness: a job that waits for the network has "
                "none, and an idle poller has some; count messages waiting and in flight instead.",
            )


def _waking(setup: Setup) -> Iterator[Lint]:
    if setup.minimum:
        return
    if setup.poller is None and not setup.wake.watches:
        wakes = [rule for rule in setup.rules if adds(rule) and _names(rule) & _WAITING]
        if not any(_by_one(rule) for rule in wakes):
            yield Lint(
                "one-message-never-wakes",
                "With a minimum of 0 no alarm adds a task for a single message, so it waits until more arrive: let the "
                "scale-out alarm's threshold be 1, and its first step add a task.",
            )
    for rule in filter(adds, setup.rules):
        if isinstance(rule.policy, StepPolicy) and rule.policy.adjustment_type == "PercentChangeInCapacity":
            yield Lint(
                "percent-from-zero",
                f"Policy {rule.policy.name} adds a percentage, and a percentage of 0 tasks is none: use "
                "ChangeInCapacity.",
            )
    touched = setup.wake.keep_alive or setup.wake.watches or setup.poller is not None or setup.custom_metrics
    if not touched and any(metric.namespace == "AWS/SQS" for rule in setup.rules for metric in rule.alarm.metrics):
        yield Lint(
            "dormant-queue",
            "SQS stops sending metrics of a queue that nothing touched for 6 hours, and the first ones after that come "
            "up to 15 minutes late: touch the queue once an hour (scaling.keep_alive).",
        )


def _by_one(rule: Rule) -> bool:
    """Whether one waiting message puts the alarm into ALARM and its policy adds a task then."""
    if isinstance(rule.policy, TargetTracking):
        return rule.alarm.breaches(1)
    step = rule.policy.step(1 - rule.alarm.threshold)
    return rule.alarm.breaches(1) and step is not None and step.adjustment > 0


def _alarms(setup: Setup) -> Iterator[Lint]:
    for rule in setup.rules:
        alarm = rule.alarm
        if alarm.missing == "breaching":
            yield Lint(
                "breaching-on-missing",
                f"Alarm {alarm.name} takes missing data for breaching, so a gap in the data acts: use notBreaching.",
            )
        if alarm.period >= LONG_PERIOD:
            yield Lint(
                "long-period",
                f"Alarm {alarm.name} has a period of {alarm.period} s, so it acts minutes late and stays long after; "
                "SQS has a point a minute: use 60 s.",
            )


def _jobs(setup: Setup, jobs: Jobs) -> Iterator[Lint]:
    worker = setup.worker
    longest = f"{jobs.longest:.0f} s"
    if jobs.longest > LONGEST_JOB:
        yield Lint(
            "longer-than-sqs",
            f"SQS takes a message back after {LONGEST_JOB} s whatever extends it, and jobs take up to {longest}: cut "
            "them into shorter ones.",
        )
    if worker.job_timeout is not None and worker.job_timeout < jobs.longest:
        yield Lint(
            "protection-shorter-than-job",
            f"A job is stopped and its protection ends after {worker.job_timeout:g} s, and jobs take up to {longest}: "
            "raise job_timeout.",
        )
    if not worker.protection and jobs.longest > worker.drain:
        yield Lint(
            "no-protection",
            f"A task has {worker.drain:g} s to end when it is taken away, jobs take up to {longest}, and nothing "
            "protects it: ask for ECS task protection while a job runs.",
        )
    if not worker.heartbeat and setup.queue.visibility_timeout < jobs.longest:
        yield Lint(
            "visibility-below-job",
            f"A message is hidden for {setup.queue.visibility_timeout:g} s and jobs take up to {longest}, so the same "
            "job is started again beside itself: extend the visibility while a job runs, or raise the time-out.",
        )


def _queue(setup: Setup, jobs: Jobs) -> Iterator[Lint]:
    queue, most = setup.queue, setup.maximum * setup.worker.concurrency
    needed = min_receives(setup.task.spot_weight)
    if queue.max_receive_count < needed:
        yield Lint(
            "few-receives",
            f"After {queue.max_receive_count} receives a message is given up, and a deployment"
            f"{' or a Spot reclaim' if setup.task.spot_weight else ''} costs one: allow {needed} at least, 5 to "
            "outlast a short failure with backoff.",
        )
    if queue.fifo and jobs.groups is not None and jobs.groups < most:
        at_once = "one job runs" if jobs.groups == 1 else f"{jobs.groups} jobs run"
        yield Lint(
            "few-groups",
            f"The queue is FIFO and the load has {jobs.groups} message group{'s' if jobs.groups > 1 else ''}, so "
            f"{at_once} at a time whatever the number of tasks ({setup.maximum} at the most): give each job that may "
            "run beside others a group of its own.",
        )


def _size(setup: Setup, pull: Pull | None) -> Iterator[Lint]:
    on_demand = setup.maximum * setup.task.cpu / 1024
    if on_demand > NEW_ACCOUNT_VCPUS:
        yield Lint(
            "above-default-quota",
            f"{setup.maximum} tasks of {setup.task.cpu / 1024:g} vCPU are {on_demand:g} vCPU, and a new account may "
            f"run {NEW_ACCOUNT_VCPUS} on Fargate: have the quota raised (Service Quotas, L-3032A538), or lower "
            "max_tasks.",
        )
    if pull is not None:
        most = max((_largest_step(rule, setup.maximum) for rule in setup.rules if adds(rule)), default=setup.maximum)
        tasks = min(setup.maximum, max(1, most))
        seconds = tasks * pull.megabytes * 8 / pull.megabits
        if seconds > PULL_SECONDS:
            starting = f"{tasks} tasks that start together pull" if tasks > 1 else "A task that starts pulls"
            yield Lint(
                "slow-pull",
                f"{starting} {tasks * pull.megabytes:.0f} MB through {pull.megabits:g} "
                f"Mbit/s, which takes {seconds:.0f} s: add the free S3 gateway endpoint (image layers come from S3), a "
                "larger NAT, or a smaller image.",
            )


def _largest_step(rule: Rule, maximum: int) -> int:
    if isinstance(rule.policy, TargetTracking):
        return maximum
    return max(step.adjustment for step in rule.policy.steps)

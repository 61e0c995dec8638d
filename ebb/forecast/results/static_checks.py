"""Known problems of a scenario under a load, each with its fix.

`pulumi preview` also warns of those that Ebb's own settings can have (settings/advice.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ebb.forecast.durations import MINUTE
from ebb.forecast.load.workloads import JobProfile
from ebb.forecast.scenario.image_pull import Pull
from ebb.forecast.scenario.scenario import Rule, Scenario
from ebb.scaling.policies import StepPolicy
from ebb.scaling.tracking import TargetTracking
from settings.advice import LONG_PERIOD_MINUTES, min_receives
from settings.limits import LAUNCHES_A_MINUTE, MAX_VISIBILITY_SECONDS, NEW_ACCOUNT_VCPUS

#: Seconds for an image pull. Tasks that need longer start later than the measured starts of the model.
MAX_PULL_SECONDS = 60
#: A job that takes so many times the typical time keeps tasks running that have no work, unless a rule removes them.
STRAGGLER = 10
#: From so many tasks on.
STRAGGLER_TASKS = 3
#: A typical job that takes so many times the time for which the alarms are made, or that part of it.
MAX_RATIO = 2
#: Metrics that count waiting messages, and metrics that also count running jobs. The last name of each is a baseline's.
_WAITING = frozenset({"ApproximateNumberOfMessagesVisible", "BacklogPerTask"})
_RUNNING = frozenset({"ApproximateNumberOfMessagesNotVisible", "TotalMessages"})


@dataclass(frozen=True)
class Problem:
    """A problem: a short code that stays the same between versions, and a sentence with the fix."""

    code: str
    text: str


def check_scenario(scenario: Scenario, jobs: JobProfile, pull: Pull | None = None) -> tuple[Problem, ...]:
    """All known problems, most harmful first."""
    return (
        *_scale_in(scenario),
        *_straggler(scenario, jobs),
        *_waking(scenario),
        *_alarms(scenario),
        *_jobs(scenario, jobs),
        *_assumed_seconds(scenario, jobs),
        *_queue(scenario, jobs),
        *_size(scenario, pull),
    )


def removes(rule: Rule) -> bool:
    """Whether the rule removes tasks."""
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


def _scale_in(scenario: Scenario) -> Iterator[Problem]:
    for rule in filter(removes, scenario.rules):
        names = _names(rule)
        if names & _WAITING and not names & _RUNNING:
            yield Problem(
                "visible-only-scale-in",
                f"Alarm {rule.alarm.name} removes tasks when no message waits, but the message of a running job does "
                "not wait. Add ApproximateNumberOfMessagesNotVisible to the alarm.",
            )
        if any(metric.namespace == "AWS/ECS" and metric.statistic == "Average" for metric in rule.alarm.metrics):
            yield Problem(
                "cpu-as-idleness",
                f"Alarm {rule.alarm.name} takes low CPU for idleness. A job that waits for the network uses no CPU, "
                "and an idle poller uses some. Count messages waiting and in flight instead.",
            )


def _straggler(scenario: Scenario, jobs: JobProfile) -> Iterator[Problem]:
    removing = [rule.policy for rule in scenario.rules if removes(rule)]
    only_all = all(isinstance(each, StepPolicy) and each.adjustment_type == "ExactCapacity" for each in removing)
    long = jobs.longest >= STRAGGLER * jobs.typical
    if removing and only_all and long and scenario.maximum >= STRAGGLER_TASKS and not scenario.poller:
        yield Problem(
            "straggler",
            f"Jobs take up to {jobs.longest:.0f} s, {jobs.longest / jobs.typical:.0f} times the typical job, and no "
            f"rule removes tasks while one runs. Up to {scenario.maximum - 1} tasks are paid for without work. Set "
            "scaling.surplus.",
        )


def _waking(scenario: Scenario) -> Iterator[Problem]:
    if scenario.minimum:
        return
    if scenario.poller is None and not scenario.wake.watches:
        wakes = [rule for rule in scenario.rules if adds(rule) and _names(rule) & _WAITING]
        if not any(_adds_for_one(rule) for rule in wakes):
            yield Problem(
                "one-message-never-wakes",
                "The minimum is 0 and no alarm adds a task for a single message, so it waits until more arrive. Set "
                "the scale-out alarm's threshold to 1, and let its first step add a task.",
            )
    for rule in filter(adds, scenario.rules):
        if isinstance(rule.policy, StepPolicy) and rule.policy.adjustment_type == "PercentChangeInCapacity":
            yield Problem(
                "percent-from-zero",
                f"Policy {rule.policy.name} adds a percentage, and a percentage of 0 tasks is 0. Use ChangeInCapacity.",
            )
    touched = scenario.wake.keep_alive or scenario.wake.watches or scenario.poller is not None
    if touched or scenario.custom_metrics:
        return
    if any(metric.namespace == "AWS/SQS" for rule in scenario.rules for metric in rule.alarm.metrics):
        yield Problem(
            "dormant-queue",
            "SQS stops sending metrics of a queue after 6 hours without any action, and the next ones are up to 15 "
            "minutes late. Call the queue once an hour (scaling.keep_alive).",
        )


def _adds_for_one(rule: Rule) -> bool:
    """Whether one waiting message puts the alarm into ALARM and its policy then adds a task."""
    if isinstance(rule.policy, TargetTracking):
        return rule.alarm.breaches(1)
    step = rule.policy.step(1 - rule.alarm.threshold)
    return rule.alarm.breaches(1) and step is not None and step.adjustment > 0


def _alarms(scenario: Scenario) -> Iterator[Problem]:
    for rule in scenario.rules:
        alarm = rule.alarm
        if alarm.missing == "breaching":
            yield Problem(
                "breaching-on-missing",
                f"Alarm {alarm.name} treats missing data as breaching, so a gap in the data changes the number of "
                "tasks. Use notBreaching.",
            )
        if alarm.period >= LONG_PERIOD_MINUTES * MINUTE:
            yield Problem(
                "long-period",
                f"Alarm {alarm.name} has a period of {alarm.period} s, so it acts minutes late and stays in ALARM for "
                "minutes too long. SQS sends a data point each minute: use 60 s.",
            )
    fast = any(rule.alarm.period < MINUTE for rule in scenario.rules)
    for rule in scenario.rules if fast else ():
        if any(metric.statistic == "SampleCount" for metric in rule.alarm.metrics):
            yield Problem(
                "fast-sample-count",
                f"Alarm {rule.alarm.name} takes a minute's number of samples for the number of tasks. With metrics of "
                "20 s, each task sends three samples. Use metrics of 60 s.",
            )


def _jobs(scenario: Scenario, jobs: JobProfile) -> Iterator[Problem]:
    worker = scenario.worker
    longest = f"{jobs.longest:.0f} s"
    if jobs.longest > MAX_VISIBILITY_SECONDS:
        yield Problem(
            "longer-than-sqs",
            f"SQS hides a message for at most {MAX_VISIBILITY_SECONDS} s, and jobs take up to {longest}. Split them "
            "into shorter jobs.",
        )
    if worker.job_timeout is not None and worker.job_timeout < jobs.longest:
        yield Problem(
            "protection-shorter-than-job",
            f"The worker stops a job after {worker.job_timeout:g} s, and jobs take up to {longest}. Raise "
            "worker.job_timeout.",
        )
    if not worker.protection and not worker.one_job and jobs.longest > worker.drain:
        yield Problem(
            "no-protection",
            f"A task has {worker.drain:g} s to end when it is stopped, jobs take up to {longest}, and scale-in does "
            "not spare them. Ask for ECS task protection while a job runs.",
        )
    if not worker.heartbeat and scenario.queue.visibility_timeout < jobs.longest:
        yield Problem(
            "visibility-below-job",
            f"A message is hidden for {scenario.queue.visibility_timeout:g} s and jobs take up to {longest}, so a job "
            "starts a second time while it runs. Extend the visibility timeout while a job runs, or raise it.",
        )


def _assumed_seconds(scenario: Scenario, jobs: JobProfile) -> Iterator[Problem]:
    assumed, typical = scenario.seconds_per_job, jobs.typical
    if assumed is not None and jobs.groups and not assumed / MAX_RATIO <= typical <= assumed * MAX_RATIO:
        yield Problem(
            "seconds-per-job",
            f"The alarms are made for jobs of {assumed:g} s (scaling.seconds_per_job), and the typical job takes "
            f"{_rounded(typical)} s, so that they start too {'few' if typical > assumed else 'many'} tasks. Set it to "
            f"{_rounded(typical)}.",
        )


def _rounded(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def _queue(scenario: Scenario, jobs: JobProfile) -> Iterator[Problem]:
    queue = scenario.queue
    needed = min_receives(scenario.task.spot_weight)
    if queue.max_receive_count < needed:
        interrupted = "a deployment or a Spot reclaim" if scenario.task.spot_weight else "a deployment"
        yield Problem(
            "few-receives",
            f"SQS moves a message to the dead-letter queue after {queue.max_receive_count} receives, and {interrupted} "
            f"uses one. Allow at least {needed}, or 5 to survive a short failure with backoff.",
        )
    if queue.fifo and jobs.groups is not None and jobs.groups < scenario.maximum * scenario.worker.concurrency:
        groups = "1 message group" if jobs.groups == 1 else f"{jobs.groups} message groups"
        run = "1 job runs" if jobs.groups == 1 else f"{jobs.groups} jobs run"
        yield Problem(
            "few-groups",
            f"The queue is FIFO and the load has {groups}, so {run} at the same time with any number of tasks "
            f"(maximum {scenario.maximum}). Send jobs that may run at the same time with different groups.",
        )


def _size(scenario: Scenario, pull: Pull | None) -> Iterator[Problem]:
    vcpus = scenario.maximum * scenario.task.cpu / 1024
    if vcpus > NEW_ACCOUNT_VCPUS:
        yield Problem(
            "above-default-quota",
            f"{scenario.maximum} tasks of {scenario.task.cpu / 1024:g} vCPU need {vcpus:g} vCPUs, but a new account "
            f"has {NEW_ACCOUNT_VCPUS} on Fargate. Request a higher quota (Service Quotas, L-3032A538), or lower "
            "scaling.max_tasks.",
        )
    if scenario.maximum > LAUNCHES_A_MINUTE:
        minutes = scenario.maximum / LAUNCHES_A_MINUTE
        yield Problem(
            "above-launch-rate",
            f"A service starts at most {LAUNCHES_A_MINUTE} tasks a minute on Fargate (125 in newer regions), so that "
            f"{scenario.maximum} tasks need {minutes:.1f} minutes. Divide the load between several stacks.",
        )
    if pull is not None:
        tasks = min(scenario.maximum, max(1, _largest_step(scenario))) if pull.shared else 1
        seconds = tasks * pull.seconds
        fix = "Use a smaller image."
        if pull.shared:
            fix = "Add the free S3 gateway endpoint (image layers come from S3), a larger NAT, or use a smaller image."
        if seconds > MAX_PULL_SECONDS:
            starting = f"{tasks} tasks that start together pull" if tasks > 1 else "A task that starts pulls"
            yield Problem(
                "slow-pull",
                f"{starting} {tasks * pull.megabytes:.0f} MB through {pull.megabits:g} Mbit/s, which takes "
                f"{seconds:.0f} s. {fix}",
            )


def _largest_step(scenario: Scenario) -> int:
    """The largest number of tasks that one alarm starts."""
    policies = [rule.policy for rule in scenario.rules if adds(rule)]
    if not policies or any(isinstance(policy, TargetTracking) for policy in policies):
        return scenario.maximum
    steps = [step for policy in policies if isinstance(policy, StepPolicy) for step in policy.steps]
    return max(step.adjustment for step in steps)

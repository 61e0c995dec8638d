"""Baselines whose CloudWatch alarms scale an ECS service: CDK, Copilot and others."""

from dataclasses import dataclass, replace

from ebb.forecast.baselines.common import NO_WAKE, PLAIN, queue_for
from ebb.forecast.load.workloads import JobProfile
from ebb.forecast.scenario.scenario import (
    QUEUE,
    Rule,
    Scenario,
    cpu,
    messages,
    tracked,
)
from ebb.scaling.alarms import Alarm, Comparison, Metric, Query
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from ebb.scaling.tracking import TargetTracking

VISIBLE = "ApproximateNumberOfMessagesVisible"
NOT_VISIBLE = "ApproximateNumberOfMessagesNotVisible"


@dataclass(frozen=True, kw_only=True)
class _StepRule:
    """A step policy on the sum of some metrics. Defaults are CDK's; missing data are treated as by AWS's default."""

    name: str
    comparison: Comparison
    threshold: float
    steps: tuple[Step, ...]
    metrics: tuple[Metric, ...] = (messages(VISIBLE),)
    period: int = 300
    evaluation_periods: int = 1
    cooldown: float = 300
    adjustment_type: AdjustmentType = "ChangeInCapacity"

    def rule(self) -> Rule:
        queries = tuple(Query(id=f"m{number}", source=metric) for number, metric in enumerate(self.metrics, 1))
        watched = "m1"
        if len(queries) > 1:
            watched = "e"
            queries = (*queries, Query(id=watched, source="+".join(query.id for query in queries)))
        return Rule(
            alarm=Alarm(
                name=self.name,
                period=self.period,
                evaluation_periods=self.evaluation_periods,
                datapoints_to_alarm=self.evaluation_periods,
                threshold=self.threshold,
                comparison=self.comparison,
                missing="missing",
                queries=queries,
                watched=watched,
            ),
            policy=StepPolicy(
                name=self.name, adjustment_type=self.adjustment_type, steps=self.steps, cooldown=self.cooldown
            ),
        )


def _add_from_one(tasks: int = 1, name: str = "out") -> _StepRule:
    """Adds this number of tasks while at least one message waits."""
    return _StepRule(name=name, comparison="GreaterThanOrEqualToThreshold", threshold=1, steps=(Step(0, None, tasks),))


#: Removes one task while no message waits.
REMOVE_AT_ZERO = _StepRule(name="in", comparison="LessThanOrEqualToThreshold", threshold=0, steps=(Step(None, 0, -1),))


def _published(namespace: str, name: str) -> Metric:
    """A metric that a baseline's Lambda function publishes each minute."""
    return Metric(namespace=namespace, name=name, dimensions=QUEUE, statistic="Average")


def _cdk(stack: Scenario, jobs: JobProfile, minimum: int, rules: tuple[Rule, ...] | None = None) -> Scenario:
    busy = TargetTracking(
        name="cpu", target=50, queries=(Query(id="m", source=cpu()),), watched="m", out_cooldown=300, in_cooldown=300
    )
    out = _StepRule(
        name="out",
        comparison="GreaterThanOrEqualToThreshold",
        threshold=100,
        steps=(Step(0, 400, 1), Step(400, None, 5)),
    )
    return replace(
        stack,
        minimum=minimum,
        maximum=max(stack.maximum, minimum),
        rules=rules or (out.rule(), REMOVE_AT_ZERO.rule(), *tracked(busy)),
        poller=None,
        queue=replace(queue_for(stack, jobs), max_receive_count=3),
        worker=PLAIN,
        wake=NO_WAKE,
    )


def cdk_default(stack: Scenario, jobs: JobProfile) -> Scenario:
    """CDK's QueueProcessingFargateService with its defaults.

    Minimum 1; +1 from 100 waiting messages on, +5 from 500; -1 at 0. Alarms of 300 s, Maximum, one period, cooldown
    300, and CPU tracked at 50 %; 3 receives. Source: aws-cdk, queue-processing-service-base.ts, and the deployed
    template of its integration test (integ.queue-processing-fargate-service: Period 300, thresholds 0 and 100).
    """
    return _cdk(stack, jobs, 1)


def cdk_zero(stack: Scenario, jobs: JobProfile) -> Scenario:
    """The same with minScalingCapacity 0 (aws-cdk#14336, PR #16961)."""
    return _cdk(stack, jobs, 0)


def recipe_cpu(stack: Scenario, jobs: JobProfile) -> Scenario:
    """Public CDK recipe A: +1 from one waiting message on; to zero while CPU is at most 0.01 % for 3 minutes.

    Source: "Queue processing Fargate service using AWS CDK", dev.to/seanyboi.
    """
    idle = _StepRule(
        name="cpu",
        comparison="LessThanOrEqualToThreshold",
        threshold=0.01,
        steps=(Step(None, 0, 0),),
        metrics=(cpu(),),
        period=180,
        adjustment_type="ExactCapacity",
    )
    return _cdk(stack, jobs, 0, (_add_from_one().rule(), idle.rule()))


def recipe_steps(stack: Scenario, jobs: JobProfile) -> Scenario:
    """Public CDK recipe B: +1 from one waiting message on, -1 at none, cooldown 300.

    Source: "Deploy low-cost ECS tasks based on SQS queue size with AWS CDK", nbtl.blog.
    """
    return _cdk(stack, jobs, 0, (_add_from_one().rule(), REMOVE_AT_ZERO.rule()))


def copilot(stack: Scenario, jobs: JobProfile) -> Scenario:
    """AWS Copilot's worker service: backlog per task, tracked at acceptable latency / processing time.

    Cooldowns are 60 and 120 s. A Lambda function publishes messages / max(running, 1) each minute. The acceptable
    latency is the example of its manual, 10 minutes. Its alarm is `>`, so one message does not start a task if the
    target is 1 or more (copilot-cli#3376). Source: copilot-cli, autoscaling.yml, backlog-per-task-calculator.js and the
    worker service's manifest.
    """
    backlog = TargetTracking(
        name="backlog",
        target=max(1.0, 600 / jobs.typical),
        queries=(Query(id="m", source=_published("Copilot", "BacklogPerTask")),),
        watched="m",
        out_cooldown=60,
        in_cooldown=120,
    )
    return replace(
        stack,
        rules=tracked(backlog),
        poller=None,
        queue=queue_for(stack, jobs),
        worker=PLAIN,
        wake=NO_WAKE,
        custom_metrics=1,
    )


def watchbot(stack: Scenario, _jobs: JobProfile) -> Scenario:
    """Mapbox's ecs-watchbot 10: adds a tenth of the maximum while messages wait; removes all after 10 idle minutes.

    Periods are 5 and 10 minutes. Its Lambda function publishes waiting and in-flight messages each minute, which also
    keeps the queue's metrics active. Its worker extends the visibility timeout (180 s); a message has 10 receives.
    Source: ecs-watchbot@fc908ce, lib/MapboxQueueProcessingFargateService.ts and lib/watchbot.ts.
    """
    idle = _StepRule(
        name="in",
        comparison="LessThanOrEqualToThreshold",
        threshold=0,
        steps=(Step(None, 0, -100),),
        metrics=(_published("Mapbox/ecs-watchbot", "TotalMessages"),),
        period=600,
        adjustment_type="PercentChangeInCapacity",
    )
    tenth = round(max(min(stack.maximum / 10, 100), 1))
    return replace(
        stack,
        minimum=0,
        rules=(_add_from_one(tenth).rule(), idle.rule()),
        poller=None,
        queue=replace(stack.queue, visibility_timeout=180, max_receive_count=10),
        worker=replace(PLAIN, heartbeat=True),
        wake=NO_WAKE,
        custom_metrics=1,
    )


def wellcome(stack: Scenario, jobs: JobProfile) -> Scenario:
    """Wellcome Collection's storage service: +1 a minute while messages wait, -1 after 15 minutes without any.

    It counts in-flight messages and, since storage-service#1195, protects a task while it works. Cooldown 60. Source:
    terraform-aws-sqs/autoscaling/main.tf, terraform-aws-ecs-service/autoscaling/main.tf; the 15 minutes: "scale-down
    window", alexwlchan.net/2022/02.
    """
    high = replace(_add_from_one(name="high"), period=60, cooldown=60)
    low = _StepRule(
        name="low",
        comparison="LessThanThreshold",
        threshold=1,
        steps=(Step(None, 0, -1),),
        metrics=(messages(VISIBLE), messages(NOT_VISIBLE)),
        period=60,
        evaluation_periods=15,
        cooldown=60,
    )
    return replace(
        stack,
        minimum=0,
        rules=(high.rule(), low.rule()),
        poller=None,
        queue=queue_for(stack, jobs, at_least=stack.queue.visibility_timeout),
        worker=replace(PLAIN, protection=True),
        wake=NO_WAKE,
    )

"""The known ways to scale Fargate tasks by a queue, as setups: what `--against` runs the same load on.

A recipe brings its scaling rules, its minimum and its own worker. What it leaves to its user is the stack's: the most
tasks, the task's size, the network, the queue. So the load meets the same machines, scaled by other rules. A visibility
time-out that a recipe's user must set himself is set well: above the longest job, unless a heartbeat extends it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ebb.forecast.checks import Jobs
from ebb.forecast.scenario import QUEUE, Poller, Rule, Setup, Wake, Worker, cpu, messages
from ebb.scaling.alarms import Alarm, Comparison, Metric, Query
from ebb.scaling.policies import AdjustmentType, Step, StepPolicy
from ebb.scaling.tracking import TargetTracking

#: SQS's longest visibility time-out, seconds.
LONGEST_VISIBILITY = 43_200
VISIBLE, NOT_VISIBLE = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
#: A loop of receive, handle and delete, as the guides to these recipes have it: ECS's default of 30 s to stop, which it
#: works on through, and no heartbeat, no protection, nothing given back.
PLAIN = Worker(stop_timeout=30, protection=False, heartbeat=False, gives_back=False)
#: No recipe keeps the queue's metrics awake, unless its own function reads the queue.
ASLEEP = Wake(keep_alive=False)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A known recipe: a short name, what it is, where it stands, and what it makes of a stack and its jobs."""

    name: str
    title: str
    source: str
    make: Callable[[Setup, Jobs], Setup]

    def setup(self, stack: Setup, jobs: Jobs) -> Setup:
        """The recipe on this stack's machines, for these jobs."""
        return replace(self.make(stack, jobs), name=self.name)


def _visibility(least: float, jobs: Jobs) -> float:
    return min(LONGEST_VISIBILITY, max(least, 1.5 * jobs.longest))


def _waiting(
    name: str,
    comparison: Comparison,
    threshold: float,
    steps: tuple[Step, ...],
    *,
    period: int = 300,
    cooldown: float = 300,
    adjustment_type: AdjustmentType = "ChangeInCapacity",
    metrics: tuple[Metric, ...] = (messages(VISIBLE),),
    periods: int = 1,
) -> Rule:
    """A step policy on the sum of these metrics; AWS's default treatment of missing data."""
    queries = tuple(Query(id=f"m{number}", source=metric) for number, metric in enumerate(metrics, 1))
    watched = "m1"
    if len(queries) > 1:
        watched = "e"
        queries = (*queries, Query(id=watched, source="+".join(query.id for query in queries)))
    return Rule(
        alarm=Alarm(
            name=name,
            period=period,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            threshold=threshold,
            comparison=comparison,
            missing="missing",
            queries=queries,
            watched=watched,
        ),
        policy=StepPolicy(name=name, adjustment_type=adjustment_type, steps=steps, cooldown=cooldown),
    )


def _published(namespace: str, name: str) -> Metric:
    """What a recipe's own Lambda function publishes each minute."""
    return Metric(namespace=namespace, name=name, dimensions=QUEUE, statistic="Average")


def _tracking(policy: TargetTracking) -> tuple[Rule, ...]:
    return tuple(Rule(alarm=alarm, policy=policy) for alarm in policy.alarms)


def _cdk_rules() -> tuple[Rule, ...]:
    busy = TargetTracking(
        name="cpu", target=50, queries=(Query(id="m", source=cpu()),), watched="m", out_cooldown=300, in_cooldown=300
    )
    return (
        _waiting("out", "GreaterThanOrEqualToThreshold", 100, (Step(0, 400, 1), Step(400, None, 5))),
        _waiting("in", "LessThanOrEqualToThreshold", 0, (Step(None, 0, -1),)),
        *_tracking(busy),
    )


def _cdk(stack: Setup, jobs: Jobs, minimum: int) -> Setup:
    queue = replace(stack.queue, visibility_timeout=_visibility(30, jobs), max_receive_count=3)
    return replace(
        stack,
        minimum=minimum,
        maximum=max(stack.maximum, minimum),
        rules=_cdk_rules(),
        poller=None,
        queue=queue,
        worker=PLAIN,
        wake=ASLEEP,
    )


def cdk_default(stack: Setup, jobs: Jobs) -> Setup:
    """CDK's QueueProcessingFargateService as it is: minimum 1, +1 from 100 waiting messages on, +5 from 500, -1 at 0.

    Alarms of 300 s, Maximum, one period, cooldown 300, and CPU tracked at 50 %; 3 receives. Source: aws-cdk,
    queue-processing-service-base.ts, and the deployed template of its integration test
    (integ.queue-processing-fargate-service: Period 300, thresholds 0 and 100).
    """
    return _cdk(stack, jobs, 1)


def cdk_zero(stack: Setup, jobs: Jobs) -> Setup:
    """The same with minScalingCapacity 0 (aws-cdk#14336, PR #16961)."""
    return _cdk(stack, jobs, 0)


def recipe_cpu(stack: Setup, jobs: Jobs) -> Setup:
    """Public CDK recipe A: +1 from one waiting message on, and to zero while CPU is at most 0.01 % for 3 minutes.

    Source: "Queue processing Fargate service using AWS CDK", dev.to/seanyboi, and Pulumi.shared.yaml's recipe A.
    """
    idle = Rule(
        alarm=Alarm(
            name="cpu",
            period=180,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=0.01,
            comparison="LessThanOrEqualToThreshold",
            missing="missing",
            queries=(Query(id="m", source=cpu()),),
            watched="m",
        ),
        policy=StepPolicy(name="cpu", adjustment_type="ExactCapacity", steps=(Step(None, 0, 0),)),
    )
    out = _waiting("out", "GreaterThanOrEqualToThreshold", 1, (Step(0, None, 1),))
    return replace(_cdk(stack, jobs, 0), rules=(out, idle))


def recipe_steps(stack: Setup, jobs: Jobs) -> Setup:
    """Public CDK recipe B: +1 from one waiting message on, -1 at none, cooldown 300.

    Source: "Deploy low-cost ECS tasks based on SQS queue size with AWS CDK", nbtl.blog, and Pulumi.shared.yaml's
    recipe B.
    """
    rules = (
        _waiting("out", "GreaterThanOrEqualToThreshold", 1, (Step(0, None, 1),)),
        _waiting("in", "LessThanOrEqualToThreshold", 0, (Step(None, 0, -1),)),
    )
    return replace(_cdk(stack, jobs, 0), rules=rules)


def copilot(stack: Setup, jobs: Jobs) -> Setup:
    """AWS Copilot's worker service: backlog per task tracked at acceptable latency / processing time; cooldowns 60/120.

    A Lambda function publishes messages / max(running, 1) each minute. The acceptable latency is its manual's example,
    10 minutes. Its alarm is `>`, so one message wakes nothing when the target is 1 or more (copilot-cli#3376). Source:
    copilot-cli, autoscaling.yml, backlog-per-task-calculator.js and the worker service's manifest.
    """
    target = max(1.0, 600 / jobs.typical)
    backlog = TargetTracking(
        name="backlog",
        target=target,
        queries=(Query(id="m", source=_published("Copilot", "BacklogPerTask")),),
        watched="m",
        out_cooldown=60,
        in_cooldown=120,
    )
    queue = replace(stack.queue, visibility_timeout=_visibility(30, jobs))
    return replace(
        stack, rules=_tracking(backlog), poller=None, queue=queue, worker=PLAIN, wake=ASLEEP, custom_metrics=1
    )


def watchbot(stack: Setup, _jobs: Jobs) -> Setup:
    """Mapbox's ecs-watchbot 10: a tenth of the most tasks per 5 minutes while messages wait, -100 % after 10 idle ones.

    Its Lambda function publishes waiting and in-flight messages each minute, which keeps the queue awake. Its worker
    extends visibility (180 s); a message may be received 10 times. Source: ecs-watchbot@fc908ce,
    lib/MapboxQueueProcessingFargateService.ts and lib/watchbot.ts.
    """
    step = round(max(min(stack.maximum / 10, 100), 1))
    rules = (
        _waiting("out", "GreaterThanOrEqualToThreshold", 1, (Step(0, None, step),)),
        _waiting(
            "in",
            "LessThanOrEqualToThreshold",
            0,
            (Step(None, 0, -100),),
            period=600,
            adjustment_type="PercentChangeInCapacity",
            metrics=(_published("Mapbox/ecs-watchbot", "TotalMessages"),),
        ),
    )
    return replace(
        stack,
        minimum=0,
        rules=rules,
        poller=None,
        queue=replace(stack.queue, visibility_timeout=180, max_receive_count=10),
        worker=replace(PLAIN, heartbeat=True),
        wake=ASLEEP,
        custom_metrics=1,
    )


def wellcome(stack: Setup, jobs: Jobs) -> Setup:
    """Wellcome Collection's storage service: +1 a minute while messages wait, -1 after 15 minutes without any.

    Counts in-flight messages and, since storage-service#1195, protects a task at work. Cooldown 60. Source:
    terraform-aws-sqs/autoscaling/main.tf, terraform-aws-ecs-service/autoscaling/main.tf; the 15 minutes: "scale-down
    window", alexwlchan.net/2022/02.
    """
    rules = (
        _waiting("high", "GreaterThanOrEqualToThreshold", 1, (Step(0, None, 1),), period=60, cooldown=60),
        _waiting(
            "low",
            "LessThanThreshold",
            1,
            (Step(None, 0, -1),),
            period=60,
            cooldown=60,
            metrics=(messages(VISIBLE), messages(NOT_VISIBLE)),
            periods=15,
        ),
    )
    queue = replace(stack.queue, visibility_timeout=_visibility(stack.queue.visibility_timeout, jobs))
    return replace(
        stack,
        minimum=0,
        rules=rules,
        poller=None,
        queue=queue,
        worker=replace(PLAIN, protection=True),
        wake=ASLEEP,
    )


def keda(stack: Setup, jobs: Jobs) -> Setup:
    """KEDA's aws-sqs-queue scaler: each 30 s ceil((visible + in flight) / 5) tasks, to 0 after 300 s without messages.

    It reads the queue itself, without CloudWatch. Here it scales Fargate tasks at Fargate's prices; the Kubernetes
    cluster that it needs is not on the bill. Source: keda/pkg/scalers/aws_sqs_queue_scaler.go, withtriggers_types.go.
    """
    queue = replace(stack.queue, visibility_timeout=_visibility(stack.queue.visibility_timeout, jobs))
    return replace(stack, minimum=0, rules=(), poller=Poller(), queue=queue, worker=PLAIN, wake=ASLEEP)


RECIPES = (
    Recipe(
        name="cdk",
        title="CDK QueueProcessingFargateService, default",
        source="aws-cdk: queue-processing-service-base.ts",
        make=cdk_default,
    ),
    Recipe(
        name="cdk-min-0",
        title="CDK QueueProcessingFargateService, minimum 0",
        source="aws-cdk#14336",
        make=cdk_zero,
    ),
    Recipe(
        name="recipe-cpu",
        title="Public CDK recipe A: to zero on idle CPU",
        source="dev.to/seanyboi",
        make=recipe_cpu,
    ),
    Recipe(
        name="recipe-steps",
        title="Public CDK recipe B: steps -1/+1, cooldown 300",
        source="nbtl.blog",
        make=recipe_steps,
    ),
    Recipe(
        name="copilot",
        title="AWS Copilot worker service",
        source="copilot-cli: autoscaling.yml",
        make=copilot,
    ),
    Recipe(
        name="watchbot",
        title="Mapbox ecs-watchbot 10",
        source="ecs-watchbot@fc908ce",
        make=watchbot,
    ),
    Recipe(
        name="wellcome",
        title="Wellcome Collection storage service",
        source="terraform-aws-sqs, terraform-aws-ecs-service",
        make=wellcome,
    ),
    Recipe(
        name="keda",
        title="KEDA aws-sqs-queue scaler",
        source="keda: aws_sqs_queue_scaler.go",
        make=keda,
    ),
)

"""Known ways to scale Fargate tasks by a queue, as scenarios: `--against` runs the same load on them.

A baseline has its own scaling rules, minimum and worker. The maximum, the task's size, the network and the queue are
the stack's, so the load meets the same machines. Where users must set the visibility timeout themselves, it is set
well: above the longest job, unless the worker extends it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ebb.forecast.baselines.alarms import cdk_default, cdk_zero, copilot, recipe_cpu, recipe_steps, watchbot, wellcome
from ebb.forecast.baselines.pollers import container_apps, crema, keda
from ebb.forecast.load.workloads import JobProfile
from ebb.forecast.scenario.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A known design: its short name, title and source, and the function that applies it to a stack and its jobs."""

    name: str
    title: str
    source: str
    make: Callable[[Scenario, JobProfile], Scenario]

    def scenario(self, stack: Scenario, jobs: JobProfile) -> Scenario:
        """The baseline on this stack's machines, for these jobs."""
        return replace(self.make(stack, jobs), name=self.name, seconds_per_job=None)


#: In the order of the report.
BASELINES = (
    Baseline(
        name="cdk",
        title="CDK QueueProcessingFargateService, default",
        source="aws-cdk: queue-processing-service-base.ts",
        make=cdk_default,
    ),
    Baseline(
        name="cdk-min-0", title="CDK QueueProcessingFargateService, minimum 0", source="aws-cdk#14336", make=cdk_zero
    ),
    Baseline(
        name="recipe-cpu", title="Public CDK recipe A: to zero on idle CPU", source="dev.to/seanyboi", make=recipe_cpu
    ),
    Baseline(
        name="recipe-steps",
        title="Public CDK recipe B: steps -1/+1, cooldown 300",
        source="nbtl.blog",
        make=recipe_steps,
    ),
    Baseline(
        name="copilot",
        title="AWS Copilot worker service (support ended on 2026-06-12)",
        source="copilot-cli: autoscaling.yml and README",
        make=copilot,
    ),
    Baseline(name="watchbot", title="Mapbox ecs-watchbot 10", source="ecs-watchbot@fc908ce", make=watchbot),
    Baseline(
        name="wellcome",
        title="Wellcome Collection storage service",
        source="terraform-aws-sqs, terraform-aws-ecs-service",
        make=wellcome,
    ),
    Baseline(name="keda", title="KEDA aws-sqs-queue scaler", source="keda: aws_sqs_queue_scaler.go", make=keda),
    Baseline(
        name="crema",
        title="Cloud Run External Metrics Autoscaling",
        source="cloud-run-external-metrics-autoscaling",
        make=crema,
    ),
    Baseline(name="aca-jobs", title="Azure Container Apps jobs", source="Microsoft.App/jobs", make=container_apps),
)

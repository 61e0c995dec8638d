"""Baselines that poll the queue from outside AWS: KEDA, and the scalers of other clouds that are made of it."""

from dataclasses import replace

from ebb.forecast.baselines.common import NO_WAKE, PLAIN, queue_for
from ebb.forecast.load.workloads import JobProfile
from ebb.forecast.scenario.scenario import Poller, Scenario, WorkerSetup


def keda(stack: Scenario, jobs: JobProfile) -> Scenario:
    """KEDA's aws-sqs-queue scaler: each 30 s ceil((visible + in flight) / 5) tasks; 0 after 300 s without messages.

    It reads the queue itself, without CloudWatch. KEDA starts the first task. Then its HorizontalPodAutoscaler adds 4
    or doubles them in each minute. Here it scales Fargate tasks at Fargate's prices. Source: kedacore/keda,
    aws_sqs_queue_scaler.go and withtriggers_types.go; Kubernetes API, HorizontalPodAutoscalerBehavior.
    """
    return _polled(stack, jobs, Poller(), "the Kubernetes cluster ($73.00 a month on EKS)")


def crema(stack: Scenario, jobs: JobProfile) -> Scenario:
    """Cloud Run's External Metrics Autoscaling (CREMA): KEDA's scaler and Kubernetes' growth limit without Kubernetes.

    It polls each 30 s, as in its example, and has no cooldown before 0. Here it scales Fargate tasks at Fargate's
    prices, by this queue. Source: GoogleCloudPlatform/cloud-run-external-metrics-autoscaling, metric-provider/api.
    """
    return _polled(stack, jobs, Poller(cooldown=0, first=None), "CREMA's own instance on Cloud Run, which always runs")


def container_apps(stack: Scenario, jobs: JobProfile) -> Scenario:
    """Azure Container Apps' event-driven jobs: each 30 s an execution for each message, which ends after its job.

    Nothing removes a running execution, and none waits for the next message. Here it starts Fargate tasks at Fargate's
    prices, by this queue. Source: Microsoft.App/jobs, eventTriggerConfig (pollingInterval 30); "Jobs in Azure Container
    Apps".
    """
    poller = Poller(messages_per_task=1, cooldown=0, window=0, growth=None, first=None, removes=False)
    return _polled(stack, jobs, poller, worker=replace(PLAIN, one_job=True))


def _polled(
    stack: Scenario, jobs: JobProfile, poller: Poller, unpriced: str = "", worker: WorkerSetup = PLAIN
) -> Scenario:
    queue = queue_for(stack, jobs, at_least=stack.queue.visibility_timeout)
    made = replace(stack, minimum=0, rules=(), poller=poller, queue=queue, worker=worker, wake=NO_WAKE)
    return replace(made, unpriced=(*filter(None, [unpriced]), *stack.unpriced))

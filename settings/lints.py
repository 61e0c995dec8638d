"""What a stack's scaling is warned of, beside the rules that it must keep: one sentence each, with the mend."""

from collections.abc import Iterator

from settings.sections import PROJECT, Settings

#: vCPU of Fargate tasks that an account may run in a region until it asks for more ("Fargate On-Demand vCPU resource
#: count", quota L-3032A538: 6; docs.aws.amazon.com/general/latest/gr/ecs-service.html). Spot has as many of its own.
FARGATE_VCPUS = 6
#: Minutes from which on a period of an alarm is called long.
LONG_PERIOD = 5


def least_receives(spot_weight: int) -> int:
    """Receives that a message needs at the least: one that fails, one cut short by a deployment, one to succeed.

    Spot takes tasks away at two minutes' notice, so there is one more to lose.
    """
    return 4 if spot_weight else 3


def scaling_warnings(settings: Settings) -> Iterator[str]:
    """Findings on scaling, queue and task together."""
    scaling, queue, worker = settings.scaling, settings.queue, settings.worker
    if scaling.scales_in_by == "cpu" and scaling.cpu_minutes >= LONG_PERIOD:
        yield (
            f"{PROJECT}:scaling.cpu_minutes: an alarm of {scaling.cpu_minutes} minutes acts late, and on tasks that "
            "are at work again; use 3 at the most."
        )
    if queue.fifo and scaling.message_groups is None and scaling.max_tasks > 1:
        yield (
            f"{PROJECT}:queue.fifo: jobs of one message group run one at a time, whatever the number of tasks; have "
            "callers send a group of its own for what may run at once, and say in scaling.message_groups how many."
        )
    if worker.job_timeout is not None and worker.job_timeout < scaling.seconds_per_job:
        yield (
            f"{PROJECT}:worker.job_timeout: jobs of scaling.seconds_per_job, {scaling.seconds_per_job:g} seconds, are "
            f"stopped after {worker.job_timeout}; raise it above the longest job."
        )
    needed = least_receives(worker.spot_weight)
    if queue.max_receive_count < needed:
        interrupted = "a deployment or a Spot reclaim" if worker.spot_weight else "a deployment"
        yield (
            f"{PROJECT}:queue.max_receive_count: each receive counts, also one that {interrupted} cuts short, so sound "
            f"jobs would end in the dead-letter queue; allow {needed} at least, 5 to outlast a failure with backoff."
        )
    vcpus = scaling.max_tasks * worker.cpu / 1024
    if vcpus > FARGATE_VCPUS:
        yield (
            f"{PROJECT}:scaling.max_tasks: {scaling.max_tasks} tasks of {worker.cpu / 1024:g} vCPU are {vcpus:g}; "
            f"a new account may run {FARGATE_VCPUS} on Fargate; have the quota raised (Service Quotas, L-3032A538)."
        )

"""What the baselines share: the worker of their guides, and the stack's queue with a timeout that fits the jobs."""

from dataclasses import replace

from ebb.forecast.load.workloads import JobProfile
from ebb.forecast.scenario.scenario import QueueSetup, Scenario, WakeSetup, WorkerSetup
from settings.limits import MAX_VISIBILITY_SECONDS

#: SQS's default visibility timeout, seconds (SQS API, CreateQueue).
DEFAULT_VISIBILITY_SECONDS = 30
#: The loop of receive, handle and delete that guides to these baselines show. After SIGTERM it works on until ECS's
#: default of 30 s is over. It extends nothing, protects nothing and returns nothing to the queue.
PLAIN = WorkerSetup(stop_timeout=30, protection=False, heartbeat=False, gives_back=False)
#: No baseline calls the queue in order to keep its metrics active.
NO_WAKE = WakeSetup(keep_alive=False)


def queue_for(stack: Scenario, jobs: JobProfile, at_least: float = DEFAULT_VISIBILITY_SECONDS) -> QueueSetup:
    """The stack's queue with a visibility timeout above the longest job."""
    visibility = min(MAX_VISIBILITY_SECONDS, max(at_least, 1.5 * jobs.longest))
    return replace(stack.queue, visibility_timeout=visibility)

"""Warnings: settings that are allowed but have a known problem. One sentence each, with the fix."""

from collections.abc import Iterator

from settings.credentials import may_hold_credential
from settings.limits import MAX_LEASE_SECONDS, MAX_MESSAGE_BYTES, NEW_ACCOUNT_VCPUS
from settings.sections import PROJECT, Scaling, Settings, Worker

#: Where the official Python image has the program that starts the worker and its health check.
PYTHON_FOLDER = "/usr/local/bin"
#: A period of this many minutes is too long for an alarm that removes tasks.
LONG_PERIOD_MINUTES = 5
MIB = 2**20  # bytes
#: Memory of the worker's parent process, and of each child with an empty handler (measured on Python 3.11).
PARENT_MIB, CHILD_MIB = 45, 9


def warnings(settings: Settings) -> list[str]:
    """Every known problem of these settings."""
    return [
        *_scale_in_warnings(settings.scaling),
        *_wake_warnings(settings.scaling),
        *_scaling_warnings(settings),
        *_jobs_warnings(settings),
        *_worker_warnings(settings),
        *_lease_warnings(settings),
        *_image_warnings(settings.worker),
    ]


def min_receives(spot_weight: int) -> int:
    """Receives that a message needs: one that fails, one that a deployment interrupts, one that succeeds.

    Spot stops tasks with two minutes' notice, so it needs one more.
    """
    return 4 if spot_weight else 3


def _scale_in_warnings(scaling: Scaling) -> Iterator[str]:
    key = f"{PROJECT}:scaling"
    if scaling.scales_in_by == "cpu":
        yield (
            f"{key}.scale_in cpu: an idle poller uses more CPU than {scaling.cpu_threshold:g} %, and a job that waits "
            "for the network uses none. Use scale_in: queue."
        )
    if scaling.scales_in_by == "steps":
        yield (
            f"{key}.steps: steps that remove tasks count waiting messages only, so a queue whose jobs are all running "
            "looks empty. Remove these steps, because scale_in: queue also counts jobs in flight."
        )


def _wake_warnings(scaling: Scaling) -> Iterator[str]:
    key = f"{PROJECT}:scaling"
    if scaling.watches and scaling.min_tasks >= 1:
        name = "direct" if scaling.direct else "watch"
        yield (
            f"{key}.{name}: starts the first task of a service at zero, but with min_tasks {scaling.min_tasks} this "
            "service never is. Remove it, or set min_tasks to 0."
        )
    if scaling.watches and scaling.keep_alive and "keep_alive" in scaling.model_fields_set:
        yield f"{key}.keep_alive: has no effect, because the watcher calls the queue every minute; remove it."
    if not scaling.watches and not scaling.keep_alive and scaling.min_tasks == 0:
        yield (
            f"{key}.keep_alive: if it is off, SQS's metrics show the first job after six hours without jobs up to 15 "
            "minutes late. Remove it, or set watch."
        )


def _scaling_warnings(settings: Settings) -> Iterator[str]:
    scaling, queue, worker = settings.scaling, settings.queue, settings.worker
    if scaling.scales_in_by == "cpu" and scaling.cpu_minutes >= LONG_PERIOD_MINUTES:
        yield (
            f"{PROJECT}:scaling.cpu_minutes: an alarm with a period of {scaling.cpu_minutes} minutes acts late, when "
            "tasks may be working again. Use at most 3."
        )
    if queue.fifo and scaling.message_groups is None and scaling.max_tasks > 1:
        yield (
            f"{PROJECT}:queue.fifo: the jobs of one message group run one at a time, however many tasks there are. "
            "Use a different group for jobs that may run at the same time, and set scaling.message_groups."
        )
    if worker.job_timeout is not None and worker.job_timeout < scaling.seconds_per_job:
        yield (
            f"{PROJECT}:worker.job_timeout: jobs that take scaling.seconds_per_job, {scaling.seconds_per_job:g} "
            f"seconds, are stopped after {worker.job_timeout}. Set it above the longest job."
        )
    needed = min_receives(worker.spot_weight)
    if queue.max_receive_count < needed:
        interrupted = "a deployment or a Spot reclaim" if worker.spot_weight else "a deployment"
        yield (
            f"{PROJECT}:queue.max_receive_count: a receive that {interrupted} interrupts counts too, so good jobs can "
            f"end in the dead-letter queue. Set at least {needed}, or 5 to survive a failure with backoff."
        )
    vcpus = scaling.max_tasks * worker.cpu / 1024
    if vcpus > NEW_ACCOUNT_VCPUS:
        yield (
            f"{PROJECT}:scaling.max_tasks: {scaling.max_tasks} tasks of {worker.cpu / 1024:g} vCPU need {vcpus:g} "
            f"vCPUs, but a new account has {NEW_ACCOUNT_VCPUS} on Fargate; request a higher quota (Service Quotas, "
            "L-3032A538)."
        )


def _jobs_warnings(settings: Settings) -> Iterator[str]:
    keep, days = settings.jobs.keep_days, settings.queue.retention_days
    if keep is not None and keep < days:
        yield (
            f"{PROJECT}:jobs.keep_days: a job that SQS delivers again after {keep} days runs again, because the queue "
            f"keeps jobs for {days} days. Set keep_days to at least {days}."
        )


def _lease_warnings(settings: Settings) -> Iterator[str]:
    if settings.queue.visibility_timeout > MAX_LEASE_SECONDS:
        yield (
            f"{PROJECT}:queue.visibility_timeout: the worker hides a job for at most {MAX_LEASE_SECONDS} seconds at "
            f"a time and extends that while the job runs. {settings.queue.visibility_timeout} is for other consumers "
            "only, so remove it if there are none."
        )


def _image_warnings(worker: Worker) -> Iterator[str]:
    if worker.architecture == "ARM64" and worker.command and "architecture" not in worker.model_fields_set:
        yield (
            f"{PROJECT}:worker.command: the task's CPU is ARM64, the default, and a program for X86_64 cannot run on "
            "it; set worker.architecture to the program's."
        )


def _worker_warnings(settings: Settings) -> Iterator[str]:
    worker, key = settings.worker, f"{PROJECT}:worker"
    for name in sorted(name for name, value in worker.environment.items() if may_hold_credential(name, value)):
        yield (
            f"{key}.environment.{name}: looks like a credential, and everyone who may read task definitions can read "
            "it; put it in secrets, unless it is none."
        )
    path = worker.environment.get("PATH", PYTHON_FOLDER).split(":")
    if PYTHON_FOLDER not in path and worker.image.context:
        yield (
            f"{key}.environment.PATH: replaces the image's, and the image that Ebb builds has python in "
            f"{PYTHON_FOLDER}; add that folder, or no task can start."
        )
    if worker.exec and worker.read_only_root:
        yield (
            f"{key}.exec: makes the root file system of every task writable, although read_only_root is true; set "
            "exec to false when you no longer need it."
        )
    if worker.payload_bucket and worker.max_body_bytes <= MAX_MESSAGE_BYTES:
        yield (
            f"{key}.payload_bucket: has no effect, because bodies of more than {worker.max_body_bytes} bytes go to the "
            "dead-letter queue; set max_body_bytes to the longest body that you send."
        )
    at_rest = PARENT_MIB + worker.concurrency * CHILD_MIB
    if at_rest > worker.memory:
        yield (
            f"{key}.concurrency: {worker.concurrency} processes need about {at_rest} MiB before any job runs, and the "
            f"task has {worker.memory}; increase memory, or reduce concurrency."
        )
    if worker.concurrency * worker.max_body_bytes > worker.memory * MIB:
        yield (
            f"{key}.memory: {worker.concurrency} bodies of max_body_bytes each do not fit into {worker.memory} MiB; "
            "increase memory, or reduce concurrency."
        )

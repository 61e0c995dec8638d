"""Warnings."""

from typing import Any

import pytest

import settings

OFFICE = {"start": "08:00", "stop": "18:00", "days": ["MON"], "min_tasks": 2}


def warnings(raw: dict[str, Any]) -> list[str]:
    """The warnings for these sections, without their prefix `ebb:`."""
    found = settings.warnings(settings.read(raw))
    assert all(text.startswith("ebb:") for text in found)
    return [text.removeprefix("ebb:") for text in found]


@pytest.mark.parametrize(
    ("raw", "warning"),
    [
        (
            {"queue": {"max_receive_count": 2}},
            (
                "queue.max_receive_count: a receive that a deployment interrupts counts too, so good jobs can end in "
                "the dead-letter queue. Set at least 3, or 5 to survive a failure with backoff."
            ),
        ),
        (
            {"queue": {"max_receive_count": 3}, "worker": {"spot_weight": 50}},
            (
                "queue.max_receive_count: a receive that a deployment or a Spot reclaim interrupts counts too, so "
                "good jobs can end in the dead-letter queue. Set at least 4, or 5 to survive a failure with backoff."
            ),
        ),
        (
            {"queue": {"visibility_timeout": 43_200}},
            (
                "queue.visibility_timeout: the worker hides a job for at most 300 seconds at a time and extends that "
                "while the job runs. 43200 is for other consumers only, so remove it if there are none."
            ),
        ),
        (
            {"worker": {"command": ["./job"]}},
            (
                "worker.command: the task's CPU is ARM64, the default, and a program for X86_64 cannot run on it; set "
                "worker.architecture to the program's."
            ),
        ),
        (
            {"worker": {"concurrency": 60, "max_body_bytes": 1024}},
            (
                "worker.concurrency: 60 processes need about 585 MiB before any job runs, and the task has 512; "
                "increase memory, or reduce concurrency."
            ),
        ),
        (
            {"worker": {"job_timeout": 59}},
            (
                "worker.job_timeout: jobs that take scaling.seconds_per_job, 60 seconds, are stopped after 59. Set it "
                "above the longest job."
            ),
        ),
        (
            {"queue": {"fifo": True}, "scaling": {"max_tasks": 2}},
            (
                "queue.fifo: the jobs of one message group run one at a time, however many tasks there are. Use a "
                "different group for jobs that may run at the same time, and set scaling.message_groups."
            ),
        ),
        (
            {"scaling": {"max_tasks": 25}},
            (
                "scaling.max_tasks: 25 tasks of 0.25 vCPU need 6.25 vCPUs, but a new account has 6 on Fargate; "
                "request a higher quota (Service Quotas, L-3032A538)."
            ),
        ),
        (
            {"scaling": {"keep_alive": False}},
            (
                "scaling.keep_alive: if it is off, SQS's metrics show the first job after six hours without jobs up "
                "to 15 minutes late. Remove it, or set watch."
            ),
        ),
        (
            {"scaling": {"keep_alive": True, "watch": True}},
            "scaling.keep_alive: has no effect, because the watcher calls the queue every minute; remove it.",
        ),
        (
            {"scaling": {"watch": True, "min_tasks": 1}},
            (
                "scaling.watch: starts the first task of a service at zero, but with min_tasks 1 this service never "
                "is. Remove it, or set min_tasks to 0."
            ),
        ),
        (
            {"scaling": {"direct": True, "min_tasks": 1}},
            (
                "scaling.direct: starts the first task of a service at zero, but with min_tasks 1 this service never "
                "is. Remove it, or set min_tasks to 0."
            ),
        ),
        (
            {"worker": {"environment": {"PATH": "/opt/ffmpeg:/usr/bin"}}},
            (
                "worker.environment.PATH: replaces the image's, and the image that Ebb builds has python in "
                "/usr/local/bin; add that folder, or no task can start."
            ),
        ),
        (
            {"worker": {"exec": True}},
            (
                "worker.exec: makes the root file system of every task writable, although read_only_root is true; set "
                "exec to false when you no longer need it."
            ),
        ),
        (
            {"jobs": {"keep_days": 3}},
            (
                "jobs.keep_days: a job that SQS delivers again after 3 days runs again, because the queue keeps "
                "jobs for 4 days. Set keep_days to at least 4."
            ),
        ),
        (
            {"worker": {"payload_bucket": "bodies"}},
            (
                "worker.payload_bucket: has no effect, because bodies of more than 1048576 bytes go to the "
                "dead-letter queue; set max_body_bytes to the longest body that you send."
            ),
        ),
        (
            {"worker": {"payload_bucket": "bodies", "max_body_bytes": 300 * 2**20, "concurrency": 2}},
            (
                "worker.memory: 2 bodies of max_body_bytes each do not fit into 512 MiB; increase memory, or reduce "
                "concurrency."
            ),
        ),
    ],
)
def test_a_known_problem_has_one_warning(raw: dict[str, Any], warning: str) -> None:
    assert warnings(raw) == [warning]


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"queue": {"max_receive_count": 3}},
        {"queue": {"max_receive_count": 4}, "worker": {"spot_weight": 50}},
        {"worker": {"job_timeout": 60}},
        {"queue": {"fifo": True}, "scaling": {"max_tasks": 2, "message_groups": 2}},
        {"queue": {"fifo": True}, "scaling": {"max_tasks": 1}},
        {"queue": {"fifo": True}, "worker": {"concurrency": 10}},
        {"scaling": {"max_tasks": 24}},
        {"scaling": {"watch": True}},
        {"scaling": {"direct": True}},
        {"scaling": {"direct": True, "watch": True}},
        {"scaling": {"watch": True, "keep_alive": False}},
        {"scaling": {"warm_hours": [OFFICE], "max_tasks": 2, "watch": True}},
        {"scaling": {"keep_alive": False, "min_tasks": 1}},
        {"worker": {"exec": True, "read_only_root": False}},
        {"jobs": {"keep_days": 4}},
        {"worker": {"environment": {"PATH": "/opt/ffmpeg:/usr/local/bin"}}},
        {"worker": {"payload_bucket": "bodies", "max_body_bytes": 10_000_000}},
    ],
)
def test_good_settings_have_no_warning(raw: dict[str, Any]) -> None:
    assert warnings(raw) == []


@pytest.mark.parametrize(("minutes", "long"), [(4, False), (5, True)])
def test_scale_in_by_cpu_has_a_warning_and_a_long_period_has_another(minutes: int, long: bool) -> None:
    by_cpu, *others = warnings({"scaling": {"scale_in": "cpu", "cpu_minutes": minutes}})
    assert by_cpu == (
        "scaling.scale_in cpu: an idle poller uses more CPU than 0.01 %, and a job that waits for the network uses "
        "none. Use scale_in: queue."
    )
    late = (
        "scaling.cpu_minutes: an alarm with a period of 5 minutes acts late, when tasks may be working again. Use at "
        "most 3."
    )
    assert others == [late] * long


def test_scale_in_by_a_table_has_a_warning() -> None:
    assert warnings({"scaling": {"steps": [{"upper": 0, "change": -1}, {"lower": 1, "change": 1}]}}) == [
        (
            "scaling.steps: steps that remove tasks count waiting messages only, so a queue whose jobs are all running "
            "looks empty. Remove these steps, because scale_in: queue also counts jobs in flight."
        )
    ]

"""The stack's own worker in the sandbox: found healthy, replaced when it is stuck, and a job that is remembered."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ebb.sandbox.demo import WORKER
from ebb.sandbox.ecs.task import Status, TaskView
from ebb.sandbox.sandbox import Sandbox
from tests.helpers.waiting import until

OVERRIDES = {
    "ebb:jobs": {"keep_days": 4},
    "ebb:worker": {"concurrency": 2, "stop_timeout": 2},
    "ebb:scaling": {"min_tasks": 1, "max_tasks": 1, "surplus": False},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(in_process=True, speed=600, overrides=OVERRIDES, image=WORKER, say=print) as made:
        made.deployment.up()
        yield made
        made.destroy()
        assert made.leftovers() == []


def running(sandbox: Sandbox) -> list[TaskView]:
    return [task for task in sandbox.tasks.tasks() if task.status is Status.RUNNING]


def table(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    dynamodb = sandbox.region.client("dynamodb")
    (name,) = dynamodb.list_tables()["TableNames"]
    return {item["id"]["S"]: item for item in dynamodb.scan(TableName=name)["Items"]}


def test_a_finished_job_is_remembered_as_long_as_the_setting_says(sandbox: Sandbox) -> None:
    job = sandbox.client().post({"seconds": 0})
    until(lambda: table(sandbox).get(job, {}).get("state") == {"S": "succeeded"})
    assert float(table(sandbox)[job]["expires"]["N"]) == pytest.approx(time.time() + 4 * 86_400, abs=120)


def test_a_worker_that_works_stays_and_one_that_is_stuck_is_replaced(sandbox: Sandbox) -> None:
    until(lambda: running(sandbox))
    (task,) = running(sandbox)
    assert task.pid is not None
    shown = sandbox.region.directory / "tasks" / task.id / "health"
    until(shown.exists)
    seen = shown.stat().st_mtime
    until(lambda: shown.stat().st_mtime > seen)
    os.kill(task.pid, signal.SIGSTOP)
    long_ago = time.time() - 121  # as if it had been stopped for two minutes
    os.utime(shown, (long_ago, long_ago))
    until(lambda: [other.id for other in running(sandbox) if other.id != task.id])
    events = (event.text for event in sandbox.region.events)
    assert f"Task {task.id[:8]} got SIGTERM: Task failed container health checks" in events

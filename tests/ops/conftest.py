"""One deployed sandbox stack, which the tests of this folder share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.ops.stack import Stack, read
from tests.ops import sandbox_process


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds a sandbox of the user."""
    monkeypatch.setenv("EBB_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def deployed_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache in which commands find the sandbox. No other test module uses it meanwhile."""
    base = tmp_path_factory.getbasetemp()
    # the processes of pytest-xdist have folders next to each other
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "ops-sandbox"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBB_CACHE", str(folder))
        with sandbox_process.used(folder):
            yield folder


@pytest.fixture
def stack(deployed_sandbox: Path, own_cache: None, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The deployed stack, with a job table and the demo's handler; commands find it by its name, `sandbox`.

    Its queues are empty and its scaling is not paused. Jobs of other tests are in its table and its log.
    """
    monkeypatch.setenv("EBB_CACHE", str(deployed_sandbox))
    found = read(sandbox_process.STACK)
    client = found.clients()
    for url in (found.queue_url, found.dead_letter_queue_url):
        client("sqs").purge_queue(QueueUrl=url)
    states = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=found.resource_id,
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0,
        MaxCapacity=4,
        SuspendedState=dict.fromkeys(states, False),
    )
    return found

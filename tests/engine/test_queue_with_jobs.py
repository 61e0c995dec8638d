"""A queue that holds jobs is not deleted by a changed name or kind, nor by a destroy."""

from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from components.guard import QueueGuard, QueueGuardArgs
from components.queue import JobQueue, JobQueueArgs
from ebb.ops.moving import move
from ebb.ops.stack import Stack
from ebb.project import ROOT
from ebb.sandbox.deploy.engine import Deployment, DeploymentError
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve
from settings.loading import load
from tests.helpers import stacks

#: One after the other: names, a name that is left out, and both kinds.
CHANGES: list[dict[str, Any]] = [{"name": "jobs-b"}, {}, {"fifo": True}, {}]


def queues(region: Region) -> set[str]:
    """The URLs of all queues but those for dead letters."""
    found = region.client("sqs").list_queues().get("QueueUrls", [])
    return {url for url in found if "dead-letter" not in url}


def bodies(region: Region, url: str) -> list[str]:
    found = region.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1
    )
    return sorted(message["Body"] for message in found.get("Messages", []))


def queue_and_guard() -> None:
    """The part of the program that this module is about: a whole stack takes the engine ten times as long."""
    jobs = JobQueue("jobs", JobQueueArgs(settings=load().queue))
    QueueGuard("guard", QueueGuardArgs(queue=jobs.refs, everything=[jobs]))


def test_jobs_outlive_each_change_of_the_queue_and_stop_a_destroy(region: Region, command: PulumiCommand) -> None:
    config = stacks.configuration("sandbox")
    config["ebb:queue"] = {"name": "jobs-a"}
    provider = serve(Aws(region.client), Images(region), ROOT)
    deployment = Deployment(region, provider.port, "sandbox", command, config, program=queue_and_guard)
    deployment.up()
    sqs = region.client("sqs")
    (old,) = queues(region)
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=old, MessageBody=body)
    for change in CHANGES:
        deployment.configure({**config, "ebb:queue": change})
        said: list[str] = []
        deployment.preview(said.append)
        assert any("warning: Queue" in line and "holds 2 jobs" in line for line in said)
        with pytest.raises(DeploymentError, match=rf"holds 2 jobs, so it is kept.*ebb move --stack sandbox {old}"):
            deployment.up()
        assert old in queues(region)
        (new,) = queues(region) - {old}
        stack = Stack(
            name="sandbox", provider={"region": region.region}, queue_url=new, cluster_name="c", service_name="s"
        )
        assert move(stack, old, client=region.client) == 2
        deployment.up()
        assert queues(region) == {new}
        assert bodies(region, new) == ["one", "two"]
        old = new
    before = region.inventory()
    with pytest.raises(DeploymentError, match=r"holds 2 jobs, so it is kept"):
        deployment.destroy()
    assert region.inventory() == before
    sqs.purge_queue(QueueUrl=old)
    deployment.destroy()
    assert region.inventory() == []
    provider.stop()

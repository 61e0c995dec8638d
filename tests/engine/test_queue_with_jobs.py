"""A queue that holds jobs is not deleted by a changed name or kind, nor by a destroy."""

from typing import Any

import pytest

from ebb.ops.moving import move
from ebb.ops.stack import Stack
from ebb.sandbox.deploy.engine import Deployment, DeploymentError
from ebb.sandbox.sandbox import Sandbox
from tests.helpers import stacks

#: One after the other: names, a name that is left out, and both kinds.
CHANGES: list[dict[str, Any]] = [{"name": "jobs-b"}, {}, {"fifo": True}, {}]


def queues(sandbox: Sandbox) -> set[str]:
    return set(sandbox.region.client("sqs").list_queues().get("QueueUrls", []))


def bodies(sandbox: Sandbox, url: str) -> list[str]:
    found = sandbox.region.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1
    )
    return sorted(message["Body"] for message in found.get("Messages", []))


def test_jobs_outlive_each_change_of_the_queue_and_stop_a_destroy() -> None:
    config = stacks.configuration("sandbox")
    config["ebb:queue"] = {"name": "jobs-a"}
    with Sandbox("sandbox", config=config, say=lambda _: None) as sandbox:
        sandbox.tasks.stop()  # no task takes the messages
        sandbox.deployment.up()
        sqs = sandbox.region.client("sqs")
        old = sandbox.deployment.outputs()["queue_url"]
        for body in ("one", "two"):
            sqs.send_message(QueueUrl=old, MessageBody=body)
        for change in CHANGES:
            assert isinstance(sandbox.deployment, Deployment)
            sandbox.deployment.configure({**config, "ebb:queue": change})
            said: list[str] = []
            sandbox.deployment.preview(said.append)
            assert any("warning: Queue" in line and "holds 2 jobs" in line for line in said)
            with pytest.raises(DeploymentError, match=rf"holds 2 jobs, so it is kept.*ebb move --stack sandbox {old}"):
                sandbox.deployment.up()
            assert old in queues(sandbox)
            (new,) = (url for url in queues(sandbox) - {old} if "dead-letter" not in url)
            stack = Stack(
                name="sandbox", region=sandbox.region.region, queue_url=new, cluster_name="c", service_name="s"
            )
            assert move(stack, old, client=sandbox.region.client) == 2
            sandbox.deployment.up()
            assert old not in queues(sandbox)
            old = sandbox.deployment.outputs()["queue_url"]
            assert bodies(sandbox, old) == ["one", "two"]
        before = sandbox.region.inventory()
        with pytest.raises(DeploymentError, match=r"holds 2 jobs, so it is kept"):
            sandbox.deployment.destroy()
        assert sandbox.region.inventory() == before
        sqs.purge_queue(QueueUrl=old)
        sandbox.deployment.destroy()
        assert sandbox.leftovers() == []

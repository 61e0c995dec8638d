"""A queue that holds jobs is not deleted by a changed name or kind, nor by a destroy, and keeps its KMS key."""

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

#: One after the other: a name, and none instead of a key; a name that is left out; both kinds, and a key again.
CHANGES: list[dict[str, Any]] = [{"name": "jobs-b"}, {}, {"fifo": True}, {"kms": "new"}]


def queues(region: Region) -> set[str]:
    """The URLs of all queues but those for dead letters."""
    found = region.client("sqs").list_queues().get("QueueUrls", [])
    return {url for url in found if "dead-letter" not in url}


def bodies(region: Region, url: str) -> list[str]:
    found = region.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1
    )
    return sorted(message["Body"] for message in found.get("Messages", []))


def keys(region: Region) -> dict[str, str]:
    """The states of the keys that the stack has made, by ARN. The emulator lists those of AWS too."""
    kms = region.client("kms")
    found = (kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"])
    return {key["Arn"]: key["KeyState"] for key in found if key["Description"].startswith("Encrypts the job queue")}


def queue_and_guard() -> None:
    """The part of the program that this module is about: a whole stack takes the engine ten times as long."""
    jobs = JobQueue("jobs", JobQueueArgs(settings=load().queue))
    QueueGuard("guard", QueueGuardArgs(queue=jobs.refs, everything=[jobs]))


def test_jobs_outlive_each_change_of_the_queue_and_stop_a_destroy(region: Region, command: PulumiCommand) -> None:
    config = stacks.configuration("sandbox")
    config["ebb:queue"] = {"name": "jobs-a", "kms": "new"}
    provider = serve(Aws(region.client), Images(region), ROOT)
    deployment = Deployment(region, provider.port, "sandbox", command, config, program=queue_and_guard)
    deployment.up()
    sqs = region.client("sqs")
    (old,) = queues(region)
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=old, MessageBody=body)
    (first,) = keys(region)
    for change in CHANGES:
        deployment.configure({**config, "ebb:queue": change})
        said: list[str] = []
        deployment.preview(said.append)
        assert any("warning: Queue" in line and "holds 2 jobs" in line for line in said)
        with pytest.raises(DeploymentError, match=rf"holds 2 jobs, so it is kept.*ebb move --stack sandbox {old}"):
            deployment.up()
        assert old in queues(region)
        if change == CHANGES[0]:
            assert keys(region) == {first: "Enabled"}
        (new,) = queues(region) - {old}
        stack = Stack(
            name="sandbox", provider={"region": region.region}, queue_url=new, cluster_name="c", service_name="s"
        )
        assert move(stack, old, client=region.client) == 2
        deployment.up()
        assert queues(region) == {new}
        assert bodies(region, new) == ["one", "two"]
        assert keys(region)[first] == "PendingDeletion"
        old = new
    (key,) = (arn for arn, state in keys(region).items() if state == "Enabled")
    for kms, words in ((key, "names a key that this stack has made"), ("none", "holds 2 jobs, so its key is kept")):
        deployment.configure({**config, "ebb:queue": {"kms": kms}})
        with pytest.raises(DeploymentError, match=words):
            deployment.up()
        assert queues(region) == {old}
        assert keys(region)[key] == "Enabled"
    said = []
    deployment.preview(said.append)
    assert any("warning: Queue" in line and "so its key is kept" in line for line in said)
    before = region.inventory()
    with pytest.raises(DeploymentError, match=r"holds 2 jobs, so it is kept"):
        deployment.destroy()
    assert region.inventory() == before
    sqs.purge_queue(QueueUrl=old)
    deployment.destroy()
    assert region.inventory() == []
    provider.stop()

"""A revision that cannot run jobs fails the deployment by the real engine; a good one lets a running job end."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
from pulumi.automation import PulumiCommand

from components.image import WorkerImage, WorkerImageArgs
from components.queue import JobQueue, JobQueueArgs
from components.service import WorkerService, WorkerServiceArgs
from components.table import JobTable, JobTableArgs
from ebb.project import ROOT
from ebb.sandbox.deploy.engine import Deployment, DeploymentError
from ebb.sandbox.ecs.tasks import Tasks
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve
from settings.loading import load
from tests.helpers.stacks import configuration
from tests.helpers.waiting import until

SPEED = 600.0
DOCKERFILE = """
FROM {platform} python:3.13-slim
WORKDIR /app
COPY . /app/worker
ENTRYPOINT ["python", "-m", "worker"]
"""


def workers() -> None:
    """The part of the program that runs tasks; the rest takes the engine several times as long."""
    config = load()
    network = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16")
    subnet = aws.ec2.Subnet("network", vpc_id=network.id, cidr_block="10.0.0.0/24")
    jobs = JobQueue("jobs", JobQueueArgs(settings=config.queue))
    table = JobTable("job-table", JobTableArgs(kms_key_arn=None))
    image = WorkerImage("image", WorkerImageArgs(settings=config.worker.image, architecture="ARM64"))
    WorkerService(
        "worker",
        WorkerServiceArgs(
            settings=config.worker,
            jobs=config.jobs,
            min_tasks=1,
            queue=jobs.refs,
            table_name=table.table_name,
            table_arn=table.table_arn,
            image_uri=image.uri,
            repository_arn=image.repository_arn,
            vpc_id=network.id,
            subnet_ids=[subnet.id],
            assign_public_ip=True,
        ),
    )


class Place:
    """One deployment in a region that runs its tasks."""

    def __init__(self, region: Region, tasks: Tasks, deployment: Deployment, folder: Path) -> None:
        self.region, self.tasks, self.deployment, self._folder = region, tasks, deployment, folder
        self.sqs, self.ecs = region.client("sqs"), region.client("ecs")

    def configure(self, platform: str = "", **worker: Any) -> None:
        """The worker's settings of the next deployment, and what its Dockerfile builds for."""
        context = self._folder / f"worker{platform.replace('/', '-')}"
        if not context.exists():
            shutil.copytree(ROOT / "worker", context, ignore=shutil.ignore_patterns("__pycache__"))
            (context / "Dockerfile").write_text(DOCKERFILE.format(platform=platform))
        ours = {"check": True, "image": {"build": str(context)}, "handler": "worker.demo:handle"}
        config = configuration("sandbox", {"ebb:worker": ours | worker, "ebb:jobs": {"keep_days": 1}})
        self.deployment.configure(config)

    def service(self) -> Any:
        (cluster,) = self.ecs.list_clusters()["clusterArns"]
        (arn,) = self.ecs.list_services(cluster=cluster)["serviceArns"]
        return self.ecs.describe_services(cluster=cluster, services=[arn])["services"][0]

    def checks(self) -> int:
        """How many tasks have checked a revision."""
        (cluster,) = self.ecs.list_clusters()["clusterArns"]
        return len(self.ecs.list_tasks(cluster=cluster, startedBy="ebb-check")["taskArns"])

    def queue(self, *, dead: bool) -> str:
        (url,) = (url for url in self.sqs.list_queues()["QueueUrls"] if ("dead-letter" in url) is dead)
        return str(url)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line.text) for line in self.tasks.log() if line.text.startswith("{")]
        return [line for line in lines if line.get("event") == name]


@pytest.fixture
def place(command: PulumiCommand, tmp_path: Path) -> Iterator[Place]:
    with Region(SPEED) as region:
        images = Images(region)
        provider, tasks = serve(Aws(region.client), images, ROOT), Tasks(region, images)
        tasks.start()
        config = configuration("sandbox")
        deployment = Deployment(region, provider.port, "sandbox", command, config, program=workers)
        yield Place(region, tasks, deployment, tmp_path)
        tasks.stop()
        provider.stop()


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a handler that cannot be imported": (
        {"handler": "worker.missing:handle"},
        "exit code 78.*handler worker.missing:handle cannot be used: ModuleNotFoundError: No module named",
    ),
    "a secret that is missing": (
        {"secrets": {"KEY": "/jobs/missing"}},
        "did not start: ResourceInitializationError: .* unable to retrieve secret from ssm: KEY from /jobs/missing",
    ),
    "an image for another CPU": (
        {"platform": "--platform=linux/amd64"},
        "did not start: CannotPullContainerError: .* descriptor matching platform 'linux/arm64'",
    ),
}


def test_a_broken_revision_fails_the_deployment_and_a_good_one_lets_the_running_job_end(
    place: Place, tmp_path: Path
) -> None:
    place.configure()
    place.deployment.up()
    assert place.checks() == 1
    first = place.service()["taskDefinition"]
    release = tmp_path / "release"
    place.sqs.send_message(QueueUrl=place.queue(dead=False), MessageBody=json.dumps({"until": str(release)}))
    (started,) = until(lambda: place.events("job_started"))
    (task,) = place.tasks.tasks()

    for number, (changes, reason) in enumerate(BROKEN.values(), start=2):
        place.configure(**changes)
        if number == 2:
            place.deployment.preview()
            assert place.checks() == 1
        with pytest.raises(DeploymentError, match=rf"(?s)so the service keeps its revision: .*{reason}"):
            place.deployment.up()
        assert place.checks() == number
        assert place.service()["taskDefinition"] == first
        assert [each.id for each in place.tasks.tasks()] == [task.id]

    place.configure(environment={"COLOUR": "blue"})
    place.deployment.up()
    second = place.service()["taskDefinition"]
    assert second != first
    until(lambda: {each.task_definition for each in place.tasks.tasks()} == {first, second})
    release.touch()
    (done,) = until(lambda: place.events("job_done"))
    assert (done["message_id"], done["attempt"]) == (started["message_id"], 1)
    until(lambda: {each.task_definition for each in place.tasks.tasks()} == {second})
    counts = place.sqs.get_queue_attributes(QueueUrl=place.queue(dead=True), AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"

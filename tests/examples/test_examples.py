"""Each example deploys to the sandbox, and does what its page says."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import settings
from ebb.project import ROOT, configuration, read_settings
from ebb.sandbox.demo import WORKER
from ebb.sandbox.emulators.images import Image
from ebb.sandbox.sandbox import Sandbox
from tests.docs import pages
from tests.helpers.waiting import until

EXAMPLES = ROOT / "examples"


def sandbox(name: str, overrides: dict[str, Any] | None = None, image: Image | None = WORKER) -> Sandbox:
    config = configuration(name, overrides, folder=EXAMPLES / name)
    return Sandbox(name, in_process=True, config=config, image=image, say=lambda _: None)


def log(opened: Sandbox) -> list[str]:
    """The lines of the tasks' log, by time."""
    group = opened.deployment.outputs()["log_group_name"]
    events = opened.region.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]


def finished(opened: Sandbox) -> list[str]:
    """Ids of the jobs that are done, in the order in which they ended."""
    records = (json.loads(line) for line in log(opened) if line.startswith("{"))
    return [record["message_id"] for record in records if record.get("event") == "job_done"]


def test_the_page_names_each() -> None:
    page = (EXAMPLES / "README.md").read_text()
    assert all(f"[{name}]({name}/README.md)" in page for name in pages.EXAMPLES)


@pytest.mark.parametrize("name", pages.EXAMPLES)
def test_an_example_draws_no_warning(name: str) -> None:
    assert settings.warnings(read_settings(configuration(name, folder=EXAMPLES / name))) == []


def test_fifo_runs_the_jobs_of_a_group_in_order() -> None:
    with sandbox("fifo", {"ebb:worker": {"handler": "worker.demo:handle"}}) as opened:
        opened.deployment.up()
        queue = opened.deployment.outputs()["queue_url"]
        sqs = opened.region.client("sqs")
        sent = [
            sqs.send_message(
                QueueUrl=queue,
                MessageBody='{"sleep": 0.1}',
                MessageGroupId="customer-7",
                MessageDeduplicationId=str(number),
            )["MessageId"]
            for number in range(3)
        ]
        until(lambda: len(finished(opened)) == len(sent), seen=lambda: log(opened))
        assert finished(opened) == sent


def test_command_counts_words_in_another_language(tmp_path: Path) -> None:
    folder = tmp_path / "counter"
    shutil.copytree(ROOT / "worker", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Dockerfile", "count.awk"):
        shutil.copy(EXAMPLES / "command" / name, folder)
    (folder / "requirements.txt").write_text("boto3\n")  # the user's may name packages of a company
    with sandbox("command", {"ebb:worker": {"image": {"build": str(folder)}}}, image=None) as opened:
        opened.deployment.up()
        job = opened.client().post({"text": "three more words"})
        line = f'{{"event": "counted", "job": "{job}", "lines": 1, "words": 4}}'
        until(lambda: line in log(opened), seen=lambda: log(opened))


def test_existing_creates_no_network_no_cluster_no_key_and_no_repository() -> None:
    with sandbox("existing") as opened:
        made = {change.type for change in opened.deployment.up()}
        assert "aws:ecs/service:Service" in made
        assert not {kind for kind in made if kind.startswith(("aws:ec2", "aws:vpc", "aws:kms", "aws:ecr", "awsx:"))}
        assert "aws:ecs/cluster:Cluster" not in made
        opened.deployment.destroy()
        assert opened.leftovers() == []


def test_spot_runs_ninety_of_a_hundred_tasks_on_spot() -> None:
    with sandbox("spot") as opened:
        opened.deployment.up()
        outputs = opened.deployment.outputs()
        (service,) = opened.region.client("ecs").describe_services(
            cluster=outputs["cluster_name"], services=[outputs["service_name"]]
        )["services"]
        weights = {item["capacityProvider"]: item["weight"] for item in service["capacityProviderStrategy"]}
        assert weights == {"FARGATE": 10, "FARGATE_SPOT": 90}

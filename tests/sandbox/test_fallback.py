"""Without a Pulumi CLI the same program is deployed in process, over the same tables."""

import pytest

from ebb.project import configuration
from ebb.sandbox import sandbox
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy import pulumi_cli
from ebb.sandbox.deploy.engine import DeploymentError
from ebb.sandbox.deploy.fallback import InProcess
from ebb.sandbox.sandbox import Sandbox
from tests.helpers import stacks


@pytest.fixture
def said() -> list[str]:
    return []


def _no_engine(_say: object) -> None:
    raise pulumi_cli.NoEngineError("No Pulumi CLI 3.250.0: there is no go on PATH.")


def test_where_no_engine_can_be_had_the_sandbox_says_so_and_deploys_all_the_same(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(sandbox, "find", _no_engine)
    with Sandbox(image=WORKER, say=said.append) as region:
        assert "No Pulumi CLI 3.250.0: there is no go on PATH." in said[0]
        assert "The stack is deployed in this process through Pulumi's mocks instead." in said[0]
        assert isinstance(region.deployment, InProcess)
        made = region.deployment.up(said.append)
        assert {change.operation for change in made} == {"create"}
        assert ("aws:ecs/service:Service", "worker") in {(change.type, change.name) for change in made}
        region.tasks.stop()  # no task takes the job
        assert region.client().post({"sleep": 0})
        assert region.deployment.preview() == []
        assert region.deployment.up() == []
        with pytest.raises(DeploymentError, match=r"^Queue jobs-\w+ holds 1 job, so it is kept\. Send no more"):
            region.deployment.destroy()
        gone = region.destroy()
        assert {(change.type, change.name) for change in gone} == {(change.type, change.name) for change in made}
        assert region.leftovers() == []


def test_another_stack_goes_up_and_away_in_process(said: list[str]) -> None:
    with Sandbox("prod", in_process=True, config=stacks.configuration("prod"), image=WORKER, say=said.append) as region:
        assert region.deployment.up()
        assert region.deployment.preview() == []
        outputs = region.deployment.outputs()
        assert outputs["api_url"].startswith(region.region.endpoint)
        assert "@sha256:" in outputs["image_uri"]
        region.deployment.destroy()
        assert region.leftovers() == []


def test_a_changed_setting_updates_replaces_and_deletes_in_process(said: list[str]) -> None:
    overrides = {"ebb:queue": {"visibility_timeout": 60}, "ebb:scaling": {"surplus": False}}
    with Sandbox(in_process=True, image=WORKER, say=said.append) as region:
        assert isinstance(region.deployment, InProcess)
        region.deployment.up()
        region.deployment.configure(configuration("sandbox", overrides))
        wanted = {
            ("update", "aws:sqs/queue:Queue", "jobs"),
            ("replace", "aws:ecs/taskDefinition:TaskDefinition", "worker"),
            ("update", "aws:ecs/service:Service", "worker"),
            ("delete", "aws:appautoscaling/policy:Policy", "scaling-surplus"),
            ("delete", "aws:cloudwatch/metricAlarm:MetricAlarm", "scaling-surplus"),
        }
        assert {(change.operation, change.type, change.name) for change in region.deployment.up()} == wanted
        url = region.deployment.outputs()["queue_url"]
        queue = region.region.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        assert queue["Attributes"]["VisibilityTimeout"] == "60"
        region.deployment.destroy()
        assert region.leftovers() == []


def test_without_an_engine_there_is_no_preview_before_the_first_up(said: list[str]) -> None:
    with (
        Sandbox(in_process=True, image=WORKER, say=said.append) as region,
        pytest.raises(DeploymentError, match="no preview before"),
    ):
        region.deployment.preview()


def test_what_the_program_refuses_is_its_sentence_in_process_too(said: list[str]) -> None:
    with Sandbox(in_process=True, image=WORKER, say=said.append) as region:
        assert isinstance(region.deployment, InProcess)
        region.deployment.configure(configuration("sandbox", {"ebb:scaling": {"max_taks": 3}}))
        with pytest.raises(DeploymentError, match=r"ebb:scaling\.max_taks: unknown key"):
            region.deployment.up()
        assert region.leftovers() == []

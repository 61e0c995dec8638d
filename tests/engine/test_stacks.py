"""Each of the tests' stacks through the real engine, and a preview of each stack file of the project."""

import pytest

from ebb.project import configuration
from ebb.sandbox.deploy.engine import Deployment, DeploymentError
from ebb.sandbox.emulators.region import Region
from tests.engine.conftest import Deploy
from tests.helpers.stacks import STACKS, read, users


@pytest.mark.parametrize("stack", users())
def test_each_stack_file_previews_in_the_sandbox(deploy: Deploy, region: Region, stack: str) -> None:
    deployment = deploy(stack, config=configuration(stack))
    before = region.inventory()
    assert {change.operation for change in deployment.preview()} == {"create"}
    assert region.inventory() == before


# the demo shows the same of the stack sandbox
@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack != "sandbox"])
def test_a_stack_previews_with_unknowns_goes_up_with_its_tags_stays_unchanged_and_is_destroyed(
    deploy: Deploy, region: Region, stack: str
) -> None:
    # without it, the images keep the stack from being deleted
    deletable = {"ebb:worker": {"image": {"force_delete": True}}} if read(stack).worker.image.context else {}
    deployment = deploy(stack, deletable)
    before = region.inventory()
    said: list[str] = []
    planned = deployment.preview(said.append)
    assert {change.operation for change in planned} == {"create"}
    assert region.inventory() == before, "a preview creates nothing"
    assert any("[unknown]" in line or "output<string>" in line for line in said), "\n".join(said)
    made = deployment.up()
    assert sorted(made, key=str) == sorted(planned, key=str)
    assert_tagged(region, deployment, stack)
    assert deployment.up() == []
    gone = deployment.destroy()
    assert {(change.type, change.name) for change in gone} == {(change.type, change.name) for change in made}
    assert region.inventory() == before


def assert_tagged(region: Region, deployment: Deployment, stack: str) -> None:
    """The default tags are where AWS keeps them."""
    outputs = deployment.outputs()
    wanted = {"Project": "ebb", "Environment": stack, "ManagedBy": "pulumi"}
    tags = region.client("sqs").list_queue_tags(QueueUrl=outputs["queue_url"])["Tags"]
    assert wanted.items() <= tags.items()
    ecs = region.client("ecs")
    (service,) = ecs.describe_services(
        cluster=outputs["cluster_name"], services=[outputs["service_name"]], include=["TAGS"]
    )["services"]
    assert wanted.items() <= {tag["key"]: tag["value"] for tag in service["tags"]}.items()
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"], include=["TAGS"])
    assert wanted.items() <= {tag["key"]: tag["value"] for tag in definition["tags"]}.items()


def test_a_setting_that_is_wrong_is_refused_in_one_sentence_and_nothing_is_changed(
    deploy: Deploy, region: Region
) -> None:
    deployment = deploy("sandbox", {"ebb:scaling": {"max_taks": 3}})
    with pytest.raises(
        DeploymentError, match=r"ebb:scaling\.max_taks: unknown key, the nearest known one is max_tasks, got 3"
    ):
        deployment.up()
    assert region.inventory() == []

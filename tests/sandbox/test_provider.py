"""The stand-in providers under the real engine."""

import gc
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.automation import PulumiCommand

from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources import ROWS
from ebb.sandbox.provider.server import Provider, serve
from tests.sandbox import all_resources
from tests.sandbox.pulumi_stack import Change, FailedError, InlineStack
from tests.sandbox.resources.iam import trust
from tests.sandbox.resources.settings import SETTINGS, Settings

DOCKERFILE = 'FROM python:3.12-slim\nCOPY . /app\nWORKDIR /app\nENTRYPOINT ["python", "-m", "worker"]\n'
Start = Callable[[Callable[[], object]], InlineStack]


@pytest.fixture(scope="session")
def command() -> PulumiCommand:
    return find(print)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path


@pytest.fixture
def provider(region: Region, project: Path) -> Iterator[Provider]:
    started = serve(Aws(region.client), Images(region), project)
    yield started
    started.stop()


@pytest.fixture
def start(region: Region, provider: Provider, tmp_path: Path, command: PulumiCommand) -> Start:
    return lambda program: InlineStack(region, tmp_path / "stack", provider.port, command, program)


def leftovers(region: Region) -> list[str]:
    """Without AWS's own public parameters, which exist as soon as one was read."""
    return [line for line in region.inventory() if "/aws/service/" not in line]


def test_a_program_of_all_types_previews_goes_up_stays_as_it_is_and_goes_away(start: Start, region: Region) -> None:
    stack = start(lambda: all_resources.program(SETTINGS))
    planned = stack.preview().changes
    assert {change[0] for change in planned} == {"create"}
    assert leftovers(region) == []
    assert stack.up().changes == planned
    assert stack.up().changes == set()
    assert stack.refresh().changes == set()
    assert stack.preview(refresh=True).changes == set()
    types = {item["type"] for item in stack.resources()}
    assert types - {"awsx:ecr:ImageBuild"} == set(ROWS)
    stack.destroy()
    assert leftovers(region) == []


def replaced(kind: str, name: str) -> set[Change]:
    return {(step, kind, name) for step in ("create-replacement", "replace", "delete-replaced")}


# The instance is made anew, and what points to it is turned to the new one.
NEW_INSTANCE = replaced("Instance", "nat") | {("update", "Eip", "instance"), ("update", "Route", "instance")}
# Settings that are changed together, and all that changes with them.
CHANGES: list[tuple[Settings, set[Change]]] = [
    (
        {
            "visibility": 600,
            "retention": 7,
            "threshold": 5,
            "cooldown": 60,
            "max_capacity": 9,
            "burst": 70,
            "api_key_required": False,
            "instance_type": "t4g.micro",
            "schedule": "rate(2 hours)",
            "last_state": "Fail",
            "warm": 2,
        },
        {
            ("update", "Queue", "jobs"),
            ("update", "LogGroup", "worker"),
            ("update", "MetricAlarm", "one"),
            ("update", "Policy", "out"),
            ("update", "Target", "worker"),
            ("update", "MethodSettings", "run"),
            ("update", "Method", "post"),
            ("update", "Instance", "nat"),
            ("update", "Schedule", "keep"),
            ("update", "StateMachine", "watch"),
            ("update", "ScheduledAction", "warm"),
            ("update", "Dashboard", "all"),
        },
    ),
    (
        {"kept": 5, "answer": '{"done": false}', "environment": "3"},
        {
            ("update", "IntegrationResponse", "accepted"),
            ("update", "Stage", "run"),
            ("update", "Budget", "costs"),
            ("update", "Service", "worker"),
        }
        | replaced("Deployment", "api")
        | replaced("LifecyclePolicy", "image")
        | replaced("TaskDefinition", "worker"),
    ),
    ({"encrypted": True}, NEW_INSTANCE),
    ({"user_data": "#!/bin/sh\necho other\n"}, NEW_INSTANCE),
]


def test_changed_settings_update_or_replace_exactly_what_the_tables_say(start: Start) -> None:
    settings = dict(SETTINGS)
    stack = start(lambda: all_resources.program(settings))
    stack.up()
    for changed, wanted in CHANGES:
        settings |= changed
        assert stack.up().changes == wanted, changed
        assert stack.preview().changes == set(), changed


def test_a_new_file_in_the_build_context_builds_the_image_again(start: Start, project: Path) -> None:
    stack = start(lambda: all_resources.program(SETTINGS))
    stack.up()
    before = {name: output.value for name, output in stack.outputs().items()}
    (project / "worker" / "handler.py").write_text("x = 1\n")
    changed = stack.up().changes
    assert ("update", "ImageBuild", "image") in changed
    assert ("replace", "TaskDefinition", "worker") in changed, "a new digest is a new task definition"
    assert {name: output.value for name, output in stack.outputs().items()} == before


def test_default_tags_reach_everything_that_can_be_tagged_and_follow_when_they_change(
    start: Start, region: Region
) -> None:
    aws_api = Aws(region.client)
    stack = start(lambda: all_resources.program(SETTINGS))
    stack.up()
    stack.configure({"defaultTags": {"tags": {"Project": "other", "Team": "video"}}})
    stack.up()
    missing = {}
    for item in stack.resources():
        row = ROWS.get(item["type"])
        if row and row.taggable:
            shown = row.read(aws_api, item["id"], item["outputs"])
            assert shown is not None
            tags = shown.get("tagsAll")
            wanted = {"Project": "other", "Team": "video", **(item["inputs"].get("tags") or {})}
            if tags is None or {key: tags.get(key) for key in wanted} != wanted:
                missing[item["type"]] = tags
    assert missing == {}


def refused(start: Start, program: Callable[[], object]) -> str:
    with pytest.raises(FailedError) as failure:
        start(program).preview()
    return str(failure.value)


def test_an_input_that_no_row_handles_is_refused_by_name(start: Start) -> None:
    text = refused(start, lambda: aws.ec2.Vpc("v", cidr_block="10.0.0.0/16", ipv6_netmask_length=56))
    assert "the sandbox does not handle ipv6NetmaskLength of aws:ec2/vpc:Vpc" in text


def test_a_type_that_has_no_row_is_refused_by_name(start: Start) -> None:
    text = refused(start, lambda: aws.s3.Bucket("b"))
    assert "the resource type aws:s3/bucket:Bucket is not in the sandbox" in text


def test_a_data_source_that_is_not_there_is_refused_by_name(start: Start) -> None:
    text = refused(start, aws.get_billing_service_account)
    assert "the data source aws:index/getBillingServiceAccount:getBillingServiceAccount is not in the sandbox" in text


def test_a_value_that_the_model_has_not_is_refused_in_preview_with_unknown_values_around_it(start: Start) -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("v", cidr_block="10.0.0.0/16")
        aws.ec2.VpcEndpoint("e", vpc_id=vpc.id, service_name="s", vpc_endpoint_type="Gatway")

    text = refused(start, program)
    assert "ec2 create_vpc_endpoint: VpcEndpointType should be one of Interface, Gateway" in text
    assert "got 'Gatway'" in text


def test_a_container_definition_of_the_wrong_shape_is_refused(start: Start) -> None:
    definitions = json.dumps([{"name": "w", "image": "i", "stopTimout": 120}])
    text = refused(start, lambda: aws.ecs.TaskDefinition("t", family="t", container_definitions=definitions))
    assert "containerDefinitions[0].stopTimout is not known to AWS" in text


def test_a_document_that_is_not_json_is_refused(start: Start) -> None:
    text = refused(start, lambda: aws.iam.Role("r", assume_role_policy="{"))
    assert "assumeRolePolicy is not JSON" in text


def test_an_error_of_aws_is_one_sentence_without_a_stack_trace(start: Start) -> None:
    stack = start(lambda: aws.ec2.Subnet("s", vpc_id="vpc-0", cidr_block="10.0.0.0/24"))
    with pytest.raises(FailedError) as failure:
        stack.up()
    assert "ec2 create_subnet answered InvalidVpcID.NotFound" in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_a_failed_deployment_leaves_nothing_that_python_reports(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = start(lambda: aws.ec2.Subnet("s", vpc_id="vpc-0", cidr_block="10.0.0.0/24"))
    gc.collect()
    reports: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", reports.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)  # an event loop that is not closed
        for _ in range(3):
            with pytest.raises(FailedError):
                stack.up()
            gc.collect()
    assert reports == []


def test_an_account_that_is_not_allowed_is_refused(start: Start) -> None:
    stack = start(lambda: aws.sqs.Queue("q"))
    stack.configure({"allowedAccountIds": ["111111111111"]})
    with pytest.raises(FailedError, match="does not allow the sandbox's account 000000000000"):
        stack.preview()


def test_another_region_is_refused(start: Start) -> None:
    stack = start(lambda: aws.sqs.Queue("q"))
    stack.configure({"region": "eu-west-1"})
    with pytest.raises(FailedError, match="the sandbox is us-east-1, and aws:region is eu-west-1"):
        stack.preview()


def test_names_end_in_seven_digits_that_stay_and_a_fifo_queue_s_in_fifo(start: Start) -> None:
    def program() -> None:
        aws.sqs.Queue("ordered", fifo_queue=True)
        aws.iam.Role("r" * 80, assume_role_policy=trust("ec2.amazonaws.com"))

    stack = start(program)
    stack.up()
    names = {item["type"]: item["outputs"]["name"] for item in stack.resources()}
    queue, role = names["aws:sqs/queue:Queue"], names["aws:iam/role:Role"]
    assert queue.startswith("ordered-")
    assert len(queue) == len("ordered-1234567.fifo")
    assert len(role) == 64
    assert stack.up().changes == set()
    assert {item["outputs"]["name"] for item in stack.resources()} == {queue, role}


def test_what_was_removed_behind_pulumi_s_back_is_found_by_refresh_and_made_again(start: Start, region: Region) -> None:
    stack = start(lambda: aws.sqs.Queue("q", visibility_timeout_seconds=60))
    stack.up()
    (queue,) = stack.resources()
    client = region.client("sqs")
    client.set_queue_attributes(QueueUrl=queue["id"], Attributes={"VisibilityTimeout": "61"})
    stack.refresh()
    assert stack.up().changes == {("update", "Queue", "q")}
    assert client.get_queue_attributes(QueueUrl=queue["id"], AttributeNames=["VisibilityTimeout"])["Attributes"] == {
        "VisibilityTimeout": "60"
    }
    client.delete_queue(QueueUrl=queue["id"])
    stack.refresh()
    assert stack.up().changes == {("create", "Queue", "q")}


def test_the_value_of_an_api_key_is_a_secret_in_the_state(start: Start, region: Region, tmp_path: Path) -> None:
    def program() -> None:
        pulumi.export("value", aws.apigateway.ApiKey("k").value)

    stack = start(program)
    stack.up()
    output = stack.outputs()["value"]
    (key,) = region.client("apigateway").get_api_keys(includeValues=True)["items"]
    assert output.secret
    assert output.value == key["value"]
    states = [path.read_text() for path in (tmp_path / "stack" / "state").rglob("test.json")]
    assert any(key["id"] in state for state in states)
    assert not any(key["value"] in state for state in states)


def test_the_strategy_of_a_running_service_changes_only_with_force_new_deployment(start: Start) -> None:
    weights = [1]

    def program() -> None:
        cluster = aws.ecs.Cluster("c")
        task = aws.ecs.TaskDefinition(
            "t", family="t", container_definitions=json.dumps([{"name": "w", "image": "i", "memory": 128}])
        )
        aws.ecs.Service(
            "s",
            cluster=cluster.arn,
            task_definition=task.arn,
            capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": weights[0]}],
        )

    stack = start(program)
    stack.up()
    weights[0] = 2
    with pytest.raises(FailedError, match="can change only with forceNewDeployment"):
        stack.up()
    weights[0] = 1

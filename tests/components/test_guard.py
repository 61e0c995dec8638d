"""A queue with jobs is not deleted: what the hooks of the engine look at, with whose credentials, and what they say."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pulumi
import pulumi_aws as aws
import pytest
from moto import mock_aws

from components import guard
from components.guard import DataKeptError, QueueGuard, QueueGuardArgs, QueueNotEmptyError
from tests.components.harness import deploy, queue_refs

REGION = "eu-central-1"
OTHER = "111111111111"
KEY = f"arn:aws:kms:{REGION}:123456789012:key/1"
ROLE = f"arn:aws:iam::{OTHER}:role/deploy"


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("sqs", REGION)


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> dict[str, pulumi.ResourceHook]:
    """The hooks that a program has made, by name."""
    made: dict[str, pulumi.ResourceHook] = {}
    original = pulumi.ResourceHook

    def hook(name: str, *args: Any) -> pulumi.ResourceHook:
        made[name] = original(name, *args)
        return made[name]

    monkeypatch.setattr(pulumi, "ResourceHook", hook)
    return made


def emulated(service: str) -> Any:
    """A client of the emulated account."""
    session: Any = boto3.Session(region_name=REGION)
    return session.client(service)


def deleted(**outputs: Any) -> pulumi.ResourceHookArgs:
    return pulumi.ResourceHookArgs("urn", "id", "name", "type", old_outputs=outputs)


def test_an_empty_queue_and_one_that_is_gone_may_be_deleted(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for each in (url, f"{url}-gone"):
        guard.refuse(each, emulated, "dev", guard.REPLACED)


@pytest.mark.parametrize(("state", "jobs"), [("visible", 1), ("delayed", 2), ("in flight", 2)])
def test_waiting_delayed_and_running_jobs_keep_a_queue(sqs: Any, state: str, jobs: int) -> None:
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for _ in range(jobs):
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=900 if state == "delayed" else 0)
    if state == "in flight":
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    with pytest.raises(QueueNotEmptyError) as caught:
        guard.refuse(url, emulated, "dev", guard.REPLACED)
    assert str(caught.value) == (
        f"Queue jobs holds {jobs} job{'s' if jobs > 1 else ''}, so it is kept. Move them to the stack's queue: `ebb "
        f"move --stack dev {url}`. Or delete them: `aws sqs purge-queue --queue-url {url}`. Then run this command "
        "again."
    )


@pytest.mark.usefixtures("sqs")
def test_a_queue_that_another_account_does_not_find_is_kept() -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/{OTHER}/jobs"
    expected = rf"Whether queue jobs holds jobs is unknown \(it is in account {OTHER}, and the credentials are of"
    with pytest.raises(QueueNotEmptyError, match=expected):
        guard.refuse(url, emulated, "dev", guard.REPLACED)


def test_without_credentials_a_queue_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    url = f"https://sqs.{REGION}.amazonaws.com/{OTHER}/jobs"
    with pytest.raises(QueueNotEmptyError, match=r"is unknown \(Unable to locate credentials\), so it is kept"):
        guard.refuse(url, emulated, "dev", guard.REPLACED)


def test_the_guard_asks_both_queues_of_what_is_deleted_and_depends_on_all_else(
    sqs: Any, hooks: dict[str, pulumi.ResourceHook]
) -> None:
    jobs, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("jobs", "dead"))
    for each in (jobs, dead):
        sqs.send_message(QueueUrl=each, MessageBody="x")
    refs = queue_refs(url=jobs, dead_letter_url=dead)

    def program() -> dict[str, list[str]]:
        other = aws.sqs.Queue("other")
        QueueGuard("guard", QueueGuardArgs(queue=refs, everything=[other]))
        said = []
        for url in (jobs, dead):
            with pytest.raises(QueueNotEmptyError) as caught:
                hooks["ebb-stack-with-jobs"](deleted(queues=[jobs, dead]))
            said.append(str(caught.value))
            sqs.purge_queue(QueueUrl=url)
        hooks["ebb-stack-with-jobs"](deleted(queues=[jobs, dead]))
        hooks["ebb-stack-with-jobs"](deleted())
        return {"said": said}

    found = deploy(program, stack="shop")
    made = found.one("ebb:index:QueueGuard")
    assert list(made.request.hooks.before_delete) == ["ebb-stack-with-jobs"]
    assert [urn.rpartition("::")[2] for urn in made.dependencies] == ["other"]
    assert found.component_outputs[made.urn] == {"queues": [jobs, dead], "protect": False}
    assert found.result["said"] == [
        f"Queue {name} holds 1 job, so it is kept. {advice} Or delete them: `aws sqs purge-queue --queue-url {url}`. "
        "Then run this command again."
        for name, url, advice in (("jobs", jobs, guard.IN_USE), ("dead", dead, guard.DEAD_LETTERS))
    ]


@pytest.mark.usefixtures("sqs")
def test_protection_scheduled_jobs_and_images_keep_the_stack(
    hooks: dict[str, pulumi.ResourceHook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(guard, "clients", lambda: emulated)
    scheduler, ecr = emulated("scheduler"), emulated("ecr")
    scheduler.create_schedule_group(Name="later")
    scheduler.create_schedule(
        Name="job",
        GroupName="later",
        ScheduleExpression="at(2030-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"arn:aws:states:{REGION}:123456789012:stateMachine:release", "RoleArn": ROLE},
    )
    ecr.create_repository(repositoryName="image")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {}, "layers": []})
    ecr.put_image(repositoryName="image", imageManifest=manifest, imageManifestMediaType=kind, imageTag="latest")

    def program() -> dict[str, list[str]]:
        QueueGuard("guard", QueueGuardArgs(queue=queue_refs(), everything=[]))
        said = []
        for outputs in ({"protect": True}, {"schedule_group": "later"}, {"repository": "image"}):
            with pytest.raises(DataKeptError) as caught:
                hooks["ebb-stack-with-jobs"](deleted(**outputs))
            said.append(str(caught.value))
        hooks["ebb-stack-with-jobs"](deleted(schedule_group="gone", repository="gone"))
        return {"said": said}

    protected, scheduled, images = deploy(program).result["said"]
    assert protected == (
        "ebb:data.protect is true, so nothing is deleted. To delete the stack, run `pulumi config set --path "
        "ebb:data.protect false` and `pulumi up`. Then run this command again."
    )
    assert scheduled == (
        "Jobs are scheduled for later, in the schedule group later, so nothing is deleted. Wait for them or cancel "
        "them by the API. Or delete them: `aws scheduler delete-schedule-group --name later`. Then run this "
        "command again."
    )
    assert images == (
        "Repository image holds images, and ECR deletes only an empty one, so nothing is deleted. To delete it "
        "with its images, set `force_delete: true` in ebb:worker.image and run `pulumi up`. Then run this command "
        "again."
    )


@pytest.mark.parametrize(
    ("refuse", "action"), [(guard.refuse_scheduled, "scheduler:ListSchedules"), (guard.refuse_images, "ecr:ListImages")]
)
def test_without_the_permission_to_look_nothing_is_deleted(refuse: Any, action: str) -> None:
    def denied(_service: str) -> Any:
        raise OSError("no way to AWS")

    with pytest.raises(DataKeptError, match=rf"is unknown \(no way to AWS\), so nothing is deleted\. .* {action}\."):
        refuse("name", denied)


def test_the_dead_letters_of_a_replaced_queue_are_not_to_be_moved() -> None:
    assert [guard.dead_letters_or(guard.REPLACED, name) for name in ("jobs", "jobs-dead-letter")] == [
        guard.REPLACED,
        guard.DEAD_LETTERS,
    ]


@pytest.mark.parametrize(
    ("old", "new", "leaves"),
    [
        ({}, {}, False),
        ({}, {"kmsMasterKeyId": KEY}, False),  # what SQS's own key has encrypted stays readable
        ({"kmsMasterKeyId": KEY}, {"kmsMasterKeyId": KEY, "visibilityTimeoutSeconds": 60}, False),
        ({"kmsMasterKeyId": KEY}, {"sqsManagedSseEnabled": True}, True),
        ({"kmsMasterKeyId": KEY}, {"kmsMasterKeyId": f"{KEY}9"}, True),
    ],
)
def test_a_queue_with_jobs_does_not_leave_its_kms_key(
    sqs: Any, hooks: dict[str, pulumi.ResourceHook], old: dict[str, Any], new: dict[str, Any], leaves: bool
) -> None:
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    said: list[str] = []

    def program() -> dict[str, list[str]]:
        guard.keep_with_messages()
        args = pulumi.ResourceHookArgs("urn", "id", "jobs", "type", new, old, old_outputs={"url": url})
        try:
            hooks["ebb-queue-with-jobs-and-key"](args)
        except QueueNotEmptyError as error:
            said.append(str(error))
        return {}

    deploy(program, stack="shop")
    sentence = (
        f"Queue jobs holds 1 job, so its key is kept. {guard.IN_USE} Or delete them: `aws sqs purge-queue --queue-url "
        f"{url}`. Then run this command again."
    )
    assert said == ([sentence] if leaves else [])


def test_the_hooks_have_the_clients_of_the_stack_s_provider(sqs: Any) -> None:
    def program() -> dict[str, str]:
        return {"account": guard.clients()("sts").get_caller_identity()["Account"]}

    roles = json.dumps([{"roleArn": ROLE}])
    assert deploy(program, config={"aws:region": REGION, "aws:assumeRoles": roles}).result == {"account": OTHER}
    assert deploy(program, config={"aws:region": REGION}).result == {"account": "123456789012"}


def hooks_of(hooks: dict[str, pulumi.ResourceHook], url: str) -> None:
    """The hook of a queue, called for this one."""
    guard.keep_with_messages()
    hooks["ebb-queue-with-jobs"](deleted(url=url))


def test_the_provider_s_clients_are_made_once_though_a_queue_is_gone(
    sqs: Any, hooks: dict[str, pulumi.ResourceHook], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str | None] = []

    def clients(region: str | None) -> Any:
        made.append(region)
        return emulated

    monkeypatch.setattr(guard, "clients", clients)
    gone = f"https://sqs.{REGION}.amazonaws.com/123456789012/gone"
    deploy(lambda: hooks_of(hooks, gone))
    assert made == [REGION]

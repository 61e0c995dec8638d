"""A queue with jobs is not deleted: what the hooks of the engine look at, with whose credentials, and what they say."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pulumi
import pulumi_aws as aws
import pytest
from moto import mock_aws

from components import _credentials, guard
from components.guard import QueueGuard, QueueGuardArgs, QueueNotEmptyError
from tests.components.harness import deploy, queue_refs

REGION = "eu-central-1"
OTHER = "111111111111"
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


def clients(config: dict[str, Any], use: Any) -> Any:
    """What `use` returns for the clients of this configuration."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return deploy(lambda: {"found": use(_credentials.clients())}, config=texts).result["found"]


def account(config: dict[str, Any]) -> Any:
    return clients(config, lambda client: client("sts").get_caller_identity()["Account"])


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
    assert found.component_outputs[made.urn] == {"queues": [jobs, dead]}
    assert found.result["said"] == [
        f"Queue {name} holds 1 job, so it is kept. {advice} Or delete them: `aws sqs purge-queue --queue-url {url}`. "
        "Then run this command again."
        for name, url, advice in (("jobs", jobs, guard.DESTROYED), ("dead", dead, guard.DEAD_LETTERS))
    ]


def test_the_dead_letters_of_a_replaced_queue_are_not_to_be_moved() -> None:
    assert [guard.dead_letters_or(guard.REPLACED, name) for name in ("jobs", "jobs-dead-letter")] == [
        guard.REPLACED,
        guard.DEAD_LETTERS,
    ]


def test_the_default_provider_uses_the_environment(sqs: Any) -> None:
    assert account({"aws:region": REGION}) == "123456789012"


@pytest.mark.usefixtures("sqs")
def test_the_hooks_assume_the_roles_of_the_provider_one_after_the_other() -> None:
    last = "arn:aws:iam::222222222222:role/last"
    full = {
        "roleArn": ROLE,
        "sessionName": "deploy",
        "externalId": "xy",
        "duration": "1h30m",
        "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "tags": {"Team": "a"},
        "transitiveTagKeys": ["Team"],
        "sourceIdentity": "me",
    }
    assert account({"aws:region": REGION, "aws:assumeRoles": [full]}) == OTHER
    assert account({"aws:region": REGION, "aws:assumeRoles": [full, {"roleArn": last}]}) == "222222222222"


@pytest.mark.usefixtures("sqs")
def test_the_hooks_assume_a_role_by_a_web_identity(tmp_path: Any) -> None:
    token = tmp_path / "token"
    token.write_text("abcd\n")
    for given in ({"webIdentityToken": "abcd"}, {"webIdentityTokenFile": str(token)}):
        web = {"roleArn": ROLE, **given}
        assert account({"aws:region": REGION, "aws:assumeRoleWithWebIdentity": web}) == OTHER


def test_the_hooks_have_the_profile_files_keys_and_endpoints_of_the_provider(tmp_path: Any) -> None:
    (tmp_path / "config").write_text("[profile corp]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text("[corp]\naws_access_key_id = A\naws_secret_access_key = B\n")
    files = {
        "aws:profile": "corp",
        "aws:sharedConfigFiles": [str(tmp_path / "config")],
        "aws:sharedCredentialsFiles": [str(tmp_path / "credentials")],
    }

    def seen(client: Any) -> list[str]:
        sqs = client("sqs")
        keys = sqs._request_signer._credentials
        return [sqs.meta.region_name, sqs.meta.endpoint_url, keys.access_key]

    assert clients(files, seen) == ["eu-west-3", "https://sqs.eu-west-3.amazonaws.com", "A"]
    more = {**files, "aws:region": "eu-west-1", "aws:endpoints": [{"sqs": "http://sqs.example"}]}
    assert clients(more, seen) == ["eu-west-1", "http://sqs.example", "A"]
    keys = {"aws:region": "us-gov-west-1", "aws:accessKey": "K", "aws:secretKey": "S", "aws:useFipsEndpoint": "true"}
    assert clients(keys, seen)[::2] == ["us-gov-west-1", "K"]
    assert "sqs" in clients(keys, seen)[1]


def test_several_shared_files_are_refused_so_the_queue_is_kept() -> None:
    with pytest.raises(ValueError, match="aws:sharedConfigFiles names 2 files, and only one can be read here"):
        clients({"aws:region": REGION, "aws:sharedConfigFiles": ["a", "b"]}, lambda _: 0)

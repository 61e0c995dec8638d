"""What Pulumi itself calls, with its state in S3 and its secrets under a KMS key, as README sets them up."""

import base64
import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pulumi
import pytest
from moto.moto_api import recorder
from pulumi import automation as auto

from ebb.sandbox.deploy.pulumi_cli import find
from tests.docs import emulator
from tests.iam.evaluate import allows
from tests.iam.stacks import deployer, preview

BUCKET = "ebb-state-123456789012"
PROVIDER = "awskms://alias/ebb-state?region=us-east-1&context_stack=dev"
STACKS = f"arn:aws:s3:::{BUCKET}/.pulumi/stacks/ebb"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0"
ALIAS = {"kms:ResourceAliases": "alias/ebb-state"}

Call = tuple[str, str, tuple[tuple[str, str], ...]]


def refused(policy: Mapping[str, Any], calls: set[Call]) -> list[Call]:
    return sorted(call for call in calls if not allows(policy, call[0], call[1], dict(call[2])))


@dataclass
class Account:
    """An emulated account, and the calls that it gets."""

    url: str

    def record(self) -> None:
        self._post("start-recording")

    def recorded(self) -> set[Call]:
        """(action, resource, condition keys) of each call since `record`."""
        self._post("stop-recording")
        with urllib.request.urlopen(f"{self.url}/moto-api/recorder/download-recording") as answer:
            calls = {seen(json.loads(line)) for line in answer.read().decode().splitlines()}
        self._post("reset-recording")
        return calls

    def _post(self, command: str) -> None:
        emulator.post(f"{self.url}/moto-api/recorder/{command}")


def seen(entry: dict[str, Any]) -> Call:
    """A recorded request as IAM sees it."""
    target = entry["headers"].get("X-Amz-Target")
    if target:
        body = json.loads(base64.b64decode(entry["body"]))
        context = {f"kms:EncryptionContext:{name}": value for name, value in body["EncryptionContext"].items()}
        # a condition on the key's aliases, not on the request: the ciphertext alone names the key
        name = target.removeprefix("TrentService.")
        return f"kms:{name}", KEY, tuple(sorted({**context, **ALIAS}.items()))
    parts = urlsplit(entry["url"])
    if "list-type=2" in parts.query:
        return "s3:ListBucket", f"arn:aws:s3:::{parts.path.strip('/')}", ()
    action = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
    return action[entry["method"]], f"arn:aws:s3:::{parts.path.strip('/')}", ()


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(recorder, "_location", str(tmp_path / "calls"))  # the default is the working directory
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with emulator.account() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        session = boto3.Session(region_name="us-east-1")
        session.client("s3").create_bucket(Bucket=BUCKET)
        kms = session.client("kms")
        kms.create_alias(AliasName="alias/ebb-state", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        yield Account(address)


def test_a_preview_and_a_deployment_call_only_what_is_allowed_of_the_state(account: Account, tmp_path: Path) -> None:
    value = {"secret": "of dev"}

    def program() -> None:
        pulumi.export("secret", pulumi.Output.secret(value["secret"]))

    endpoint = account.url.removeprefix("http://")
    environment = {
        "PULUMI_BACKEND_URL": f"s3://{BUCKET}?region=us-east-1&endpoint={endpoint}&disableSSL=true&s3ForcePathStyle=true",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    (tmp_path / "work").mkdir()
    stack = auto.create_stack(
        "dev",
        project_name="ebb",
        program=program,
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(tmp_path / "work"),
            env_vars=environment,
            pulumi_command=find(print),
            secrets_provider=PROVIDER,
        ),
    )
    stack.up()

    account.record()
    stack.workspace.select_stack("dev")
    stack.preview()
    assert stack.outputs()["secret"].value == "of dev"
    calls = account.recorded()
    policy = preview(provider=PROVIDER)
    assert {action for action, _, _ in calls} == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}
    assert refused(policy, calls) == []
    (statement,) = (statement for statement in policy["Statement"] if statement["Sid"] == "StateRead")
    assert {resource for action, resource, _ in calls if action == "s3:GetObject"} == set(statement["Resource"])

    value["secret"] = "of dev, changed"
    account.record()
    stack.up()
    stack.destroy()
    calls = account.recorded()
    assert {action for action, _, _ in calls} >= {"s3:PutObject", "s3:DeleteObject", "kms:Decrypt"}
    assert refused(deployer(provider=PROVIDER), calls) == []


@pytest.mark.parametrize("role", [preview, deployer])
def test_of_the_state_only_that_of_the_stack_can_be_read_and_decrypted(role: Any) -> None:
    policy = role()
    assert allows(policy, "s3:GetObject", f"{STACKS}/dev.json")
    assert allows(policy, "kms:Decrypt", KEY, {**ALIAS, "kms:EncryptionContext:stack": "dev"})
    for other in ("prod", "dev.eu", "dev2"):
        for action in ("s3:GetObject", "s3:PutObject"):
            assert not allows(policy, action, f"{STACKS}/{other}.json")
            assert not allows(policy, action, f"arn:aws:s3:::{BUCKET}/.pulumi/history/ebb/{other}/1.json")
        assert not allows(policy, "kms:Decrypt", KEY, {**ALIAS, "kms:EncryptionContext:stack": other})
    assert not allows(policy, "kms:Decrypt", KEY, {"kms:EncryptionContext:stack": "dev"})
    assert not allows(policy, "s3:GetObject", f"{STACKS.replace(BUCKET, 'other')}/dev.json")


def test_the_state_s_bucket_and_key_can_be_others() -> None:
    policy = preview(bucket="company-state", provider=f"awskms:///{KEY}?region=us-east-1")
    assert allows(policy, "s3:GetObject", "arn:aws:s3:::company-state/.pulumi/stacks/ebb/dev.json")
    assert allows(policy, "kms:Decrypt", KEY)
    by_id = preview(provider="awskms://1234abcd?region=eu-west-1")
    assert allows(by_id, "kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd")
    assert not any(
        action.startswith("kms:") for each in preview(provider="passphrase")["Statement"] for action in each["Action"]
    )

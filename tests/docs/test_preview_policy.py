"""The preview role's policy: what `pulumi preview` calls and no more, since a pull request's own code runs with it."""

import base64
import json
import re
import urllib.request
from collections.abc import Iterator
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
from tests.docs import emulator, policies

ROOT = Path(__file__).parents[2]
POLICY = policies.statements("preview-policy")
ACTIONS = set(policies.actions(POLICY))
BUCKET = "ebb-state-123456789012"
#: What the provider calls for each data source (terraform-provider-aws; sts:GetCallerIdentity needs no permission).
DATA_SOURCES: dict[str, set[str]] = {
    "get_availability_zones": {"ec2:DescribeAvailabilityZones"},
    "get_caller_identity": set(),
    "get_partition": set(),
    "get_region": set(),
    "ec2.get_instance_type_offerings": {"ec2:DescribeInstanceTypeOfferings"},
    "ec2.get_vpc_endpoint_service": {"ec2:DescribeVpcEndpointServices"},
    "ssm.get_parameter": {"ssm:GetParameter"},
    "ecr.get_repository": {"ecr:DescribeRepositories", "ecr:ListTagsForResource"},
    "ecr.get_image": {"ecr:DescribeImages", "ecr:DescribeRepositories"},
}
#: What it calls to compare old and new inputs: a changed workflow is checked, a changed instance type looked up.
COMPARISONS = {"states:ValidateStateMachineDefinition", "ec2:DescribeInstanceTypes"}
#: awsx's image is built in a preview, too, from the layers of the last one. It is not pushed.
IMAGE = {
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
}
STATE = {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}
#: What reads data or secrets, or hands them out: none of it is allowed, except what the tests below name.
READS_DATA = (
    r"apigateway:|athena:|cloudwatch:Get|dynamodb:|kinesis:|lambda:|logs:|secretsmanager:|sns:|sqs:"
    r"|iam:|sts:|ssm:GetParameters|ssm:.*History|s3:GetObjectVersion|kms:(?!Decrypt$)|states:(?!Validate)"
)


def test_each_action_is_one_that_aws_has() -> None:
    assert [action for action in ACTIONS if not policies.exists(action)] == []


def test_the_actions_are_those_that_a_preview_calls() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "components").glob("*.py"))
    used = set(re.findall(r"\baws\.((?:\w+\.)?get_\w+?)(?:_output)?\(", sources))
    assert used == set(DATA_SOURCES)
    assert set().union(*DATA_SOURCES.values(), COMPARISONS, IMAGE, STATE) == ACTIONS


def test_nothing_is_changed_by_what_is_allowed() -> None:
    reading = r"\w+:(Describe|Get|List|BatchGet|BatchCheck|Validate|Decrypt)\w*"
    assert [action for action in ACTIONS if not re.fullmatch(reading, action)] == []


def test_no_data_can_be_read() -> None:
    assert [action for action in ACTIONS if re.match(READS_DATA, action)] == []


@pytest.mark.parametrize(
    ("action", "resources"),
    [
        # AWS's own public parameters: an account would stand between the colons
        ("ssm:GetParameter", ["arn:aws:ssm:us-east-1::parameter/aws/service/ami-amazon-linux-latest/*"]),
        ("ecr:BatchGetImage", ["arn:aws:ecr:us-east-1:123456789012:repository/image-*"]),
    ],
)
def test_all_that_is_read_except_the_state_is_public_or_this_code_s_image(action: str, resources: list[str]) -> None:
    (statement,) = (statement for statement in POLICY if action in statement["Action"])
    assert statement["Resource"] == resources


def test_of_the_state_only_that_of_dev_can_be_read_and_decrypted() -> None:
    stacks = f"arn:aws:s3:::{BUCKET}/.pulumi/stacks/ebb"
    key = "arn:aws:kms:us-east-1:123456789012:key/0"
    alias = {"kms:ResourceAliases": "alias/ebb-state"}
    assert policies.allows(POLICY, "s3:GetObject", f"{stacks}/dev.json", {})
    assert policies.allows(POLICY, "kms:Decrypt", key, {**alias, "kms:EncryptionContext:stack": "dev"})
    assert not policies.allows(POLICY, "s3:GetObject", f"{stacks}/prod.json", {})
    assert not policies.allows(POLICY, "s3:GetObject", f"arn:aws:s3:::{BUCKET}/.pulumi/history/ebb/dev/1.json", {})
    assert not policies.allows(POLICY, "kms:Decrypt", key, {**alias, "kms:EncryptionContext:stack": "prod"})
    assert not policies.allows(POLICY, "kms:Decrypt", key, {"kms:EncryptionContext:stack": "dev"})


def test_what_has_no_narrower_resource_is_at_least_in_one_region() -> None:
    for statement in POLICY:
        if statement["Resource"] == ["*"]:
            assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, statement["Sid"]


# what the engine itself calls, with the state in S3 and its secrets under a KMS key, as README sets them up


@dataclass
class Account:
    """An emulated account, and the calls that it gets."""

    url: str

    def record(self) -> None:
        self._post("start-recording")

    def recorded(self) -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
        """(action, resource, condition keys) of each call since `record`."""
        self._post("stop-recording")
        with urllib.request.urlopen(f"{self.url}/moto-api/recorder/download-recording") as answer:
            return {call(json.loads(line)) for line in answer.read().decode().splitlines()}

    def _post(self, command: str) -> None:
        emulator.post(f"{self.url}/moto-api/recorder/{command}")


def call(entry: dict[str, Any]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """A recorded request as IAM sees it."""
    target = entry["headers"].get("X-Amz-Target")
    if target:
        body = json.loads(base64.b64decode(entry["body"]))
        context = {f"kms:EncryptionContext:{name}": value for name, value in body["EncryptionContext"].items()}
        # a condition on the key's aliases, not on the request: the ciphertext alone names the key
        alias = {"kms:ResourceAliases": "alias/ebb-state"}
        name = target.removeprefix("TrentService.")
        return f"kms:{name}", "arn:aws:kms:us-east-1:123456789012:key/0", tuple(sorted({**context, **alias}.items()))
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


def test_a_preview_calls_only_what_is_allowed_and_all_that_is_allowed_of_the_state(
    account: Account, tmp_path: Path
) -> None:
    def program() -> None:
        pulumi.export("secret", pulumi.Output.secret("of dev"))

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
            secrets_provider="awskms://alias/ebb-state?region=us-east-1&context_stack=dev",
        ),
    )
    stack.up()

    account.record()
    stack.workspace.select_stack("dev")
    stack.preview()
    assert stack.outputs()["secret"].value == "of dev"
    calls = account.recorded()

    assert {action for action, _, _ in calls} == STATE
    refused = [entry for entry in calls if not policies.allows(POLICY, entry[0], entry[1], dict(entry[2]))]
    assert refused == []
    (statement,) = (statement for statement in POLICY if statement["Sid"] == "StateOfDev")
    assert {resource for action, resource, _ in calls if action == "s3:GetObject"} == set(statement["Resource"])

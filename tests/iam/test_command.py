"""`ebb policy`: where a stack's account, region and names come from, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.session import Session
from moto import mock_aws
from typer.testing import CliRunner

from ebb import project
from ebb.cli import app
from ebb.iam.place import Place
from tests.iam.stacks import ACCOUNT, deployer, preview

STACK = {"aws:region": "eu-central-1", "ebb:queue": {"name": "encode-jobs"}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's root, with the stack team.eu."""
    monkeypatch.setattr(project, "ROOT", tmp_path)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, config=STACK)
    (tmp_path / "Pulumi.yaml").write_text("name: ebb\n")
    return tmp_path


def write(folder: Path, **document: Any) -> None:
    (folder / "Pulumi.team.eu.yaml").write_text(yaml.safe_dump(document))


def ebb(*arguments: str) -> Any:
    """The printed JSON."""
    done = CliRunner().invoke(app, ["policy", "--stack", "team.eu", *arguments])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def error(*arguments: str, stack: str = "team.eu") -> str:
    done = CliRunner().invoke(app, ["policy", "--stack", stack, *arguments])
    assert done.exit_code == 1, done.output
    return done.output.strip()


def test_it_prints_the_policy_of_the_role(folder: Path) -> None:
    more: dict[str, Any] = {"name": "team.eu", "region": "eu-central-1"}
    assert ebb("--account", ACCOUNT) == deployer(STACK, **more)
    assert ebb("--account", ACCOUNT, "--role", "preview") == preview(STACK, **more)
    assert ebb("--account", ACCOUNT, "--role", "drift") == preview(STACK, **more)
    bucket = ebb("--account", ACCOUNT, "--bucket", "company-state")
    assert bucket == deployer(STACK, bucket="company-state", **more)
    several = ebb("--account", ACCOUNT, "--managed")
    assert [each for document in several for each in document["Statement"]] == deployer(STACK, **more)["Statement"]


def test_names_that_other_stacks_can_have_too_are_said_beside_the_policy(folder: Path) -> None:
    def note(*arguments: str) -> str:
        return CliRunner().invoke(app, ["policy", "--stack", "team.eu", "--account", ACCOUNT, *arguments]).stderr

    assert note().startswith("Note: the names in this policy do not have the stack's name. In the same account")
    assert note("--role", "preview") == note("--trust", "acme/jobs") == ""
    pattern = "${name}-${stack}-${hex(7)}"
    write(folder, config={**STACK, "pulumi:autonaming": {"pattern": pattern}})
    assert note() == ""
    assert ebb("--account", ACCOUNT) == deployer(
        {**STACK, "pulumi:autonaming": {"pattern": pattern}}, name="team.eu", region="eu-central-1"
    )


def test_the_secrets_provider_is_the_stack_s(folder: Path) -> None:
    provider = "awskms://alias/company?region=eu-west-1&context_stack=team.eu"
    more: dict[str, Any] = {"name": "team.eu", "region": "eu-central-1"}
    write(folder, config=STACK, secretsprovider=provider, encryptedkey="x")
    assert ebb("--account", ACCOUNT) == deployer(STACK, provider=provider, **more)
    write(folder, config=STACK, encryptionsalt="v1:x")
    assert ebb("--account", ACCOUNT) == deployer(STACK, provider="passphrase", **more)


def test_the_account_is_the_only_allowed_one_or_that_of_the_credentials(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, config={**STACK, "aws:allowedAccountIds": ["210987654321"]})
    assert "210987654321" in json.dumps(ebb())
    assert error("--account", ACCOUNT) == (
        "Stack team.eu is not for account 123456789012: its aws:allowedAccountIds has 210987654321."
    )
    write(folder, config={**STACK, "aws:allowedAccountIds": '["210987654321"]'})
    assert "210987654321" in json.dumps(ebb())
    write(folder, config=STACK)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        assert ebb() == deployer(STACK, name="team.eu", region="eu-central-1")


def test_without_credentials_the_account_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    assert error() == "The account is unknown (Unable to locate credentials): name it with --account."


def test_the_region_can_be_pulumi_yaml_s_or_the_environment_s(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, config={})
    assert error("--account", ACCOUNT) == (
        "Stack team.eu has no region: set aws:region in Pulumi.team.eu.yaml, or AWS_REGION."
    )
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    assert ":aws-cn:" not in json.dumps(ebb("--account", ACCOUNT)).replace("arn:aws-cn:", "")
    assert "arn:aws:" not in json.dumps(ebb("--account", ACCOUNT))
    for value in ("eu-west-1", {"value": "eu-west-1"}):
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "ebb", "config": {"aws:region": value}}))
        assert ebb("--account", ACCOUNT) == deployer({}, name="team.eu", region="eu-west-1")


def test_names_of_pulumi_yaml_s_autonaming_count(folder: Path) -> None:
    autonaming = {"pulumi:autonaming": {"pattern": "${stack}-${name}-${hex(4)}"}}
    (folder / "Pulumi.yaml").write_text(
        yaml.safe_dump({"name": "ebb", "config": {"pulumi:autonaming": {"value": autonaming["pulumi:autonaming"]}}})
    )
    assert ebb("--account", ACCOUNT) == deployer({**STACK, **autonaming}, name="team.eu", region="eu-central-1")


def test_what_is_wrong_ends_in_one_sentence(folder: Path) -> None:
    assert error("--account", ACCOUNT, stack="none") == "There is no stack 'none'; this project has team.eu."
    assert error("--account", "1234") == "An account is 12 digits, such as 123456789012, not '1234'."
    assert error("--account", ACCOUNT, "--trust", "acme") == (
        "A repository is OWNER/REPOSITORY, such as acme/video, not 'acme'."
    )
    write(folder, config={"aws:region": "Frankfurt"})
    assert error("--account", ACCOUNT) == (
        "aws:region must be the code of a region, such as eu-central-1, not 'Frankfurt'."
    )
    write(folder, config={**STACK, "ebb:queue": {"kms": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0"}})
    assert "ebb:queue.kms: must be of the stack's region, which is eu-central-1, not of us-east-1" in error(
        "--account", ACCOUNT
    )
    write(folder, config={**STACK, "ebb:queue": {"nam": "x"}})
    assert "ebb:queue.nam: unknown key, the nearest known one is name" in error("--account", ACCOUNT)


@pytest.mark.parametrize(
    ("role", "subject"),
    [("deployer", "environment:team.eu"), ("preview", "pull_request"), ("drift", "ref:refs/heads/main")],
)
def test_a_repository_s_workflows_may_take_the_role(folder: Path, role: str, subject: str) -> None:
    write(folder, config={"aws:region": "us-gov-west-1"})
    (statement,) = ebb("--account", ACCOUNT, "--role", role, "--trust", "acme@1/video@2")["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {
        "Federated": f"arn:aws-us-gov:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    }
    assert statement["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": f"repo:acme@1/video@2:{subject}",
    }


def test_each_region_has_the_partition_that_botocore_knows() -> None:
    known = Session().get_component("data_loader").load_data("partitions")["partitions"]
    regions = [(region, each) for each in known for region in each["regions"] if not region.endswith("-global")]
    assert len(regions) > 40
    for region, each in regions:
        place = Place(account=ACCOUNT, region=region)
        assert (place.partition, place.dns_suffix) == (each["id"], each["outputs"]["dnsSuffix"])

"""The clients of a stack's AWS provider: its credentials, roles, files, region and endpoints."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from components.aws_clients import clients

REGION = "eu-central-1"
OTHER = "111111111111"
ROLE = f"arn:aws:iam::{OTHER}:role/deploy"


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def account(config: dict[str, Any]) -> Any:
    return clients(config)("sts").get_caller_identity()["Account"]


@pytest.mark.usefixtures("emulated")
def test_the_default_provider_uses_the_environment() -> None:
    assert account({"region": REGION}) == "123456789012"


@pytest.mark.usefixtures("emulated")
def test_the_roles_of_the_provider_are_assumed_one_after_the_other() -> None:
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
    assert account({"region": REGION, "assumeRoles": [full]}) == OTHER
    assert account({"region": REGION, "assumeRoles": [full, {"roleArn": last}]}) == "222222222222"


@pytest.mark.usefixtures("emulated")
def test_a_role_is_assumed_by_a_web_identity(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("abcd\n")
    for given in ({"webIdentityToken": "abcd"}, {"webIdentityTokenFile": str(token)}):
        web = {"roleArn": ROLE, **given}
        assert account({"region": REGION, "assumeRoleWithWebIdentity": web}) == OTHER


def test_the_profile_files_keys_and_endpoints_of_the_provider_are_used(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile corp]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text("[corp]\naws_access_key_id = A\naws_secret_access_key = B\n")
    files = {
        "profile": "corp",
        "sharedConfigFiles": [str(tmp_path / "config")],
        "sharedCredentialsFiles": [str(tmp_path / "credentials")],
    }

    def seen(config: dict[str, Any]) -> list[str]:
        sqs = clients(config)("sqs")
        keys = sqs._request_signer._credentials
        return [sqs.meta.region_name, sqs.meta.endpoint_url, keys.access_key]

    assert seen(files) == ["eu-west-3", "https://sqs.eu-west-3.amazonaws.com", "A"]
    more = {**files, "region": "eu-west-1", "endpoints": [{"sqs": "http://sqs.example"}]}
    assert seen(more) == ["eu-west-1", "http://sqs.example", "A"]
    keys = {"region": "us-gov-west-1", "accessKey": "K", "secretKey": "S", "useFipsEndpoint": "true"}
    assert seen(keys)[::2] == ["us-gov-west-1", "K"]
    assert "sqs" in seen(keys)[1]


def test_of_several_shared_files_a_later_one_wins_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[default]\nregion = eu-west-1\n")
    (tmp_path / "b").write_text("[default]\nregion = eu-west-3\ns3 =\n  max_queue_size = 5\n[profile x]\nregion = x\n")
    for name in ("c", "d"):
        (tmp_path / name).write_text(f"[default]\naws_access_key_id = {name}\naws_secret_access_key = S\n")
    paths = {name: str(tmp_path / name) for name in "abcd"}
    config = {"sharedConfigFiles": [paths["a"], paths["b"]], "sharedCredentialsFiles": [paths["c"], paths["d"]]}

    def seen(given: dict[str, Any]) -> list[str]:
        sqs = clients(given)("sqs")
        return [sqs.meta.region_name, sqs._request_signer._credentials.access_key]

    assert seen(config) == ["eu-west-3", "d"]
    assert seen(config | {"sharedCredentialsFiles": [paths["d"], paths["c"]]}) == ["eu-west-3", "c"]
    assert seen({key: json.dumps(value) for key, value in config.items()}) == ["eu-west-3", "d"], "as Pulumi has it"


def test_a_shared_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        clients({"region": REGION, "sharedConfigFiles": [str(tmp_path / "no-such-file"), "b"]})

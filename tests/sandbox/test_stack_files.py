"""What becomes of Pulumi.<stack>.yaml on its way to the engine."""

from pathlib import Path

import pytest

from ebb.sandbox.deploy import engine
from ebb.sandbox.deploy.engine import DeploymentError, configuration


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine, "PROJECT", tmp_path)
    return tmp_path


def test_overrides_are_merged_into_mappings_replace_the_rest_and_none_takes_away(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {'ebb:worker': {cpu: 256, image: {tag: a, build: b}, list: [1]}}")
    overrides = {"ebb:worker": {"image": {"tag": None}, "list": [2]}, "ebb:queue": {"fifo": True}}
    assert configuration("dev", overrides) == {
        "ebb:worker": {"cpu": 256, "image": {"build": "b"}, "list": [2]},
        "ebb:queue": {"fifo": True},
    }


def test_an_empty_stack_file_is_a_stack(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("")
    assert configuration("dev") == {}


def test_a_value_that_only_its_own_backend_can_decrypt_is_refused(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {'ebb:thing': {secure: v1:abc}}\nencryptionsalt: v1:xyz")
    with pytest.raises(DeploymentError, match=r"^ebb:thing in Pulumi\.dev\.yaml is encrypted for its own backend"):
        configuration("dev")


def test_a_stack_without_a_file_is_named_with_those_that_have_one(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("")
    (project / "Pulumi.prod.yaml").write_text("")
    with pytest.raises(DeploymentError, match=r"^There is no stack 'prd'; this project has dev, prod\.$"):
        configuration("prd")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"config: {ebb:queue: [",
            "Pulumi.dev.yaml cannot be read: while parsing a flow node expected the node content",
        ),
        (b"\xff", "Pulumi.dev.yaml cannot be read: 'utf-8' codec can't decode byte 0xff"),
        (b"just text", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        (b"config: 3", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
    ],
)
def test_what_is_no_stack_file_is_refused_by_name_in_one_line(project: Path, content: bytes, sentence: str) -> None:
    (project / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(DeploymentError) as refused:
        configuration("dev")
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)

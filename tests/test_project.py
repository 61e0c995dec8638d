"""How stack files become configurations and settings."""

from pathlib import Path

import pytest
import yaml

import settings
from ebb.errors import UserError
from ebb.project import PLACEHOLDER, ROOT, StackError, configuration, encrypted, read_settings, stacks


def test_the_root_is_where_pulumi_finds_the_project() -> None:
    assert yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"] == settings.PROJECT


def test_a_stack_is_named_by_all_that_stands_between_pulumi_and_yaml(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.my.dev.yaml", "Pulumi.dev.yaml.bak", "other.yaml"):
        (tmp_path / name).write_text("config: {'aws:region': us-east-1}")
    assert stacks(tmp_path) == ["my.dev", "prod"]
    assert configuration("my.dev", folder=tmp_path) == {"aws:region": "us-east-1"}


def test_overrides_are_merged_into_mappings_replace_the_rest_and_none_removes_a_key(tmp_path: Path) -> None:
    text = "config: {'ebb:worker': {cpu: 256, image: {tag: a, build: b}, list: [1]}}"
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    overrides = {"ebb:worker": {"image": {"tag": None}, "list": [2]}, "ebb:queue": {"fifo": True}}
    assert configuration("dev", overrides, folder=tmp_path) == {
        "ebb:worker": {"cpu": 256, "image": {"build": "b"}, "list": [2]},
        "ebb:queue": {"fifo": True},
    }


@pytest.mark.parametrize("text", ["", "config:", "config: {}", "encryptionsalt: v1:xyz"])
def test_a_stack_file_may_be_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    assert configuration("dev", folder=tmp_path) == {}


@pytest.mark.parametrize(
    ("config", "read", "places"),
    [
        (
            "ebb:worker: {environment: {DATABASE: {secure: v1:abc}, A: b}}",
            {"ebb:worker": {"environment": {"DATABASE": PLACEHOLDER, "A": "b"}}},
            ["ebb:worker.environment.DATABASE"],
        ),
        ("ebb:scaling: {secure: v1:abc}", {}, ["ebb:scaling"]),
        ("aws:secretKey: {secure: v1:abc}", {}, ["aws:secretKey"]),
        (
            "ebb:monitoring: {emails: [{secure: v1:abc}]}",
            {"ebb:monitoring": {"emails": []}},
            ["ebb:monitoring.emails.0"],
        ),
        (
            "ebb:worker: {command: [echo, {secure: v1:abc}]}",
            {"ebb:worker": {"command": ["echo", PLACEHOLDER]}},
            ["ebb:worker.command.1"],
        ),
        # a mapping with another key is not Pulumi's
        (
            "ebb:worker: {environment: {secure: v1:abc, A: b}}",
            {"ebb:worker": {"environment": {"secure": "v1:abc", "A": "b"}}},
            [],
        ),
    ],
)
def test_an_encrypted_value_has_a_placeholder_or_is_left_out(
    tmp_path: Path, config: str, read: dict[str, object], places: list[str]
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{{config}}}\nencryptionsalt: v1:xyz")
    assert configuration("dev", folder=tmp_path) == read
    assert encrypted("dev", folder=tmp_path) == places
    assert read_settings(configuration("dev", folder=tmp_path))


@pytest.mark.parametrize("field", ["queue.name", "worker.cluster", "scaling.max_tasks", "network.vpc_id"])
def test_an_encrypted_value_that_pulumi_up_refuses_is_refused(tmp_path: Path, field: str) -> None:
    section, name = field.split(".")
    text = f"config: {{ebb:monitoring: {{emails: [{{secure: a}}]}}, ebb:{section}: {{{name}: {{secure: v1:abc}}}}}}"
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(UserError) as refused:
        read_settings(configuration("dev", folder=tmp_path))
    rule = "is encrypted, but Pulumi's state would show it. Set it without --secret"
    assert f"ebb:{field}: {rule}" in str(refused.value)
    assert PLACEHOLDER not in str(refused.value)


def test_keys_and_values_are_those_that_pulumi_delivers(tmp_path: Path) -> None:
    text = "config: {queue: {fifo: false}, 'aws:config:region': r, 'aws:retry': 3, 'aws:skip': yes, 'ebb:api': }"
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    assert configuration("dev", folder=tmp_path) == {
        "ebb:queue": {"fifo": False},
        "aws:region": "r",
        "aws:retry": "3",
        "aws:skip": "yes",
        "ebb:api": "",
    }


def test_a_stack_without_a_file_is_refused_with_the_names_of_those_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"^There is no stack 'prd'; this project has none\.$"):
        configuration("prd", folder=tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("")
    (tmp_path / "Pulumi.prod.yaml").write_text("")
    with pytest.raises(StackError, match=r"^There is no stack 'prd'; this project has dev, prod\.$"):
        configuration("prd", folder=tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"config: {ebb:queue: [",
            "Pulumi.dev.yaml cannot be read: while parsing a flow node expected the node content",
        ),
        (b"\xff", "Pulumi.dev.yaml cannot be read: 'utf-8' codec can't decode byte 0xff"),
        (b"just text", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        (b"- a list", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        (b"config: 3", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        (b"config: {'a:b:c': {}}", "Pulumi.dev.yaml: a key is NAMESPACE:NAME, such as ebb:queue, not 'a:b:c'."),
        (b"config: {a: 1, a: 2}", "Pulumi.dev.yaml cannot be read: line 1: the key 'a' is given twice."),
        (
            b"config: {ebb:worker: {cpu: 256}, worker: {cpu: 512}}",
            "Pulumi.dev.yaml: the key 'ebb:worker' is given twice, once in another form.",
        ),
        (b"[" * 500, "Pulumi.dev.yaml cannot be read: it is nested too deeply."),
        (b"config: &a {b: *a}", "Pulumi.dev.yaml cannot be read: line 1: a value contains itself."),
    ],
)
def test_a_file_that_is_no_stack_file_is_refused_in_one_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(StackError) as refused:
        configuration("dev", folder=tmp_path)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_settings_are_read_from_the_keys_of_the_project_alone() -> None:
    config = {"aws:region": "us-east-1", "ebb:scaling": {"max_tasks": 7}}
    assert read_settings(config) == settings.read({"scaling": {"max_tasks": 7}})


def test_wrong_settings_are_the_users_error_with_a_sentence_each() -> None:
    with pytest.raises(UserError) as refused:
        read_settings({"ebb:scaling": {"max_tasks": 0, "min_tasks": -1}})
    head, *sentences = str(refused.value).splitlines()
    assert head == "The configuration was refused."
    assert len(sentences) == 2

"""A forecast reads a stack's settings from its file, with changes."""

from pathlib import Path

import pytest

import settings
from ebb.errors import UserError
from ebb.forecast.scenario import stack
from ebb.project import StackError


def file(folder: Path, text: str) -> Path:
    (folder / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_stack_file_is_read_without_pulumi(tmp_path: Path) -> None:
    read = stack.read("dev", file(tmp_path, "config:\n  aws:region: us-east-1\n  ebb:scaling: {max_tasks: 7}\n"))
    assert read == settings.read({"scaling": {"max_tasks": 7}})
    assert stack.read("dev", file(tmp_path, "")) == settings.read({})


def test_changes_replace_and_add_settings(tmp_path: Path) -> None:
    folder = file(tmp_path, "config:\n  ebb:scaling: {max_tasks: 7, seconds_per_job: 30}\n")
    changes = ("scaling.max_tasks=9", "network.nat=gateway", "scaling.watch=true")
    assert stack.read("dev", folder, changes) == settings.read(
        {"scaling": {"max_tasks": 9, "seconds_per_job": 30, "watch": True}, "network": {"nat": "gateway"}}
    )


@pytest.mark.parametrize(
    ("given", "folder", "name"),
    [
        ("dev", None, "dev"),
        ("my.dev", None, "my.dev"),
        ("examples/fifo/Pulumi.fifo.yaml", Path("examples/fifo"), "fifo"),
        ("Pulumi.my.dev.yaml", Path(), "my.dev"),
    ],
)
def test_a_stack_is_found_by_its_name_or_by_the_path_of_its_file(given: str, folder: Path | None, name: str) -> None:
    assert stack.find(given) == (folder, name)


@pytest.mark.parametrize("given", ["docs/dev.yaml", "Pulumi.yaml"])
def test_a_path_that_is_no_stack_file_is_refused(given: str) -> None:
    with pytest.raises(UserError) as caught:
        stack.find(given)
    assert str(caught.value) == f"A stack's file is called Pulumi.<stack>.yaml, not {Path(given).name!r}."


@pytest.mark.parametrize("change", ["max_tasks=9", "scaling.max_tasks", "scaling.a.b=1", "scaling.=1", "a.b=["])
def test_a_malformed_change_is_refused(change: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        stack.read("dev", file(tmp_path, ""), (change,))
    assert str(caught.value) == f"A change is SECTION.KEY=VALUE, such as scaling.max_tasks=10, not {change!r}."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a list", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        ("config: 3", "Pulumi.dev.yaml should be a mapping with a mapping `config`."),
        ("config: {", "Pulumi.dev.yaml cannot be read: while parsing a flow node"),
    ],
)
def test_a_stack_file_that_cannot_be_read_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(StackError) as caught:
        stack.read("dev", file(tmp_path, text))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("section", ["scaling", "worker", "queue", "network"])
def test_a_section_that_is_encrypted_as_a_whole_is_refused_and_not_answered_with_its_defaults(
    tmp_path: Path, section: str
) -> None:
    with pytest.raises(StackError) as caught:
        stack.read("dev", file(tmp_path, f"config: {{ebb:{section}: {{secure: v1:a}}}}"))
    assert str(caught.value).startswith(
        f"Pulumi.dev.yaml: ebb:{section} cannot be read: the whole section is encrypted"
    )


def test_encrypted_addresses_change_no_forecast(tmp_path: Path) -> None:
    assert stack.read("dev", file(tmp_path, "config: {ebb:monitoring: {secure: v1:a}}")) == settings.read({})


def test_all_wrong_settings_are_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        stack.read("dev", file(tmp_path, "config: {ebb:scaling: {max_tasks: 0, min_tasks: -1}}"))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(("scaling", "expected"), [({"max_tasks": 2}, "false"), ({"max_tasks": 3}, "true")])
def test_the_main_settings_say_what_the_default_of_surplus_means(scaling: dict[str, int], expected: str) -> None:
    assert dict(stack.main_settings(settings.read({"scaling": scaling})))["scaling.surplus"] == expected

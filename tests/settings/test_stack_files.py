"""Stack files: the tests' own, those in the project's root, and Pulumi.yaml."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import settings
from ebb import project
from ebb.project import read_settings
from tests.helpers import stacks

ROOT = Path(settings.__file__).parents[1]


@pytest.mark.parametrize("stack", stacks.users())
def test_each_stack_file_is_valid(stack: str) -> None:
    assert read_settings(project.configuration(stack))


def test_the_sandbox_stack_cannot_reach_a_real_account() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.sandbox.yaml").read_text())["config"]
    assert config["aws:allowedAccountIds"] == ["000000000000"]


def test_the_project_file_declares_each_section_as_optional() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert declared["name"] == settings.PROJECT
    assert set(declared["config"]) == set(settings.Settings.model_fields)
    for section in declared["config"].values():
        assert (section["type"], section["default"]) == ("object", {})
        assert section["description"]


@pytest.mark.parametrize("name", stacks.STACKS)
def test_only_many_tasks_and_a_long_visibility_have_a_warning(name: str) -> None:
    fields = [text.partition(": ")[0] for text in settings.warnings(stacks.read(name))]
    expected = {"prod": ["ebb:scaling.max_tasks"], "shared": ["ebb:queue.visibility_timeout"]}
    assert fields == expected.get(name, [])


def replaced_tables() -> list[dict[str, Any]]:
    """The two tables in the comment at the end of tests/stacks/Pulumi.shared.yaml."""
    lines = (stacks.FOLDER / "Pulumi.shared.yaml").read_text().splitlines()
    blocks = "\n".join(line[2:] if line.startswith("#  ") else "" for line in lines).split("\n\n")
    return [yaml.safe_load(block) for block in blocks if block.strip()]


def test_the_tables_in_the_comment_are_valid_and_have_a_warning() -> None:
    by_cpu, by_table = (read_settings(config) for config in replaced_tables())
    assert [step.model_dump() for step in by_cpu.scaling.steps] == [
        {"lower": None, "upper": 0.0, "change": 0},
        {"lower": 1.0, "upper": None, "change": 1},
    ]
    scaling = by_cpu.scaling
    assert (scaling.cpu_threshold, scaling.cpu_minutes, scaling.scales_in_by) == (0.01, 3, "cpu")
    assert (by_table.scaling.scales_in_by, by_table.scaling.cooldown) == ("steps", 300)
    warned = [settings.warnings(read)[0].partition(": ")[0] for read in (by_cpu, by_table)]
    assert warned == ["ebb:scaling.scale_in cpu", "ebb:scaling.steps"]

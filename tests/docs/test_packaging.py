"""pyproject.toml and the requirements files name the same packages, for pip and for uv."""

import ast
import re
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pulumi_aws
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


Names = dict[str, set[str]]


def names(requirements: list[str]) -> Names:
    """Each package's name with its extras."""
    found: Names = {canonicalize_name(item.name): item.extras for item in map(Requirement, requirements)}
    assert len(found) == len(requirements)
    return found


def listed(file: str) -> Names:
    lines = (line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return names([line for line in lines if line and not line.startswith("-")])


def test_the_program_s_dependencies_are_those_of_requirements_txt() -> None:
    assert names(PROJECT["dependencies"]) == listed("requirements.txt")


def test_the_development_dependencies_are_those_of_requirements_dev_txt() -> None:
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text().splitlines()
    rest = [*PROJECT["optional-dependencies"]["cli"], *PYPROJECT["dependency-groups"]["dev"]]
    assert names(rest) == listed("requirements-dev.txt")


def test_each_dependency_has_one_version_in_constraints_txt() -> None:
    pinned = names([line.split(";")[0] for line in unmarked((ROOT / "constraints.txt").read_text().splitlines())])
    assert set(listed("requirements.txt") | listed("requirements-dev.txt")) <= set(pinned)


def test_uv_sync_gets_the_versions_of_constraints_txt() -> None:
    direct = set(listed("requirements.txt") | listed("requirements-dev.txt"))
    pinned = (ROOT / "constraints.txt").read_text().splitlines()
    wanted = [line for line in pinned if canonicalize_name(line.split("==")[0]) in direct]
    # after an update of constraints.txt: copy the lines
    assert PYPROJECT["tool"]["uv"]["constraint-dependencies"] == wanted


def unmarked(lines: list[str]) -> list[str]:
    """One line for each package: some have one version for old Pythons and one for new ones."""
    return list({line.split("==")[0]: line for line in lines}.values())


def test_no_lock_file_names_a_registry() -> None:
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()
    text = "\n".join((ROOT / name).read_text() for name in ("pyproject.toml", "constraints.txt", "requirements.txt"))
    assert not re.search(r"https?://|index-url", text)


def test_the_command_ebb_is_the_one_that_python_m_ebb_runs() -> None:
    module, _, attribute = PROJECT["scripts"]["ebb"].partition(":")
    assert getattr(import_module(module), attribute) is import_module("ebb.cli").app


def test_each_package_of_the_wheel_says_that_it_is_typed() -> None:
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(packages) == sorted(PYPROJECT["tool"]["importlinter"]["root_packages"])
    for package in packages:
        assert (ROOT / package / "py.typed").read_text() == ""


def test_the_classifiers_name_each_supported_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    found = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert found == versions
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_the_licence_is_apache_2() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_stands_in_the_changelog() -> None:
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert PROJECT["version"] == versions[1]


def test_mypy_follows_each_module_of_the_aws_provider_that_the_code_names() -> None:
    files = [ROOT / "__main__.py"]
    files += [file for room in ("components", "ebb", "tests", "tools", "bench") for file in (ROOT / room).rglob("*.py")]
    texts = [file.read_text() for file in files if file.parent != ROOT / "tests/handler"]
    sources = [text for text in texts if "import pulumi_aws as aws\n" in text]
    named = {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "aws"
    }
    found = {name: getattr(pulumi_aws, name) for name in named}
    wanted = {
        f"pulumi_aws.{name}.*" if isinstance(value, ModuleType) else value.__module__ for name, value in found.items()
    }
    skipped, followed = (
        override for override in PYPROJECT["tool"]["mypy"]["overrides"] if "follow_imports" in override
    )
    assert skipped == {"module": ["pulumi_aws.*"], "follow_imports": "skip"}
    within = {"pulumi_aws", *(f"pulumi_aws.{name}" for name in ("_enums", "_inputs", "_utilities", "outputs"))}
    assert followed["follow_imports"] == "normal"
    assert followed["module"] == sorted(within | wanted)

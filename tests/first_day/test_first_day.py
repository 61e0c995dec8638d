"""The first edits of a user keep the project green: of the handler, stack files, image, pages and workflows."""

import re
import subprocess
from pathlib import Path

import pytest

from ebb.project import ROOT
from tests.helpers.first_day import MAKE, checkout, environment
from tests.helpers.waiting import LIMIT

#: Tests outside the quick tier that read the folders in which a user adds files. They cost little.
DOCUMENTS = (
    "tests/docs/test_style.py",
    "tests/docs/test_site.py",
    "tests/workflows",
    *(
        f"tests/docs/test_readme.py::test_{name}"
        for name in (
            "every_block_is_of_a_kind_that_is_checked_here",
            "the_map_has_15_lines_and_every_folder",
            "yaml_blocks_are_settings_without_a_warning",
        )
    ),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout(tmp_path_factory.mktemp("first-day"))


def test_a_user_on_the_first_day_has_a_green_quick_tier_and_green_documents(copy: Path) -> None:
    made = subprocess.run(
        [*MAKE, "quick", "imports"],
        cwd=copy,
        env={**environment(), "PYTEST_ADDOPTS": " ".join(("--hypothesis-profile=copy", *DOCUMENTS))},
        capture_output=True,
        text=True,
        timeout=4 * LIMIT,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


def test_our_modules_in_worker_are_linted_and_the_users_are_not(copy: Path) -> None:
    command = [str(ROOT / ".venv/bin/ruff"), "check", "--show-files"]
    shown = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True).stdout
    linted = {
        path.relative_to(copy / "worker") for path in map(Path, shown.splitlines()) if copy / "worker" in path.parents
    }
    text = "\n".join((copy / "worker" / path).read_text() for path in linted)
    names = re.findall(r"from worker\.(\w+)", text)
    for several in re.findall(r"from worker import ([\w, ]+)", text):
        names += several.replace(",", " ").split()
    imported = {Path(f"{name}.py") for name in names if (copy / f"worker/{name}.py").exists()}
    assert len(imported) > 5
    assert imported <= linted
    assert linted.isdisjoint({Path("handler.py"), Path("thumbnails.py")})

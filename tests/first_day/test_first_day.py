"""The first edits of a user keep the project green: of the handler, stack files, requirements and Dockerfile."""

import re
import subprocess
from pathlib import Path

import pytest

from ebb.project import ROOT
from tests.helpers.first_day import MAKE, checkout, environment
from tests.helpers.waiting import LIMIT


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout(tmp_path_factory.mktemp("first-day"))


def test_a_user_on_the_first_day_has_a_green_quick_tier(copy: Path) -> None:
    made = subprocess.run(
        [*MAKE, "quick", "imports"],
        cwd=copy,
        env={**environment(), "PYTEST_ADDOPTS": "--hypothesis-profile=copy"},
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

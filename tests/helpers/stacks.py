"""The tests' own stacks, tests/stacks/Pulumi.*.yaml. The stack files in the project's root are the user's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import settings
from ebb import project

FOLDER = Path(__file__).resolve().parents[1] / "stacks"
STACKS = project.stacks(FOLDER)


def configuration(stack: str, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """As `ebb.project.configuration`, of one of the tests' stacks."""
    return project.configuration(stack, overrides, folder=FOLDER)


def users() -> list[str]:
    """The stacks in the project's root."""
    return project.stacks()


def read(stack: str) -> settings.Settings:
    """The settings of one of the tests' stacks."""
    return project.read_settings(configuration(stack))

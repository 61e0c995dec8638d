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
    """The stacks in the project's root, without those that have an encrypted value: no key is here."""
    return [stack for stack in project.stacks() if not _is_encrypted(stack)]


def _is_encrypted(stack: str) -> bool:
    try:
        project.configuration(stack)
    except project.EncryptedError:
        return True
    except project.StackError:
        return False  # its tests fail with this error
    return False


def read(stack: str) -> settings.Settings:
    """The settings of one of the tests' stacks."""
    return project.read_settings(configuration(stack))

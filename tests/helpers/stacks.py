"""The tests' own stacks, `tests/stacks/*.yaml`. A user's stack files are no business of these tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import settings

FOLDER = Path(__file__).resolve().parents[1] / "stacks"
STACKS = sorted(file.stem for file in FOLDER.glob("*.yaml"))
_PREFIX = f"{settings.PROJECT}:"


def configuration(stack: str, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The stack's `config`, by full key such as `ebb:worker`.

    Mappings in `overrides` are merged into the file's, other values replace them, None removes a key.
    """
    document = yaml.safe_load((FOLDER / f"{stack}.yaml").read_text(encoding="utf-8"))
    return _merged(document["config"], overrides or {})


def sections(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that `settings.read` takes: Ebb's sections by their own names."""
    return {key.removeprefix(_PREFIX): value for key, value in config.items() if key.startswith(_PREFIX)}


def read(stack: str, overrides: Mapping[str, Any] | None = None) -> settings.Settings:
    """The settings of one of the tests' stacks."""
    return settings.read(sections(configuration(stack, overrides)))


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: value for key, value in base.items() if over.get(key, ...) is not None}
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            merged[key] = _merged(base[key], value)
        elif value is not None:
            merged[key] = value
    return merged

"""A stack's settings from its file, without Pulumi's engine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import settings

#: Where the stack files are.
PROJECT = Path(__file__).resolve().parents[2]
_PREFIX = f"{settings.PROJECT}:"


class StackError(ValueError):
    """A stack whose settings cannot be read; the text is one sentence for the user."""


def names(project: Path = PROJECT) -> list[str]:
    """The stacks that the project has a file for."""
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in project.glob("Pulumi.*.yaml"))


def read(stack: str, project: Path = PROJECT, changes: Sequence[str] = ()) -> settings.Settings:
    """The settings in Pulumi.<stack>.yaml, with changes such as `scaling.max_tasks=10`, whose values are YAML.

    Raises StackError for a stack without a file, or one that cannot be read here, and SettingsError for wrong settings.
    """
    known = names(project)
    if stack not in known:
        raise StackError(f"There is no stack {stack!r}; this project has {', '.join(known) or 'none'}.")
    file = project / f"Pulumi.{stack}.yaml"
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StackError(f"{file.name} cannot be read: {' '.join(str(error).split())}.") from None
    config = (document.get("config") or {}) if isinstance(document, Mapping) else None
    if not isinstance(config, Mapping):
        raise StackError(f"{file.name} should be a mapping with a mapping `config`.")
    sections = {key.removeprefix(_PREFIX): value for key, value in config.items() if str(key).startswith(_PREFIX)}
    for section, value in sections.items():
        if isinstance(value, Mapping) and "secure" in value:
            raise StackError(f"{_PREFIX}{section} in {file.name} is encrypted, and a forecast has no key for it.")
    for change in changes:
        _change(sections, change)
    return settings.read(sections)


def _change(sections: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    *path, key = name.split(".")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        equals = ""
    if not equals or len(path) != 1 or not key:
        raise StackError(f"A change is SECTION.KEY=VALUE, such as scaling.max_tasks=10, not {change!r}.")
    section = sections.get(path[0]) or {}
    if isinstance(section, Mapping):  # else it is wrong anyway
        sections[path[0]] = {**section, key: value}

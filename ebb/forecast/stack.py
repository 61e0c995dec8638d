"""A stack's settings from its file, without Pulumi's engine."""

from collections.abc import Mapping
from pathlib import Path

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


def read(stack: str, project: Path = PROJECT) -> settings.Settings:
    """The settings in Pulumi.<stack>.yaml.

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
    return settings.read(sections)

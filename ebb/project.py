"""The project on disk: its root folder, its stacks, and a stack's configuration."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

import settings
from ebb.errors import UserError

#: The checkout that this package is part of.
ROOT = Path(__file__).resolve().parents[1]
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


class StackError(UserError):
    """A stack file that does not exist or cannot be read."""


class EncryptedError(StackError):
    """A stack file with a value that `pulumi config set --secret` encrypted. Only Pulumi has the key."""


def stacks(folder: Path | None = None) -> list[str]:
    """Names of the stacks that have a file in this folder or in the root, sorted."""
    files = (folder or ROOT).glob(f"{_PREFIX}*{_SUFFIX}")
    return sorted(file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for file in files)


def configuration(
    stack: str, overrides: Mapping[str, Any] | None = None, *, folder: Path | None = None
) -> dict[str, Any]:
    """The configuration in Pulumi.<stack>.yaml, in this folder or in the root, by full key, such as `ebb:worker`.

    `overrides` has the same shape. Mappings are merged, other values are replaced, and None removes a key.
    Raises StackError.
    """
    known = stacks(folder)
    if stack not in known:
        raise StackError(f"There is no stack {stack!r}; this project has {', '.join(known) or 'none'}.")
    file = (folder or ROOT) / f"{_PREFIX}{stack}{_SUFFIX}"
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StackError(f"{file.name} cannot be read: {' '.join(str(error).split())}.") from None
    config = (document.get("config") or {}) if isinstance(document, Mapping) else None
    if not isinstance(config, Mapping):
        raise StackError(f"{file.name} should be a mapping with a mapping `config`.")
    for key in config:
        if not isinstance(key, str) or ":" not in key:
            raise StackError(f"{file.name}: a key is NAMESPACE:NAME, such as {settings.PROJECT}:queue, not {key!r}.")
    merged = _merged(config, overrides or {})
    for place in _encrypted(merged):
        raise EncryptedError(
            f"{place} in {file.name} is encrypted, and only pulumi has the key: write it as plain text, "
            f"or put it into an SSM parameter and name that in {settings.PROJECT}:worker.secrets."
        )
    return merged


def read_settings(config: Mapping[str, Any]) -> settings.Settings:
    """The settings of a stack's configuration. Raises UserError with a sentence for each thing that is wrong."""
    prefix = f"{settings.PROJECT}:"
    sections = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    try:
        return settings.read(sections)
    except settings.SettingsError as error:
        raise UserError(str(error)) from None


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = _merged(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = json.loads(json.dumps(value))
    return merged


def _encrypted(value: Any, place: str = "") -> Iterator[str]:
    """Where Pulumi's encrypted values are: mappings of the form {secure: ciphertext}."""
    if isinstance(value, Mapping):
        if place and value.keys() == {"secure"}:
            yield place
        for key, item in value.items():
            yield from _encrypted(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _encrypted(item, f"{place}.{number}")

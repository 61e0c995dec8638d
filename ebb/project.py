"""The project on disk: its root folder, its stacks, and a stack's configuration."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import settings
from ebb import stack_yaml
from ebb.errors import UserError

#: The checkout that this package is part of.
ROOT = Path(__file__).resolve().parents[1]
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


class StackError(UserError):
    """A stack file that does not exist or cannot be read."""


#: What stands for a value that `pulumi config set --secret` encrypted: only Pulumi has the key.
PLACEHOLDER = "encrypted-by-pulumi"


def stacks(folder: Path | None = None) -> list[str]:
    """Names of the stacks that have a file in this folder or in the root, sorted."""
    files = (folder or ROOT).glob(f"{_PREFIX}*{_SUFFIX}")
    return sorted(file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for file in files)


def configuration(
    stack: str, overrides: Mapping[str, Any] | None = None, *, folder: Path | None = None
) -> dict[str, Any]:
    """The configuration in Pulumi.<stack>.yaml, in this folder or in the root, by full key, such as `ebb:worker`.

    `overrides` has the same shape. Mappings are merged, other values are replaced, and None removes a key.
    A value is what Pulumi delivers to the program: one directly under its key is text. An encrypted value is
    PLACEHOLDER; where the settings refuse that, and for a whole section, it is left out. Raises StackError.
    """
    config = _read(stack, folder)
    merged = _merged({key: value for key, value in config.items() if not _is_encrypted(value)}, overrides or {})
    hidden: dict[str, Any] = _replaced(merged, PLACEHOLDER)
    if hidden != merged:
        try:
            read_settings(hidden)
        except UserError:
            hidden = _replaced(merged, None)
    return hidden


def encrypted(stack: str, *, folder: Path | None = None) -> list[str]:
    """The places of encrypted values in a stack's file, such as `ebb:worker.environment.TOKEN`. Raises StackError."""
    return list(_encrypted(_read(stack, folder)))


def secrets_provider(stack: str, *, folder: Path | None = None) -> str | None:
    """The `secretsprovider` of a stack's file. None before `pulumi stack init`. Raises StackError."""
    _, document = _document(stack, folder)
    provider = document.get("secretsprovider")
    # with a passphrase, the file has its salt alone
    return str(provider) if provider else "passphrase" if document.get("encryptionsalt") else None


def of_all_stacks() -> dict[str, Any]:
    """What Pulumi.yaml sets of other namespaces than the project's, for all stacks, by full key. Raises StackError."""
    config = _load(ROOT / "Pulumi.yaml").get("config") or {}
    values = {key: value for key, value in config.items() if ":" in key and not key.startswith(f"{settings.PROJECT}:")}
    return {
        key: _delivered(value["value"] if isinstance(value, Mapping) and "value" in value else value)
        for key, value in values.items()
    }


def _read(stack: str, folder: Path | None) -> dict[str, Any]:
    file, document = _document(stack, folder)
    config = document.get("config") or {}
    if not isinstance(config, Mapping):
        raise StackError(f"{file.name} should be a mapping with a mapping `config`.")
    return {_full(key, file): _delivered(value) for key, value in config.items()}


def _document(stack: str, folder: Path | None) -> tuple[Path, Mapping[str, Any]]:
    """A stack's file, and what is in it."""
    known = stacks(folder)
    if stack not in known:
        raise StackError(f"There is no stack {stack!r}; this project has {', '.join(known) or 'none'}.")
    file = (folder or ROOT) / f"{_PREFIX}{stack}{_SUFFIX}"
    return file, _load(file)


def _load(file: Path) -> Mapping[str, Any]:
    try:
        document = stack_yaml.load(file.read_text(encoding="utf-8-sig")) or {}
    except (OSError, ValueError) as error:
        raise StackError(f"{file.name} cannot be read: {' '.join(str(error).split())}.") from None
    if not isinstance(document, Mapping):
        raise StackError(f"{file.name} should be a mapping with a mapping `config`.")
    return document


def _full(key: str, file: Path) -> str:
    """A key with its namespace, as Pulumi completes it."""
    match key.split(":"):
        case [name]:
            return f"{settings.PROJECT}:{name}"
        case [_, _]:
            return key
        case [namespace, "config", name]:
            return f"{namespace}:{name}"
    raise StackError(f"{file.name}: a key is NAMESPACE:NAME, such as {settings.PROJECT}:queue, not {key!r}.")


def _delivered(value: Any) -> Any:
    """A value as the program gets it: everything but objects and lists is text there."""
    if value is None or isinstance(value, str | Mapping | list):
        return "" if value is None else value
    return json.dumps(value)


def read_settings(config: Mapping[str, Any]) -> settings.Settings:
    """The settings of a stack's configuration. Raises UserError with a sentence for each thing that is wrong."""
    prefix = f"{settings.PROJECT}:"
    sections = {key.removeprefix(prefix): parsed(value) for key, value in config.items() if key.startswith(prefix)}
    try:
        return settings.read(sections)
    except settings.SettingsError as error:
        raise refused(error) from None


def refused(error: settings.SettingsError) -> UserError:
    """The error of a command that reads a configuration. It deploys nothing, so it says nothing about changes."""
    return UserError("\n".join(["The configuration was refused.", *error.problems]))


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


def parsed(value: Any) -> Any:
    """A value as settings/loading.py and Pulumi's providers read it: text in JSON is what it says."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_encrypted(value: Any) -> bool:
    """Whether a value is Pulumi's mapping of ciphertext."""
    return isinstance(value, Mapping) and value.keys() == {"secure"} and isinstance(value["secure"], str)


def _encrypted(value: Any, place: str = "") -> Iterator[str]:
    if place and _is_encrypted(value):
        yield place
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _encrypted(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _encrypted(item, f"{place}.{number}")


def _replaced(value: Any, replacement: str | None) -> Any:
    """The value with a replacement of each encrypted one; those that are replaced by None are left out."""
    if _is_encrypted(value):
        return replacement
    if isinstance(value, Mapping):
        items = ((key, item, _replaced(item, replacement)) for key, item in value.items())
        return {key: new for key, item, new in items if new is not None or item is None}
    if isinstance(value, list):
        new = [_replaced(item, replacement) for item in value]
        return [after for before, after in zip(value, new, strict=True) if after is not None or before is None]
    return value

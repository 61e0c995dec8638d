"""The project on disk: its root folder, its stacks, and a stack's configuration."""

import json
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import settings
from ebb.errors import UserError
from settings import stack_yaml
from settings.encryption import can_stay_secret, full_key, is_encrypted, places

#: The checkout that this package is part of.
ROOT = Path(__file__).resolve().parents[1]
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


class StackError(UserError):
    """A stack file that does not exist or cannot be read."""


#: What stands for a value that `pulumi config set --secret` encrypted: only Pulumi has the key.
PLACEHOLDER = "encrypted-by-pulumi"


def file_name(stack: str) -> str:
    """The name of a stack's file."""
    return f"{_PREFIX}{stack}{_SUFFIX}"


def stacks(folder: Path | None = None) -> list[str]:
    """Names of the stacks that have a file in this folder or in the root, sorted."""
    return stack_names(file.name for file in (folder or ROOT).iterdir()) if (folder or ROOT).is_dir() else []


def stack_names(files: Iterable[str]) -> list[str]:
    """The stacks whose files are among these names, sorted."""
    found = (name for name in files if fnmatchcase(name, file_name("*")))
    return sorted(name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in found)


def configuration(
    stack: str, overrides: Mapping[str, Any] | None = None, *, folder: Path | None = None
) -> dict[str, Any]:
    """The configuration in Pulumi.<stack>.yaml, in this folder or in the root, by full key, such as `ebb:worker`.

    `overrides` has the same shape. Mappings are merged, other values are replaced, and None removes a key.
    A value is what Pulumi delivers to the program: one directly under its key is text. An encrypted value is
    PLACEHOLDER. A whole section is left out, and so are values that may be encrypted, if the settings refuse that.
    Raises StackError.
    """
    config = _read(stack, folder)
    merged = _merged({key: value for key, value in config.items() if not is_encrypted(value)}, overrides or {})
    hidden: dict[str, Any] = _replaced(merged, lambda _place: PLACEHOLDER)
    if hidden != merged:
        try:
            read_settings(hidden)
        except UserError:
            hidden = _replaced(merged, lambda place: None if _may_be_encrypted(place) else PLACEHOLDER)
    return hidden


def encrypted(stack: str, *, folder: Path | None = None) -> list[str]:
    """The places of encrypted values in a stack's file, such as `ebb:worker.environment.TOKEN`. Raises StackError."""
    return [place for key, value in _read(stack, folder).items() for place in places(is_encrypted, value, key)]


def require_sections(stack: str, *, folder: Path | None = None, except_for: str | None = None) -> None:
    """Raises StackError if a section of the settings is encrypted as a whole: its defaults would be a wrong answer."""
    prefix = f"{settings.PROJECT}:"
    sections = {key: value for key, value in _read(stack, folder).items() if key.startswith(prefix)}
    hidden = [key for key, value in sections.items() if is_encrypted(value) and key != f"{prefix}{except_for}"]
    if hidden:
        raise StackError(
            f"{file_name(stack)}: {', '.join(hidden)} cannot be read: the whole section is encrypted, and only "
            "Pulumi has the key. Encrypt the secret value alone, such as with `pulumi config set --secret --path "
            "ebb:worker.environment.NAME`."
        )


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
    found: dict[str, Any] = {}
    for key, value in config.items():
        try:
            full = full_key(key)
        except ValueError as error:
            raise StackError(f"{file.name}: {error}.") from None
        if full in found:  # Pulumi has no rule for which one counts
            raise StackError(f"{file.name}: the key {full!r} is given twice, once in another form.")
        found[full] = _delivered(value)
    return found


def _document(stack: str, folder: Path | None) -> tuple[Path, Mapping[str, Any]]:
    """A stack's file, and what is in it."""
    known = stacks(folder)
    if stack not in known:
        raise StackError(f"There is no stack {stack!r}; this project has {', '.join(known) or 'none'}.")
    file = (folder or ROOT) / file_name(stack)
    return file, _load(file)


def _load(file: Path) -> Mapping[str, Any]:
    try:
        document = stack_yaml.load(file.read_text(encoding="utf-8-sig")) or {}
    except (OSError, ValueError) as error:
        raise StackError(f"{file.name} cannot be read: {' '.join(str(error).split())}.") from None
    if not isinstance(document, Mapping):
        raise StackError(f"{file.name} should be a mapping with a mapping `config`.")
    return document


def _delivered(value: Any) -> Any:
    """A value as the program gets it: everything but objects and lists is text there."""
    if value is None or isinstance(value, str | Mapping | list):
        return "" if value is None else value
    return json.dumps(value)


def read_settings(config: Mapping[str, Any]) -> settings.Settings:
    """The settings of a stack's configuration, in which a PLACEHOLDER is an encrypted value.

    Raises UserError with a sentence for each thing that is wrong.
    """
    prefix = f"{settings.PROJECT}:"
    sections = {key.removeprefix(prefix): parsed(value) for key, value in config.items() if key.startswith(prefix)}
    encrypted = [place for name, section in sections.items() for place in places(_stands_in, section, name)]
    try:
        return settings.read(sections, encrypted)
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


def _stands_in(value: Any) -> bool:
    return bool(value == PLACEHOLDER)


def _may_be_encrypted(place: str) -> bool:
    prefix = f"{settings.PROJECT}:"
    return not place.startswith(prefix) or can_stay_secret(place.removeprefix(prefix))


def _replaced(value: Any, replacement: Callable[[str], str | None], place: str = "") -> Any:
    """The value with a replacement of each encrypted one; those that are replaced by None are left out."""
    if is_encrypted(value):
        return replacement(place)
    if isinstance(value, Mapping):
        items = (
            (key, item, _replaced(item, replacement, f"{place}.{key}" if place else key)) for key, item in value.items()
        )
        return {key: new for key, item, new in items if new is not None or item is None}
    if isinstance(value, list):
        new = [_replaced(item, replacement, f"{place}.{number}") for number, item in enumerate(value)]
        return [after for before, after in zip(value, new, strict=True) if after is not None or before is None]
    return value

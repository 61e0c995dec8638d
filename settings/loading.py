"""The running stack's settings, from Pulumi's configuration."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime.config import is_config_secret

from settings.encryption import CAN_STAY_SECRET, encrypted_fields, within
from settings.reading import SettingsError, read
from settings.sections import PROJECT, Settings


def load() -> Settings:
    """The running stack's settings. Raises pulumi.RunError, which Pulumi prints without a stack trace."""
    config = pulumi.Config(PROJECT)
    # pulumi.Config does not list its keys, so a misspelt section is found in the environment only
    prefix = f"{PROJECT}:"
    given = (key.removeprefix(prefix) for key in pulumi.runtime.get_config_env() if key.startswith(prefix))
    names = [name for name in (*Settings.model_fields, *given) if config.get(name) is not None]
    raw = {name: _section(config, name) for name in names}
    try:
        return read(raw, _encrypted(raw))
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _section(config: pulumi.Config, name: str) -> Any:
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:
        return config.get(name)  # plain text: read() says what is wrong with it


def _encrypted(raw: dict[str, Any]) -> Collection[str]:
    """The fields that are encrypted. Pulumi says of a section only that some value in it is: the file has the rest."""
    in_environment = pulumi.runtime.get_config_secret_keys_env()
    keys = {name: f"{PROJECT}:{name}" for name in raw}
    sections = {name for name, key in keys.items() if key in in_environment or is_config_secret(key)}
    in_file = set(_in_stack_file()) if sections else set()
    found: set[str] = set()
    for name in sections:
        places = {field for field in in_file if within(field, name)}
        found |= places or _likely(name, raw[name])
    return found


def _in_stack_file() -> Collection[str]:
    """The encrypted fields of Pulumi.<stack>.yaml; none if the configuration is from another place."""
    file = Path(pulumi.get_root_directory() or ".", f"Pulumi.{pulumi.get_stack()}.yaml")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        return list(encrypted_fields(document["config"]))
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return []


def _likely(name: str, section: Any) -> set[str]:
    """Where the encrypted value of a section can be: in the fields that can stay secret, or else anywhere in it."""
    kept = {field.partition(".")[2] for field in CAN_STAY_SECRET if within(field, name)}
    given = kept & section.keys() if isinstance(section, dict) else set()
    return {f"{name}.{field}" for field in given} or {name}

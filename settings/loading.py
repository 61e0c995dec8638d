"""The running stack's settings, from Pulumi's configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import is_config_secret

from settings import stack_yaml
from settings.encryption import cannot_stay_secret, decrypts_to, full_key, is_encrypted, places
from settings.reading import SettingsError, check_files, read
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
        settings = read(raw, list(_encrypted(raw)))
        check_files(settings)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
    return settings


def _section(config: pulumi.Config, name: str) -> Any:
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:
        return config.get(name)  # plain text: read() says what is wrong with it


def _encrypted(raw: dict[str, Any]) -> Iterator[str]:
    """The fields that are encrypted. Pulumi says of a section only that some value in it is: the file has the rest.

    Raises SettingsError for a section whose encrypted values may be anywhere and must not be everywhere.
    """
    in_environment = pulumi.runtime.get_config_secret_keys_env()
    keys = {name: f"{PROJECT}:{name}" for name in raw}
    sections = [name for name, key in keys.items() if key in in_environment or is_config_secret(key)]
    file = Path(pulumi.get_root_directory() or ".", f"Pulumi.{pulumi.get_stack()}.yaml")
    config = _config(file) if sections else {}
    problems = []
    for name in sections:
        found = list(places(is_encrypted, config.get(keys[name]), name))
        if found == [name] or (found and decrypts_to(config[keys[name]], raw[name])):
            yield from found
            continue
        yield name  # from another place than this file
        if doubtful := list(cannot_stay_secret([name], raw)):
            problems.append(
                f"{keys[name]}: has an encrypted value, and {file.name} does not say which: put the section as it is "
                f"into that file, because Pulumi's state would show {', '.join(doubtful)}."
            )
    if problems:
        raise SettingsError(problems)


def _config(file: Path) -> dict[str, Any]:
    """The configuration in a stack file, by full key; empty if it cannot be read."""
    try:
        document = stack_yaml.load(file.read_text(encoding="utf-8-sig"))
        return {full_key(key): value for key, value in document["config"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}

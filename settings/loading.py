"""The running stack's settings, from Pulumi's configuration."""

from typing import Any

import pulumi

from settings.reading import SettingsError, read
from settings.sections import PROJECT, Settings


def load() -> Settings:
    """The running stack's settings. Raises pulumi.RunError, which Pulumi prints without a stack trace."""
    config = pulumi.Config(PROJECT)
    # pulumi.Config does not list its keys, so a misspelt section is found in the environment only
    prefix = f"{PROJECT}:"
    given = (key.removeprefix(prefix) for key in pulumi.runtime.get_config_env() if key.startswith(prefix))
    names = [name for name in (*Settings.model_fields, *given) if config.get(name) is not None]
    try:
        return read({name: _section(config, name) for name in names})
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _section(config: pulumi.Config, name: str) -> Any:
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:
        return config.get(name)  # plain text: read() says what is wrong with it

"""The stack's configuration: six sections of `Pulumi.<stack>.yaml`, each a frozen pydantic model.

`load()` is the only reader of Pulumi's configuration; `read()` is its pure part. All that is wrong with a file is
reported at once, one sentence each: the field, the rule, the value.
"""

import json
from typing import Any

from pulumi.runtime.config import CONFIG, get_config_env

from settings.reading import SettingsError, read
from settings.rules import warnings
from settings.sections import (
    PROJECT,
    Api,
    Image,
    Monitoring,
    Network,
    Queue,
    Scaling,
    Section,
    Settings,
    Statement,
    Step,
    WarmHours,
    Worker,
)

__all__ = [
    "PROJECT",
    "Api",
    "Image",
    "Monitoring",
    "Network",
    "Queue",
    "Scaling",
    "Section",
    "Settings",
    "SettingsError",
    "Statement",
    "Step",
    "WarmHours",
    "Worker",
    "load",
    "read",
    "warnings",
]


def load() -> Settings:
    """The running stack's settings. Raises SettingsError."""
    everything: dict[str, Any] = {**get_config_env(), **CONFIG.get()}
    raw: dict[str, Any] = {}
    for key, text in everything.items():
        namespace, _, section = key.partition(":")
        if namespace == PROJECT:
            try:
                raw[section] = json.loads(text)
            except json.JSONDecodeError:
                raw[section] = text
    return read(raw)

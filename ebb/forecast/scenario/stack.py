"""A stack's settings, with the changes that a forecast applies to them."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import settings
from ebb import project
from ebb.errors import UserError
from settings import stack_yaml


def find(stack: str) -> tuple[Path | None, str]:
    """The folder and the name of a stack, from its name or from the path of its file.

    The folder is None for the project's root. Raises UserError.
    """
    path = Path(stack)
    if path.suffix != ".yaml":
        return None, stack
    match = re.fullmatch(r"Pulumi\.(.+)\.yaml", path.name)
    if not match:
        raise UserError(f"A stack's file is called Pulumi.<stack>.yaml, not {path.name!r}.")
    return path.parent, match[1]


#: The settings that a forecast depends on most.
_MAIN = (
    *("scaling.min_tasks", "scaling.max_tasks", "scaling.seconds_per_job", "scaling.tolerated_wait", "scaling.watch"),
    *("scaling.direct", "scaling.surplus", "scaling.warm_hours", "worker.cpu", "worker.memory", "worker.architecture"),
    *("worker.spot_weight", "worker.concurrency", "worker.stop_timeout", "queue.fifo", "queue.visibility_timeout"),
    *("queue.max_receive_count", "network.nat"),
)


def main_settings(found: settings.Settings) -> tuple[tuple[str, str], ...]:
    """Names and values of the settings that a forecast depends on most; of `surplus` what its default means."""
    rows = []
    for name in _MAIN:
        section, _, key = name.partition(".")
        value = getattr(found, section).model_dump(mode="json")[key]
        if name == "scaling.surplus":
            value = found.scaling.removes_surplus
        rows.append((name, value if isinstance(value, str) else json.dumps(value)))
    return tuple(rows)


def read(stack: str, folder: Path | None = None, changes: Sequence[str] = ()) -> settings.Settings:
    """The settings in Pulumi.<stack>.yaml, with changes such as `scaling.max_tasks=10`, whose values are YAML.

    Raises UserError.
    """
    project.require_sections(stack, folder=folder, except_for="monitoring")  # addresses cost nothing
    config = project.configuration(stack, folder=folder)
    for change in changes:
        _change(config, change)
    return project.read_settings(config)


def _change(config: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    section, dot, key = name.partition(".")
    try:
        value = stack_yaml.load(text)
    except stack_yaml.StackYamlError:
        equals = ""
    if not equals or not section or not dot or not key or "." in key:
        raise UserError(f"A change is SECTION.KEY=VALUE, such as scaling.max_tasks=10, not {change!r}.")
    full = f"{settings.PROJECT}:{section}"
    before = config.get(full) or {}
    if isinstance(before, Mapping):  # settings refuse any other value by name
        config[full] = {**before, key: value}

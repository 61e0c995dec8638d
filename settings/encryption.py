"""Values that `pulumi config set --secret` encrypted: which of them can stay secret, and where they are."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from settings.sections import PROJECT

#: The fields whose values appear in inputs that the components mark as secret. Values of all others become a part of
#: names, ids and ARNs, which Pulumi's state and the AWS console show.
CAN_STAY_SECRET = (
    "worker.environment",
    "worker.command",
    "worker.handler",
    "worker.secrets",
    "worker.statements",
    "monitoring.emails",
)


def within(field: str, other: str) -> bool:
    """Whether a field is the other one or a part of it; both are dotted."""
    return f"{field}.".startswith(f"{other}.")


def encrypted_fields(config: Mapping[str, Any]) -> Iterator[str]:
    """The fields, dotted and without prefix, that are encrypted in a stack file's configuration."""
    for key, section in config.items():
        if key.startswith(f"{PROJECT}:"):
            yield from _places(section, key.removeprefix(f"{PROJECT}:"))


def _places(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.keys() == {"secure"}:
            yield place
        for key, item in value.items():
            yield from _places(item, f"{place}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _places(item, f"{place}.{number}")


def cannot_stay_secret(encrypted: Collection[str], raw: Mapping[str, Any]) -> Iterator[str]:
    """The encrypted fields that would not stay secret. `raw`: the sections by name.

    Of a section that is encrypted as a whole, each text counts that is given.
    """
    for field in sorted(encrypted):
        if field in raw:
            for place in _texts(raw[field], field):
                if not any(within(place, kept) for kept in CAN_STAY_SECRET):
                    yield place
        elif not any(within(field, kept) for kept in CAN_STAY_SECRET):
            yield field


def _texts(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str):
        yield place
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _texts(item, f"{place}.{key}")

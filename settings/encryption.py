"""Values that `pulumi config set --secret` encrypted: which of them can stay secret, and where they are."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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
    "monitoring.urls",
)


def within(field: str, other: str) -> bool:
    """Whether a field is the other one or a part of it; both are dotted."""
    return f"{field}.".startswith(f"{other}.")


def full_key(key: str) -> str:
    """A key of a stack file with its namespace, as Pulumi completes it. Raises ValueError."""
    match key.split(":"):
        case [name]:
            return f"{PROJECT}:{name}"
        case [_, _]:
            return key
        case [namespace, "config", name]:
            return f"{namespace}:{name}"
    raise ValueError(f"a key is NAMESPACE:NAME, such as {PROJECT}:queue, not {key!r}")


def is_encrypted(value: Any) -> bool:
    """Whether a value of a stack file is Pulumi's mapping of ciphertext."""
    return isinstance(value, Mapping) and value.keys() == {"secure"} and isinstance(value["secure"], str)


def places(wanted: Callable[[Any], bool], value: Any, place: str) -> Iterator[str]:
    """The places, dotted, of the wanted values in a value, whose own place is given."""
    if wanted(value):
        yield place
    else:
        for key, item in _items(value):
            yield from places(wanted, item, f"{place}.{key}")


def decrypts_to(value: Any, raw: Any) -> bool:
    """Whether a value of a stack file is this one when Pulumi has decrypted it."""
    if is_encrypted(value):
        return isinstance(raw, str)
    if isinstance(value, Mapping | list) and isinstance(raw, type(value)):
        given, wanted = dict(_items(value)), dict(_items(raw))
        return given.keys() == wanted.keys() and all(decrypts_to(item, wanted[key]) for key, item in given.items())
    return bool(value == raw)


def can_stay_secret(place: str) -> bool:
    """Whether a value is secret in Pulumi's state if it is encrypted in the stack file."""
    return any(within(place, kept) for kept in CAN_STAY_SECRET)


def cannot_stay_secret(encrypted: Collection[str], raw: Mapping[str, Any]) -> Iterator[str]:
    """The encrypted fields that would not stay secret. `raw`: the sections by name.

    Of a section that is encrypted as a whole, each text counts that is given.
    """
    for field in sorted(encrypted):
        texts = places(_is_text, raw[field], field) if field in raw else [field]
        yield from (place for place in texts if not can_stay_secret(place))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()

"""Converts Pulumi's properties to AWS's, and checks them: names, types and enums, by botocore's models."""

from collections.abc import Iterator
from typing import Any

from botocore.validate import ParamValidator

#: The engine's value for what is known only during `up`.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

#: Lists of pairs that Pulumi writes as a map: {"Name": "value"} for AWS's [{"Key": "Name", "Value": "value"}].
_PAIRS = ({"key", "value"}, {"tagkey", "tagvalue"}, {"name", "value"})


class RefusedError(Exception):
    """The sandbox or the emulated account refuses an input; the text is one sentence for the user."""


def convert(shape: Any, value: Any, path: str) -> Any:  # noqa: PLR0911 - one for each kind of shape
    """`value` in Pulumi's spelling -> the form of the model's `shape`; an unknown value becomes the smallest valid one.

    Raises RefusedError with the `path` of the first property that does not fit the shape.
    """
    if isinstance(value, str) and UNKNOWN in value:
        return _smallest(shape)
    match shape.type_name:
        case "structure":
            return _structure(shape, value, path)
        case "list":
            return _list(shape, value, path)
        case "map" if isinstance(value, dict):
            return {key: convert(shape.value, item, f"{path}.{key}") for key, item in value.items() if item is not None}
        case "string" | "character":
            return _string(shape, value, path)
        case "integer" | "long" | "float" | "double":
            return _number(shape, value, path)
        case "boolean":
            return _boolean(value, path)
        case "blob" if isinstance(value, str):
            return value.encode()
        case "blob" | "timestamp":
            return value
    raise RefusedError(f"{path} should be a {shape.type_name}, got {value!r}")


def problems(shape: Any, value: Any) -> Iterator[str]:
    """Problems by the model: botocore's validation, then enums and maximums, which botocore does not check."""
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()
    else:
        yield from _limits(shape, value, "")


def member_of(shape: Any, name: str) -> str | None:
    """The model's name for a Pulumi property, in any case, singular or plural; None if there is none."""
    if name in shape.members:
        return name
    members = {member.lower(): member for member in shape.members}
    lower = name.lower()
    candidates = [lower, f"{lower}s", lower.removesuffix("s"), lower.removesuffix("es")]
    if lower.endswith("ies"):
        candidates.append(f"{lower[:-3]}y")
    return next((members[candidate] for candidate in candidates if candidate in members), None)


def _structure(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(f"{path} should be an object, got {value!r}")
    result = {}
    for name, item in value.items():
        if item is None:
            continue
        member = member_of(shape, name)
        if member is None:
            raise RefusedError(f"{path}.{name} is not known to AWS, which knows {', '.join(sorted(shape.members))}")
        result[member] = convert(shape.members[member], item, f"{path}.{name}")
    return result


def _list(shape: Any, value: Any, path: str) -> list[Any]:
    if isinstance(value, dict) and shape.member.type_name == "structure":
        names = list(shape.member.members)
        if {name.lower() for name in names} in _PAIRS:
            value = [{names[0]: key, names[1]: item} for key, item in sorted(value.items())]
    if not isinstance(value, list):
        raise RefusedError(f"{path} should be a list, got {value!r}")
    return [convert(shape.member, item, f"{path}[{index}]") for index, item in enumerate(value)]


def _string(shape: Any, value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        words = ("true", "false")
        for pair in (("ENABLED", "DISABLED"), ("enabled", "disabled"), ("enable", "disable")):
            if set(pair) <= set(getattr(shape, "enum", ())):
                words = pair
        return words[not value]
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    raise RefusedError(f"{path} should be text, got {value!r}")


def _number(shape: Any, value: Any, path: str) -> int | float:
    kind = int if shape.type_name in ("integer", "long") else float
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(value, bool) or (kind is int and number != int(number)):
        raise RefusedError(f"{path} should be {'a whole' if kind is int else 'a'} number, got {value!r}")
    return kind(number)


def _boolean(value: Any, path: str) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value in words:
        return words[value]
    if not isinstance(value, bool):
        raise RefusedError(f"{path} should be true or false, got {value!r}")
    return value


def _smallest(shape: Any) -> Any:  # noqa: PLR0911 - one for each kind of shape
    """A valid value that stands for an unknown one, so that the rest can be checked."""
    match shape.type_name:
        case "structure":
            return {name: _smallest(shape.members[name]) for name in shape.required_members}
        case "list":
            return [_smallest(shape.member)] * int(shape.metadata.get("min", 0))
        case "map":
            return {}
        case "integer" | "long":
            return int(shape.metadata.get("min", 0))
        case "float" | "double":
            return float(shape.metadata.get("min", 0))
        case "boolean":
            return False
        case "blob":
            return b"?"
        case "timestamp":
            return 0
    enum = getattr(shape, "enum", ())
    return enum[0] if enum else "?" * max(1, int(shape.metadata.get("min", 1)))


def _limits(shape: Any, value: Any, path: str) -> Iterator[str]:
    highest = shape.metadata.get("max")
    match shape.type_name:
        case "structure":
            for name, item in value.items():
                yield from _limits(shape.members[name], item, f"{path}.{name}" if path else name)
        case "list":
            if highest is not None and len(value) > highest:
                yield f"{path} takes at most {highest} items, got {len(value)}"
            for index, item in enumerate(value):
                yield from _limits(shape.member, item, f"{path}[{index}]")
        case "map":
            for key, item in value.items():
                yield from _limits(shape.value, item, f"{path}.{key}")
        case "string":
            if shape.enum and value not in shape.enum:
                yield f"{path} should be one of {_some(shape.enum, value)}, got {value!r}"
            if highest is not None and len(value) > highest:
                yield f"{path} takes at most {highest} characters, got {len(value)}"
        case "integer" | "long" | "float" | "double" if highest is not None and value > highest:
            yield f"{path} should be at most {highest}, got {value}"


def _some(enum: list[str], value: str) -> str:
    """The enum's values; if there are many (instance types), those that begin like `value`."""
    if len(enum) <= 20:
        return ", ".join(enum)
    family = value.split(".", maxsplit=1)[0]
    return ", ".join([item for item in enum if item.startswith(family)][:20] or [*enum[:5], "…"])

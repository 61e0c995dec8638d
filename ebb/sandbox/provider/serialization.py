"""Pulumi's property values: plain Python here, protobuf structures with marked values in the engine's messages."""

from collections.abc import Iterable
from typing import Any

from google.protobuf import struct_pb2  # type: ignore[import-untyped]

from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

Props = dict[str, Any]

#: The key of every marked value, and the kinds of marked values (Pulumi SDK, `runtime/rpc.py`).
_MARK = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, not a password
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


def decode(struct: struct_pb2.Struct) -> tuple[Props, frozenset[str]]:
    """The properties without null ones, and the names of those that contain a secret."""
    secrets: set[str] = set()
    props = {}
    for name, value in struct.fields.items():
        found: list[bool] = []
        plain = _plain(value, found)
        if plain is not None:
            props[name] = plain
        if found:
            secrets.add(name)
    return props, frozenset(secrets)


def encode(props: Props, secrets: Iterable[str] = ()) -> struct_pb2.Struct:
    """The properties for the engine; those named in `secrets` are marked."""
    hidden = frozenset(secrets)
    struct = struct_pb2.Struct()
    for name, value in props.items():
        if value is not None:
            struct.fields[name].CopyFrom(_value({_MARK: _SECRET, "value": value} if name in hidden else value))
    return struct


def reference(urn: str, physical_id: str, version: str) -> Props:
    """A reference to a resource, which the program's SDK turns into the resource."""
    return {_MARK: _RESOURCE, "urn": urn, "id": physical_id or UNKNOWN, "packageVersion": version}


def _plain(value: struct_pb2.Value, secrets: list[bool]) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_plain(item, secrets) for item in value.list_value.values]
        case "struct_value":
            return _marked(value.struct_value, secrets)
    return None


def _marked(struct: struct_pb2.Struct, secrets: list[bool]) -> Any:
    if _MARK not in struct.fields:
        items = {name: _plain(item, secrets) for name, item in struct.fields.items()}
        return {name: item for name, item in items.items() if item is not None}
    mark = struct.fields[_MARK].string_value
    if mark == _RESOURCE:
        return struct.fields["id"].string_value or struct.fields["urn"].string_value
    if mark == _SECRET or (mark == _OUTPUT and struct.fields["secret"].bool_value):
        secrets.append(True)
    if mark in (_SECRET, _OUTPUT):
        return _plain(struct.fields["value"], secrets) if "value" in struct.fields else UNKNOWN
    raise RefusedError("the sandbox does not handle assets, archives or other special values as inputs")


def _value(value: Any) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case dict():
            fields = {str(name): _value(item) for name, item in value.items() if item is not None}
            return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
        case list() | tuple() | set() | frozenset():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_value(item) for item in value]))
    return struct_pb2.Value(string_value=str(value))  # also dates

"""Differences: between two versions of a program's inputs, and between deployed properties and those in AWS."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from ebb.sandbox.provider.resources import Row
from ebb.sandbox.provider.shapes import UNKNOWN

Props = dict[str, Any]
Kind = Literal["add", "delete", "update"]

#: The input that lists the inputs which the provider filled in, as pulumi-aws keeps them.
DEFAULTED = "__defaults"
_MISSING = object()
_INDEX = re.compile(r"\[[^\]]*\]")


def changes(row: Row, old: Props, new: Props) -> dict[str, Kind]:
    """Paths of the changed inputs, down to the leaves. JSON documents are compared by content."""
    found: dict[str, Kind] = {}
    for name in sorted((old.keys() | new.keys()) - {DEFAULTED}):
        before, after = old.get(name, _MISSING), new.get(name, _MISSING)
        if name in row.documents:
            before, after = canonical(before), canonical(after)
            if before != after:
                found[name] = "add" if before is _MISSING else "delete" if after is _MISSING else "update"
        else:
            found.update(_walk(name, before, after))
    return found


def replacing(row: Row, paths: dict[str, Kind], new: Props) -> set[str]:
    """The paths whose change makes the real provider replace the resource."""
    fixed = row.replaces | {name for name, switch in row.replaces_if.items() if new.get(switch) is True}
    return {path for path in paths if _within(_INDEX.sub("", path), fixed)}


def delete_first(row: Row, paths: dict[str, Kind], new: Props) -> bool:
    """Whether to delete the old resource before the new one exists, because both have the same name in AWS."""
    name = row.autoname[0] if row.autoname else None
    key = row.identity or ({name} if name and name not in new.get(DEFAULTED, ()) else frozenset())
    return bool(key) and not any(_INDEX.sub("", path).split(".")[0] in key for path in paths)


def observed(row: Row, known: Props, seen: Props) -> Props:
    """`known` with AWS's current values. Additions, another order or another spelling of AWS are no difference."""
    result = {}
    for name, value in known.items():
        if name not in seen or name == DEFAULTED:
            result[name] = value
        elif name == "tags":
            result[name] = {key: item for key, item in seen[name].items() if key in value}
        elif name == "tagsAll":
            result[name] = seen[name]
        elif name in row.documents:
            before, after = canonical(value), canonical(seen[name])
            same = _project(before, after) == before
            result[name] = value if same else seen[name] if isinstance(seen[name], str) else json.dumps(seen[name])
        else:
            result[name] = _project(value, seen[name])
    return {name: value for name, value in result.items() if value is not None}


def canonical(value: Any) -> Any:
    """A JSON document's content, without empty values; lists of named objects are sorted by name."""
    if isinstance(value, str) and value != UNKNOWN:
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict):
        items = {name: canonical(item) if isinstance(item, (dict, list)) else item for name, item in value.items()}
        return {name: item for name, item in sorted(items.items()) if item not in (None, [], {})}
    if isinstance(value, list):
        parts = [canonical(item) if isinstance(item, (dict, list)) else item for item in value]
        named = bool(parts) and all(isinstance(item, dict) and "name" in item for item in parts)
        return sorted(parts, key=lambda item: str(item["name"])) if named else parts
    return value


def _walk(path: str, before: Any, after: Any) -> Iterator[tuple[str, Kind]]:
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _walk_object(path, before, after)
    elif isinstance(before, dict) and after is _MISSING and before:
        yield from _walk_object(path, before, {})
    elif isinstance(after, dict) and before is _MISSING and after:
        yield from _walk_object(path, {}, after)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            pair = (items[index] if index < len(items) else _MISSING for items in (before, after))
            yield from _walk(f"{path}[{index}]", *pair)
    else:
        yield path, "add" if before is _MISSING else "delete" if after is _MISSING else "update"


def _walk_object(path: str, before: Props, after: Props) -> Iterator[tuple[str, Kind]]:
    for name in sorted(before.keys() | after.keys()):
        step = f"{path}.{name}" if name.isidentifier() else f"{path}[{json.dumps(name)}]"
        yield from _walk(step, before.get(name, _MISSING), after.get(name, _MISSING))


def _within(path: str, fixed: set[str] | frozenset[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") or name.startswith(f"{path}.") for name in fixed)


def _project(known: Any, seen: Any) -> Any:
    """The part of `seen` that `known` has, in the spelling of `known` where both mean the same."""
    if isinstance(known, dict) and isinstance(seen, dict):
        pairs = {name: _project(value, seen.get(name)) for name, value in known.items()}
        return {name: value for name, value in pairs.items() if value is not None}
    if isinstance(known, list) and isinstance(seen, list):
        if len(known) != len(seen):
            return known if not known and not seen else seen
        in_order = [_project(*pair) for pair in zip(known, seen, strict=True)]
        if in_order == known or sorted(map(_text, known)) != sorted(map(_text, seen)):
            return in_order
        return known  # the same items in another order
    if seen is None and known in (False, 0, "", [], {}):
        return known
    return known if _text(known) == _text(seen) else seen


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:.15g}"
    if isinstance(value, str):
        try:
            return f"{float(value):.15g}"
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True, default=str)

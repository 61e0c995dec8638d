"""What differs: between two versions of a program's inputs, and between what was deployed and what AWS shows."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from ebb.sandbox.provider.resources import Row
from ebb.sandbox.provider.shapes import UNKNOWN

Props = dict[str, Any]
Kind = Literal["add", "delete", "update"]

HIDDEN = "__defaults"  # the inputs that the provider filled in, as pulumi-aws keeps them
_MISSING = object()
_INDEX = re.compile(r"\[[^\]]*\]")


def changes(row: Row, old: Props, new: Props) -> dict[str, Kind]:
    """The paths of the inputs that differ, down to the leaves, and how; JSON documents are compared by content."""
    found: dict[str, Kind] = {}
    for name in sorted((old.keys() | new.keys()) - {HIDDEN}):
        before, after = old.get(name, _MISSING), new.get(name, _MISSING)
        if name in row.documents:
            before, after = canonical(before), canonical(after)
            if before != after:
                found[name] = "add" if before is _MISSING else "delete" if after is _MISSING else "update"
        else:
            found.update(_walk(name, before, after))
    return found


def replacing(row: Row, paths: dict[str, Kind], new: Props) -> set[str]:
    """Those of the paths whose change makes AWS's provider replace the resource."""
    fixed = row.replaces | {name for name, switch in row.replaces_if.items() if new.get(switch) is True}
    return {path for path in paths if _within(_INDEX.sub("", path), fixed)}


def delete_first(row: Row, paths: dict[str, Kind], new: Props) -> bool:
    """Whether the old one must go before the new one is made, because both would have the same name in AWS."""
    name = row.autoname[0] if row.autoname else None
    key = row.identity or ({name} if name and name not in new.get(HIDDEN, ()) else frozenset())
    return bool(key) and not any(_INDEX.sub("", path).split(".")[0] in key for path in paths)


def observed(row: Row, known: Props, seen: Props) -> Props:
    """`known` as AWS shows it now: what AWS adds, orders or spells in its own way is no difference."""
    result = {}
    for name, value in known.items():
        if name not in seen or name == HIDDEN:
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
    """A JSON document's content: lists of named things in the order of their names, nothing that is empty."""
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
    """`seen` without what `known` does not speak of, in `known`'s own spelling where they mean the same."""
    if isinstance(known, dict) and isinstance(seen, dict):
        pairs = {name: _project(value, seen.get(name)) for name, value in known.items()}
        return {name: value for name, value in pairs.items() if value is not None}
    if isinstance(known, list) and isinstance(seen, list):
        if len(known) != len(seen):
            return known if not known and not seen else seen
        in_order = [_project(*pair) for pair in zip(known, seen, strict=True)]
        if in_order == known or sorted(map(_text, known)) != sorted(map(_text, seen)):
            return in_order
        return known  # the same things in another order
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

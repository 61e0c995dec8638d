"""A small renderer of API Gateway's mapping templates, for what AWS documents and these templates use.

Velocity 1.x: `#set` leaves a variable alone when its right-hand side is null, and a null reference in the text is
printed as it was written. Whatever else a template says is an error here, not a guess.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

_SET = re.compile(r"#set\(\$(\w+) = ")


@dataclass
class Input:
    """`$input` (API Gateway developer guide, "Input variables")."""

    body: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def path(self, path: str) -> Any:
        """The JSONPath's value, an empty text when there is none."""
        node = json.loads(self.body)
        for key in path.removeprefix("$.").split("."):
            node = node.get(key) if isinstance(node, dict) else None
        return "" if node is None else node

    def params(self, name: str | None = None) -> Any:
        """All parameters by kind, or one, an empty text when there is none."""
        if name is None:
            return {"path": {}, "querystring": self.query, "header": self.headers}
        return self.query.get(name) or self.headers.get(name, "")


class Util:
    """`$util`."""

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """java.net.URLEncoder's form encoding."""
        return quote_plus(text, safe="*").replace("~", "%7E")


def render(template: str, given: Input) -> str:
    """The template's text."""
    variables: dict[str, Any] = {"input": given, "util": Util()}
    text, rest = "", template
    while rest:
        if match := _SET.match(rest):
            value, after = _reference(rest[match.end() :], variables)
            assert after.startswith(")"), f"#set ends in {after[:20]!r}"
            if value is not None:
                variables[match[1]] = value
            rest = after[1:]
        elif rest[0] == "$":
            value, after = _reference(rest, variables)
            text += rest[: len(rest) - len(after)] if value is None else str(value)
            rest = after
        else:
            assert rest[0] not in "#\\", f"not in this renderer: {rest[:20]!r}"
            text, rest = text + rest[0], rest[1:]
    return text


def _reference(source: str, variables: Mapping[str, Any]) -> tuple[Any, str]:
    match = re.match(r"\$(\w+)", source)
    assert match, f"not a reference: {source[:20]!r}"
    assert match[1] in variables, f"nothing sets ${match[1]}"
    value, rest = variables[match[1]], source[match.end() :]
    while member := re.match(r"\.([A-Za-z]\w*)", rest):
        rest = rest[member.end() :]
        arguments: list[Any] = []
        called = rest.startswith("(")
        if called:
            arguments, rest = _arguments(rest[1:], variables)
        if value is not None:
            known = {Input: ("body", "path", "params"), Util: ("urlEncode",), dict: ("get",)}[type(value)]
            assert member[1] in known, f"AWS does not document .{member[1]}"
            found = getattr(value, member[1])
            value = found(*arguments) if called else found
    return value, rest


def _arguments(source: str, variables: Mapping[str, Any]) -> tuple[list[Any], str]:
    if source.startswith(")"):
        return [], source[1:]
    if source.startswith("'"):
        end = source.index("'", 1)
        value, rest = source[1:end], source[end + 1 :]
    else:
        value, rest = _reference(source, variables)
    assert rest.startswith(")"), f"one argument, got {rest[:20]!r}"
    return [value], rest[1:]

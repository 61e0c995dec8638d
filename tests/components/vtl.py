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

STATUS = "context.responseOverride.status"
_SET = re.compile(r"#set\(\$([\w.]+) = ")
_BRANCH = re.compile(r"#(if|elseif|else|end)\b")
_ESCAPES = {'"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/"} | dict(
    zip("\b\n\t\f\r", ("\\b", "\\n", "\\t", "\\f", "\\r"), strict=True)
)


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

    def escapeJavaScript(self, text: str) -> str:  # noqa: N802
        """Apache Commons' StringEscapeUtils: ', / and all beyond printable ASCII are escaped, too."""
        units = memoryview(text.encode("utf-16-be", "surrogatepass")).tobytes()
        characters = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
        return "".join(
            _ESCAPES.get(chr(unit)) or (chr(unit) if 0x20 <= unit < 0x7F else f"\\u{unit:04X}") for unit in characters
        )


class Text(str):
    """java.lang.String, as far as AWS's own examples go."""

    __slots__ = ()

    def toString(self) -> "Text":  # noqa: N802
        """Itself."""
        return self

    def equals(self, other: str) -> bool:
        """Whether they are the same."""
        return self == other

    def contains(self, part: str) -> bool:
        """Whether this is a part of it."""
        return part in self

    def replaceAll(self, pattern: str, replacement: str) -> "Text":  # noqa: N802
        """With each match of a regular expression replaced."""
        assert not set("$\\") & set(replacement), "has a meaning of its own in Java"
        return Text(re.sub(pattern, replacement, self))


_MEMBERS: dict[type, tuple[str, ...]] = {
    Input: ("body", "path", "params"),
    Util: ("urlEncode", "escapeJavaScript"),
    dict: ("get",),
    Text: ("toString", "equals", "contains", "replaceAll"),
}


def render(template: str, given: Input) -> str:
    """The template's text."""
    text, status = answer(template, given)
    assert status is None, f"sets the status {status}"
    return text


def answer(template: str, given: Input) -> tuple[str, int | None]:
    """The template's text, and the status that it sets in place of the response's own."""
    variables: dict[str, Any] = {"input": given, "util": Util()}
    #: Of each #if around this place: whether this branch is taken, and whether any was.
    branches: list[tuple[bool, bool]] = []
    text, rest = "", template
    while rest:
        live = all(taken for taken, _ in branches)
        if match := _BRANCH.match(rest):
            rest = _branch(match[1], rest[match.end() :], variables, branches)
        elif match := _SET.match(rest):
            value, after = _value(rest[match.end() :], variables if live else None)
            assert after.startswith(")"), f"#set ends in {after[:20]!r}"
            if live and value is not None:
                assert match[1] == STATUS or "." not in match[1], f"AWS does not document {match[1]}"
                assert match[1] != STATUS or STATUS not in variables, "an override may only be applied once"
                variables[match[1]] = value
            rest = after[1:]
        elif rest[0] == "$":
            value, after = _reference(rest, variables if live else None)
            if live:
                text += rest[: len(rest) - len(after)] if value is None else str(value)
            rest = after
        else:
            assert rest[0] != "#", f"not in this renderer: {rest[:20]!r}"
            assert not rest.startswith(("\\$", "\\#")), f"an escape: {rest[:20]!r}"
            text, rest = text + rest[0] if live else text, rest[1:]
    assert not branches, "an #if without its #end"
    return text, variables.get(STATUS)


def _branch(directive: str, rest: str, variables: Mapping[str, Any], branches: list[tuple[bool, bool]]) -> str:
    """Goes into or out of a branch; what is left of the template."""
    done = False
    if directive != "if":
        _, done = branches.pop()
    if directive == "end":
        return rest
    outside = all(taken for taken, _ in branches)
    holds = not done
    if directive != "else":
        assert rest.startswith("(")
        condition, rest = _condition(rest[1:], variables if outside and not done else None)
        holds = holds and bool(condition)
    branches.append((holds, done or holds))
    return rest


def _condition(source: str, variables: Mapping[str, Any] | None) -> tuple[bool, str]:
    value, rest = _value(source, variables)
    while rest.startswith(" || "):
        other, rest = _value(rest[4:], variables)
        value = value or other
    assert rest.startswith(")"), f"a condition ends in {rest[:20]!r}"
    return bool(value), rest[1:]


def _value(source: str, variables: Mapping[str, Any] | None) -> tuple[Any, str]:
    """A reference, a text or a number; without variables it is only read over."""
    if source[0] in "'\"":
        end = source.index(source[0], 1)
        text = source[1:end]
        assert source[0] == "'" or not re.search(r"[$#]", text), f"interpolates: {text!r}"
        return Text(text), source[end + 1 :]
    if match := re.match(r"\d+", source):
        return int(match[0]), source[match.end() :]
    return _reference(source, variables)


def _reference(source: str, variables: Mapping[str, Any] | None) -> tuple[Any, str]:
    match = re.match(r"\$(\w+)", source)
    assert match, f"not a reference: {source[:20]!r}"
    assert variables is None or match[1] in variables, f"nothing sets ${match[1]}"
    value, rest = variables and variables[match[1]], source[match.end() :]
    while member := re.match(r"\.([A-Za-z]\w*)", rest):
        rest = rest[member.end() :]
        arguments: list[Any] = []
        called = rest.startswith("(")
        if called:
            arguments, rest = _arguments(rest[1:], variables)
        if value is not None:
            value = Text(value) if isinstance(value, str) else value
            assert member[1] in _MEMBERS[type(value)], f"AWS does not document .{member[1]}"
            found = getattr(value, member[1])
            value = found(*arguments) if called else found
    return value, rest


def _arguments(source: str, variables: Mapping[str, Any] | None) -> tuple[list[Any], str]:
    arguments: list[Any] = []
    while not source.startswith(")"):
        value, source = _value(source, variables)
        arguments.append(value)
        source = source.removeprefix(", ")
    return arguments, source[1:]

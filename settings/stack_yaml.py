"""A stack file's values as Pulumi delivers them to the program.

Pulumi reads the file with Go's yaml.v3 (resolve.go: YAML 1.2's core schema, with YAML 1.1's octals, underscores and
times), and delivers it as JSON (encoding/json). tests/engine/test_stack_yaml.py compares a table with the engine.
"""

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
#: As Go's strconv.ParseInt with base 0.
_INTEGER = re.compile(r"([-+]?)(?:0[bB]([01]+)|0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
#: What begins with a point keeps its underscores, which may only separate digits.
_FRACTION = re.compile(r"\.[0-9](_?[0-9])*([eE][-+]?[0-9](_?[0-9])*)?")
_TIME = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"(?:(?:[Tt](?P<h>\d\d?):(?P<m>\d\d?):(?P<s>\d\d?)(?P<f>[.,]\d{1,9})?(?P<zone>Z|[-+]\d\d:\d\d))"
    r"|(?: +(?P<h2>\d\d?):(?P<m2>\d\d?):(?P<s2>\d\d?)(?P<f2>[.,]\d{1,9})?))?",
    re.ASCII,
)
_INT64, _UINT64 = 2**63, 2**64
#: Python converts no longer decimal numbers.
MAX_DIGITS = 4000
#: From this size on Go writes a number with an exponent.
_LARGE = 1e21
#: Values of a file, those of an alias each time.
MAX_VALUES = 100_000
#: Lists and mappings in each other. PyYAML composes each level by recursion.
MAX_LEVELS = 100
_TOO_DEEP = "it is nested too deeply"


class StackYamlError(ValueError):
    """A text that Pulumi refuses, too."""


class _Loader(yaml.BaseLoader):
    """Composes nodes; the tag of a plain scalar without a tag is empty."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node without one."""
        if kind is yaml.ScalarNode and isinstance(implicit, tuple) and implicit[0]:
            return ""
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


def load(text: str) -> Any:
    """The first document of a text. Raises StackYamlError."""
    try:
        _check_levels(text)
        node = next(yaml.compose_all(text, Loader=_Loader), None)
        value = None if node is None else _Reader().value(node)
        json.dumps(value, ensure_ascii=False).encode()
    except yaml.YAMLError as error:
        raise StackYamlError(" ".join(str(error).split())) from None
    except UnicodeEncodeError:
        raise StackYamlError("a text has half of a surrogate pair") from None
    except RecursionError:  # by aliases
        raise StackYamlError(_TOO_DEEP) from None
    return value


def _check_levels(text: str) -> None:
    levels = 0
    for event in yaml.parse(text, Loader=_Loader):
        levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if levels > MAX_LEVELS:
            raise StackYamlError(_TOO_DEEP)
        if isinstance(event, yaml.DocumentEndEvent):
            return


def dump(value: Any) -> str:
    """A text that Pulumi reads as this value: JSON without escapes for characters that YAML takes as they are."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


class _Reader:
    def __init__(self) -> None:
        self._inside: list[yaml.Node] = []
        self._values = 0

    def value(self, node: yaml.Node) -> Any:
        self._values += 1
        if node in self._inside:
            raise StackYamlError(f"{_place(node)}: a value contains itself")
        if self._values > MAX_VALUES:
            raise StackYamlError(f"it has more than {MAX_VALUES} values")
        if isinstance(node, yaml.ScalarNode):
            return scalar(node.value, node.tag, _place(node))
        self._inside.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item) for item in node.value]
            return self._mapping(node)
        finally:
            self._inside.pop()

    def _mapping(self, node: yaml.Node) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        seen: set[str] = set()
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise StackYamlError(f"{_place(key)}: a key must be text")
            if key.value in seen:
                raise StackYamlError(f"{_place(key)}: the key {key.value!r} is given twice")
            seen.add(key.value)
            if key.value == "<<" and key.tag in ("", f"{_TAG}str", f"{_TAG}merge"):
                for each in self._merges(item):
                    merged = {**each, **merged}
            else:
                own[_key(scalar(key.value, key.tag, _place(key)))] = self.value(item)
        return {**merged, **own}

    def _merges(self, node: yaml.Node) -> Iterator[dict[str, Any]]:
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(each, yaml.MappingNode):
                raise StackYamlError(f"{_place(each)}: << needs a mapping, or a list of mappings")
            yield self.value(each)


def scalar(text: str, tag: str = "", place: str = "") -> Any:
    """The value of a scalar. A plain one has no tag. Raises StackYamlError."""
    kind = tag.removeprefix(_TAG)
    if tag and kind in ("str", tag):
        return text
    if kind == "binary":
        try:
            return base64.b64decode(text, validate=False).decode()
        except ValueError:
            raise StackYamlError(f"{place}: !!binary needs text in base64") from None
    value = _resolved(text, times=kind in ("", "timestamp"))
    kinds = {"bool": (bool,), "int": (int,), "float": (int, float), "null": (type(None),), "timestamp": (str,)}
    if kind in kinds and type(value) not in kinds[kind]:
        raise StackYamlError(f"{place}: {text!r} is no !!{kind}")
    if isinstance(value, float) and not math.isfinite(value):
        raise StackYamlError(f"{place}: a configuration has no {text}")
    return value


def _resolved(text: str, *, times: bool) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    if text[0] == ".":
        return _float(text.replace("_", ""), text) if _FRACTION.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    time = _time(text) if times else None
    return _numeric(text) if time is None else time


def _numeric(text: str) -> Any:
    """A number, or the text."""
    plain = text.replace("_", "")
    found = _INTEGER.fullmatch(plain)
    if found:
        sign, *digits = found.groups()
        base, number = next((base, part) for base, part in zip((2, 16, 8, 10), digits, strict=True) if part)
        integer = int(number, base) if len(number) <= MAX_DIGITS else _UINT64
        if integer < _INT64 or (integer == _INT64 and sign == "-"):
            return -integer if sign == "-" else integer
        if integer < _UINT64 and not sign:
            return _number(float(integer))
    return _float(plain, text) if _FLOAT.fullmatch(plain) else text


def _float(plain: str, text: str) -> Any:
    """A number, or the text if the number is too large."""
    number = float(plain)
    return _number(number) if math.isfinite(number) else text


def _number(number: float) -> int | float:
    """A float as it comes out of JSON: whole numbers have no point, unless they are so large that Go uses exponents."""
    if not number.is_integer() or abs(number) >= _LARGE:
        return number
    digits, _, exponent = repr(number).partition("e")
    whole, _, fraction = digits.partition(".")
    zeros = int(exponent or 0)
    return int(whole + fraction.rstrip("0").ljust(zeros, "0")) if zeros else int(whole)


def _time(text: str) -> str | None:
    """A time as Go's Time.String writes it; None for text that is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    hours, minutes, seconds = (int(part[name] or part[f"{name}2"] or 0) for name in "hms")
    year, month, day = (int(part[name]) for name in ("year", "month", "day"))
    zone = part["zone"] or "Z"
    ahead = zone[:3] + zone[4:]
    try:
        date(year or 2000, month, day)  # the year 0 is a leap year, too
    except ValueError:
        return None
    if hours > 23 or minutes > 59 or seconds > 59 or (zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:]) > 59)):
        return None
    fraction = (part["f"] or part["f2"] or "")[1:].rstrip("0")
    shown = f"{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}{'.' if fraction else ''}{fraction}"
    return f"{shown} +0000 UTC" if zone == "Z" or not int(ahead) else f"{shown} {ahead} {ahead}"


def _key(value: Any) -> str:
    """A key as text."""
    return value if isinstance(value, str) else "<nil>" if value is None else json.dumps(value)


def _place(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"

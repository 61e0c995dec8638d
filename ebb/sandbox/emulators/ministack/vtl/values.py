"""Java's side of a template's values: how they are printed, their arithmetic and their methods.

Numbers, texts, lists and maps are those of java.lang and java.util, as API Gateway's Velocity 1.x sees them.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ebb.sandbox.emulators.ministack.vtl.tree import TemplateError


def text_of(value: Any) -> str:
    """A text, number or boolean as Java prints it. Raises TemplateError for objects and lists."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, (str, int)):
        return str(value)
    raise TemplateError("an object or a list is printed with $input.json()")


def json_text(value: Any) -> str:
    """The value as JSON, without spaces and with Java's numbers."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(str(key))}:{json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return _double(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _double(value: float) -> str:
    """Double.toString: a digit after the point at least, and E below 0.001 and from 1e7 (Java SE, java.lang.Double)."""
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits, _, exponent = f"{Decimal(repr(value)).normalize():E}".partition("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def java_text(value: Any) -> str:
    """What toString() of the JSON library says, which API Gateway uses: a map's is Java's, a list's is JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={java_text(item)}" for name, item in value.items()) + "}"
    return json_text(value) if isinstance(value, list) else "null" if value is None else text_of(value)


def is_number(value: Any) -> bool:
    """Whether Java takes it for a Number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def calculated(sign: str, left: Any, right: Any) -> Any:
    """The result of + - * / %. Division by zero has none: None. Raises TemplateError for other than numbers.

    `+` with a text joins the texts.
    """
    if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
        return text_of(left) + text_of(right)
    if not (is_number(left) and is_number(right)):
        raise TemplateError(f"{sign} takes numbers, got {left!r} and {right!r}")
    if sign in "/%" and right == 0:
        return None
    return _ARITHMETIC[sign](left, right)


def _divided(left: float, right: float) -> float:
    """Java's integers are cut towards zero."""
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def _remainder(left: float, right: float) -> float:
    """The sign is that of the left side."""
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": _remainder,
}


def _pattern(text: str) -> re.Pattern[str]:
    """Java's classes such as \\d have ASCII alone."""
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise TemplateError(f"the regular expression {text!r} is not one for Python: {error}") from None


def _units(text: str) -> bytes:
    """Java counts a text in units of UTF-16, which have two bytes each here."""
    return text.encode("utf-16-be", "surrogatepass")


def _length(text: str) -> int:
    return len(_units(text)) // 2


def _substring(text: str, start: int, end: int | None = None) -> str:
    last = _length(text) if end is None else end
    if not 0 <= start <= last <= _length(text):
        raise TemplateError(f"the text has {_length(text)} characters, and none from {start} to {last}")
    return _units(text)[2 * start : 2 * last].decode("utf-16-be", "surrogatepass")


def _index_in(found: int, text: str) -> int:
    return found if found < 0 else _length(text[:found])


def _replace_all(text: str, pattern: str, replacement: str) -> str:
    if set("$\\") & set(replacement):
        raise TemplateError(f"in a replacement such as {replacement!r}, Java gives $ and \\ a meaning")
    return _pattern(pattern).sub(lambda _: replacement, text)


def _split(text: str, pattern: str) -> list[str]:
    """String.split: without empty texts at the end, and without an empty first one from a match of no characters."""
    found: list[str] = [part or "" for part in _pattern(pattern).split(text)]
    if found and not found[0] and (first := _pattern(pattern).match(text)) and not first[0]:
        del found[0]
    while len(found) > 1 and not found[-1]:
        del found[-1]
    return found


def _add(found: list[Any], *value: Any) -> Any:
    """List.add(value), or add(index, value), which returns nothing."""
    if len(value) == 1:
        found.append(value[0])
        return True
    found.insert(*value)
    return None


def _exchange(found: Any, key: Any, value: Any) -> Any:
    """Map.put and List.set: the value that was there before."""
    before = found.get(key) if isinstance(found, dict) else found[key]
    found[key] = value
    return before


def _at(found: list[Any], index: int) -> Any:
    if index < 0:
        raise IndexError(f"list index {index}")
    return found[index]


def _index_of(found: list[Any], value: Any) -> int:
    return found.index(value) if value in found else -1


def _entries(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in found.items()]


_NUMBER: dict[str, Callable[..., Any]] = {
    "toString": text_of,
    "intValue": int,
    "longValue": int,
    "doubleValue": float,
    "equals": lambda number, other: type(number) is type(other) and number == other,
    "compareTo": lambda number, other: (number > other) - (number < other),
}
#: The methods of java.lang.String, Number and Boolean, java.util.Map and java.util.List that templates may call here.
METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: {
        "length": _length,
        "isEmpty": lambda text: not text,
        "equals": lambda text, other: text == other,
        "equalsIgnoreCase": lambda text, other: text.lower() == other.lower(),
        "contains": lambda text, part: part in text,
        "startsWith": str.startswith,
        "endsWith": str.endswith,
        "indexOf": lambda text, part: _index_in(text.find(part), text),
        "lastIndexOf": lambda text, part: _index_in(text.rfind(part), text),
        "matches": lambda text, pattern: _pattern(pattern).fullmatch(text) is not None,
        "replace": lambda text, old, new: text.replace(old, new),
        "replaceAll": _replace_all,
        "concat": lambda text, other: text + other,
        "split": _split,
        "substring": _substring,
        "toLowerCase": str.lower,
        "toUpperCase": str.upper,
        "trim": lambda text: text.strip("".join(map(chr, range(0x21)))),
        "toString": str,
    },
    int: _NUMBER,
    float: _NUMBER,
    bool: {"toString": text_of, "equals": lambda value, other: value is other},
    dict: {
        "get": lambda found, key: found.get(key),
        "put": _exchange,
        "putAll": lambda found, other: found.update(other),
        "remove": lambda found, key: found.pop(key, None),
        "containsKey": lambda found, key: key in found,
        "keySet": list,
        "values": lambda found: list(found.values()),
        "entrySet": _entries,
        "size": len,
        "isEmpty": lambda found: not found,
        "toString": java_text,
    },
    list: {
        "get": _at,
        "set": _exchange,
        "add": _add,
        "addAll": lambda found, other: found.extend(other) or bool(other),
        "contains": lambda found, value: value in found,
        "indexOf": _index_of,
        "size": len,
        "isEmpty": lambda found: not found,
        "toString": java_text,
    },
}

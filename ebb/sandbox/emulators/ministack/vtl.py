"""API Gateway's mapping templates (Velocity 1.x), as far as AWS documents them; MiniStack has no #if and no override.

API Gateway developer guide, "Mapping template transformations". What this renderer does not know is an error that names
it, never a guess.
"""

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ebb.sandbox.emulators.ministack.vtl_variables import DOCUMENTED, METHODS, Input, Request, TemplateError, Util

__all__ = ["Rendered", "Request", "TemplateError", "render"]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Rendered:
    """The text, and the status that the template put in place of the mapped one (`$context.responseOverride`)."""

    text: str
    status: int | None = None


def render(template: str, request: Request) -> Rendered:
    """The template's text and status for this request. Raises TemplateError."""
    context = {**request.context, "responseOverride": {}}
    renderer = _Renderer(template, {"input": Input(request), "util": Util(), "context": context})
    try:
        text = renderer.block()
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise TemplateError(f"{type(error).__name__}: {error}") from error
    if renderer.rest:
        raise TemplateError(f"{renderer.rest[:20]!r} has no #if before it")
    status = context["responseOverride"].get("status")
    return Rendered(text, None if status is None else int(status))


class _Renderer:
    """Reads the template once from left to right; `rest` is what is left of it.

    What stands in a branch that is not taken is read, too, but nothing in it is evaluated: it is not `live`.
    """

    _END = re.compile(r"#\{(?:end|elseif|else)\}|#(?:end|elseif|else)(?!\w)")
    _GOBBLED = re.compile(r"[ \t]*\r?\n")  # Velocity 1.x: a directive takes the end of its line with it

    def __init__(self, source: str, variables: dict[str, Any]) -> None:
        self.rest = source
        self._variables = variables
        self._live = True

    def block(self) -> str:
        """The text up to the end of the block."""
        text = ""
        while self.rest and not self._END.match(self.rest):
            if self._take(r"##[^\n]*\n?|#\*.*?\*#"):
                continue
            if self._take(r"#(?:\{)?set(?:\})?\s*\("):
                self._set()
            elif self._take(r"#(?:\{)?if(?:\})?\s*\("):
                text += self._if()
            elif match := re.match(r"#\{?[a-z]+", self.rest):
                raise TemplateError(f"the directive {match[0]} is not in the sandbox")
            elif re.match(r"\$!?\{?[A-Za-z]", self.rest):
                text += self._shown_reference()
            else:
                text, self.rest = text + self.rest[0], self.rest[1:]
        return text

    def _take(self, pattern: str) -> str | None:
        match = re.match(pattern, self.rest, re.DOTALL)
        if match:
            self.rest = self.rest[match.end() :]
        return match[0] if match else None

    def _need(self, pattern: str) -> str:
        found = self._take(pattern)
        if found is None:
            raise TemplateError(f"{self.rest[:20]!r} stands where {pattern} should be")
        return found

    def _gobble(self) -> None:
        if match := self._GOBBLED.match(self.rest):
            self.rest = self.rest[match.end() :]

    def _set(self) -> None:
        path = self._need(r"\s*\$\{?[\w.]+\}?").strip(" \t\n${}").split(".")
        self._need(r"\s*=")
        value = self._expression()
        self._need(r"\s*\)")
        self._gobble()
        if not self._live or value is None:  # a null leaves the variable as it was
            return
        target = self._variables
        for name in path[:-1]:
            target = target[name]
        if len(path) > 1 and path[:-1] != ["context", "responseOverride"]:
            raise TemplateError(f"${'.'.join(path)} cannot be set")
        target[path[-1]] = value

    def _if(self) -> str:
        text, open_, was_live = "", True, self._live
        word = "if"
        while "end" not in word:
            if word == "else":
                taken = open_
            else:
                self._live = was_live and open_
                taken = _true(self._expression()) and self._live
                self._need(r"\s*\)")
            self._live = was_live and open_ and taken
            open_ = open_ and not taken
            self._gobble()
            inside = self.block()
            text += inside if self._live else ""
            word = self._need(self._END.pattern).strip("#{}")
            if word == "elseif":
                self._need(r"\s*\(")
        self._live = was_live
        self._gobble()
        return text

    def _expression(self) -> Any:
        value = self._both()
        while self._take(r"\s*\|\|"):
            value = _true(value) | self._if_live(not _true(value), self._both)
        return value

    def _both(self) -> Any:
        value = self._compared()
        while self._take(r"\s*&&"):
            value = _true(value) & self._if_live(_true(value), self._compared)
        return value

    def _if_live(self, condition: bool, read: Callable[[], Any]) -> bool:
        """Whether what is read is true; it is evaluated on this condition alone."""
        was_live, self._live = self._live, self._live and condition
        value = read()
        self._live = was_live
        return _true(value)

    def _compared(self) -> Any:
        value = self._operand()
        sign = self._take(r"\s*(?:==|!=|<=|>=|<|>)")
        if sign is None:
            return value
        other = self._operand()
        if not self._live:
            return None
        if type(value) is not type(other):  # Velocity compares what is of two kinds by its text
            value, other = str(value), str(other)
        return _COMPARISONS[sign.strip()](value, other)

    def _operand(self) -> Any:  # noqa: PLR0911 - one for each kind of operand
        self._take(r"\s+")
        if self._take(r"!"):
            return not _true(self._operand())
        if self._take(r"\("):
            value = self._expression()
            self._need(r"\s*\)")
            return value
        if text := self._take(r"'(?:[^']|'')*'"):
            return text[1:-1].replace("''", "'")
        if text := self._take(r'"(?:[^"]|"")*"'):
            return self._live and _Renderer(text[1:-1].replace('""', '"'), self._variables).block()
        if number := self._take(r"-?\d+"):
            return int(number)
        if word := self._take(r"(?:true|false)\b"):
            return word == "true"
        return self._reference()[0]

    def _shown_reference(self) -> str:
        value, written, quiet = self._reference()
        if value is None:
            return "" if quiet else written
        if isinstance(value, bool):
            return str(value).lower()
        return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)

    def _reference(self) -> tuple[Any, str, bool]:
        """The value, None for one that is not there; how it is written; whether an absent one leaves no text."""
        before = self.rest
        start = self._need(r"\$!?\{?[A-Za-z]\w*")
        name = start.lstrip("$!{")
        value = self._variables.get(name) if self._live else None
        while True:
            if member := self._take(r"\.[A-Za-z]\w*"):
                value = self._member(value, member[1:])
            elif self._take(r"\["):
                index = self._expression()
                self._need(r"\s*\]")
                value = value[index] if value is not None else None
            else:
                break
        if "{" in start:
            self._need(r"\}")
        return value, before[: len(before) - len(self.rest)], start.startswith("$!")

    def _member(self, value: Any, name: str) -> Any:
        arguments = self._arguments()
        if value is None:
            return None
        kind = type(value)
        if kind in DOCUMENTED:
            if name not in DOCUMENTED[kind]:
                raise TemplateError(f"AWS does not document .{name}")
            found = getattr(value, name)
            return found if arguments is None else found(*arguments)
        if arguments is None:
            if kind is not dict:
                raise TemplateError(f"a {kind.__name__} has no .{name}")
            return value.get(name)
        method = METHODS.get(kind, {}).get(name)
        if method is None:
            raise TemplateError(f"the method .{name}() of a {kind.__name__} is not in the sandbox")
        return method(value, *arguments)

    def _arguments(self) -> list[Any] | None:
        """The arguments of a call; None when there is no call."""
        if not self._take(r"\("):
            return None
        arguments: list[Any] = []
        while not self._take(r"\s*\)"):
            if arguments:
                self._need(r"\s*,")
            arguments.append(self._expression())
        return arguments


def _true(value: Any) -> bool:
    """Velocity 1.x: all but null and false, an empty text included."""
    return value is not None and value is not False

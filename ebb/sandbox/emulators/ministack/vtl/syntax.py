"""Reads a template into a tree."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: A name: Velocity's "VTL Reference", "Variables".
_NAME = r"[A-Za-z][\w-]*"
_DIRECTIVE = re.compile(r"#(?:\{([a-z]+)\}|([a-z]+)(?!\w))")
#: A directive at the end of a line takes the line break with it.
_LINE_BREAK = re.compile(r"[ \t]*\r?\n")


class TemplateError(Exception):
    """The template has something that is unknown here or wrong; the text names it."""


@dataclass(frozen=True)
class Literal:
    """A text, a number or a boolean."""

    value: str | int | bool


@dataclass(frozen=True)
class Interpolated:
    """A text in double quotes: a template in itself."""

    block: "Block"


@dataclass(frozen=True)
class ListOf:
    """`[a, b]`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class Not:
    """`!a`."""

    operand: "Expression"


@dataclass(frozen=True)
class Binary:
    """`a == b`, `a && b` and the like."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Member:
    """`.name`, or `.name(arguments)`."""

    name: str
    arguments: tuple["Expression", ...] | None


@dataclass(frozen=True)
class Index:
    """`[index]`."""

    index: "Expression"


@dataclass(frozen=True)
class Reference:
    """`$name` and what follows; a `quiet` one (`$!name`) prints nothing when it has no value."""

    written: str
    quiet: bool
    name: str
    steps: tuple[Member | Index, ...]


@dataclass(frozen=True)
class Set:
    """`#set($a.b = value)`."""

    path: tuple[str, ...]
    value: "Expression"


@dataclass(frozen=True)
class If:
    """`#if` with its `#elseif` and `#else`, whose condition is None."""

    branches: tuple[tuple["Expression | None", "Block"], ...]


@dataclass(frozen=True)
class Foreach:
    """`#foreach($name in items)`."""

    name: str
    items: "Expression"
    body: "Block"


Expression = Literal | Interpolated | ListOf | Not | Binary | Reference
Block = tuple[str | Reference | Set | If | Foreach, ...]


@lru_cache(maxsize=256)
def parse(template: str) -> Block:
    """The template's tree. Raises TemplateError."""
    parser = _Parser(template)
    block = parser.block()
    if parser.rest:
        raise TemplateError(f"{parser.rest[:20]!r} has no #if or #foreach before it")
    return block


class _Parser:
    """Reads from left to right; `rest` is what it has not read yet."""

    def __init__(self, source: str) -> None:
        self.rest = source

    def block(self) -> Block:
        """All up to an #end, #else or #elseif, or to the end of the template."""
        parts: list[Any] = []
        while self.rest:
            if text := self._take(r"[^#$\\]+"):
                parts.append(text)
            elif self._take(r"##[^\n]*\n?|#\*.*?\*#"):
                continue
            elif match := _DIRECTIVE.match(self.rest):
                name = match[1] or match[2]
                if name in ("end", "else", "elseif"):
                    break
                parts.append(self._directive(name, match))
            elif match := re.match(r"#\[\[|#[@{]?[A-Za-z_]\w*", self.rest):
                raise TemplateError(f"{match[0]} is not a directive of the sandbox")
            elif match := re.match(r"\\[#$]", self.rest):
                raise TemplateError(f"the escape {match[0]} is not in the sandbox")
            elif re.match(r"\$!?\{?[A-Za-z]", self.rest):
                parts.append(self._reference())
            else:
                parts.append(self._need(".", "text"))
        return tuple(parts)

    def _take(self, pattern: str) -> str | None:
        match = re.match(pattern, self.rest, re.DOTALL)
        if match:
            self.rest = self.rest[match.end() :]
        return match[0] if match else None

    def _need(self, pattern: str, what: str) -> str:
        found = self._take(pattern)
        if found is None:
            place = repr(self.rest[:20]) if self.rest else "the end of the template"
            raise TemplateError(f"{place} stands where {what} should be")
        return found

    def _end_of_directive(self) -> None:
        if match := _LINE_BREAK.match(self.rest):
            self.rest = self.rest[match.end() :]

    def _directive(self, name: str, match: re.Match[str]) -> Set | If | Foreach:
        if name not in ("set", "if", "foreach"):
            raise TemplateError(f"{match[0]} is not a directive of the sandbox")
        self.rest = self.rest[match.end() :]
        self._need(r"\s*\(", "(")
        return self._set() if name == "set" else self._if() if name == "if" else self._foreach()

    def _set(self) -> Set:
        target = self._need(rf"\s*\$\{{?{_NAME}(?:\.{_NAME})*\}}?\s*=(?!=)", "$name =")
        value = self._expression()
        self._close()
        return Set(tuple(target.strip("=${} \t\r\n").split(".")), value)

    def _if(self) -> If:
        branches: list[tuple[Expression | None, Block]] = []
        directive = "if"
        while directive != "end":
            if branches and branches[-1][0] is None:
                raise TemplateError(f"#{directive} stands after #else")
            condition = None
            if directive == "else":
                self._end_of_directive()
            else:
                condition = self._expression()
                self._close()
            branches.append((condition, self.block()))
            directive = self._need(_DIRECTIVE.pattern, "#end").strip("#{}")
            if directive == "elseif":
                self._need(r"\s*\(", "(")
        self._end_of_directive()
        return If(tuple(branches))

    def _foreach(self) -> Foreach:
        name = self._need(rf"\s*\$\{{?{_NAME}\}}?\s+in\s", "$name in").split()[0].strip("${}")
        items = self._value()
        self._close()
        body = self.block()
        self._need(r"#(?:\{end\}|end(?!\w))", "#end")
        self._end_of_directive()
        return Foreach(name, items, body)

    def _close(self) -> None:
        self._need(r"\s*\)", ")")
        self._end_of_directive()

    def _expression(self) -> Expression:
        left = self._both()
        while self._take(r"\s*\|\|"):
            left = Binary("||", left, self._both())
        return left

    def _both(self) -> Expression:
        left = self._comparison()
        while self._take(r"\s*&&"):
            left = Binary("&&", left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._operand()
        sign = self._take(r"\s*(?:==|!=|<=|>=|<|>)")
        return Binary(sign.strip(), left, self._operand()) if sign else left

    def _operand(self) -> Expression:
        if self._take(r"\s*!"):
            return Not(self._operand())
        if self._take(r"\s*\("):
            inside = self._expression()
            self._need(r"\s*\)", ")")
            return inside
        return self._value()

    def _value(self) -> Expression:
        """What may stand as an argument, too: a literal, a list or a reference."""
        self._take(r"\s+")
        if text := self._take(r"'(?:[^']|'')*'"):
            return Literal(text[1:-1].replace("''", "'"))
        if text := self._take(r'"(?:[^"]|"")*"'):
            return Interpolated(parse(text[1:-1].replace('""', '"')))
        if number := self._take(r"-?\d+(?![\w.])"):
            return Literal(int(number))
        if word := self._take(r"(?:true|false)\b"):
            return Literal(word == "true")
        if self._take(r"\["):
            return ListOf(self._list(r"\]", "]"))
        return self._reference()

    def _list(self, end: str, name: str) -> tuple[Expression, ...]:
        items: list[Expression] = []
        while not self._take(rf"\s*{end}"):
            if items:
                self._need(r"\s*,", f", or {name}")
            items.append(self._value())
        return tuple(items)

    def _reference(self) -> Reference:
        before = self.rest
        start = self._need(rf"\$!?\{{?{_NAME}", "a value")
        steps: list[Member | Index] = []
        while True:
            if member := self._take(rf"\.{_NAME}"):
                called = self._take(r"\(")
                steps.append(Member(member[1:], self._list(r"\)", ")") if called else None))
            elif self._take(r"\["):
                steps.append(Index(self._value()))
                self._need(r"\s*\]", "]")
            else:
                break
        if "{" in start:
            self._need(r"\}", "}")
        written = before[: len(before) - len(self.rest)]
        return Reference(written, start.startswith("$!"), start.lstrip("$!{"), tuple(steps))

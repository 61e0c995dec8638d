"""Reads a template into a tree."""

import re
from functools import lru_cache
from typing import Any

from ebb.sandbox.emulators.ministack.vtl import tree
from ebb.sandbox.emulators.ministack.vtl.tree import TemplateError

#: A name: Velocity's "VTL Reference", "Variables".
_NAME = r"[A-Za-z][\w-]*"
_DIRECTIVES = "set|if|elseif|else|end|foreach|stop"
_DIRECTIVE = re.compile(rf"#(?:\{{({_DIRECTIVES})\}}|({_DIRECTIVES})(?!\w))")
#: What Velocity may take for a directive. Any other name is text, such as #state in an expression of DynamoDB.
_NO_DIRECTIVE = re.compile(
    r"#\[\[|#[@{][A-Za-z_]\w*|#(?:set|if|else|end|foreach|include|parse|macro|define|stop|break|evaluate)\w*|#[A-Za-z_]\w*\("
)
#: A directive at the end of a line takes the line break with it.
_LINE_BREAK = re.compile(r"[ \t]*\r?\n")
#: Velocity's operators that are words (VTL Reference, "Relational and Logical Operators").
_WORDS = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "and": "&&", "or": "||"}
#: Binary operators, the weakest first.
_PRECEDENCE = (
    r"\|\||or\b",
    r"&&|and\b",
    r"==|!=|(?:eq|ne)\b",
    r"<=|>=|<|>|(?:ge|gt|le|lt)\b",
    r"[+-]",
    r"[*/%]",
)


@lru_cache(maxsize=256)
def parse(template: str) -> tree.Block:
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

    def block(self) -> tree.Block:
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
            elif match := _NO_DIRECTIVE.match(self.rest):
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

    def _directive(self, name: str, match: re.Match[str]) -> tree.Set | tree.If | tree.Foreach | tree.Stop:
        self.rest = self.rest[match.end() :]
        if name == "stop":
            return tree.Stop()
        self._need(r"\s*\(", "(")
        return self._set() if name == "set" else self._if() if name == "if" else self._foreach()

    def _set(self) -> tree.Set:
        self._take(r"\s+")
        target = self._reference()
        self._need(r"\s*=(?!=)", "=")
        value = self._expression()
        self._close()
        return tree.Set(target, value)

    def _if(self) -> tree.If:
        branches: list[tuple[tree.Expression | None, tree.Block]] = []
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
        return tree.If(tuple(branches))

    def _foreach(self) -> tree.Foreach:
        name = self._need(rf"\s*\$\{{?{_NAME}\}}?\s+in\s", "$name in").split()[0].strip("${}")
        items = self._value()
        self._close()
        body = self.block()
        self._need(r"#(?:\{end\}|end(?!\w))", "#end")
        self._end_of_directive()
        return tree.Foreach(name, items, body)

    def _close(self) -> None:
        self._need(r"\s*\)", ")")
        self._end_of_directive()

    def _expression(self, level: int = 0) -> tree.Expression:
        if level == len(_PRECEDENCE):
            return self._operand()
        left = self._expression(level + 1)
        while sign := self._take(rf"\s*(?:{_PRECEDENCE[level]})"):
            name = sign.strip()
            left = tree.Binary(_WORDS.get(name, name), left, self._expression(level + 1))
        return left

    def _operand(self) -> tree.Expression:
        if self._take(r"\s*(?:!|not\b)"):
            return tree.Not(self._operand())
        if self._take(r"\s*\("):
            inside = self._expression()
            self._need(r"\s*\)", ")")
            return inside
        return self._value()

    def _value(self) -> tree.Expression:  # noqa: PLR0911 - one for each kind of value
        """What may stand as an argument, too: a literal, a list, an object or a reference."""
        self._take(r"\s+")
        if text := self._take(r"'(?:[^']|'')*'"):
            return tree.Literal(text[1:-1].replace("''", "'"))
        if text := self._take(r'"(?:[^"]|"")*"'):
            return tree.Interpolated(parse(text[1:-1].replace('""', '"')))
        if number := self._take(r"-?(?:\d*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)"):
            return tree.Literal(float(number))
        if number := self._take(r"-?\d+(?!\w|\.(?!\.))"):
            return tree.Literal(int(number))
        if word := self._take(r"(?:true|false)\b"):
            return tree.Literal(word == "true")
        if ends := self._take(r"\[\s*-?\d+\s*\.\.\s*-?\d+\s*\]"):
            return _range(*map(int, ends[1:-1].split("..")))
        if self._take(r"\["):
            return tree.ListOf(self._list(r"\]", "]"))
        if self._take(r"\{"):
            return self._map()
        return self._reference()

    def _map(self) -> tree.MapOf:
        items: list[tuple[tree.Expression, tree.Expression]] = []
        while not self._take(r"\s*\}"):
            if items:
                self._need(r"\s*,", ", or }")
            key = self._value()
            self._need(r"\s*:", ":")
            items.append((key, self._value()))
        return tree.MapOf(tuple(items))

    def _list(self, end: str, name: str) -> tuple[tree.Expression, ...]:
        items: list[tree.Expression] = []
        while not self._take(rf"\s*{end}"):
            if items:
                self._need(r"\s*,", f", or {name}")
            items.append(self._value())
        return tuple(items)

    def _reference(self) -> tree.Reference:
        before = self.rest
        start = self._need(rf"\$!?\{{?{_NAME}", "a value")
        steps: list[tree.Member | tree.Index] = []
        while True:
            if member := self._take(rf"\.{_NAME}"):
                called = self._take(r"\(")
                steps.append(tree.Member(member[1:], self._list(r"\)", ")") if called else None))
            elif self._take(r"\["):
                steps.append(tree.Index(self._value()))
                self._need(r"\s*\]", "]")
            else:
                break
        if "{" in start:
            self._need(r"\}", "}")
        written = before[: len(before) - len(self.rest)]
        return tree.Reference(written, start.startswith("$!"), start.lstrip("$!{"), tuple(steps))


def _range(first: int, last: int) -> tree.ListOf:
    """Both ends are in it, and it may go down."""
    step = 1 if first <= last else -1
    return tree.ListOf(tuple(tree.Literal(number) for number in range(first, last + step, step)))

"""Evaluates a template's tree for one request."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ebb.sandbox.emulators.ministack.vtl.syntax import (
    Binary,
    Block,
    Expression,
    Foreach,
    If,
    Index,
    Interpolated,
    ListOf,
    Literal,
    Member,
    Not,
    Reference,
    Set,
    TemplateError,
    parse,
)
from ebb.sandbox.emulators.ministack.vtl.variables import DOCUMENTED, METHODS, Input, Request, Util, text_of

#: Iterations of one #foreach (API Gateway quotas, "Number of iterations in a #foreach ... #end loop").
MAX_ITERATIONS = 1000
#: API Gateway developer guide, "Override your API's request and response parameters and status codes".
_OVERRIDES = (
    ("requestOverride", "header"),
    ("requestOverride", "path"),
    ("requestOverride", "querystring"),
    ("responseOverride", "header"),
)
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
    """The text, and what the template overrides: values by path, such as "responseOverride.status"."""

    text: str
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        """The HTTP status that the template sets instead of the mapped one."""
        status = self.overrides.get("responseOverride.status")
        return None if status is None else int(status)


def render(template: str, request: Request) -> Rendered:
    """The template's text and overrides for this request. Raises TemplateError."""
    evaluation = _Evaluation(request)
    try:
        return Rendered(evaluation.block(parse(template)), evaluation.overrides)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise TemplateError(f"{type(error).__name__}: {error}") from error


class _Evaluation:
    """The variables' values. A value that is absent, null in Java, is None."""

    def __init__(self, request: Request) -> None:
        self.overrides: dict[str, Any] = {}
        self._given = {
            "input": Input(request),
            "util": Util(),
            "context": dict(request.context),
            "stageVariables": dict(request.stage_variables),
        }
        self._variables: dict[str, Any] = {}

    def block(self, block: Block) -> str:
        """The text of a block."""
        text = ""
        for part in block:
            match part:
                case str():
                    text += part
                case Reference():
                    text += self._printed(part)
                case Set():
                    self._set(part)
                case If():
                    text += self._if(part)
                case Foreach():
                    text += self._foreach(part)
        return text

    def _printed(self, reference: Reference) -> str:
        value = self._reference(reference)
        if value is not None:
            return text_of(value)
        if reference.quiet:
            return ""
        # Velocity prints the reference as it is written; API Gateway has been seen to print nothing.
        raise TemplateError(f"{reference.written} has no value: write $!{reference.written[1:]} to print nothing then")

    def _set(self, directive: Set) -> None:
        name = ".".join(directive.path)
        value = self._value(directive.value)
        if value is None:  # Velocity leaves the variable as it was
            return
        if len(directive.path) == 1 and name not in (*self._given, "foreach"):
            self._variables[name] = value
            return
        root, *path = directive.path
        if root != "context" or (path != ["responseOverride", "status"] and tuple(path[:-1]) not in _OVERRIDES):
            raise TemplateError(f"${name} cannot be set")
        if ".".join(path) in self.overrides:
            raise TemplateError(f"${name} is set twice: an override may only be applied once")
        self.overrides[".".join(path)] = value

    def _if(self, directive: If) -> str:
        for condition, block in directive.branches:
            if condition is None or self._true(condition):
                return self.block(block)
        return ""

    def _foreach(self, directive: Foreach) -> str:
        value = self._value(directive.items)
        if value is None or value == "":
            return ""
        if not isinstance(value, (list, dict)):
            raise TemplateError(f"#foreach takes a list or an object, got {text_of(value)!r}")
        items = list(value.values()) if isinstance(value, dict) else value
        if len(items) > MAX_ITERATIONS:
            raise TemplateError(f"#foreach has {len(items)} items, and API Gateway's maximum is {MAX_ITERATIONS}")
        own = {directive.name, "foreach"}
        outside = {name: value for name, value in self._variables.items() if name in own}
        text, last = "", len(items) - 1
        for index, item in enumerate(items):
            loop = {"index": index, "count": index + 1, "hasNext": index < last, "first": index == 0}
            self._variables |= {directive.name: item, "foreach": loop | {"last": index == last}}
            text += self.block(directive.body)
        for name in own:
            self._variables.pop(name, None)
        self._variables |= outside
        return text

    def _true(self, expression: Expression) -> bool:
        """Velocity 1.x: everything but false (and null) is true, an empty text too."""
        return self._present(expression) is not False

    def _present(self, expression: Expression) -> Any:
        """A value that is not absent. Velocity takes an absent one for false, API Gateway has been seen not to."""
        value = self._value(expression)
        if value is None:
            name = expression.written if isinstance(expression, Reference) else "this"
            raise TemplateError(f"{name} has no value, and API Gateway does not document what it is taken for")
        return value

    def _value(self, expression: Expression) -> Any:  # noqa: PLR0911 - one for each kind of expression
        match expression:
            case Literal():
                return expression.value
            case Interpolated():
                return self.block(expression.block)
            case ListOf():
                return [self._present(item) for item in expression.items]
            case Not():
                return not self._true(expression.operand)
            case Binary(operator="||"):
                return self._true(expression.left) or self._true(expression.right)
            case Binary(operator="&&"):
                return self._true(expression.left) and self._true(expression.right)
            case Binary():
                return self._compared(expression)
        return self._reference(expression)

    def _compared(self, expression: Binary) -> bool:
        left, right = self._present(expression.left), self._present(expression.right)
        numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right))
        if expression.operator not in ("==", "!=") and not numbers:
            raise TemplateError(f"{expression.operator} compares numbers, got {left!r} and {right!r}")
        if type(left) is not type(right) and not numbers:  # Velocity compares the texts of different types
            left, right = text_of(left), text_of(right)
        return _COMPARISONS[expression.operator](left, right)

    def _reference(self, reference: Reference) -> Any:
        if reference.name not in self._given | self._variables and not reference.quiet:
            raise TemplateError(f"nothing sets ${reference.name}")
        value = (self._given | self._variables).get(reference.name)
        for step in reference.steps:
            if value is None:
                return None
            value = self._index(value, step) if isinstance(step, Index) else self._member(value, step)
        return value

    def _index(self, value: Any, step: Index) -> Any:
        index = self._present(step.index)
        return value.get(index) if isinstance(value, dict) else value[index]

    def _member(self, value: Any, step: Member) -> Any:
        kind = type(value)
        arguments = None if step.arguments is None else [self._present(argument) for argument in step.arguments]
        if kind in DOCUMENTED:
            if step.name not in DOCUMENTED[kind]:
                raise TemplateError(f"AWS does not document .{step.name}")
            found = getattr(value, step.name)
            return found if arguments is None else found(*arguments)
        if arguments is None:
            if kind is not dict:
                raise TemplateError(f"a {kind.__name__} has no .{step.name}")
            return value.get(step.name)
        method = METHODS.get(kind, {}).get(step.name)
        if method is None:
            raise TemplateError(f"the method .{step.name}() of a {kind.__name__} is not in the sandbox")
        return method(value, *arguments)

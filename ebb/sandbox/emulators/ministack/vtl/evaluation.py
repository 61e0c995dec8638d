"""Evaluates a template's tree for one request."""

import contextlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ebb.sandbox.emulators.ministack.vtl import tree
from ebb.sandbox.emulators.ministack.vtl.syntax import parse
from ebb.sandbox.emulators.ministack.vtl.tree import TemplateError
from ebb.sandbox.emulators.ministack.vtl.values import METHODS, calculated, is_number, java_text, text_of
from ebb.sandbox.emulators.ministack.vtl.variables import DOCUMENTED, Input, Request, Util

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
        with contextlib.suppress(_Stopped):
            evaluation.block(parse(template))
        return Rendered("".join(evaluation.output), evaluation.overrides)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise TemplateError(f"{type(error).__name__}: {error}") from error


class _Stopped(Exception):  # noqa: N818 - not an error
    """#stop was reached."""


class _Evaluation:
    """The variables' values, and the output so far. A value that is absent, null in Java, is None."""

    def __init__(self, request: Request) -> None:
        self.output: list[str] = []
        self.overrides: dict[str, Any] = {}
        self._given = {
            "input": Input(request),
            "util": Util(),
            "context": dict(request.context),
            "stageVariables": dict(request.stage_variables),
        }
        self._variables: dict[str, Any] = {}

    def block(self, block: tree.Block) -> None:
        """Write a block's text to the output."""
        for part in block:
            match part:
                case str():
                    self.output.append(part)
                case tree.Reference():
                    self.output.append(self._printed(part))
                case tree.Set():
                    self._set(part)
                case tree.If():
                    self._if(part)
                case tree.Foreach():
                    self._foreach(part)
                case tree.Stop():
                    raise _Stopped

    def _text(self, block: tree.Block) -> str:
        """The text of a block."""
        outside, self.output = self.output, []
        self.block(block)
        inside, self.output = self.output, outside
        return "".join(inside)

    def _printed(self, reference: tree.Reference) -> str:
        value = self._reference(reference)
        if value is not None:
            return text_of(value)
        if reference.quiet:
            return ""
        # Velocity prints the reference as it is written; API Gateway has been seen to print nothing.
        raise TemplateError(f"{reference.written} has no value: write $!{reference.written[1:]} to print nothing then")

    def _set(self, directive: tree.Set) -> None:
        target, value = directive.target, self._value(directive.value)
        if value is None:  # Velocity leaves the variable as it was
            return
        if target.name == "context":
            self._override(target, value)
        elif target.name in (*self._given, "foreach"):
            raise TemplateError(f"{target.written} cannot be set")
        elif not target.steps:
            self._variables[target.name] = value
        else:
            self._set_inside(target, value)

    def _override(self, target: tree.Reference, value: Any) -> None:
        path = [self._key(step) for step in target.steps]
        if path != ["responseOverride", "status"] and tuple(path[:-1]) not in _OVERRIDES:
            raise TemplateError(f"{target.written} cannot be set")
        name = ".".join(path)
        if name in self.overrides:
            raise TemplateError(f"{target.written} is set twice: an override may only be applied once")
        self.overrides[name] = value

    def _set_inside(self, target: tree.Reference, value: Any) -> None:
        """Set an item of a map or a list."""
        found, last = self._reference(replace(target, steps=target.steps[:-1])), target.steps[-1]
        if not isinstance(found, (dict, list)):
            raise TemplateError(f"{target.written} is set, and what it is in is neither an object nor a list")
        if isinstance(found, dict):
            found[self._key(last)] = value
        elif isinstance(last, tree.Index):
            found[self._present(last.index)] = value
        else:
            raise TemplateError(f"{target.written} is set, and a list has numbers and no names")

    def _key(self, step: tree.Member | tree.Index) -> str:
        if isinstance(step, tree.Index):
            return text_of(self._present(step.index))
        if step.arguments is not None:
            raise TemplateError(f"the result of .{step.name}() cannot be set")
        return step.name

    def _if(self, directive: tree.If) -> None:
        for condition, block in directive.branches:
            if condition is None or self._true(condition):
                self.block(block)
                return

    def _foreach(self, directive: tree.Foreach) -> None:
        value = self._value(directive.items)
        if value is None or value == "":
            return
        if not isinstance(value, (list, dict)):
            raise TemplateError(f"#foreach takes a list or an object, got {text_of(value)!r}")
        items = list(value.values()) if isinstance(value, dict) else value
        if len(items) > MAX_ITERATIONS:
            raise TemplateError(f"#foreach has {len(items)} items, and API Gateway's maximum is {MAX_ITERATIONS}")
        own = {directive.name, "foreach", "velocityCount", "velocityHasNext"}
        outside = {name: value for name, value in self._variables.items() if name in own}
        last = len(items) - 1
        for index, item in enumerate(items):
            loop: dict[str, Any] = {"index": index, "count": index + 1, "hasNext": index < last, "first": index == 0}
            loop |= {"last": index == last, "parent": outside.get("foreach")}
            self._variables |= {directive.name: item, "foreach": loop}
            self._variables |= {"velocityCount": index + 1, "velocityHasNext": index < last}
            self.block(directive.body)
        for name in own:
            self._variables.pop(name, None)
        self._variables |= outside

    def _true(self, expression: tree.Expression) -> bool:
        """Velocity 1.x: everything but false (and null) is true, an empty text too."""
        return self._present(expression) is not False

    def _present(self, expression: tree.Expression) -> Any:
        """A value that is not absent. Velocity takes an absent one for false, API Gateway has been seen not to."""
        value = self._value(expression)
        if value is None:
            name = expression.written if isinstance(expression, tree.Reference) else "this"
            raise TemplateError(f"{name} has no value, and API Gateway does not document what it is taken for")
        return value

    def _value(self, expression: tree.Expression) -> Any:  # noqa: PLR0911 - one for each kind of expression
        match expression:
            case tree.Literal():
                return expression.value
            case tree.Interpolated():
                return self._text(expression.block)
            case tree.ListOf():
                return [self._present(item) for item in expression.items]
            case tree.MapOf():
                return {text_of(self._present(key)): self._present(value) for key, value in expression.items}
            case tree.Not():
                return not self._true(expression.operand)
            case tree.Binary(operator="||"):
                return self._true(expression.left) or self._true(expression.right)
            case tree.Binary(operator="&&"):
                return self._true(expression.left) and self._true(expression.right)
            case tree.Binary(operator="+" | "-" | "*" | "/" | "%"):
                return calculated(expression.operator, self._present(expression.left), self._present(expression.right))
            case tree.Binary():
                return self._compared(expression)
        return self._reference(expression)

    def _compared(self, expression: tree.Binary) -> bool:
        left, right = self._present(expression.left), self._present(expression.right)
        numbers = is_number(left) and is_number(right)
        if expression.operator not in ("==", "!=") and not numbers:
            raise TemplateError(f"{expression.operator} compares numbers, got {left!r} and {right!r}")
        if type(left) is not type(right) and not numbers:  # Velocity compares the texts of different types
            left, right = java_text(left), java_text(right)
        return _COMPARISONS[expression.operator](left, right)

    def _reference(self, reference: tree.Reference) -> Any:
        if reference.name not in self._given | self._variables and not reference.quiet:
            raise TemplateError(f"nothing sets ${reference.name}")
        value = (self._given | self._variables).get(reference.name)
        for step in reference.steps:
            if value is None:
                return None
            value = self._index(value, step) if isinstance(step, tree.Index) else self._member(value, step)
        return value

    def _index(self, value: Any, step: tree.Index) -> Any:
        index = self._present(step.index)
        return value.get(text_of(index)) if isinstance(value, dict) else value[index]

    def _member(self, value: Any, step: tree.Member) -> Any:
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

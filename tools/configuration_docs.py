"""Writes docs/configuration.md from the models in settings/. With --check, reports whether that file is current.

Run `python -m tools.configuration_docs` in the project's folder.
"""

import argparse
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import AfterValidator, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import settings
from settings import forms, limits, rules

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

HEAD = f"""# Configuration

<!-- Written by `make docs` from settings/sections/. Change it there. -->

The file `Pulumi.<stack>.yaml` has the whole configuration of a stack, in the sections below. A key is optional unless
its default is `required`. Errors are reported before anything is created: one sentence for each, with the field, the
rule and the value. Text that looks like a number, `true` or `false` needs quotes. A stack file also sets `aws:region`
and `aws:defaultTags`.

```yaml
config:
  aws:region: us-east-1
  aws:defaultTags: {{tags: {{Project: ebb, Environment: dev}}}}
  {settings.PROJECT}:scaling:
    max_tasks: 10
    seconds_per_job: 90
    tolerated_wait: 300
```
"""

PLAIN_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", types.NoneType: ""}


def _type(annotation: Any) -> str:
    """A field's type in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        words = _type(inner[0])
    elif origin is Literal:
        words = ", ".join(f"`{value}`" for value in inner)
    elif origin is tuple:
        words = f"list of {_type(inner[0])}"
    elif origin is dict:
        words = "JSON object" if inner[1] is JsonValue else "mapping of names to text"
    elif origin in (Union, types.UnionType):
        words = " or ".join(word for word in map(_type, inner) if word)
    elif issubclass(annotation, settings.Section):
        words = f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    else:
        words = PLAIN_TYPES[annotation]
    return words


def _rules(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[str]:
    """The rules for a value of this type, in words."""
    minimum = next((rule.ge for rule in metadata if isinstance(rule, Ge)), None)
    maximum = next((rule.le for rule in metadata if isinstance(rule, Le)), None)
    if minimum is not None:
        yield f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
    for rule in metadata:
        match rule:
            case forms.Form(words=words):
                yield words.removeprefix("must be ")
            case AfterValidator(func=check):
                yield str(check.__doc__)
            case Gt(gt=bound):
                yield f"above {bound}"
            case Le(le=bound) if minimum is None:
                yield f"at most {bound}"
            case MinLen():
                yield "not empty"
            case MaxLen(max_length=bound):
                yield f"at most {bound} items"
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from _rules(inner, tuple(more))
    elif get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from _rules(inner)


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ((), {}) or isinstance(value, settings.Section):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, tuple) else f"`{value}`"


def _table(model: type[settings.Section]) -> Iterator[str]:
    yield "| key | meaning | type | default |"
    yield "|---|---|---|---|"
    for key, field in model.model_fields.items():
        kind = _type(field.annotation)
        if rules := "; ".join(dict.fromkeys(_rules(field.annotation, tuple(field.metadata)))):
            kind += f": {rules}"
        kind = kind.replace("|", "\\|")
        yield f"| `{field.alias or key}` | {field.description} | {kind} | {_default(field)} |"


def _fargate() -> Iterator[str]:
    yield "Fargate's task sizes, in CPU units and MiB:"
    yield ""
    yield "| cpu | memory |"
    yield "|---|---|"
    for cpu, sizes in limits.FARGATE_MEMORY.items():
        yield f"| {cpu} | {rules.sizes_in_words(sizes)} |"


def _nested(model: type[settings.Section]) -> Iterator[tuple[str, type[settings.Section]]]:
    """A model's fields whose type is a model or a list of models."""
    for key, field in model.model_fields.items():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, settings.Section):
                yield key, part


def _parts(model: type[settings.Section]) -> Iterator[type[settings.Section]]:
    """The models within a model, each before its own."""
    for _, part in _nested(model):
        yield part
        yield from _parts(part)


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for section, model in _nested(settings.Settings):
        lines += [f"## {settings.PROJECT}:{section}", "", f"{model.__doc__}", "", *_table(model), ""]
        if model is settings.Worker:
            lines += [*_fargate(), ""]
        for part in _parts(model):
            lines += [f"### {part.__name__}", "", f"{part.__doc__}", "", *_table(part), ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Writes or checks the page. Returns 1 if the check finds an old page."""
    parser = argparse.ArgumentParser(prog="python -m tools.configuration_docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is old")
    if not parser.parse_args(arguments).check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/configuration.md does not match settings/: run make docs.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The JSON Schema of a job, as API Gateway takes it: draft 4, and only its keywords.

Sources: JSON Schema, draft-zyp-json-schema-04 and draft-fge-json-schema-validation-00; API Gateway developer guide,
"Data models for REST APIs".
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Bytes of a model's schema (API Gateway quotas, "Model size").
MAX_SCHEMA_BYTES = 400 * 1024
#: Pulumi runs the program in this folder; the sandbox can be started in another.
_PROJECT = Path(__file__).resolve().parents[1]
_VERSION = "http://json-schema.org/draft-04/schema"
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class SchemaError(Exception):
    """The file is no schema of a job; the text is the rule that it breaks."""


def read(name: str) -> str:
    """The file's text. Its name is relative to the project's folder. Raises SchemaError."""
    try:
        text = (_PROJECT / name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SchemaError(f"must be a file in the project: {error.strerror or error}") from None
    except ValueError:
        raise SchemaError("must be a file in UTF-8") from None
    if len(text.encode()) > MAX_SCHEMA_BYTES:
        raise SchemaError("must have at most 400 KB: API Gateway takes no longer schema")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"must be a file with JSON: {error}") from None
    if problem := next(_problems(schema, "#"), None):
        raise SchemaError(f"must be a JSON Schema of draft 4: {problem}")
    if schema.get("type") != "object":
        raise SchemaError('must have "type": "object" at the top, because a job is a JSON object')
    return text


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_bool_or_schema(value: Any) -> bool:
    return isinstance(value, bool | dict)


def _is_names(value: Any) -> bool:
    names = isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
    return names and len(set(value)) == len(value)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (TypeError, re.error):
        return False
    return True


def _is_type(value: Any) -> bool:
    return value in _TYPES if isinstance(value, str) else _is_names(value) and set(value) <= set(_TYPES)


def _is_dependencies(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) or _is_names(each) for each in value.values())


#: Draft 4's keywords: the check of a value, and the words for it.
_KEYWORDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "$schema": (lambda value: isinstance(value, str) and value.rstrip("#") == _VERSION, f"{_VERSION}#"),
    "$ref": (lambda value: isinstance(value, str) and value.startswith("#"), "a reference in the file, with #"),
    **dict.fromkeys(("id", "title", "description", "format"), (_is_text, "a text")),
    "default": (lambda _: True, ""),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(("maximum", "minimum"), (_is_number, "a number")),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "uniqueItems"), (_is_bool, "true or false")),
    **dict.fromkeys(
        ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"),
        (_is_count, "a whole number from 0"),
    ),
    "pattern": (_is_pattern, "a regular expression"),
    **dict.fromkeys(("additionalItems", "additionalProperties"), (_is_bool_or_schema, "true, false or a schema")),
    "items": (lambda value: isinstance(value, dict) or _is_schemas(value), "a schema or a list of schemas"),
    "required": (_is_names, "a list of different names, and not empty"),
    **dict.fromkeys(("definitions", "properties", "patternProperties"), (_is_map, "schemas by name")),
    "dependencies": (_is_dependencies, "schemas or lists of names, by name"),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a list of values, and not empty"),
    "type": (_is_type, f"one or several of {', '.join(_TYPES)}"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), (_is_schemas, "a list of schemas, and not empty")),
    "not": (lambda value: isinstance(value, dict), "a schema"),
}
#: Keywords whose value is a schema, a list of schemas, or schemas by name.
_INSIDE = ("additionalItems", "additionalProperties", "items", "allOf", "anyOf", "oneOf", "not")
_BY_NAME = ("definitions", "properties", "patternProperties", "dependencies")


def _problems(schema: Any, place: str) -> Iterator[str]:
    """What is wrong with a schema and those inside it; `place` is its JSON pointer."""
    if not isinstance(schema, dict):
        yield f"{place} must be an object"
        return
    for keyword, value in schema.items():
        if keyword not in _KEYWORDS:
            yield f"draft 4 has no keyword {keyword}, in {place}"
            continue
        check, words = _KEYWORDS[keyword]
        if not check(value):
            yield f"{place}/{keyword} must be {words}"
            continue
        inside = {**({keyword: value} if keyword in _INSIDE else {})}
        if keyword in _BY_NAME:
            inside = {f"{keyword}/{name}": each for name, each in value.items()}
        for name, each in inside.items():
            for number, one in enumerate(each if isinstance(each, list) else [each]):
                if isinstance(one, dict):
                    yield from _problems(one, f"{place}/{name}{f'/{number}' if isinstance(each, list) else ''}")

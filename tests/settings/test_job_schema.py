"""The setting `api.schema`: a file with a JSON Schema of draft 4."""

import json
from pathlib import Path
from typing import Any

import pytest

import settings
from settings import job_schema
from settings.reading import check_files

OBJECT: dict[str, Any] = {"type": "object"}
SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "Job",
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "minLength": 1, "pattern": "^s3://"},
        "size": {"type": ["integer", "null"], "minimum": 0, "exclusiveMinimum": True},
        "tags": {"type": "array", "items": {"$ref": "#/definitions/tag"}, "uniqueItems": True},
        "kind": {"enum": ["a", 1, None]},
        "not": {"not": {"type": "string"}, "default": 7},
    },
    "definitions": {"tag": {"oneOf": [{"type": "string", "format": "uri"}, {"type": "number", "multipleOf": 0.5}]}},
    "dependencies": {"size": ["kind"], "kind": {"minProperties": 2}},
}
#: What follows "must be a JSON Schema of draft 4: ", by schema.
WRONG: list[tuple[Any, str]] = [
    ([], "# must be an object"),
    (OBJECT | {"$schema": "https://json-schema.org/draft/2020-12/schema"},
     "#/$schema must be http://json-schema.org/draft-04/schema#"),
    (OBJECT | {"const": 1}, "draft 4 has no keyword const, in #"),
    (OBJECT | {"properties": {"a": {"examples": [1]}}}, "draft 4 has no keyword examples, in #/properties/a"),
    (OBJECT | {"properties": {"a": True}}, "#/properties must be schemas by name"),
    (OBJECT | {"required": []}, "#/required must be a list of different names, and not empty"),
    (OBJECT | {"properties": {"a": {"required": True}}},
     "#/properties/a/required must be a list of different names, and not empty"),
    (OBJECT | {"properties": {"a": {"minimum": 1, "exclusiveMinimum": 1}}},
     "#/properties/a/exclusiveMinimum must be true or false"),
    (OBJECT | {"allOf": [{"type": "text"}]},
     "#/allOf/0/type must be one or several of array, boolean, integer, null, number, object, string"),
    (OBJECT | {"additionalProperties": {"items": {"pattern": "("}}},
     "#/additionalProperties/items/pattern must be a regular expression"),
    (OBJECT | {"definitions": {"a": {"$ref": "other.json"}}},
     "#/definitions/a/$ref must be a reference in the file, with #"),
]  # fmt: skip


def refusal(folder: Path, content: str | bytes | None) -> str:
    file = folder / "job.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(settings.SettingsError) as refused:
        check_files(settings.read({"api": {"schema": str(file)}}))
    (sentence,) = refused.value.problems
    assert sentence.startswith("ebb:api.schema: ")
    given = f', got "{file}".'
    assert sentence.endswith(given)
    return sentence.removeprefix("ebb:api.schema: ").removesuffix(given)


def test_a_schema_of_draft_4_is_accepted_as_it_is(tmp_path: Path) -> None:
    text = json.dumps(SCHEMA, indent=2)
    (tmp_path / "job.json").write_text(text)
    assert job_schema.read(str(tmp_path / "job.json")) == text
    check_files(settings.read({"api": {"schema": str(tmp_path / "job.json")}}))


def test_the_file_is_in_the_project_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(job_schema.SchemaError, match="must be a file with JSON"):
        job_schema.read("README.md")


@pytest.mark.parametrize(("schema", "problem"), WRONG)
def test_a_schema_of_another_draft_is_refused_with_the_place(tmp_path: Path, schema: Any, problem: str) -> None:
    assert refusal(tmp_path, json.dumps(schema)) == f"must be a JSON Schema of draft 4: {problem}"


def test_a_file_that_is_no_schema_of_an_object_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, None) == "must be a file in the project: No such file or directory"
    assert refusal(tmp_path, b"\xff") == "must be a file in UTF-8"
    assert refusal(tmp_path, "{") == (
        "must be a file with JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )
    top = 'must have "type": "object" at the top, because a job is a JSON object'
    assert refusal(tmp_path, "{}") == top
    assert refusal(tmp_path, '{"type": "array"}') == top
    long = json.dumps(OBJECT | {"title": "x" * 410_000})
    assert refusal(tmp_path, long) == "must have at most 400 KB: API Gateway takes no longer schema"

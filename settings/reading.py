"""From the mapping in a stack file to settings, or to one sentence for each problem."""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from settings import job_schema
from settings.credentials import is_credential, names_credential
from settings.encryption import cannot_stay_secret, within
from settings.location import Location, misplaced
from settings.rules import NOT_SHOWN, breaches
from settings.sections import PROJECT, Settings


class SettingsError(Exception):
    """A refused configuration. `problems` has one sentence for each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(["The configuration was refused; nothing was changed.", *problems]))


def _nearest(word: str, known: list[str], cutoff: float = 0.0) -> list[str]:
    """The known word that is most similar, if its similarity (0 to 1) is at least `cutoff`."""
    return difflib.get_close_matches(word, known, n=1, cutoff=cutoff)


@cache
def _schema() -> dict[str, Any]:
    return Settings.model_json_schema()


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    """The keys that the mapping at this path may have."""
    schema = _schema()
    node: dict[str, Any] = schema
    for part in path:
        node = node["items"] if isinstance(part, int) else node["properties"][part]
        node = next((kind for kind in node.get("anyOf", ()) if "$ref" in kind), node)  # an optional section
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return list(node["properties"])


#: Our words for pydantic's errors; {…} are values of the error.
_WORDS = {
    "missing": "is required",
    "int_type": "must be a whole number (without quotes)",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number (without quotes)",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false (without quotes)",
    "string_type": "must be text (a number, true or false needs quotes)",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "tuple_type": "must be a list",
    "rule": "{rule}",
}


#: Replaces a value that is encrypted in the stack file.
HIDDEN = "(not shown: it is encrypted)"


#: Keys that have another name now.
_RENAMED = {
    "worker.permissions_boundary": "iam.permissions_boundary",
    "worker.once_days": "jobs.keep_days",
}


def _sentence(field: str, rule: str, given: object) -> str:
    value = json.dumps(given, ensure_ascii=False)
    return f"{PROJECT}:{field}: {rule}, got {value if len(value) <= 120 else value[:119] + '…'}."


def _place(error: ErrorDetails) -> tuple[int | str, ...]:
    """The error's path, without the "[key]" with which pydantic marks an error in a mapping's key."""
    place = error["loc"]
    return place[:-1] if error["type"] == "rule" and place[-1] == "[key]" else place


def _problem(error: ErrorDetails, encrypted: Collection[str]) -> str:
    place = _place(error)
    field = ".".join(map(str, place))
    secret = any(_touches(field, other) for other in encrypted)
    if error["type"] == "extra_forbidden":
        if field in _RENAMED:
            return _sentence(field, f"has another name now: use {PROJECT}:{_RENAMED[field]}", error["input"])
        known = _nearest(str(place[-1]), _keys_at(place[:-1]))[0]
        given = error["input"]
        if secret:
            given = HIDDEN
        elif known in ("environment", "secrets") or names_credential(str(place[-1])):
            given = NOT_SHOWN
        elif isinstance(given, dict):  # values under an unknown key may be credentials
            given = dict.fromkeys(given, "…")
        return _sentence(field, f"unknown key, the nearest known one is {known}", given)
    rule = _WORDS[error["type"]].format(**error.get("ctx", {})) if error["type"] in _WORDS else error["msg"]
    of_variables = place[:2] in (("worker", "environment"), ("worker", "secrets")) and error["loc"] == place
    hidden = (of_variables and (len(place) == 2 or place[1] == "secrets" or names_credential(str(place[2])))) or (
        is_credential(str(error["input"]))
    )
    return _sentence(field, rule, HIDDEN if secret else NOT_SHOWN if hidden else error["input"])


def _leave_out(raw: dict[str, Any], error: ErrorDetails) -> Iterator[str]:
    """Removes the wrong value (a whole list, if the value is inside one) and yields the fields that it may concern."""
    place = _place(error)
    numbers = [index for index, part in enumerate(place) if isinstance(part, int)]
    within_list, place = bool(numbers), place[: numbers[0]] if numbers else place
    if error["type"] == "missing" and not within_list:
        place = place[:-1]  # without a required key the whole mapping is of no use
    node: Any = raw
    for part in place[:-1]:
        node = node.get(part, {})
    node.pop(place[-1], None)
    if error["type"] == "extra_forbidden" and not within_list:
        likely = _nearest(str(place[-1]), _keys_at(place[:-1]), cutoff=0.6)
        yield from (".".join(map(str, (*place[:-1], name))) for name in likely)
    else:
        yield ".".join(map(str, place))


def _causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """The errors without "too short" of lists that pydantic regards as empty because all their items are wrong."""
    within = {error["loc"][:-1] for error in errors}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in within]


def _touches(field: str, other: str) -> bool:
    return within(field, other) or within(other, field)


def _encrypted_problems(encrypted: Collection[str], raw: Mapping[str, Any]) -> Iterator[str]:
    rule = (
        "is encrypted, but Pulumi's state would show it. Set it without --secret, or put what must stay secret into an "
        "SSM parameter and name that in worker.secrets"
    )
    for field in cannot_stay_secret(encrypted, raw):
        yield _sentence(field, rule, HIDDEN)


def read(raw: Mapping[str, Any], encrypted: Collection[str] = ()) -> Settings:
    """Settings from sections by name, without the project's prefix. Their values are JSON's types.

    `encrypted`: the fields (dotted, or a whole section) that the stack file keeps encrypted; no error shows them.
    Raises SettingsError with every problem. Rules across fields are not checked for fields that have an error.
    """
    text = json.dumps(raw, default=str)
    errors: list[ErrorDetails] = []
    doubtful: set[str] = set()
    rest, settings = json.loads(text), None
    while settings is None:
        try:
            settings = Settings.model_validate_json(json.dumps(rest))
        except ValidationError as error:
            found = _causes(error.errors(include_url=False))
            errors = errors or found  # what is missing afterwards was left out here
            doubtful.update(field for each in found for field in _leave_out(rest, each))
    problems = [_problem(error, encrypted) for error in errors]
    for fields, rule, given in breaches(settings):
        if not any(_touches(field, other) for field in fields for other in doubtful):
            shown = HIDDEN if any(_touches(fields[0], field) for field in encrypted) else given
            problems.append(_sentence(fields[0], rule, shown))
    problems.extend(_encrypted_problems(encrypted, raw))
    if problems:
        raise SettingsError(problems)
    for section in {field.partition(".")[0] for field in encrypted}:
        getattr(settings, section).mark_encrypted()
    return settings


def check_location(settings: Settings, here: Location) -> None:
    """Raises SettingsError with every ARN that cannot work where the stack is deployed."""
    problems = [_sentence(fields[0], rule, given) for fields, rule, given in misplaced(settings, here)]
    if problems:
        raise SettingsError(problems)


def check_files(settings: Settings) -> None:
    """Raises SettingsError if a file that the settings name is wrong."""
    if settings.api.job_schema:
        try:
            job_schema.read(settings.api.job_schema)
        except job_schema.SchemaError as error:
            raise SettingsError([_sentence("api.schema", str(error), settings.api.job_schema)]) from None

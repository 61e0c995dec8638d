"""Mappings of an integration's parameters: headers of the request to the service, and of the caller's response.

API Gateway developer guide, "Parameter mapping source reference for REST APIs".
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ebb.sandbox.emulators.ministack import vtl

_REQUEST_HEADER = "integration.request.header."
_RESPONSE_HEADER = "method.response.header."


def request_headers(parameters: Mapping[str, str], asked: vtl.Request, overrides: Mapping[str, Any]) -> dict[str, str]:
    """The headers of the request to the service. Raises TemplateError for parameters that are not in the sandbox."""
    sources = {
        "method.request.path.": asked.path,
        "method.request.querystring.": asked.query,
        "method.request.header.": {name.lower(): value for name, value in asked.headers.items()},
    }
    headers: dict[str, str] = {}
    for name, source in parameters.items():
        if not name.startswith(_REQUEST_HEADER):
            raise vtl.TemplateError(f"the sandbox does not map {name}")
        kind = next((prefix for prefix in sources if source.startswith(prefix)), None)
        if kind:
            given = source.removeprefix(kind)
            value: Any = sources[kind].get(given.lower() if kind.endswith("header.") else given)
        elif source.startswith("method.request.body"):
            value = _in_body(source, "method.request.body", asked)
        else:
            value = _common(name, source, asked)
        if value not in (None, ""):
            headers[name.removeprefix(_REQUEST_HEADER).lower()] = _text(value)
    for name, value in overrides.items():
        if not name.startswith("requestOverride.header."):
            raise vtl.TemplateError(f"the sandbox does not apply $context.{name}")
        headers[name.removeprefix("requestOverride.header.").lower()] = _text(value)
    return headers


def response_headers(
    parameters: Mapping[str, str], answered: vtl.Request, backend: Mapping[str, str], overrides: Mapping[str, Any]
) -> dict[str, str]:
    """The headers of the caller's response. Raises TemplateError for parameters that are not in the sandbox.

    `answered` has the service's body, `backend` its headers.
    """
    given = {name.lower(): value for name, value in backend.items()}
    headers: dict[str, str] = {}
    for name, source in parameters.items():
        if not name.startswith(_RESPONSE_HEADER):
            raise vtl.TemplateError(f"the sandbox does not map {name}")
        if source.startswith("integration.response.header."):
            value: Any = given.get(source.removeprefix("integration.response.header.").lower())
        elif source.startswith("integration.response.body"):
            value = _in_body(source, "integration.response.body", answered)
        else:
            value = _common(name, source, answered)
        if value is not None:
            headers[name.removeprefix(_RESPONSE_HEADER)] = _text(value)
    for name, value in overrides.items():
        if name.startswith("responseOverride.header."):
            headers[name.removeprefix("responseOverride.header.")] = _text(value)
        elif name != "responseOverride.status":
            raise vtl.TemplateError(f"$context.{name} is set in a response's template")
    return headers


def _common(name: str, source: str, request: vtl.Request) -> Any:
    """A constant, a variable of the stage or of the context."""
    if source[:1] == source[-1:] == "'" and len(source) > 1:
        return source[1:-1]
    if source.startswith("stageVariables."):
        return request.stage_variables.get(source.removeprefix("stageVariables."))
    if source.startswith("context."):
        found: Any = request.context
        for key in source.split(".")[1:]:
            found = found.get(key) if isinstance(found, dict) else None
        return found
    raise vtl.TemplateError(f"the sandbox does not map {name} from {source}")


def _in_body(source: str, prefix: str, request: vtl.Request) -> Any:
    path = source.removeprefix(prefix)
    return request.body if not path else vtl.render(f"$input.path('${path}')", replace(request, context={})).text


def _text(value: Any) -> str:
    """A header's value; of a list, all values."""
    return ",".join(map(_text, value)) if isinstance(value, list) else vtl.text_of(value)

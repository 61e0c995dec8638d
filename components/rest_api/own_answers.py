"""What API Gateway answers itself: its errors, 404 and 405 at unknown paths and to unknown methods, and preflights.

Its own answer at unknown paths is 403 with "Missing Authentication Token". These requests need the same authorization
as all others, so that a stranger does not learn which paths exist. A browser sends a preflight request without any.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pulumi_aws as aws

from components import _problems
from components.rest_api import cors
from components.rest_api.definition import Definition
from components.rest_api.routes import Route, slug
from components.rest_api.templates import sqs

#: Media types of request bodies. A mock integration answers those of other types with 415 (passthrough NEVER).
_MEDIA_TYPES = (
    *("application/json", "application/octet-stream", "application/x-www-form-urlencoded", "application/xml"),
    *("multipart/form-data", "text/plain", "text/xml"),
)


_OPEN = {"authorization": "NONE", "api_key_required": False}


def define(definition: Definition, routes: Iterable[Route], origins: Sequence[str], **authorization: Any) -> None:
    """Define all paths and methods that no route has, and the gateway responses. `origins`: see cors.py."""
    verbs: dict[str, list[str]] = {}
    for route in routes:
        verbs.setdefault(route.path, []).append(route.verb)
    for path, known in verbs.items():
        name, resource_id = slug(path), definition.path(path)
        if origins:
            answer = cors.preflight(known)
            _mock(definition, f"{name}-options", "OPTIONS", "200", answer, resource_id=resource_id, **_OPEN)
        allowed = ", ".join(sorted([*known, "OPTIONS"] if origins else known))
        answer = _problems.answer(_problems.METHOD_NOT_ALLOWED, Allow=allowed)
        _mock(definition, f"{name}-any", "ANY", "405", answer, resource_id=resource_id, **authorization)
    answer, unknown = _problems.answer(_problems.NOT_FOUND), definition.path("{proxy+}", "elsewhere")
    _mock(definition, "root", "ANY", "404", answer, resource_id=definition.root_id, **authorization)
    _mock(definition, "elsewhere", "ANY", "404", answer, resource_id=unknown, **authorization)
    for kind, inputs in _problems.gateway_responses(cors.of_gateway_responses(origins)).items():
        role = kind.lower().replace("_", "-")
        definition.part(aws.apigateway.Response, role, rest_api_id=definition.api_id, response_type=kind, **inputs)


def _mock(definition: Definition, role: str, verb: str, status: str, answer: str, **of_method: Any) -> None:
    """A method that API Gateway answers itself. The verb ANY is each one that the path has no other method for."""
    method = definition.part(aws.apigateway.Method, role, rest_api=definition.api_id, http_method=verb, **of_method)
    place: dict[str, Any] = {
        "rest_api": method.rest_api,
        "resource_id": method.resource_id,
        "http_method": method.http_method,
    }
    integration = definition.part(
        aws.apigateway.Integration,
        role,
        delete_before_replace=True,
        **place,
        type="MOCK",
        passthrough_behavior="NEVER",
        request_templates=dict.fromkeys(_MEDIA_TYPES, json.dumps({"statusCode": int(status)})),
    )
    response = definition.part(aws.apigateway.MethodResponse, role, **place, status_code=status)
    definition.part(
        aws.apigateway.IntegrationResponse,
        role,
        rest_api=integration.rest_api,
        resource_id=integration.resource_id,
        http_method=integration.http_method,
        status_code=response.status_code,
        response_templates={sqs.CONTENT_TYPE: definition.before_answers + answer},
    )

"""What API Gateway answers itself: its errors, and 404 and 405 at unknown paths and to unknown methods.

Its own answer to the latter is 403 with "Missing Authentication Token". These requests need the same authorization as
all others, so that a stranger does not learn which paths exist.
"""

import json
from collections.abc import Iterable
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _problems, _templates
from components._definition import Definition
from components._routes import Route

#: Media types of request bodies. A mock integration answers those of other types with 415 (passthrough NEVER).
_MEDIA_TYPES = (
    *("application/json", "application/octet-stream", "application/x-www-form-urlencoded", "application/xml"),
    *("multipart/form-data", "text/plain", "text/xml"),
)


def define(definition: Definition, routes: Iterable[Route], **authorization: Any) -> None:
    """Define all paths and methods that no route has, and the gateway responses."""
    verbs: dict[str, list[str]] = {}
    for route in routes:
        verbs.setdefault(route.path, []).append(route.verb)
    for path, known in verbs.items():
        allowed = ", ".join(sorted(known))
        problem = _problems.answer(_problems.METHOD_NOT_ALLOWED, Allow=allowed)
        _refuse(definition, f"{path}-any", definition.path(path), "405", problem, authorization)
    not_found = _problems.answer(_problems.NOT_FOUND)
    _refuse(definition, "root", definition.root_id, "404", not_found, authorization)
    _refuse(definition, "elsewhere", definition.path("{proxy+}", "elsewhere"), "404", not_found, authorization)
    for kind, inputs in _problems.gateway_responses().items():
        role = kind.lower().replace("_", "-")
        definition.part(aws.apigateway.Response, role, rest_api_id=definition.api_id, response_type=kind, **inputs)


def _refuse(
    definition: Definition, role: str, resource_id: pulumi.Output[str], status: str, problem: str, authorization: Any
) -> None:
    """A method that API Gateway answers itself, for each verb that the path has no other method for."""
    method = definition.part(
        aws.apigateway.Method,
        role,
        rest_api=definition.api_id,
        resource_id=resource_id,
        http_method="ANY",
        **authorization,
    )
    place: dict[str, Any] = {"rest_api": method.rest_api, "resource_id": resource_id, "http_method": method.http_method}
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
        response_templates={_templates.CONTENT_TYPE: problem},
    )

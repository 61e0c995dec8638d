"""API Gateway's integrations, from the deployed definition: AWS services and MOCK, with templates and mappings.

MiniStack alone renders fewer templates, calls neither Step Functions nor DynamoDB, and passes SQS's errors to templates
in XML.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack import vtl
from ebb.sandbox.emulators.ministack.apigateway import mappings
from ebb.sandbox.emulators.ministack.apigateway.backends import BACKENDS
from ebb.sandbox.emulators.ministack.apigateway.calls import CURRENT, Call
from ebb.sandbox.emulators.ministack.services import Answer

Integration = Mapping[str, Any]

_JSON = "application/json"
#: Seconds (API Gateway quotas, "Integration timeout").
_TIMEOUT = 29
#: The parameters of MiniStack's functions that run an integration.
_INVOKE = (
    "async (integration, api_id, stage_name, stage, resource, request_path, method, headers, body, query_params, "
    "path_params, *, owner_account_id=None, owner_region=None, binary_media_types=None, authorizer_context=None, "
    "caller_identity=None)"
)
_EXECUTE = (
    "async (request, api_id, stage_name, method, path, headers, body, query_params, owner_account_id, owner_region)"
)


def apply(app: ModuleType, gateway: ModuleType) -> None:
    """Patch MiniStack's module for REST APIs, in this process. Raises ContractError."""
    functions = MINISTACK.function(gateway, "_invoke_lambda_custom_v1", _INVOKE)
    MINISTACK.function(gateway, "_invoke_sqs_v1", _INVOKE)
    MINISTACK.function(gateway, "_invoke_mock_v1", "(integration)")
    execute = MINISTACK.function(gateway, "_execute_in_scope", _EXECUTE)
    target_of = MINISTACK.function(gateway, "_parse_service_integration_uri", "(uri)")
    select = MINISTACK.function(gateway, "_select_service_integration_response", "(integration, backend_status)")
    error = MINISTACK.function(gateway, "_gw_error", "(response_type, message)")
    services = MINISTACK.value(app, "SERVICE_HANDLERS", dict)

    async def invoke(integration: Integration, *request: Any, **more: Any) -> Any:
        target = target_of(integration.get("uri", ""))
        backend = BACKENDS.get(target[1:3]) if target else None
        if backend is None:
            return await functions(integration, *request, **more)
        service, name = services[target[1]], target[3]
        return await answered(
            integration, more["authorizer_context"], lambda headers, text: backend(service, name, headers, text)
        )

    async def invoke_mock(integration: Integration) -> Any:
        return await answered(integration, None, _mock)

    async def answered(
        integration: Integration,
        authorizer: Mapping[str, Any] | None,
        call: Callable[[Mapping[str, str], str], Awaitable[Answer]],
    ) -> Any:
        """The caller's response, or one of API Gateway's own errors."""
        try:
            asked = CURRENT.get().request(authorizer)
            rendered = _render_request(integration, asked)
            parameters = integration.get("requestParameters") or {}
            headers = mappings.request_headers(parameters, asked, rendered.overrides)
            async with asyncio.timeout((integration.get("timeoutInMillis") or _TIMEOUT * 1000) / 1000):
                status, given, content = await call(headers, rendered.text)
            context = {**asked.context, **_nested(rendered.overrides)}
            seen = replace(asked, body=content.decode("utf-8", errors="replace"), context=context)
            return _response(select(integration, status), status, seen, given)
        except TimeoutError:
            return error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except vtl.TemplateError as fault:
            logging.getLogger(__name__).error("integration: %s", fault)  # noqa: TRY400 - the text names the cause
            return error("API_CONFIGURATION_ERROR", "Internal server error")

    async def remember(request: Mapping[str, Any], *rest: Any) -> Any:
        _, _, method, path, _, body, _, account, _ = rest
        token = CURRENT.set(Call(request, account, method, path, body or b""))
        try:
            response = await execute(request, *rest)
            if asyncio.iscoroutine(response):  # invoke_mock's: MiniStack's function is not async
                response = await response
        finally:
            CURRENT.reset(token)
        if isinstance(response, tuple):
            response[1].setdefault("x-amzn-requestid", request["request_id"])
        return response

    vars(gateway).update(
        _invoke_lambda_custom_v1=invoke,
        _invoke_sqs_v1=invoke,
        _invoke_mock_v1=invoke_mock,
        _execute_in_scope=remember,
    )


def _render_request(integration: Integration, asked: vtl.Request) -> vtl.Rendered:
    """The integration's request, by the template for the caller's Content-Type; without one, the body unchanged."""
    template = (integration.get("requestTemplates") or {}).get(_media_type(asked.headers, "content-type"))
    return vtl.Rendered(asked.body) if template is None else vtl.render(template, asked)


def _response(
    selected: Mapping[str, Any] | None, status: int, answered: vtl.Request, backend: Mapping[str, str]
) -> Answer:
    """The caller's response by the selected integration response."""
    if selected is None:
        raise vtl.TemplateError(f"no integration response is for the status {status}")
    templates: Mapping[str, str] = selected.get("responseTemplates") or {}
    first = templates.get(_JSON) or next(iter(templates.values()), None)
    wanted = _media_type(answered.headers, "accept")
    template = templates.get(wanted) or first
    rendered = vtl.Rendered(answered.body) if template is None else vtl.render(template, answered)
    parameters = selected.get("responseParameters") or {}
    mapped = mappings.response_headers(parameters, answered, backend, rendered.overrides)
    headers = {"Content-Type": wanted if wanted in templates else _JSON}
    for name in [name for name in mapped if name.lower() == "content-type"]:
        headers["Content-Type"] = mapped.pop(name)
    code = rendered.status or int(selected.get("statusCode") or status)
    return code, {**headers, **mapped}, rendered.text.encode()


async def _mock(_headers: Mapping[str, str], text: str) -> Answer:
    """A MOCK integration has no service: its request's `statusCode` is the status, and the body is empty."""
    try:
        return int(json.loads(text)["statusCode"]), {}, b""
    except (ValueError, KeyError, TypeError) as error:
        raise vtl.TemplateError(f"the request of a MOCK integration has no statusCode: {text!r}") from error


def _nested(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """What the request's template has set, as the response's template reads it: requestOverride.header.name."""
    found: dict[str, Any] = {}
    for name, value in overrides.items():
        scope, kind, key = name.split(".", 2)
        found.setdefault(scope, {}).setdefault(kind, {})[key] = value
    return found


def _media_type(headers: Mapping[str, str], name: str) -> str:
    found = next((value for header, value in headers.items() if header.lower() == name), "")
    kind = found.split(",")[0].split(";")[0].strip().lower()
    return kind if kind and kind != "*/*" else _JSON

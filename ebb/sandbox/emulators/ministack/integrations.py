"""API Gateway's AWS integrations with SQS and Step Functions, and their mapping templates.

MiniStack alone renders fewer templates, does not call Step Functions, and passes SQS's errors to templates in XML.
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack import vtl

Answer = tuple[int, dict[str, str], bytes]
#: One of MiniStack's services: (method, path, headers, body, query) -> answer.
Handler = Callable[[str, str, Mapping[str, str], bytes | str, Mapping[str, Any]], Awaitable[Answer]]
Integration = Mapping[str, Any]

_JSON = "application/json"
_STATIC_HEADER = "method.response.header."
#: The parameters of MiniStack's functions that run an integration.
_INVOKE = (
    "async (integration, api_id, stage_name, stage, resource, request_path, method, headers, body, query_params, "
    "path_params, *, owner_account_id=None, owner_region=None, binary_media_types=None, authorizer_context=None, "
    "caller_identity=None)"
)


def apply(app: ModuleType, gateway: ModuleType) -> None:
    """Patch MiniStack's module for REST APIs, in this process. Raises ContractError."""
    functions = MINISTACK.function(gateway, "_invoke_lambda_custom_v1", _INVOKE)
    MINISTACK.function(gateway, "_invoke_sqs_v1", _INVOKE)
    target_of = MINISTACK.function(gateway, "_parse_service_integration_uri", "(uri)")
    select = MINISTACK.function(gateway, "_select_service_integration_response", "(integration, backend_status)")
    services = MINISTACK.value(app, "SERVICE_HANDLERS", dict)

    async def invoke(integration: Integration, *request: Any, **more: Any) -> Answer:
        target = target_of(integration.get("uri", ""))
        backend = _BACKENDS.get(target[1:3]) if target else None
        if backend is None:
            answer: Answer = await functions(integration, *request, **more)
            return answer
        try:
            asked = _request(*request, **more)
            text = _render_request(integration, asked)
            status, answered = await backend(services[target[1]], target[3], text)
            return _response(select(integration, status), status, replace(asked, body=answered))
        except vtl.TemplateError as error:
            logging.getLogger(__name__).error("mapping template: %s", error)  # noqa: TRY400 - the text names the cause
            return _failed()

    vars(gateway).update(_invoke_lambda_custom_v1=invoke, _invoke_sqs_v1=invoke)


def _request(  # noqa: PLR0917 - the arguments of _INVOKE
    api_id: str,
    stage_name: str,
    stage: Mapping[str, Any],
    resource: Mapping[str, Any],
    path: str,
    method: str,
    headers: Mapping[str, str] | None,
    body: bytes | None,
    query: Mapping[str, Any] | None,
    path_parameters: Mapping[str, str] | None,
    *,
    owner_account_id: str | None = None,
    authorizer_context: Mapping[str, Any] | None = None,
    **_: Any,
) -> vtl.Request:
    """The caller's request, for which the integration's templates are rendered."""
    headers = headers or {}
    return vtl.Request(
        body=(body or b"").decode("utf-8", errors="replace"),
        path=path_parameters or {},
        query={name: value[0] if isinstance(value, list) else value for name, value in (query or {}).items()},
        headers=headers,
        context={
            "accountId": owner_account_id,
            "apiId": api_id,
            "authorizer": authorizer_context or {},
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": headers.get("user-agent", "")},
            "path": f"/{stage_name}{path}",
            "requestId": str(uuid.uuid4()),
            "resourceId": resource["id"],
            "resourcePath": resource["path"],
            "stage": stage_name,
        },
        stage_variables=stage.get("variables") or {},
    )


def _render_request(integration: Integration, asked: vtl.Request) -> str:
    """The integration's request, by the template for the caller's Content-Type; without one, the body unchanged."""
    template = (integration.get("requestTemplates") or {}).get(_media_type(asked.headers, "content-type"))
    if template is None:
        return asked.body
    rendered = vtl.render(template, asked)
    if rendered.overrides:
        raise vtl.TemplateError(f"the sandbox does not apply ${'context.' + next(iter(rendered.overrides))}")
    return rendered.text


def _response(selected: Mapping[str, Any] | None, status: int, answered: vtl.Request) -> Answer:
    """The caller's response by the selected integration response."""
    if selected is None:
        return _failed()
    templates: Mapping[str, str] = selected.get("responseTemplates") or {}
    first = templates.get(_JSON) or next(iter(templates.values()), None)
    template = templates.get(_media_type(answered.headers, "accept")) or first
    rendered = vtl.Rendered(answered.body) if template is None else vtl.render(template, answered)
    headers = {"Content-Type": _JSON}
    for name, value in (selected.get("responseParameters") or {}).items():
        if not (name.startswith(_STATIC_HEADER) and value[:1] == value[-1:] == "'"):
            raise vtl.TemplateError(f"the sandbox does not map {name} from {value}")
        headers[name.removeprefix(_STATIC_HEADER)] = value[1:-1]
    for name, value in rendered.overrides.items():
        if name.startswith("responseOverride.header."):
            headers[name.removeprefix("responseOverride.header.")] = str(value)
        elif name != "responseOverride.status":
            raise vtl.TemplateError(f"$context.{name} is set in a response's template")
    return rendered.status or int(selected.get("statusCode") or status), headers, rendered.text.encode()


async def _states(states: Handler, operation: str, text: str) -> tuple[int, str]:
    """arn:aws:apigateway:REGION:states:action/OPERATION; the text is the operation's JSON."""
    headers = {"x-amz-target": f"AWSStepFunctions.{operation}", "content-type": "application/x-amz-json-1.0"}
    status, _, answer = await states("POST", "/", headers, text.encode(), {})
    return status, answer.decode()


async def _sqs(sqs: Handler, queue: str, text: str) -> tuple[int, str]:
    """arn:aws:apigateway:REGION:sqs:path/ACCOUNT/QUEUE; the text is a Query request, the answer JSON."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    status, _, answer = await sqs("POST", f"/{queue}", headers, text.encode(), {})
    return status, as_json(answer.decode())


_BACKENDS: dict[tuple[str, str], Callable[[Handler, str, str], Awaitable[tuple[int, str]]]] = {
    ("states", "action"): _states,
    ("sqs", "path"): _sqs,
}


def as_json(xml: str) -> str:
    """SQS's XML answer in the form that SQS sends to callers that accept JSON, as the deployed API does."""
    root = ElementTree.fromstring(xml)  # noqa: S314 - the emulator's own answer
    name, content = _name(root), _content(root)
    return json.dumps(content if name == "ErrorResponse" else {name: content})


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _content(element: ElementTree.Element) -> Any:
    return {_name(child): _content(child) for child in element} if len(element) else element.text


def _failed() -> Answer:
    return 500, {"Content-Type": _JSON}, b'{"message": "Internal server error"}'


def _media_type(headers: Mapping[str, str], name: str) -> str:
    found = next((value for header, value in headers.items() if header.lower() == name), "")
    kind = found.split(",")[0].split(";")[0].strip().lower()
    return kind if kind and kind != "*/*" else _JSON

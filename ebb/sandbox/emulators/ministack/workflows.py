"""What MiniStack's Step Functions, API Gateway and Scheduler lack for workflows that reach all of the region."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ebb.sandbox.emulators.ministack import vtl

Answer = tuple[int, dict[str, str], bytes]
#: One of MiniStack's services: (method, path, headers, body, query) -> answer.
Handler = Callable[[str, str, Mapping[str, str], bytes | str, Mapping[str, Any]], Awaitable[Answer]]
#: API Gateway's service integrations with Step Functions: arn:aws:apigateway:REGION:states:action/OPERATION.
_STATES = "AWSStepFunctions"
#: Seconds that MiniStack waits before it begins an execution: at the sandbox's speed they would be many.
START_PAUSE = 0.15


def reach_all(app: Any, workflows: Any, own: Iterable[str], other: Handler) -> None:
    """What workflows call of services that are not MiniStack's `own` goes to `other`."""
    workflows.time = _NoPause
    services, prefixes, prefix = (
        workflows._AWS_SDK_SERVICE_MAP, workflows._AWS_SDK_ERROR_PREFIX, workflows._prefix_sdk_error
    )  # fmt: skip
    services["applicationautoscaling"] = {
        "target_prefix": "AnyScaleFrontendService",
        "protocol": "json",
        "service_key": "application-autoscaling",
    }
    prefixes["applicationautoscaling"] = "ApplicationAutoScaling"
    services["sqs"] = {"target_prefix": "AmazonSQS", "protocol": "json"}  # by Query its errors have no names
    workflows._prefix_sdk_error = lambda service, code: prefix(service, java_name(code))
    for service in {*app.SERVICE_HANDLERS, "application-autoscaling"} - set(own):
        app.SERVICE_HANDLERS[service] = other


class _NoPause:
    """The part of `time` that MiniStack's workflows use, without the pause before each."""

    time = staticmethod(time.time)

    @staticmethod
    def sleep(seconds: float) -> None:
        """As time.sleep, but for that pause."""
        if seconds != START_PAUSE:
            time.sleep(seconds)


def java_name(code: str) -> str:
    """An error's code as AWS's SDK for Java names it, whose names Step Functions has: QueueDoesNotExistException.

    Step Functions developer guide, "Handling errors in Step Functions workflows".
    """
    name = code.rpartition("#")[2]
    return name if name.startswith("States.") or name.endswith("Exception") else f"{name}Exception"


def rest_the_clock(scheduler: Any) -> None:
    """No schedule fires here: the sandbox executes them (schedules.py), in its own time."""
    scheduler.start_scheduler = lambda: None


def integrate(app: Any, gateway: Any) -> None:
    """API Gateway starts workflows: MiniStack knows queues and functions only behind a non-proxy AWS integration."""
    functions = gateway._invoke_lambda_custom_v1

    async def invoke(integration: Mapping[str, Any], *request: Any, **about: Any) -> Answer:
        target = gateway._parse_service_integration_uri(integration.get("uri", ""))
        if not target or target[1:3] != ("states", "action"):
            answer: Answer = await functions(integration, *request, **about)
            return answer
        # api id, stage name, stage, resource, path, method, headers, body, query, path parameters
        headers, body, query, path = request[6:10]
        asked = vtl.Request(
            body=(body or b"").decode("utf-8", errors="replace"),
            path=path or {},
            query={name: value[0] if isinstance(value, list) else value for name, value in (query or {}).items()},
            headers=headers or {},
        )
        try:
            return await _start(app.SERVICE_HANDLERS["states"], gateway, integration, target[3], asked)
        except vtl.TemplateError as error:
            logging.getLogger(__name__).error("mapping template: %s", error)  # noqa: TRY400 - the text says it all
            return _failed()

    gateway._invoke_lambda_custom_v1 = invoke


async def _start(
    states: Handler, gateway: Any, integration: Mapping[str, Any], operation: str, asked: vtl.Request
) -> Answer:
    """The integration's request to Step Functions, and its answer by the integration's responses."""
    wanted = _media_type(asked.headers, "content-type")
    template = _template(integration.get("requestTemplates"), wanted)
    body = asked.body if template is None else vtl.render(template, asked).text
    headers = {"x-amz-target": f"{_STATES}.{operation}", "content-type": "application/x-amz-json-1.0"}
    status, _, answer = await states("POST", "/", headers, body.encode(), {})
    response = gateway._select_service_integration_response(integration, status)
    if response is None:
        return _failed()
    mapped = int(response.get("statusCode") or status)
    template = _template(response.get("responseTemplates"), _media_type(asked.headers, "accept"))
    if template is None:
        return _json(mapped, answer)
    answered = vtl.Request(body=answer.decode(), path=asked.path, query=asked.query, headers=asked.headers)
    rendered = vtl.render(template, answered)
    return _json(rendered.status or mapped, rendered.text.encode())


def _json(status: int, body: bytes) -> Answer:
    return status, {"Content-Type": "application/json"}, body


def _failed() -> Answer:
    return _json(500, b'{"message": "Internal server error"}')


def _media_type(headers: Mapping[str, str], name: str) -> str:
    found = next((value for header, value in headers.items() if header.lower() == name), "")
    kind = found.split(",")[0].split(";")[0].strip().lower()
    return kind if kind and kind != "*/*" else "application/json"


def _template(templates: Mapping[str, str] | None, kind: str) -> str | None:
    """The template for a media type; of responses, API Gateway takes the JSON one when there is none for it."""
    return (templates or {}).get(kind) or (templates or {}).get("application/json")

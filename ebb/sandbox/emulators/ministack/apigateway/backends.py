"""What API Gateway's integrations call: SQS, Step Functions and DynamoDB, inside MiniStack's process."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from ebb.sandbox.emulators.ministack.services import Answer, Handler

#: (service, last part of the integration's URI, headers, body) -> the service's answer.
Backend = Callable[[Handler, str, Mapping[str, str], str], Awaitable[Answer]]

_JSON_1_0 = "application/x-amz-json-1.0"
#: DynamoDB's errors that come before its own code, with their namespace; all others are its own.
_DYNAMODB_ERRORS = {
    "ValidationException": "com.amazon.coral.validate",
    "SerializationException": "com.amazon.coral.service",
    "UnknownOperationException": "com.amazon.coral.service",
    "AccessDeniedException": "com.amazon.coral.service",
}
_DYNAMODB = "com.amazonaws.dynamodb.v20120810"


async def _states(states: Handler, operation: str, headers: Mapping[str, str], text: str) -> Answer:
    """arn:aws:apigateway:REGION:states:action/OPERATION; the text is the operation's JSON."""
    return await states("POST", "/", _target(f"AWSStepFunctions.{operation}", headers), text.encode(), {})


async def _dynamodb(dynamodb: Handler, operation: str, headers: Mapping[str, str], text: str) -> Answer:
    """arn:aws:apigateway:REGION:dynamodb:action/OPERATION; the text is the operation's JSON."""
    target = _target(f"DynamoDB_20120810.{operation}", headers)
    status, answered, content = await dynamodb("POST", "/", target, text.encode(), {})
    return status, answered, content if status < 400 else with_namespace(content)


async def _sqs(sqs: Handler, queue: str, headers: Mapping[str, str], text: str) -> Answer:
    """arn:aws:apigateway:REGION:sqs:path/ACCOUNT/QUEUE; the text is a Query request, the answer JSON."""
    form = {"content-type": "application/x-www-form-urlencoded", **headers}
    status, answered, content = await sqs("POST", f"/{queue}", form, text.encode(), {})
    return status, answered, as_json(content.decode()).encode()


BACKENDS: Mapping[tuple[str, str], Backend] = {
    ("states", "action"): _states,
    ("dynamodb", "action"): _dynamodb,
    ("sqs", "path"): _sqs,
}


def _target(operation: str, headers: Mapping[str, str]) -> dict[str, str]:
    return {"content-type": _JSON_1_0, **headers, "x-amz-target": operation}


def with_namespace(content: bytes) -> bytes:
    """DynamoDB's error with the namespace in its `__type`, as it stands on the wire."""
    error = json.loads(content)
    code = error["__type"].rpartition("#")[2]
    return json.dumps({**error, "__type": f"{_DYNAMODB_ERRORS.get(code, _DYNAMODB)}#{code}"}).encode()


def as_json(xml: str) -> str:
    """SQS's XML answer in the form that SQS sends to callers that accept JSON, as the deployed API does."""
    root = ElementTree.fromstring(xml)  # noqa: S314 - the emulator's own answer
    name, content = _name(root), _content(root)
    return json.dumps(content if name == "ErrorResponse" else {name: content})


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _content(element: ElementTree.Element) -> Any:
    return {_name(child): _content(child) for child in element} if len(element) else element.text

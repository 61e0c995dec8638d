"""Smithy RPC v2 CBOR, the protocol in which the AWS SDK for Go calls CloudWatch, in front of moto's JSON protocol.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html. Both are written and read by botocore, from its
model of the service.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore import parsers, serialize
from botocore.model import OperationModel, ServiceModel, Shape

from ebb.sandbox.emulators.ministack.models import NOTHING, service_model

PROTOCOL = "smithy-rpc-v2-cbor"
#: Header of each request and response in this protocol.
HEADERS = {"smithy-protocol": "rpc-v2-cbor"}
_TYPE = "application/cbor"
_PATH = re.compile(r"/service/(?P<service>[A-Za-z0-9_.]+)/operation/(?P<operation>[A-Za-z0-9_]+)")
#: botocore's names of services by their Smithy names.
_SERVICES = {"GraniteServiceVersion20100801": "cloudwatch"}
_TEXTS = {name: {"shape": "Text"} for name in ("__type", "message")}
#: The shape of an error, which models do not have: they name its members without the type.
_ERRORS = ServiceModel(
    {
        "metadata": {"targetPrefix": "Errors", "protocol": PROTOCOL, "serviceId": "Errors"},
        "shapes": {
            "Error": {"type": "structure", "members": _TEXTS},
            "Text": {"type": "string"},
        },
        "operations": {},
    }
)

Headers = dict[str, str]
Answer = tuple[int, list[tuple[str, str]], bytes]
#: Calls moto: (method, target, headers, body) -> answer.
Ask = Callable[[str, str, Headers, bytes], Answer]


def speaks(headers: Mapping[str, str]) -> bool:
    """Whether a request is in this protocol; the headers have small letters."""
    return HEADERS.items() <= headers.items()


def call(ask: Ask, path: str, headers: Headers, body: bytes) -> Answer:
    """The answer to a request in this protocol, which `ask` gives in the JSON protocol."""
    match = _PATH.fullmatch(path)
    model = service_model(_SERVICES.get(match["service"], "")) if match else None
    if match is None or model is None or match["operation"] not in model.operation_names:
        return _refused(404, "UnknownOperationException", f"{path} is no operation of the sandbox")
    operation = model.operation_model(match["operation"])
    given = _read(PROTOCOL, 200, body, operation.input_shape) if body else {}
    request = serialize.create_serializer("json").serialize_to_request(given, operation)
    signed = {key: value for key, value in headers.items() if key in ("authorization", "x-amz-date", "host")}
    status, _, content = ask("POST", "/", {**signed, **request["headers"]}, request["body"])
    answer = _read("json", status, content or b"{}", operation.output_shape)
    if status >= 300:
        error = answer["Error"]
        return _refused(status, str(error.get("Code", "")), str(error.get("Message", "")))
    shape = operation.output_shape
    if shape is None:  # "Responses for operations with no defined output type MUST NOT contain bodies"
        return status, list(HEADERS.items()), b""
    return status, _headers(), write(model, answer, shape.name)


def write(model: ServiceModel, value: Mapping[str, Any], shape: str) -> bytes:
    """The value in CBOR, by the name of its shape. Members without a value are left out."""
    # a serializer writes an operation's input: here this is what an answer has
    described = {"name": "Answer", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": shape}}
    written = serialize.create_serializer(PROTOCOL, include_validation=False).serialize_to_request(
        {name: item for name, item in value.items() if item is not None}, OperationModel(described, model, "Answer")
    )
    body: bytes = written["body"]
    return body


def _read(protocol: str, status: int, body: bytes, shape: Shape | None) -> dict[str, Any]:
    answer = {"status_code": status, "headers": {}, "body": body}
    found: dict[str, Any] = parsers.create_parser(protocol).parse(answer, shape or NOTHING)
    return {name: value for name, value in found.items() if name != "ResponseMetadata"} if status < 300 else found


def _refused(status: int, code: str, message: str) -> Answer:
    name = code.rpartition("#")[2]
    full = f"com.amazonaws.cloudwatch#{name}"
    fault = "Sender" if status < 500 else "Receiver"
    headers = [*_headers(), ("x-amzn-query-error", f"{name};{fault}")]
    return status, headers, write(_ERRORS, {"__type": full, "message": message}, "Error")


def _headers() -> list[tuple[str, str]]:
    return [("content-type", _TYPE), *HEADERS.items()]

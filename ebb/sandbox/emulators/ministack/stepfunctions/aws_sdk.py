"""Workflows' calls of AWS services (arn:PARTITION:states:::aws-sdk:SERVICE:ACTION), by botocore's models.

Step Functions calls services by the SDK for Java 2.x: its names of parameters and of errors count. MiniStack alone
ignores parameters that it does not know, and calls no service of the protocol REST JSON. Errors that a service's model
does not declare have other names there than on AWS.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from botocore import parsers, serialize
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.models import NOTHING, service_model
from ebb.sandbox.emulators.ministack.services import Handler

#: botocore's name of a service, by its name in an ARN, where they differ.
_NAMES = {
    "applicationautoscaling": "application-autoscaling",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sfn": "stepfunctions",
}
#: MiniStack's name of a service, by botocore's, where they differ.
_HANDLERS = {"cloudwatch": "monitoring", "stepfunctions": "states"}
#: The SDK for Java 2.x renames a member that it cannot use as it is named.
_RENAMED = {("AttributeValue", "NULL"): "Nul"}
_RESOURCE = re.compile(r"arn:[^:]+:states:::aws-sdk:(?P<service>[a-z0-9]+):(?P<action>\w+)")
#: Capital letters that end a word: DB in DynamoDB, SQS.
_CAPITALS = re.compile(r"[A-Z]{2,}(?![a-z])")


def apply(app: ModuleType, workflows: ModuleType) -> None:
    """Patch MiniStack's Step Functions, in this process. Raises ContractError."""
    MINISTACK.function(workflows, "_invoke_aws_sdk_integration", "(resource, input_data)")
    MINISTACK.function(workflows, "get_region", "()")
    call = MINISTACK.function(
        app, "call_service_handler_sync", "(handler, method, path, headers, body, query_params, timeout=None)"
    )
    failed = MINISTACK.function(workflows, "_ExecutionError", "(error, cause)")
    handlers = MINISTACK.value(app, "SERVICE_HANDLERS", dict)

    def invoke(resource: str, given: Any) -> Any:
        match = _RESOURCE.fullmatch(resource)
        if not match:
            raise failed("States.Runtime", f"{resource} is no call of an AWS service")
        name = _NAMES.get(match["service"], match["service"])
        model = service_model(name)
        action = match["action"][0].upper() + match["action"][1:]
        if model is None or action not in model.operation_names:
            raise failed("States.Runtime", f"{resource}: there is no such operation")
        operation = model.operation_model(action)
        takes, output = (shape or NOTHING for shape in (operation.input_shape, operation.output_shape))
        try:
            parameters = to_wire(given or {}, takes)
        except ValueError as error:
            raise failed("States.Runtime", f"{resource}: {error}") from None
        invalid = ParamValidator().validate(parameters, takes)
        if invalid.has_errors():
            raise failed("States.Runtime", f"{resource}: {invalid.generate_report()}")
        protocol = model.resolved_protocol
        request = serialize.create_serializer(protocol).serialize_to_request(parameters, operation)
        scope = f"test/20260101/{workflows.get_region()}/{model.signing_name}/aws4_request"
        headers = {
            "host": f"{model.endpoint_prefix}.{workflows.get_region()}.amazonaws.com",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}",
            **{key.lower(): str(value) for key, value in request["headers"].items()},
        }
        status, answered, body = call(
            handlers[_HANDLERS.get(name, name)],
            request["method"],
            request["url_path"],
            headers,
            _body(request["body"]),
            {key: [value] for key, value in request["query_string"].items()} if request["query_string"] else {},
        )
        content = body if isinstance(body, bytes) else body.encode()
        answer = {"status_code": status, "headers": _lower(answered), "body": content}
        parsed = parsers.create_parser(protocol).parse(answer, output)
        if status >= 300:
            raise failed(*error_of(model, status, parsed["Error"]))
        parsed.pop("ResponseMetadata", None)
        return from_wire(parsed, output)

    vars(workflows).update(_invoke_aws_sdk_integration=invoke)


def reach_all(app: ModuleType, own: Iterable[str], other: Handler) -> None:
    """Workflows' calls of all services but MiniStack's `own` go to `other`. Raises ContractError."""
    handlers = MINISTACK.value(app, "SERVICE_HANDLERS", dict)
    for service in {*handlers, "application-autoscaling"} - set(own):
        handlers[service] = other


def error_of(model: ServiceModel, status: int, error: Mapping[str, Any]) -> tuple[str, str]:
    """The name and the cause of a service's error in Step Functions.

    Step Functions developer guide, "Handling errors in Step Functions workflows". The SDK has a class for each error
    that the service's model declares, and one for all others: Sqs.QueueDoesNotExistException, Sqs.SqsException.
    """
    service = _java(str(model.service_id).replace(" ", ""))
    code = str(error.get("QueryErrorCode") or error.get("Code", "")).rpartition("#")[2]
    shapes: Sequence[Any] = model.error_shapes
    declared = {name: shape.name for shape in shapes for name in (shape.error_code, shape.name)}
    name = java_name(declared[code]) if code in declared else f"{service}Exception"
    cause = f"{error.get('Message', '')} (Service: {service}, Status Code: {status}, Request ID: {uuid.uuid4()})"
    return f"{service}.{name}", cause


def java_name(shape: str) -> str:
    """The SDK's class for an error that a model declares: QueueDoesNotExistException for QueueDoesNotExist."""
    name = _java(shape)
    return name if name.endswith("Exception") else f"{name.removesuffix('Fault')}Exception"


def _java(name: str) -> str:
    """A name as Java writes it: DynamoDb, Sqs, Bool."""
    return _CAPITALS.sub(lambda match: match[0].capitalize(), name[0].upper() + name[1:])


def _member(shape: Shape, name: str) -> str:
    return _RENAMED.get((shape.name, name)) or _java(name)


def to_wire(value: Any, shape: Shape | None) -> Any:
    """Parameters with the names of the service's model. Raises ValueError for a name that it does not have."""
    match shape, value:
        case StructureShape(), dict():
            names = {_member(shape, name): name for name in shape.members}
            for key in value:
                if key not in names:
                    raise ValueError(f'The field "{key}" is not supported by Step Functions.')
            given = {names[key]: item for key, item in value.items() if item is not None}
            return {name: to_wire(item, shape.members[name]) for name, item in given.items()}
        case ListShape(), list():
            return [to_wire(item, shape.member) for item in value]
        case MapShape(), dict():
            return {key: to_wire(item, shape.value) for key, item in value.items()}
    return value


def from_wire(value: Any, shape: Shape | None) -> Any:
    """An answer with the names of the SDK, and its times as texts."""
    match shape, value:
        case _, datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case StructureShape(), dict():
            return {_member(shape, name): from_wire(item, shape.members.get(name)) for name, item in value.items()}
        case ListShape(), list():
            return [from_wire(item, shape.member) for item in value]
        case MapShape(), dict():
            return {key: from_wire(item, shape.value) for key, item in value.items()}
    return value


def _body(body: Any) -> bytes:
    if isinstance(body, dict):  # the Query protocol's
        return urlencode(body).encode()
    return body if isinstance(body, bytes) else str(body).encode()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

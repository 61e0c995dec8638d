"""API Gateway: methods and integrations, with the responses of both."""

from collections.abc import Callable

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, pick, send
from ebb.sandbox.provider.resources.apigateway import keys

#: The parts of a method's id.
_METHOD = ("restApi", "resourceId", "httpMethod")
_METHOD_INPUTS = (
    *_METHOD, "authorization", "apiKeyRequired", "operationName",
    "requestModels", "requestParameters", "requestValidatorId",
)  # fmt: skip
_INTEGRATION_INPUTS = (
    *_METHOD, "type", "integrationHttpMethod", "uri", "credentials", "requestParameters", "requestTemplates",
    "passthroughBehavior", "timeoutMilliseconds", "connectionType", "contentHandling",
)  # fmt: skip
_STATUS = (*_METHOD, "statusCode")


def _method(props: Props) -> Call:
    same = pick(props, *_METHOD_INPUTS[4:])
    return "apigateway", "put_method", keys(props) | same | {"authorizationType": props.get("authorization")}


def _update_method(aws: Aws, _: str, __: Props, new: Props) -> Props:
    """Put the method, its integration and their responses again: the emulator's patches store every value as text."""
    before = aws.call("apigateway", "get_method", **keys(new))
    send(aws, _method(new))
    for response in before.get("methodResponses", {}).values():
        aws.call("apigateway", "put_method_response", **keys(new), **response)
    if integration := before.get("methodIntegration"):
        responses = integration.pop("integrationResponses", {})
        backend = {"integrationHttpMethod": integration.pop("httpMethod", None), "httpMethod": new["httpMethod"]}
        aws.call("apigateway", "put_integration", **keys(new) | integration | backend)
        for response in responses.values():
            aws.call("apigateway", "put_integration_response", **keys(new), **response)
    return {}


def _integration(props: Props) -> Call:
    same = pick(props, *_INTEGRATION_INPUTS[3:])
    timeout = same.pop("timeoutMilliseconds", None)
    return "apigateway", "put_integration", keys(props) | same | {"timeoutInMillis": timeout}


def _update_integration(aws: Aws, _: str, __: Props, new: Props) -> Props:
    responses = aws.call("apigateway", "get_integration", **keys(new)).get("integrationResponses", {})
    send(aws, _integration(new))
    for response in responses.values():
        aws.call("apigateway", "put_integration_response", **keys(new), **response)
    return {}


def _adapt_integration(found: Props) -> Props:
    return {"integrationHttpMethod": found.get("httpMethod"), "timeoutMilliseconds": found.get("timeoutInMillis")}


def _part(
    name: str,
    prefix: str,
    operation: str,
    request: Callable[[Props], Call],
    *,
    identity: tuple[str, ...],
    inputs: tuple[str, ...],
    replaces: tuple[str, ...] = (),
    update: Callable[[Aws, str, Props, Props], Props] | None = None,
    adapt: Callable[[Props], Props] = lambda _: {},
) -> Row:
    """The row of a method, an integration or a response of one of them. In AWS these have no id."""

    def create(aws: Aws, props: Props) -> tuple[str, Props]:
        send(aws, request(props))
        return "-".join((prefix, *(str(props[key]) for key in identity))), {}

    def read(aws: Aws, _: str, outputs: Props) -> Props | None:
        found = aws.find("apigateway", f"get_{operation}", **keys(outputs))
        return found and found | adapt(found) | pick(outputs, *identity)

    def delete(aws: Aws, _: str, outputs: Props) -> None:
        aws.find("apigateway", f"delete_{operation}", **keys(pick(outputs, *identity)))

    return Row(
        type=f"aws:apigateway/{name[0].lower()}{name[1:]}:{name}",
        inputs=frozenset(inputs),
        required=frozenset(identity),
        replaces=frozenset({*_METHOD, *replaces}),
        identity=frozenset(identity),
        request=request,
        create=create,
        read=read,
        update=update or (lambda aws, _, __, new: create(aws, new)[1]),
        delete=delete,
    )


def _method_response(props: Props) -> Call:
    return "apigateway", "put_method_response", keys(props) | pick(props, "responseModels", "responseParameters")


def _integration_response(props: Props) -> Call:
    same = pick(props, "selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
    return "apigateway", "put_integration_response", keys(props) | same


ROWS = (
    _part(
        "Method",
        "agm",
        "method",
        _method,
        identity=_METHOD,
        inputs=_METHOD_INPUTS,
        update=_update_method,
        adapt=lambda found: {"authorization": found["authorizationType"]},
    ),
    _part(
        "MethodResponse",
        "agmr",
        "method_response",
        _method_response,
        identity=_STATUS,
        inputs=(*_STATUS, "responseModels", "responseParameters"),
    ),
    _part(
        "Integration",
        "agi",
        "integration",
        _integration,
        identity=_METHOD,
        inputs=_INTEGRATION_INPUTS,
        replaces=("credentials", "integrationHttpMethod", "passthroughBehavior", "type"),
        update=_update_integration,
        adapt=_adapt_integration,
    ),
    _part(
        "IntegrationResponse",
        "agir",
        "integration_response",
        _integration_response,
        identity=_STATUS,
        inputs=(*_STATUS, "selectionPattern", "responseParameters", "responseTemplates", "contentHandling"),
    ),
)

"""API Gateway's definition of a REST API: resources, methods, integrations, models, validators, gateway responses."""

import json
from collections.abc import Callable

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    Tags,
    changed,
    deletes,
    pick,
    pulumi_names,
    refuse_removal,
    send,
)
from ebb.sandbox.provider.shapes import RefusedError

TAGS = Tags(service="apigateway", target="resourceArn")

_API_PATCHES = {
    "name": "/name",
    "description": "/description",
    "apiKeySource": "/apiKeySource",
    "policy": "/policy",
    "minimumCompressionSize": "/minimumCompressionSize",
    "disableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
}
_METHOD = ("restApi", "resourceId", "httpMethod")  # what a method's id is made of
_METHOD_INPUTS = (
    *_METHOD, "authorization", "apiKeyRequired", "operationName",
    "requestModels", "requestParameters", "requestValidatorId",
)  # fmt: skip
_INTEGRATION_INPUTS = (
    *_METHOD, "type", "integrationHttpMethod", "uri", "credentials", "requestParameters", "requestTemplates",
    "passthroughBehavior", "timeoutMilliseconds", "connectionType", "contentHandling",
)  # fmt: skip
_STATUS = (*_METHOD, "statusCode")


def tags_of(aws: Aws, arn: str) -> dict[str, str]:
    """The tags of one of API Gateway's things."""
    tags: dict[str, str] = aws.call("apigateway", "get_tags", resourceArn=arn)["tags"]
    return tags


def retag(aws: Aws, arn: str, props: Props) -> None:
    """Tags what was just created: the emulator keeps the tags of some kinds of thing in this list only."""
    if props.get("tagsAll"):
        aws.call("apigateway", "tag_resource", resourceArn=arn, tags=props["tagsAll"])


def arn_of(aws: Aws, path: str) -> str:
    """The ARN, without an account as API Gateway's are, of the thing under this path."""
    return f"arn:aws:apigateway:{aws.region}::/{path}"


def patches(old: Props, new: Props, paths: dict[str, str]) -> list[Props]:
    """Patch operations for the properties that differ."""
    return [
        {"op": "replace", "path": path, "value": "" if new.get(name) is None else new[name]}
        for name, path in paths.items()
        if old.get(name) != new.get(name)
    ]


def keys(props: Props, *more: str) -> Props:
    """The parameters that name the API and what is in it."""
    return pick(props, "resourceId", "httpMethod", "statusCode", *more, restApiId="restApi")


def _api(props: Props) -> Call:
    params = pick(props, *_API_PATCHES, "binaryMediaTypes", tags="tagsAll")
    if isinstance(endpoint := props.get("endpointConfiguration"), dict):
        types = endpoint.get("types")
        params["endpointConfiguration"] = {**endpoint, "types": types if isinstance(types, list) else [types]}
    return "apigateway", "create_rest_api", params


def _create_api(aws: Aws, props: Props) -> tuple[str, Props]:
    api = send(aws, _api(props))["id"]
    resources = aws.call("apigateway", "get_resources", restApiId=api)["items"]
    return api, {
        "arn": arn_of(aws, f"restapis/{api}"),
        "executionArn": aws.arn("execute-api", api),
        "rootResourceId": next(item["id"] for item in resources if item["path"] == "/"),
    }


def _read_api(aws: Aws, api: str, _: Props) -> Props | None:
    found = aws.find("apigateway", "get_rest_api", restApiId=api)
    if found is None:
        return None
    endpoint = found.get("endpointConfiguration", {})
    arn = arn_of(aws, f"restapis/{api}")
    return found | {
        "arn": arn,
        "endpointConfiguration": {
            **endpoint,
            "types": ",".join(endpoint.get("types", [])),
        },  # Pulumi has one, AWS a list
        "policy": json.loads(f'"{found["policy"]}"') if found.get("policy") else None,  # AWS escapes it
        "tagsAll": tags_of(aws, arn),
    }


def _endpoint_patches(old: Props, new: Props) -> list[Props]:
    """The patch that makes the API regional, edge-optimized or private."""
    had, wanted = old.get("endpointConfiguration") or {}, new.get("endpointConfiguration")
    if wanted is None:
        refuse_removal(old, new, "endpointConfiguration")
        return []
    for name in sorted(had.keys() | wanted.keys()):
        if name != "types" and changed(had, wanted, name):
            raise RefusedError(f"the sandbox cannot change endpointConfiguration.{name} of an API that exists; AWS can")
    return patches(had, wanted, {"types": "/endpointConfiguration/types/0"})


def _update_api(aws: Aws, api: str, old: Props, new: Props) -> Props:
    operations = patches(old, new, _API_PATCHES)
    for operation in operations:
        if operation == {"op": "replace", "path": "/minimumCompressionSize", "value": ""}:
            del operation["value"]  # AWS compresses nothing when there is no value; the empty text is no number
    had, wanted = (props.get("binaryMediaTypes") or [] for props in (old, new))
    for verb, kinds in (("remove", set(had) - set(wanted)), ("add", set(wanted) - set(had))):
        escaped = (kind.replace("~", "~0").replace("/", "~1") for kind in sorted(kinds))
        operations += [{"op": verb, "path": f"/binaryMediaTypes/{kind}"} for kind in escaped]
    operations += _endpoint_patches(old, new)
    if operations:
        aws.call("apigateway", "update_rest_api", restApiId=api, patchOperations=operations)
    return {}


def _resource(props: Props) -> Call:
    return "apigateway", "create_resource", keys(props) | pick(props, "parentId", "pathPart")


def _create_resource(aws: Aws, props: Props) -> tuple[str, Props]:
    resource = send(aws, _resource(props))
    return resource["id"], {"path": resource["path"]}


def _read_resource(aws: Aws, resource: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_resource", restApiId=outputs["restApi"], resourceId=resource)
    return found and {**found, "restApi": outputs["restApi"]}


def _update_resource(aws: Aws, resource: str, old: Props, new: Props) -> Props:
    operations = patches(old, new, {"pathPart": "/pathPart", "parentId": "/parentId"})
    answer = aws.call(
        "apigateway", "update_resource", restApiId=new["restApi"], resourceId=resource, patchOperations=operations
    )
    return {"path": answer["path"]}


def _method(props: Props) -> Call:
    same = pick(props, *_METHOD_INPUTS[4:])
    return "apigateway", "put_method", keys(props) | same | {"authorizationType": props.get("authorization")}


def _update_method(aws: Aws, _: str, __: Props, new: Props) -> Props:
    """Puts the method again, with all that hangs on it: the emulator's patches keep every value as text."""
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
    """A row of what has no id of its own in AWS: a method, its integration, and the responses of either."""

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


def _model(props: Props) -> Call:
    return "apigateway", "create_model", keys(props) | pick(props, "name", "contentType", "schema", "description")


def _create_model(aws: Aws, props: Props) -> tuple[str, Props]:
    return send(aws, _model(props))["id"], {}


def _read_model(aws: Aws, _: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_model", restApiId=outputs["restApi"], modelName=outputs["name"])
    return found and {**found, "restApi": outputs["restApi"]}


def _update_model(aws: Aws, _: str, old: Props, new: Props) -> Props:
    operations = patches(old, new, {"description": "/description", "schema": "/schema"})
    aws.call("apigateway", "update_model", restApiId=new["restApi"], modelName=new["name"], patchOperations=operations)
    return {}


_VALIDATOR = {
    "name": "/name",
    "validateRequestBody": "/validateRequestBody",
    "validateRequestParameters": "/validateRequestParameters",
}


def _validator(props: Props) -> Call:
    return "apigateway", "create_request_validator", keys(props) | pick(props, *_VALIDATOR)


def _create_validator(aws: Aws, props: Props) -> tuple[str, Props]:
    return send(aws, _validator(props))["id"], {}


def _read_validator(aws: Aws, validator: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_request_validator", restApiId=outputs["restApi"], requestValidatorId=validator)
    return found and {**found, "restApi": outputs["restApi"]}


def _update_validator(aws: Aws, validator: str, old: Props, new: Props) -> Props:
    params = {"restApiId": new["restApi"], "requestValidatorId": validator}
    aws.call("apigateway", "update_request_validator", **params, patchOperations=patches(old, new, _VALIDATOR))
    return {}


def _gateway_response(props: Props) -> Call:
    params = pick(props, "restApiId", "responseType", "statusCode", "responseParameters", "responseTemplates")
    return "apigateway", "put_gateway_response", params


def _put_gateway_response(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _gateway_response(props))
    return f"aggr-{props['restApiId']}-{props['responseType']}", {}


def _read_gateway_response(aws: Aws, _: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_gateway_response", **pick(outputs, "restApiId", "responseType"))
    return (
        pulumi_names(found) | {"restApiId": outputs["restApiId"]}
        if found and not found.get("defaultResponse")
        else None
    )


ROWS = (
    Row(
        type="aws:apigateway/restApi:RestApi",
        inputs=frozenset({*_API_PATCHES, "binaryMediaTypes", "endpointConfiguration", "tags"}),
        documents=frozenset({"policy"}),
        autoname=("name", 255),
        tags=TAGS,
        request=_api,
        create=_create_api,
        read=_read_api,
        update=_update_api,
        delete=deletes("apigateway", "delete_rest_api", restApiId="id"),
    ),
    Row(
        type="aws:apigateway/resource:Resource",
        inputs=frozenset({"restApi", "parentId", "pathPart"}),
        required=frozenset({"restApi", "parentId", "pathPart"}),
        replaces=frozenset({"restApi"}),
        request=_resource,
        create=_create_resource,
        read=_read_resource,
        update=_update_resource,
        delete=deletes("apigateway", "delete_resource", restApiId="restApi", resourceId="id"),
    ),
    _part("Method", "agm", "method", _method, identity=_METHOD, inputs=_METHOD_INPUTS,
          update=_update_method, adapt=lambda found: {"authorization": found["authorizationType"]}),
    _part("MethodResponse", "agmr", "method_response", _method_response, identity=_STATUS,
          inputs=(*_STATUS, "responseModels", "responseParameters")),
    _part("Integration", "agi", "integration", _integration, identity=_METHOD, inputs=_INTEGRATION_INPUTS,
          replaces=("credentials", "integrationHttpMethod", "passthroughBehavior", "type"),
          update=_update_integration, adapt=_adapt_integration),
    _part("IntegrationResponse", "agir", "integration_response", _integration_response, identity=_STATUS,
          inputs=(*_STATUS, "selectionPattern", "responseParameters", "responseTemplates", "contentHandling")),
    Row(
        type="aws:apigateway/model:Model",
        inputs=frozenset({"restApi", "name", "contentType", "schema", "description"}),
        required=frozenset({"restApi", "contentType"}),
        documents=frozenset({"schema"}),
        replaces=frozenset({"contentType", "name", "restApi"}),
        autoname=("name", 128),
        request=_model,
        create=_create_model,
        read=_read_model,
        update=_update_model,
        delete=deletes("apigateway", "delete_model", restApiId="restApi", modelName="name"),
    ),
    Row(
        type="aws:apigateway/requestValidator:RequestValidator",
        inputs=frozenset({"restApi", *_VALIDATOR}),
        required=frozenset({"restApi"}),
        replaces=frozenset({"restApi"}),
        autoname=("name", 128),
        request=_validator,
        create=_create_validator,
        read=_read_validator,
        update=_update_validator,
        delete=deletes("apigateway", "delete_request_validator", restApiId="restApi", requestValidatorId="id"),
    ),
    Row(
        type="aws:apigateway/response:Response",
        inputs=frozenset({"restApiId", "responseType", "statusCode", "responseParameters", "responseTemplates"}),
        required=frozenset({"restApiId", "responseType"}),
        replaces=frozenset({"responseType", "restApiId"}),
        identity=frozenset({"responseType", "restApiId"}),
        request=_gateway_response,
        create=_put_gateway_response,
        read=_read_gateway_response,
        update=lambda aws, _, __, new: _put_gateway_response(aws, new)[1],
        delete=deletes("apigateway", "delete_gateway_response", restApiId="restApiId", responseType="responseType"),
    ),
)  # fmt: skip

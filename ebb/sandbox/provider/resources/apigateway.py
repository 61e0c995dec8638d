"""API Gateway: REST APIs, their resources, models, validators and gateway responses."""

import json

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


def tags_of(aws: Aws, arn: str) -> dict[str, str]:
    """The tags of an API Gateway resource."""
    tags: dict[str, str] = aws.call("apigateway", "get_tags", resourceArn=arn)["tags"]
    return tags


def retag(aws: Aws, arn: str, props: Props) -> None:
    """Tag a new resource again: of some kinds, the emulator keeps only these tags."""
    if props.get("tagsAll"):
        aws.call("apigateway", "tag_resource", resourceArn=arn, tags=props["tagsAll"])


def arn_of(aws: Aws, path: str) -> str:
    """The ARN of the resource under this path. API Gateway's ARNs have no account."""
    return f"arn:aws:apigateway:{aws.region}::/{path}"


def patches(old: Props, new: Props, paths: dict[str, str]) -> list[Props]:
    """Patch operations for the properties that differ."""
    return [
        {"op": "replace", "path": path, "value": "" if new.get(name) is None else new[name]}
        for name, path in paths.items()
        if old.get(name) != new.get(name)
    ]


def keys(props: Props, *more: str) -> Props:
    """The parameters that name the API and a resource in it."""
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
        },  # Pulumi has a text, AWS a list
        "policy": json.loads(f'"{found["policy"]}"') if found.get("policy") else None,  # AWS escapes it as in JSON
        "tagsAll": tags_of(aws, arn),
    }


def _endpoint_patches(old: Props, new: Props) -> list[Props]:
    """The patch of the endpoint's type: regional, edge-optimized or private."""
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
            del operation["value"]  # no value means no compression, and an empty text is not a number
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
)

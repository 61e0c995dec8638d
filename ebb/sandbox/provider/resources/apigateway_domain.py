"""API Gateway: resource policies, and domain names with what they lead to."""

import json

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, changed, deletes, pick, send
from ebb.sandbox.provider.resources.apigateway import TAGS, arn_of, retag, tags_of
from ebb.sandbox.provider.shapes import RefusedError

_DOMAIN = ("domainName", "regionalCertificateArn", "securityPolicy")


def _policy(props: Props) -> Call:
    operation = {"op": "replace", "path": "/policy", "value": props.get("policy")}
    return "apigateway", "update_rest_api", {"restApiId": props.get("restApiId"), "patchOperations": [operation]}


def _put_policy(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _policy(props))
    return props["restApiId"], {}


def _read_policy(aws: Aws, api: str, _: Props) -> Props | None:
    found = aws.find("apigateway", "get_rest_api", restApiId=api) or {}
    policy = json.loads(f'"{found.get("policy") or ""}"')  # AWS escapes it as in JSON
    return {"restApiId": api, "policy": policy} if policy else None


def _delete_policy(aws: Aws, api: str, _: Props) -> None:
    operation = {"op": "replace", "path": "/policy", "value": ""}
    aws.find("apigateway", "update_rest_api", restApiId=api, patchOperations=[operation])


def _domain(props: Props) -> Call:
    params = pick(props, *_DOMAIN, tags="tagsAll")
    if isinstance(endpoint := props.get("endpointConfiguration"), dict):
        params["endpointConfiguration"] = {"types": [endpoint.get("types")]}
    return "apigateway", "create_domain_name", params


def _create_domain(aws: Aws, props: Props) -> tuple[str, Props]:
    made = send(aws, _domain(props))
    retag(aws, arn_of(aws, f"domainnames/{made['domainName']}"), props)
    return made["domainName"], _computed(aws, made)


def _computed(aws: Aws, found: Props) -> Props:
    arn = arn_of(aws, f"domainnames/{found['domainName']}")
    return {
        "arn": arn,
        "regionalDomainName": found["regionalDomainName"],
        "regionalZoneId": found["regionalHostedZoneId"],
        "tagsAll": tags_of(aws, arn),
    }


def _read_domain(aws: Aws, name: str, _: Props) -> Props | None:
    found = aws.find("apigateway", "get_domain_name", domainName=name)
    if found is None:
        return None
    endpoint = {"types": ",".join(found["endpointConfiguration"]["types"])}  # Pulumi has a text, AWS a list
    return pick(found, *_DOMAIN) | {"endpointConfiguration": endpoint} | _computed(aws, found)


def _update_domain(_: Aws, __: str, old: Props, new: Props) -> Props:
    for name in ("regionalCertificateArn", "securityPolicy", "endpointConfiguration"):
        if changed(old, new, name):
            raise RefusedError(f"the sandbox cannot change {name} of a domain name that exists; AWS can")
    return {}


def _mapping(props: Props) -> Call:
    params = pick(props, "domainName", restApiId="restApi", stage="stageName")
    return "apigateway", "create_base_path_mapping", params


def _create_mapping(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _mapping(props))
    return f"{props['domainName']}/", {}


def _read_mapping(aws: Aws, _: str, outputs: Props) -> Props | None:
    names = {"domainName": outputs["domainName"], "basePath": "(none)"}
    found = aws.find("apigateway", "get_base_path_mapping", **names)
    return found and {"domainName": outputs["domainName"], "restApi": found["restApiId"], "stageName": found["stage"]}


def _delete_mapping(aws: Aws, _: str, outputs: Props) -> None:
    aws.find("apigateway", "delete_base_path_mapping", domainName=outputs["domainName"], basePath="(none)")


def _update_mapping(aws: Aws, _: str, __: Props, new: Props) -> Props:
    _delete_mapping(aws, "", new)
    return _create_mapping(aws, new)[1]


ROWS = (
    Row(
        type="aws:apigateway/restApiPolicy:RestApiPolicy",
        inputs=frozenset({"restApiId", "policy"}),
        required=frozenset({"restApiId", "policy"}),
        documents=frozenset({"policy"}),
        replaces=frozenset({"restApiId"}),
        request=_policy,
        create=_put_policy,
        read=_read_policy,
        update=lambda aws, _, __, new: _put_policy(aws, new)[1],
        delete=_delete_policy,
    ),
    Row(
        type="aws:apigateway/domainName:DomainName",
        inputs=frozenset({*_DOMAIN, "endpointConfiguration", "tags"}),
        required=frozenset({"domainName"}),
        replaces=frozenset({"domainName"}),
        identity=frozenset({"domainName"}),
        tags=TAGS,
        request=_domain,
        create=_create_domain,
        read=_read_domain,
        update=_update_domain,
        delete=deletes("apigateway", "delete_domain_name", domainName="id"),
    ),
    Row(
        type="aws:apigateway/basePathMapping:BasePathMapping",
        inputs=frozenset({"domainName", "restApi", "stageName"}),
        required=frozenset({"domainName", "restApi"}),
        replaces=frozenset({"domainName"}),
        identity=frozenset({"domainName"}),
        request=_mapping,
        create=_create_mapping,
        read=_read_mapping,
        update=_update_mapping,
        delete=_delete_mapping,
    ),
)

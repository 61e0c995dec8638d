"""EventBridge: rules, their targets, connections and API destinations, on the default bus."""

import json

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, deletes, first, only, pick, send, tag_map
from ebb.sandbox.provider.shapes import RefusedError

_RULE = ("name", "description", "eventPattern", "state")
_TARGET = ("arn", "roleArn", "input", "retryPolicy", "deadLetterConfig")
_DESTINATION = (
    "name", "description", "connectionArn", "httpMethod", "invocationEndpoint", "invocationRateLimitPerSecond",
)  # fmt: skip


def _rule(props: Props) -> Call:
    return "events", "put_rule", pick(props, *_RULE, "roleArn") | {"tags": props.get("tagsAll")}


def _create_rule(aws: Aws, props: Props) -> tuple[str, Props]:
    return props["name"], {"arn": send(aws, _rule(props))["RuleArn"]}


def _read_rule(aws: Aws, name: str, _: Props) -> Props | None:
    found = first(aws.find("events", "describe_rule", name=name))
    if found is None:
        return None
    tags = aws.call("events", "list_tags_for_resource", resourceARN=found["arn"])["Tags"]
    return pick(found, *_RULE, "arn") | {"eventBusName": "default", "tagsAll": tag_map(tags)}


def _update_rule(aws: Aws, _: str, __: Props, new: Props) -> Props:
    """Put the whole rule, without its tags: `Tags` changes those."""
    aws.call("events", "put_rule", **pick(new, *_RULE))
    return {}


def _target(props: Props) -> Call:
    target = pick(props, *_TARGET) | {"id": props.get("targetId")}
    only(target.get("retryPolicy", {}), "retryPolicy", "maximumEventAgeInSeconds", "maximumRetryAttempts")
    return "events", "put_targets", {"rule": props.get("rule"), "targets": [target]}


def _create_target(aws: Aws, props: Props) -> tuple[str, Props]:
    _put_target(aws, props)
    return f"{props['rule']}-{props['targetId']}", {}


def _put_target(aws: Aws, props: Props) -> Props:
    if failed := send(aws, _target(props)).get("FailedEntries"):
        raise RefusedError(f"EventBridge refused the target: {failed[0].get('ErrorMessage')}")
    return {}


def _read_target(aws: Aws, _: str, outputs: Props) -> Props | None:
    found = aws.find("events", "list_targets_by_rule", rule=outputs["rule"]) or {}
    for target in found.get("Targets", []):
        if target["Id"] == outputs["targetId"]:
            seen = first(target) or {}
            return pick(seen, *_TARGET) | pick(outputs, "rule", "targetId") | {"eventBusName": "default"}
    return None


def _delete_target(aws: Aws, _: str, outputs: Props) -> None:
    aws.find("events", "remove_targets", rule=outputs["rule"], ids=[outputs["targetId"]])


def _connection(props: Props) -> Call:
    parameters = only(props.get("authParameters") or {}, "authParameters", "apiKey")
    key = only(parameters.get("apiKey") or {}, "authParameters.apiKey", "key", "value")
    given = {"apiKeyAuthParameters": {"apiKeyName": key.get("key"), "apiKeyValue": key.get("value")}}
    params = pick(props, "name", "description", "authorizationType") | {"authParameters": given}
    return "events", "create_connection", params


def _create_connection(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _connection(props))["ConnectionArn"]
    return props["name"], {"arn": arn, "secretArn": _described(aws, props["name"])["secretArn"]}


def _described(aws: Aws, name: str) -> Props:
    return first(aws.find("events", "describe_connection", name=name)) or {}


def _read_connection(aws: Aws, name: str, outputs: Props) -> Props | None:
    """AWS does not show the key's value again: it is the one of the last outputs."""
    found = _described(aws, name)
    if not found:
        return None
    shown = pick(found, "name", "description", "authorizationType", "secretArn", arn="connectionArn")
    return shown | pick(outputs, "authParameters")


def _update_connection(aws: Aws, name: str, __: Props, new: Props) -> Props:
    """Update the connection, and its secret: the emulator leaves that one as it was."""
    _, _, params = _connection(new)
    aws.call("events", "update_connection", **params)
    key = params["authParameters"]["apiKeyAuthParameters"]
    secret = json.dumps({"api_key_name": key["apiKeyName"], "api_key_value": key["apiKeyValue"]})
    aws.call("secretsmanager", "put_secret_value", secretId=_described(aws, name)["secretArn"], secretString=secret)
    return {}


def _destination(props: Props) -> Call:
    return "events", "create_api_destination", pick(props, *_DESTINATION)


def _create_destination(aws: Aws, props: Props) -> tuple[str, Props]:
    return props["name"], {"arn": send(aws, _destination(props))["ApiDestinationArn"]}


def _read_destination(aws: Aws, name: str, _: Props) -> Props | None:
    found = first(aws.find("events", "describe_api_destination", name=name))
    return found and pick(found, *_DESTINATION, arn="apiDestinationArn")


def _update_destination(aws: Aws, _: str, __: Props, new: Props) -> Props:
    aws.call("events", "update_api_destination", **pick(new, *_DESTINATION))
    return {}


ROWS = (
    Row(
        type="aws:cloudwatch/eventRule:EventRule",
        inputs=frozenset({*_RULE, "eventBusName", "tags"}),
        documents=frozenset({"eventPattern"}),
        replaces=frozenset({"name", "eventBusName"}),
        defaults={"eventBusName": "default", "state": "ENABLED"},
        autoname=("name", 64),
        tags=Tags(service="events", target="resourceARN"),
        request=_rule,
        create=_create_rule,
        read=_read_rule,
        update=_update_rule,
        delete=deletes("events", "delete_rule", name="name"),
    ),
    Row(
        type="aws:cloudwatch/eventTarget:EventTarget",
        inputs=frozenset({*_TARGET, "rule", "targetId", "eventBusName"}),
        required=frozenset({"arn", "rule"}),
        replaces=frozenset({"rule", "targetId", "eventBusName"}),
        identity=frozenset({"rule", "targetId"}),
        defaults={"eventBusName": "default"},
        autoname=("targetId", 64),
        request=_target,
        create=_create_target,
        read=_read_target,
        update=lambda aws, _, __, new: _put_target(aws, new),
        delete=_delete_target,
    ),
    Row(
        type="aws:cloudwatch/eventConnection:EventConnection",
        inputs=frozenset({"name", "description", "authorizationType", "authParameters"}),
        required=frozenset({"authorizationType", "authParameters"}),
        replaces=frozenset({"name"}),
        secrets=frozenset({"authParameters"}),
        autoname=("name", 64),
        request=_connection,
        create=_create_connection,
        read=_read_connection,
        update=_update_connection,
        delete=deletes("events", "delete_connection", name="name"),
    ),
    Row(
        type="aws:cloudwatch/eventApiDestination:EventApiDestination",
        inputs=frozenset(_DESTINATION),
        required=frozenset({"connectionArn", "httpMethod", "invocationEndpoint"}),
        replaces=frozenset({"name"}),
        defaults={"invocationRateLimitPerSecond": 300},
        autoname=("name", 64),
        request=_destination,
        create=_create_destination,
        read=_read_destination,
        update=_update_destination,
        delete=deletes("events", "delete_api_destination", name="name"),
    ),
)

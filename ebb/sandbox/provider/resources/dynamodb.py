"""DynamoDB: tables that are billed by request, with a key of one attribute, and their global secondary indexes."""

from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    Tags,
    changed,
    deletes,
    first,
    only,
    pick,
    refuse_removal,
    send,
    tag_map,
)
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

_TAGS = Tags(service="dynamodb", target="resourceArn")
_INPUTS = (
    "name", "billingMode", "hashKey", "attributes", "globalSecondaryIndexes", "ttl", "serverSideEncryption", "tags",
)  # fmt: skip


def _encryption(props: Props) -> Props:
    """SSESpecification. Without one, DynamoDB encrypts with its own key."""
    given = props.get("serverSideEncryption")
    if given in (None, UNKNOWN):
        return {}
    known = only(given, "serverSideEncryption", "enabled", "kmsKeyArn")
    specification = pick(known, "enabled", kMSMasterKeyId="kmsKeyArn")
    return {"sSESpecification": specification | ({"sSEType": "KMS"} if known.get("enabled") else {})}


def _table(props: Props) -> Call:
    params = pick(props, "billingMode", tableName="name", attributeDefinitions="attributes", tags="tagsAll")
    if isinstance(params.get("attributeDefinitions"), list):
        params["attributeDefinitions"] = [_attribute(item) for item in props["attributes"]]
    keys = [{"attributeName": props.get("hashKey"), "keyType": "HASH"}]
    indexes = props.get("globalSecondaryIndexes")
    if indexes:
        params["globalSecondaryIndexes"] = _indexes(indexes)
    return "dynamodb", "create_table", {**params, "keySchema": keys, **_encryption(props)}


def _indexes(indexes: Any) -> Any:
    if not isinstance(indexes, list):
        return indexes
    path, found = "globalSecondaryIndexes", []
    for index in indexes:
        known = only(index, path, "name", "keySchemas", "projectionType")
        keys = [only(key, f"{path}.keySchemas", "attributeName", "keyType") for key in known["keySchemas"]]
        projection = {"projectionType": known["projectionType"]}
        found.append({"indexName": known["name"], "keySchema": keys, "projection": projection})
    return found


def _attribute(attribute: Props) -> Props:
    return pick(only(attribute, "attributes", "name", "type"), attributeName="name", attributeType="type")


def _create(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _table(props))["TableDescription"]["TableArn"]
    if props.get("ttl"):
        _set_ttl(aws, props)
    return props["name"], {"arn": arn}


def _set_ttl(aws: Aws, props: Props) -> None:
    specification = only(props["ttl"], "ttl", "attributeName", "enabled")
    aws.call("dynamodb", "update_time_to_live", tableName=props["name"], timeToLiveSpecification=specification)


def _read(aws: Aws, name: str, _: Props) -> Props | None:
    found = first(aws.find("dynamodb", "describe_table", tableName=name), "Table")
    if found is None or found["tableStatus"] == "DELETING":
        return None
    arn, key = found["tableArn"], found.get("sSEDescription") or {}
    ttl = aws.call("dynamodb", "describe_time_to_live", tableName=name)["TimeToLiveDescription"]
    tags = aws.call("dynamodb", "list_tags_of_resource", resourceArn=arn).get("Tags")
    indexes = [_index(index) for index in found.get("globalSecondaryIndexes") or ()]
    return {
        "name": name,
        "arn": arn,
        "hashKey": next(item["attributeName"] for item in found["keySchema"] if item["keyType"] == "HASH"),
        "billingMode": found["billingModeSummary"]["billingMode"],
        "attributes": [
            pick(item, name="attributeName", type="attributeType") for item in found["attributeDefinitions"]
        ],
        "serverSideEncryption": {"enabled": True, **pick(key, kmsKeyArn="kMSMasterKeyArn")}
        if key.get("status") == "ENABLED"
        else None,
        **({"globalSecondaryIndexes": indexes} if indexes else {}),
        "ttl": pick(ttl, attributeName="AttributeName") | {"enabled": ttl["TimeToLiveStatus"] == "ENABLED"},
        "tagsAll": tag_map(tags),
    }


def _index(found: Props) -> Props:
    keys = [pick(key, "attributeName", "keyType") for key in found["keySchema"]]
    return {"name": found["indexName"], "keySchemas": keys, "projectionType": found["projection"]["projectionType"]}


def _update(aws: Aws, name: str, old: Props, new: Props) -> Props:
    refuse_removal(old, new, "ttl")
    if changed(old, new, "ttl"):
        _set_ttl(aws, {**new, "name": name})
    params = pick(new, "billingMode") if changed(old, new, "billingMode") else {}
    attributes = [_attribute(item) for item in new["attributes"]]
    if changed(old, new, "globalSecondaryIndexes"):
        # one in a call (DynamoDB API, UpdateTable), and the attributes of all that there are then
        for index in _new_indexes(old, new):
            change = {"attributeDefinitions": attributes, "globalSecondaryIndexUpdates": [{"create": index}]}
            aws.call("dynamodb", "update_table", tableName=name, **change)
    elif changed(old, new, "attributes"):
        params["attributeDefinitions"] = attributes
    if changed(old, new, "serverSideEncryption"):
        params |= _encryption(new) or {"sSESpecification": {"enabled": False}}
    if params:
        aws.call("dynamodb", "update_table", tableName=name, **params)
    return {}


def _new_indexes(old: Props, new: Props) -> list[Props]:
    before = {index["indexName"]: index for index in _indexes(old.get("globalSecondaryIndexes") or [])}
    after = {index["indexName"]: index for index in _indexes(new.get("globalSecondaryIndexes") or [])}
    if any(after.get(name) != index for name, index in before.items()):
        raise RefusedError("an index of a table can be added in the sandbox, and not changed or removed")
    return [index for name, index in after.items() if name not in before]


ROWS = (
    Row(
        type="aws:dynamodb/table:Table",
        inputs=frozenset(_INPUTS),
        # without billingMode the provider needs capacity units, which this table does not handle
        required=frozenset({"billingMode", "hashKey", "attributes"}),
        replaces=frozenset({"hashKey", "name", "rangeKey"}),
        autoname=("name", 255),
        tags=_TAGS,
        request=_table,
        create=_create,
        read=_read,
        update=_update,
        delete=deletes("dynamodb", "delete_table", tableName="id"),
    ),
)

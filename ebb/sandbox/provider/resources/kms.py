"""KMS: keys and their aliases."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    Tags,
    changed,
    deletes,
    first,
    pick,
    refuse_removal,
    send,
    tag_map,
)


def _key(props: Props) -> Call:
    params = pick(
        props, "description", "keyUsage", "multiRegion", "policy", keySpec="customerMasterKeySpec", tags="tagsAll"
    )
    return "kms", "create_key", params


def _create_key(aws: Aws, props: Props) -> tuple[str, Props]:
    key = send(aws, _key(props))["KeyMetadata"]
    _set_key(aws, key["KeyId"], {}, {**props, "policy": None, "description": None})
    return key["KeyId"], {"arn": key["Arn"], "keyId": key["KeyId"]}


def _set_key(aws: Aws, key: str, old: Props, new: Props) -> Props:
    if changed(old, new, "enableKeyRotation", "rotationPeriodInDays"):
        if new.get("enableKeyRotation"):
            aws.call("kms", "enable_key_rotation", keyId=key, **pick(new, "rotationPeriodInDays"))
        elif old.get("enableKeyRotation"):
            aws.call("kms", "disable_key_rotation", keyId=key)
    if changed(old, new, "isEnabled") and not (new.get("isEnabled") is None and not old):
        aws.call("kms", "disable_key" if new.get("isEnabled") is False else "enable_key", keyId=key)
    if changed(old, new, "description"):
        aws.call("kms", "update_key_description", keyId=key, description=new.get("description") or "")
    refuse_removal(old, new, "policy")
    if changed(old, new, "policy") and new.get("policy"):
        aws.call("kms", "put_key_policy", keyId=key, policyName="default", policy=new["policy"])
    return {}


def _read_key(aws: Aws, key: str, _: Props) -> Props | None:
    found = first(aws.find("kms", "describe_key", keyId=key), "KeyMetadata")
    if found is None or found["keyState"] == "PendingDeletion":
        return None
    rotation = aws.call("kms", "get_key_rotation_status", keyId=key)
    return found | {
        "customerMasterKeySpec": found.get("keySpec"),
        "enableKeyRotation": rotation["KeyRotationEnabled"],
        "isEnabled": found["enabled"],
        "policy": aws.call("kms", "get_key_policy", keyId=key, policyName="default")["Policy"],
        **pick(rotation, rotationPeriodInDays="RotationPeriodInDays"),
        "tagsAll": tag_map(aws.call("kms", "list_resource_tags", keyId=key)["Tags"]),
    }


def _delete_key(aws: Aws, key: str, outputs: Props) -> None:
    aws.find("kms", "schedule_key_deletion", keyId=key, **pick(outputs, pendingWindowInDays="deletionWindowInDays"))


def _alias(props: Props) -> Call:
    return "kms", "create_alias", pick(props, "targetKeyId", aliasName="name")


def _create_alias(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _alias(props))
    key = aws.call("kms", "describe_key", keyId=props["targetKeyId"])["KeyMetadata"]
    return props["name"], {"arn": aws.arn("kms", props["name"]), "targetKeyArn": key["Arn"]}


def _read_alias(aws: Aws, name: str, _: Props) -> Props | None:
    aliases = aws.call("kms", "list_aliases")["Aliases"]
    found = first({"Aliases": [alias for alias in aliases if alias["AliasName"] == name]}, "Aliases")
    return found and {"name": name, "targetKeyId": found["targetKeyId"]}


def _update_alias(aws: Aws, name: str, _: Props, new: Props) -> Props:
    aws.call("kms", "update_alias", aliasName=name, targetKeyId=new["targetKeyId"])
    return {}


ROWS = (
    Row(
        type="aws:kms/key:Key",
        inputs=frozenset(
            {
                "customerMasterKeySpec",
                "deletionWindowInDays",
                "description",
                "enableKeyRotation",
                "isEnabled",
                "keyUsage",
                "multiRegion",
                "policy",
                "rotationPeriodInDays",
                "tags",
            }
        ),
        documents=frozenset({"policy"}),
        replaces=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
        defaults={"description": "Managed by Pulumi"},
        tags=Tags(service="kms", target="keyId", source="id"),
        request=_key,
        create=_create_key,
        read=_read_key,
        update=_set_key,
        delete=_delete_key,
    ),
    Row(
        type="aws:kms/alias:Alias",
        inputs=frozenset({"name", "namePrefix", "targetKeyId"}),
        required=frozenset({"targetKeyId"}),
        replaces=frozenset({"name"}),
        autoname=("name", 256),
        autoname_prefix="alias/",
        request=_alias,
        create=_create_alias,
        read=_read_alias,
        update=_update_alias,
        delete=deletes("kms", "delete_alias", aliasName="id"),
    ),
)

"""API Gateway: API keys and usage plans."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, deletes, only, pick, send
from ebb.sandbox.provider.resources.apigateway import TAGS, arn_of, patches, retag, tags_of

_KEY_PATCHES = {"name": "/name", "description": "/description", "enabled": "/enabled", "customerId": "/customerId"}


def _key(props: Props) -> Call:
    return "apigateway", "create_api_key", {"enabled": True} | pick(props, *_KEY_PATCHES, tags="tagsAll")


def _create_key(aws: Aws, props: Props) -> tuple[str, Props]:
    key = send(aws, _key(props))
    arn = arn_of(aws, f"apikeys/{key['id']}")
    retag(aws, arn, props)
    return key["id"], {"arn": arn, "value": key["value"], "enabled": key["enabled"]}


def _read_key(aws: Aws, key: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_api_key", apiKey=key, includeValue=True)
    arn = outputs.get("arn") or arn_of(aws, f"apikeys/{key}")
    return found and {**found, "arn": arn, "tagsAll": tags_of(aws, arn)}


def _update_key(aws: Aws, key: str, old: Props, new: Props) -> Props:
    if operations := patches(old, new, _KEY_PATCHES):
        aws.call("apigateway", "update_api_key", apiKey=key, patchOperations=operations)
    return {}


_PLAN_PATCHES = {"name": "/name", "description": "/description"}


def _plan(props: Props) -> Call:
    params = pick(props, *_PLAN_PATCHES, throttle="throttleSettings", quota="quotaSettings", tags="tagsAll")
    if isinstance(props.get("apiStages"), list):
        params["apiStages"] = [_plan_stage(stage) for stage in props["apiStages"]]
    return "apigateway", "create_usage_plan", params


def _plan_stage(stage: Props) -> Props:
    """One stage of a plan. Pulumi has a list of throttles, AWS a map by path."""
    taken = only(stage, "apiStages", "apiId", "stage", "throttles")
    each = [only(item, "throttles", "path", "burstLimit", "rateLimit") for item in taken.pop("throttles", [])]
    throttles = {item.pop("path"): item for item in each}
    return taken | ({"throttle": throttles} if throttles else {})


def _create_plan(aws: Aws, props: Props) -> tuple[str, Props]:
    plan = send(aws, _plan(props))["id"]
    arn = arn_of(aws, f"usageplans/{plan}")
    retag(aws, arn, props)
    return plan, {"arn": arn}


def _read_plan(aws: Aws, plan: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_usage_plan", usagePlanId=plan)
    if found is None:
        return None
    arn = outputs.get("arn") or arn_of(aws, f"usageplans/{plan}")
    stages = [
        pick(stage, "apiId", "stage")
        | {"throttles": [{"path": path, **limits} for path, limits in stage.get("throttle", {}).items()]}
        for stage in found.get("apiStages", [])
    ]
    return found | {
        "apiStages": stages,
        "arn": arn,
        "quotaSettings": found.get("quota"),
        "tagsAll": tags_of(aws, arn),
        "throttleSettings": found.get("throttle"),
    }


def _update_plan(aws: Aws, plan: str, old: Props, new: Props) -> Props:
    operations = patches(old, new, _PLAN_PATCHES) + _move_plan(old, new)
    for name, path, fields in (
        ("throttleSettings", "/throttle", ("burstLimit", "rateLimit")),
        ("quotaSettings", "/quota", ("limit", "offset", "period")),
    ):
        had, wanted = old.get(name) or {}, new.get(name) or {}
        if had and not wanted:
            operations.append({"op": "remove", "path": path})
        operations += patches(had, wanted, {field: f"{path}/{field}" for field in fields if field in wanted})
    if operations:
        aws.call("apigateway", "update_usage_plan", usagePlanId=plan, patchOperations=operations)
    return {}


def _move_plan(old: Props, new: Props) -> list[Props]:
    """Patches of a plan's stages. A stage with other throttles is removed and added again, as Terraform does."""
    had, wanted = ([_plan_stage(stage) for stage in props.get("apiStages") or []] for props in (old, new))
    operations = [
        {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
        for stage in had
        if stage not in wanted
    ]
    for stage in wanted:
        if stage not in had:
            name = f"{stage['apiId']}:{stage['stage']}"
            operations.append({"op": "add", "path": "/apiStages", "value": name})
            for path, limits in stage.get("throttle", {}).items():
                operations += patches({}, limits, {key: f"/apiStages/{name}/throttle/{path}/{key}" for key in limits})
    return operations


def _plan_key(props: Props) -> Call:
    return "apigateway", "create_usage_plan_key", pick(props, "usagePlanId", "keyId", "keyType")


def _create_plan_key(aws: Aws, props: Props) -> tuple[str, Props]:
    key = send(aws, _plan_key(props))
    return key["id"], {"name": key.get("name"), "value": key.get("value")}


def _read_plan_key(aws: Aws, key: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_usage_plan_key", usagePlanId=outputs["usagePlanId"], keyId=key)
    return found and {"usagePlanId": outputs["usagePlanId"], "keyId": found["id"], "keyType": found["type"]}


ROWS = (
    Row(
        type="aws:apigateway/apiKey:ApiKey",
        inputs=frozenset({*_KEY_PATCHES, "tags"}),
        replaces=frozenset({"value"}),
        secrets=frozenset({"value"}),
        autoname=("name", 1024),
        defaults={"description": "Managed by Pulumi"},
        tags=TAGS,
        request=_key,
        create=_create_key,
        read=_read_key,
        update=_update_key,
        delete=deletes("apigateway", "delete_api_key", apiKey="id"),
    ),
    Row(
        type="aws:apigateway/usagePlan:UsagePlan",
        inputs=frozenset({*_PLAN_PATCHES, "apiStages", "throttleSettings", "quotaSettings", "tags"}),
        autoname=("name", 255),
        tags=TAGS,
        request=_plan,
        create=_create_plan,
        read=_read_plan,
        update=_update_plan,
        delete=deletes("apigateway", "delete_usage_plan", usagePlanId="id"),
    ),
    Row(
        type="aws:apigateway/usagePlanKey:UsagePlanKey",
        inputs=frozenset({"usagePlanId", "keyId", "keyType"}),
        required=frozenset({"usagePlanId", "keyId", "keyType"}),
        replaces=frozenset({"usagePlanId", "keyId", "keyType"}),
        identity=frozenset({"usagePlanId", "keyId"}),
        secrets=frozenset({"value"}),
        request=_plan_key,
        create=_create_plan_key,
        read=_read_plan_key,
        delete=deletes("apigateway", "delete_usage_plan_key", usagePlanId="usagePlanId", keyId="keyId"),
    ),
)

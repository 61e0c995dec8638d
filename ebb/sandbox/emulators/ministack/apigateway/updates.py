"""Patches of MiniStack's API Gateway: updates of APIs and usage plans, and stage names that are taken."""

import re
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK

Thing = dict[str, Any]

_THROTTLE = re.compile(r"/apiStages/(?P<stage>[^/]+)/throttle/(?P<path>.+)/(?P<limit>rateLimit|burstLimit)")
_ENDPOINT_TYPE = re.compile(r"/endpointConfiguration/types/(?P<index>\d+)")
_MEDIA_TYPE = re.compile(r"/binaryMediaTypes/(?P<escaped>.+)")


def apply(gateway: ModuleType) -> None:
    """Patch MiniStack's module for REST APIs, in this process. Raises ContractError."""
    patch = MINISTACK.function(gateway, "_apply_patch", "(obj, patch_ops)")
    create_stage = MINISTACK.function(gateway, "_create_stage", "(api_id, data)")
    error = MINISTACK.function(gateway, "_v1_error", "(code, message, status)")
    stages: Any = getattr(gateway, "_stages_v1", None)
    MINISTACK.check(hasattr(stages, "get"), f"{gateway.__name__}._stages_v1.get(...)")

    def patch_lists_too(thing: Thing, operations: list[Thing]) -> Any:
        return patch(thing, [operation for operation in operations if not patch_list(thing, operation)])

    def create_new_stage(api: str, data: Thing) -> Any:
        if data.get("stageName") in stages.get(api, {}):
            return error("ConflictException", "Stage already exists", 409)
        return create_stage(api, data)

    vars(gateway).update(_apply_patch=patch_lists_too, _create_stage=create_new_stage)


def patch_list(thing: Thing, operation: Thing) -> bool:
    """Apply a patch operation on a list, which MiniStack handles as a map. Returns False for other operations.

    API Gateway's "Patch operations": https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
    """
    path, value, removes = operation.get("path", ""), str(operation.get("value")), operation.get("op") == "remove"
    if path == "/apiStages":
        stages = [stage for stage in thing["apiStages"] if f"{stage['apiId']}:{stage['stage']}" != value]
        added = [] if removes else [dict(zip(("apiId", "stage"), value.split(":", 1), strict=True))]
        thing["apiStages"] = stages + added
    elif match := _THROTTLE.fullmatch(path):
        for stage in thing["apiStages"]:
            if f"{stage['apiId']}:{stage['stage']}" == match["stage"]:
                limits = stage.setdefault("throttle", {}).setdefault(match["path"], {})
                limits[match["limit"]] = float(value) if match["limit"] == "rateLimit" else int(value)
    elif match := _ENDPOINT_TYPE.fullmatch(path):
        thing["endpointConfiguration"]["types"][int(match["index"])] = value
    elif match := _MEDIA_TYPE.fullmatch(path):
        media = match["escaped"].replace("~1", "/").replace("~0", "~")
        others = [kind for kind in thing.get("binaryMediaTypes") or [] if kind != media]
        thing["binaryMediaTypes"] = others if removes else [*others, media]
    else:
        return False
    return True

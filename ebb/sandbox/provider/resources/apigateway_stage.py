"""API Gateway: deployments, stages, method settings and the account's log role."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, changed, deletes, only, pick, send
from ebb.sandbox.provider.resources.apigateway import TAGS, arn_of, keys, patches, retag, tags_of
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

_STAGE_PATCHES = {
    "description": "/description",
    "xrayTracingEnabled": "/tracingEnabled",
    "cacheClusterEnabled": "/cacheClusterEnabled",
    "deployment": "/deploymentId",
}
_ACCESS_LOG = {"destinationArn": "/accessLogSettings/destinationArn", "format": "/accessLogSettings/format"}
_SETTINGS = {
    "metricsEnabled": "metrics/enabled",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
    "throttlingBurstLimit": "throttling/burstLimit",
    "throttlingRateLimit": "throttling/rateLimit",
    "cachingEnabled": "caching/enabled",
    "cacheTtlInSeconds": "caching/ttlInSeconds",
    "cacheDataEncrypted": "caching/dataEncrypted",
    "requireAuthorizationForCacheControl": "caching/requireAuthorizationForCacheControl",
    "unauthorizedCacheControlHeaderStrategy": "caching/unauthorizedCacheControlHeaderStrategy",
}


def _deployment(props: Props) -> Call:
    return "apigateway", "create_deployment", keys(props) | pick(props, "description")


def _create_deployment(aws: Aws, props: Props) -> tuple[str, Props]:
    deployment = send(aws, _deployment(props))
    return deployment["id"], {"createdDate": str(deployment["createdDate"])}


def _read_deployment(aws: Aws, deployment: str, outputs: Props) -> Props | None:
    found = aws.find("apigateway", "get_deployment", restApiId=outputs["restApi"], deploymentId=deployment)
    return found and {**pick(found, "description"), "restApi": outputs["restApi"]}


def _update_deployment(aws: Aws, deployment: str, old: Props, new: Props) -> Props:
    operations = patches(old, new, {"description": "/description"})
    params = {"restApiId": new["restApi"], "deploymentId": deployment}
    aws.call("apigateway", "update_deployment", **params, patchOperations=operations)
    return {}


def _stage(props: Props) -> Call:
    params = pick(
        props, "stageName", "description", "variables", "cacheClusterEnabled",
        deploymentId="deployment", tracingEnabled="xrayTracingEnabled", tags="tagsAll",
    )  # fmt: skip
    if (log := props.get("accessLogSettings", UNKNOWN)) != UNKNOWN:
        missing = _ACCESS_LOG.keys() - only(log, "accessLogSettings", *_ACCESS_LOG).keys()
        if missing:
            raise RefusedError(f"accessLogSettings.{min(missing)} is required")
    return "apigateway", "create_stage", keys(props) | params


def _create_stage(aws: Aws, props: Props) -> tuple[str, Props]:
    api, stage = props["restApi"], props["stageName"]
    send(aws, _stage(props))
    _log_access(aws, props)
    arn = arn_of(aws, f"restapis/{api}/stages/{stage}")
    retag(aws, arn, props)
    return f"ags-{api}-{stage}", {
        "arn": arn,
        "executionArn": aws.arn("execute-api", f"{api}/{stage}"),
        # the emulator's address; AWS's is https://{api}.execute-api.{region}.amazonaws.com/{stage}
        "invokeUrl": f"{aws.client('apigateway').meta.endpoint_url}/_aws/execute-api/{api}/{stage}",
    }


def _patch_stage(aws: Aws, props: Props, operations: list[Props]) -> None:
    if operations:
        params = {"restApiId": props["restApi"], "stageName": props["stageName"]}
        aws.call("apigateway", "update_stage", **params, patchOperations=operations)


def _log_access(aws: Aws, props: Props) -> None:
    settings = props.get("accessLogSettings")
    if settings:
        _patch_stage(aws, props, patches({}, settings, _ACCESS_LOG))


def _read_stage(aws: Aws, _: str, outputs: Props) -> Props | None:
    names = {"restApiId": outputs["restApi"], "stageName": outputs["stageName"]}
    found = aws.find("apigateway", "get_stage", **names)
    if found is None:
        return None
    return found | {
        "deployment": found["deploymentId"],
        "restApi": outputs["restApi"],
        "tagsAll": tags_of(aws, outputs["arn"]),
        "xrayTracingEnabled": found["tracingEnabled"],
    }


def _update_stage(aws: Aws, _: str, old: Props, new: Props) -> Props:
    operations = patches(old, new, _STAGE_PATCHES)
    had, wanted = old.get("variables") or {}, new.get("variables") or {}
    operations += patches(had, wanted, {name: f"/variables/{name}" for name in wanted})
    operations += [{"op": "remove", "path": f"/variables/{name}"} for name in sorted(had.keys() - wanted.keys())]
    if old.get("accessLogSettings") and not new.get("accessLogSettings"):
        operations.append({"op": "remove", "path": "/accessLogSettings"})
    _patch_stage(aws, new, operations)
    if changed(old, new, "accessLogSettings"):
        _log_access(aws, new)
    return {}


def _setting_paths(props: Props) -> dict[str, str]:
    """The patch path of each method setting: of "a/b/POST" it starts with /a~1b/POST."""
    path, _, method = str(props["methodPath"]).rpartition("/")
    path = path.replace("~1", "/").replace("/", "~1")
    return {name: f"/{path}/{method}/{tail}" for name, tail in _SETTINGS.items()}


def _set_methods(aws: Aws, props: Props, old: Props) -> None:
    had, wanted = old.get("settings") or {}, props.get("settings") or {}
    paths = _setting_paths(props)
    operations = patches(had, wanted, {name: paths[name] for name in wanted if name in paths})
    operations += [{"op": "remove", "path": paths[name]} for name in sorted(had.keys() - wanted.keys())]
    _patch_stage(aws, props, operations)


def _create_settings(aws: Aws, props: Props) -> tuple[str, Props]:
    _set_methods(aws, props, {})
    return f"{props['restApi']}-{props['stageName']}-{props['methodPath']}", {}


def _settings(props: Props) -> Call:
    unknown = sorted((props.get("settings") or {}).keys() - _SETTINGS.keys())
    if unknown:
        raise RefusedError(f"settings.{unknown[0]} is not a method setting; they are {', '.join(_SETTINGS)}")
    params = {"restApiId": props.get("restApi"), "stageName": props.get("stageName")}
    return "apigateway", "update_stage", params


def _read_settings(aws: Aws, _: str, outputs: Props) -> Props | None:
    stage = aws.find("apigateway", "get_stage", restApiId=outputs["restApi"], stageName=outputs["stageName"]) or {}
    found = stage.get("methodSettings", {}).get(str(outputs["methodPath"]).replace("~1", "/"))
    return found and {**pick(outputs, "restApi", "stageName", "methodPath"), "settings": found}


def _update_settings(aws: Aws, _: str, old: Props, new: Props) -> Props:
    _set_methods(aws, new, old)
    return {}


def _delete_settings(aws: Aws, _: str, outputs: Props) -> None:
    path = next(iter(_setting_paths(outputs).values())).removesuffix("/metrics/enabled")
    names = {"restApiId": outputs["restApi"], "stageName": outputs["stageName"]}
    aws.find("apigateway", "update_stage", **names, patchOperations=[{"op": "remove", "path": path}])


def _log_role(props: Props) -> Call:
    # AWS refuses a request without a value, and takes an empty text for "none"
    operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": props.get("cloudwatchRoleArn") or ""}
    return "apigateway", "update_account", {"patchOperations": [operation]}


def _create_account(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _log_role(props))
    return "api-gateway-account", {}


def _read_account(aws: Aws, _: str, __: Props) -> Props | None:
    return {"cloudwatchRoleArn": aws.call("apigateway", "get_account").get("cloudwatchRoleArn") or None}


_STAGE_KEY = frozenset({"restApi", "stageName"})
_SETTINGS_KEY = frozenset({"restApi", "stageName", "methodPath"})
ROWS = (
    Row(
        type="aws:apigateway/deployment:Deployment",
        inputs=frozenset({"restApi", "description", "triggers"}),
        required=frozenset({"restApi"}),
        replaces=frozenset({"restApi", "triggers", "variables"}),
        request=_deployment,
        create=_create_deployment,
        read=_read_deployment,
        update=_update_deployment,
        delete=deletes("apigateway", "delete_deployment", restApiId="restApi", deploymentId="id"),
    ),
    Row(
        type="aws:apigateway/stage:Stage",
        inputs=_STAGE_KEY | {"accessLogSettings", "tags", "variables", *_STAGE_PATCHES},
        required=_STAGE_KEY | {"deployment"},
        replaces=_STAGE_KEY,
        identity=_STAGE_KEY,
        tags=TAGS,
        request=_stage,
        create=_create_stage,
        read=_read_stage,
        update=_update_stage,
        delete=deletes("apigateway", "delete_stage", restApiId="restApi", stageName="stageName"),
    ),
    Row(
        type="aws:apigateway/methodSettings:MethodSettings",
        inputs=_SETTINGS_KEY | {"settings"},
        required=_SETTINGS_KEY | {"settings"},
        replaces=_SETTINGS_KEY,
        identity=_SETTINGS_KEY,
        request=_settings,
        create=_create_settings,
        read=_read_settings,
        update=_update_settings,
        delete=_delete_settings,
    ),
    Row(
        type="aws:apigateway/account:Account",
        inputs=frozenset({"cloudwatchRoleArn"}),
        request=_log_role,
        create=_create_account,
        read=_read_account,
        update=lambda aws, _, __, new: _create_account(aws, new)[1],
        delete=lambda aws, _, __: _create_account(aws, {}) and None,
    ),
)

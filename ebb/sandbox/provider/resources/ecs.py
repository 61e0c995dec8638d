"""ECS: clusters, task definitions and services."""

import json

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    Tags,
    changed,
    first,
    pick,
    refuse_removal,
    send,
    tag_map,
)
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

TAGS = Tags(service="ecs", target="resourceArn")

_TASK_SAME = (
    "family", "cpu", "memory", "networkMode", "requiresCompatibilities", "runtimePlatform", "taskRoleArn",
    "executionRoleArn", "ephemeralStorage",
)  # fmt: skip
_SERVICE_SAME = (
    "cluster", "taskDefinition", "desiredCount", "platformVersion", "schedulingStrategy", "propagateTags",
    "availabilityZoneRebalancing", "enableExecuteCommand", "enableEcsManagedTags", "capacityProviderStrategies",
)  # fmt: skip
_DEPLOYMENT = {
    "deploymentMaximumPercent": "maximumPercent",
    "deploymentMinimumHealthyPercent": "minimumHealthyPercent",
    "deploymentCircuitBreaker": "deploymentCircuitBreaker",
}
#: Inputs that the emulator's CreateService ignores, and its UpdateService stores.
_DROPPED = (
    "capacityProviderStrategies", "availabilityZoneRebalancing", "enableExecuteCommand", "enableEcsManagedTags",
    *_DEPLOYMENT,
)  # fmt: skip
#: Values of these inputs when they are not set. AWS's update would keep the old values.
_OFF = {"enableExecuteCommand": False, "enableEcsManagedTags": False}
#: The parameters of UpdateService; all others are fixed when the service is created.
_CHANGEABLE = (
    *(set(_SERVICE_SAME) - {"cluster", "schedulingStrategy"}),
    *_DEPLOYMENT,
)


def _cluster(props: Props) -> Call:
    params = pick(props, "settings", clusterName="name", tags="tagsAll")
    return "ecs", "create_cluster", params


def _create_cluster(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _cluster(props))["cluster"]["clusterArn"]
    return arn, {"arn": arn}


def _read_cluster(aws: Aws, arn: str, _: Props) -> Props | None:
    include = ["SETTINGS", "TAGS", "CONFIGURATIONS"]
    found = first(aws.find("ecs", "describe_clusters", clusters=[arn], include=include), "clusters")
    if found is None or found["status"] == "INACTIVE":
        return None
    return found | {"name": found["clusterName"], "arn": arn, "tagsAll": tag_map(found.get("tags"))}


def _update_cluster(aws: Aws, arn: str, old: Props, new: Props) -> Props:
    refuse_removal(old, new, "settings")
    aws.call("ecs", "update_cluster", cluster=arn, **pick(new, "settings"))
    return {}


def _delete_cluster(aws: Aws, arn: str, _: Props) -> None:
    aws.find("ecs", "delete_cluster", cluster=arn)


def _providers(props: Props) -> Call:
    return "ecs", "put_cluster_capacity_providers", {
        "cluster": props.get("clusterName"),
        "capacityProviders": props.get("capacityProviders") or [],
        "defaultCapacityProviderStrategy": props.get("defaultCapacityProviderStrategies") or [],
    }  # fmt: skip


def _put_providers(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _providers(props))
    return props["clusterName"], {}


def _read_providers(aws: Aws, name: str, _: Props) -> Props | None:
    found = first(aws.find("ecs", "describe_clusters", clusters=[name]), "clusters")
    if found is None or found["status"] == "INACTIVE" or not found.get("capacityProviders"):
        return None
    strategies = found.get("defaultCapacityProviderStrategy", [])
    return pick(found, "capacityProviders") | {"clusterName": name, "defaultCapacityProviderStrategies": strategies}


def _delete_providers(aws: Aws, name: str, _: Props) -> None:
    service, operation, params = _providers({"clusterName": name})
    aws.find(service, operation, **params)


def _task(props: Props) -> Call:
    params = pick(props, *_TASK_SAME, tags="tagsAll")
    text = str(props.get("containerDefinitions", ""))
    params["containerDefinitions"] = UNKNOWN if UNKNOWN in text else json.loads(text)
    if isinstance(props.get("volumes"), list):
        params["volumes"] = [_volume(volume) for volume in props["volumes"]]
    return "ecs", "register_task_definition", params


def _volume(volume: Props) -> Props:
    """A volume in AWS's form. Pulumi has the host's path without the object around it."""
    rest = {name: value for name, value in volume.items() if name != "hostPath"}
    return rest | ({"host": {"sourcePath": volume["hostPath"]}} if volume.get("hostPath") else {})


def _create_task(aws: Aws, props: Props) -> tuple[str, Props]:
    task = send(aws, _task(props))["taskDefinition"]
    arn = task["taskDefinitionArn"]
    return task["family"], {"arn": arn, "arnWithoutRevision": arn.rsplit(":", 1)[0], "revision": task["revision"]}


def _read_task(aws: Aws, _: str, outputs: Props) -> Props | None:
    answer = aws.find("ecs", "describe_task_definition", taskDefinition=outputs["arn"], include=["TAGS"])
    if answer is None or answer["taskDefinition"]["status"] != "ACTIVE":
        return None
    found: Props = answer["taskDefinition"]
    return found | {
        "containerDefinitions": json.dumps(found["containerDefinitions"]),
        "ephemeralStorage": pick(found.get("ephemeralStorage", {}), sizeInGib="sizeInGiB") or None,
        "tagsAll": tag_map(answer.get("tags")),
    }


def _delete_task(aws: Aws, _: str, outputs: Props) -> None:
    aws.find("ecs", "deregister_task_definition", taskDefinition=outputs["arn"])


def _service_params(props: Props, names: tuple[str, ...]) -> Props:
    params = pick(props, *(name for name in names if name not in _DEPLOYMENT))
    if deployment := {
        _DEPLOYMENT[name]: props[name] for name in names if name in _DEPLOYMENT and props.get(name) is not None
    }:
        params["deploymentConfiguration"] = deployment
    return params


def _service(props: Props) -> Call:
    if props.get("waitForSteadyState") is True:
        raise RefusedError(
            "the sandbox does not handle waitForSteadyState: a protected old task can delay a deployment for hours"
        )
    params = _service_params(props, (*_SERVICE_SAME, *_DEPLOYMENT))
    network = _network(props)
    return "ecs", "create_service", params | network | pick(props, serviceName="name", tags="tagsAll")


def _network(props: Props) -> Props:
    network = props.get("networkConfiguration")
    return {"networkConfiguration": {"awsvpcConfiguration": network}} if network else {}


def _create_service(aws: Aws, props: Props) -> tuple[str, Props]:
    service = send(aws, _service(props))["service"]
    names = {"cluster": props.get("cluster"), "service": service["serviceArn"]}
    aws.call("ecs", "update_service", **names, **_service_params(props, _DROPPED))
    return service["serviceArn"], {"arn": service["serviceArn"]}


def _read_service(aws: Aws, arn: str, outputs: Props) -> Props | None:
    answer = aws.find("ecs", "describe_services", cluster=outputs.get("cluster"), services=[arn], include=["TAGS"])
    found = first(answer, "services")
    if found is None or found["status"] == "INACTIVE":
        return None
    network = found.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if network:
        network["assignPublicIp"] = network.get("assignPublicIp") == "ENABLED"
    deployment = found.get("deploymentConfiguration", {})
    return found | {
        **{name: deployment.get(aws_name) for name, aws_name in _DEPLOYMENT.items()},
        "arn": arn,
        "capacityProviderStrategies": found.get("capacityProviderStrategy") or None,
        "cluster": outputs.get("cluster") or found["clusterArn"],
        "enableEcsManagedTags": found.get("enableECSManagedTags"),
        "name": found["serviceName"],
        "networkConfiguration": network,
        "tagsAll": tag_map(found.get("tags")),
    }


def _update_service(aws: Aws, arn: str, old: Props, new: Props) -> Props:
    if changed(old, new, "capacityProviderStrategies") and not new.get("forceNewDeployment"):
        raise RefusedError(
            "capacityProviderStrategies of an existing service can change only with forceNewDeployment: true"
        )
    _service(new)  # raises RefusedError for the same inputs as at creation
    different = tuple(name for name in _CHANGEABLE if changed(old, new, name))
    if any(name in _DEPLOYMENT for name in different):
        # AWS replaces the whole object
        different = (*different, *(name for name in _DEPLOYMENT if name not in different))
    network = _network(new) if changed(old, new, "networkConfiguration") else {}
    params = _service_params(_OFF | new, different) | network | pick(new, "forceNewDeployment")
    aws.call("ecs", "update_service", cluster=new.get("cluster"), service=arn, **params)
    return {}


def _delete_service(aws: Aws, arn: str, outputs: Props) -> None:
    aws.find("ecs", "delete_service", cluster=outputs.get("cluster"), service=arn, force=True)


ROWS = (
    Row(
        type="aws:ecs/cluster:Cluster",
        inputs=frozenset({"name", "settings", "tags"}),
        replaces=frozenset({"name"}),
        autoname=("name", 255),
        tags=TAGS,
        request=_cluster,
        create=_create_cluster,
        read=_read_cluster,
        update=_update_cluster,
        delete=_delete_cluster,
    ),
    Row(
        type="aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        inputs=frozenset({"clusterName", "capacityProviders", "defaultCapacityProviderStrategies"}),
        required=frozenset({"clusterName"}),
        replaces=frozenset({"clusterName"}),
        identity=frozenset({"clusterName"}),
        request=_providers,
        create=_put_providers,
        read=_read_providers,
        update=lambda aws, _, __, new: _put_providers(aws, new)[1],
        delete=_delete_providers,
    ),
    Row(
        type="aws:ecs/taskDefinition:TaskDefinition",
        inputs=frozenset({*_TASK_SAME, "containerDefinitions", "volumes", "tags"}),
        required=frozenset({"family", "containerDefinitions"}),
        documents=frozenset({"containerDefinitions"}),
        # also volumes, as in the real provider: a revision never changes
        replaces=frozenset(
            {
                *_TASK_SAME,
                "containerDefinitions",
                "enableFaultInjection",
                "ipcMode",
                "pidMode",
                "proxyConfiguration",
                "volumes",
            }
        ),
        tags=TAGS,
        request=_task,
        create=_create_task,
        read=_read_task,
        delete=_delete_task,
    ),
    Row(
        type="aws:ecs/service:Service",
        inputs=frozenset(
            {
                *_SERVICE_SAME,
                *_DEPLOYMENT,
                "name",
                "networkConfiguration",
                "forceNewDeployment",
                "waitForSteadyState",
                "tags",
            }
        ),
        replaces=frozenset({"cluster", "iamRole", "launchType", "name", "schedulingStrategy"}),
        autoname=("name", 255),
        tags=TAGS,
        request=_service,
        create=_create_service,
        read=_read_service,
        update=_update_service,
        delete=_delete_service,
    ),
)

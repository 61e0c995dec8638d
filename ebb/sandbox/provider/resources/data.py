"""Data sources: the functions with which a program reads from AWS."""

from collections.abc import Callable

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Props, first, pick, tag_map
from ebb.sandbox.provider.shapes import RefusedError

Invoke = Callable[[Aws, Props], Props]


def _region(aws: Aws, args: Props) -> Props:
    region = args.get("region") or aws.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _caller(aws: Aws, _: Props) -> Props:
    identity = aws.call("sts", "get_caller_identity")
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "id": identity["Account"],
        "userId": identity["UserId"],
    }


def _partition(_: Aws, __: Props) -> Props:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _zones(aws: Aws, args: Props) -> Props:
    params = pick(args, "filters", "allAvailabilityZones")
    zones = aws.call("ec2", "describe_availability_zones", **params)["AvailabilityZones"]
    kept = [
        zone
        for zone in sorted(zones, key=lambda zone: str(zone["ZoneName"]))
        if args.get("state") in (None, zone["State"])
        and zone["ZoneName"] not in (args.get("excludeNames") or ())
        and zone["ZoneId"] not in (args.get("excludeZoneIds") or ())
    ]
    names = [zone["ZoneName"] for zone in kept]
    return {"id": aws.region, "names": names, "zoneIds": [zone["ZoneId"] for zone in kept], "groupNames": [aws.region]}


def _offerings(aws: Aws, args: Props) -> Props:
    """Every type, in each zone: the emulator's list has gaps."""
    zones = _zones(aws, {})["names"]
    types = [value for each in args.get("filters") or () for value in each["values"] if each["name"] == "instance-type"]
    return {"id": aws.region, "locations": zones, "instanceTypes": types * len(zones)}


def _endpoint_service(aws: Aws, args: Props) -> Props:
    """Every service, in each zone: the emulator knows few of them."""
    return {"id": args["serviceName"], "availabilityZones": _zones(aws, {})["names"], **args}


def _parameter(aws: Aws, args: Props) -> Props:
    decrypt = args.get("withDecryption", True)
    found = first(aws.call("ssm", "get_parameter", name=args["name"], withDecryption=decrypt), "Parameter") or {}
    value = found["value"]
    return {**found, "id": args["name"], "arn": found.get("aRN"), "insecureValue": value, "withDecryption": decrypt}


def _secret_version(aws: Aws, args: Props) -> Props:
    stage = args.get("versionStage") or "AWSCURRENT"
    found = first(aws.call("secretsmanager", "get_secret_value", secretId=args["secretId"])) or {}
    version = found.get("versionId")
    outputs = pick(found, secretString="secretString", versionStages="versionStages")
    return {**args, **outputs, "id": f"{args['secretId']}|{stage}", "arn": found.get("aRN"), "versionId": version}


def _repository(aws: Aws, args: Props) -> Props:
    found = first(aws.call("ecr", "describe_repositories", repositoryNames=[args["name"]]), "repositories") or {}
    outputs = pick(found, "registryId", "imageTagMutability", arn="repositoryArn", repositoryUrl="repositoryUri")
    return outputs | {"id": args["name"], "name": args["name"]}


def _image(aws: Aws, args: Props) -> Props:
    name = args["repositoryName"]
    ids = [pick(args, "imageTag", "imageDigest")] if args.get("imageTag") or args.get("imageDigest") else None
    found = aws.call("ecr", "describe_images", repositoryName=name, imageIds=ids)["imageDetails"]
    if not found:
        raise RefusedError(f"the ECR repository {name} has no such image")
    newest = max(found, key=lambda image: str(image["imagePushedAt"]))
    url = _repository(aws, {"name": name})["repositoryUrl"]
    digest = newest["imageDigest"]
    return {
        "id": digest,
        "imageDigest": digest,
        "imageTags": newest.get("imageTags", []),
        "imageUri": f"{url}@{digest}",
        "registryId": newest["registryId"],
        "repositoryName": name,
    }


def _one(aws: Aws, operation: str, path: str, args: Props, ids: str) -> Props:
    params: Props = {"filters": args.get("filters")}
    if args.get("id"):
        params[ids] = [args["id"]]
    if args.get("tags"):
        tags = [{"name": f"tag:{key}", "values": [value]} for key, value in sorted(args["tags"].items())]
        params["filters"] = [*(params["filters"] or []), *tags]
    found = aws.call("ec2", operation, **params)[path]
    if len(found) != 1:
        raise RefusedError(f"{len(found)} resources match in EC2 {operation}, and exactly one must")
    item = first({path: found}, path) or {}
    return item | {"tags": tag_map(item.get("tags"))}


def _vpc(aws: Aws, args: Props) -> Props:
    params = dict(args)
    if args.get("default") is not None or args.get("cidrBlock"):
        named = {"is-default": str(args["default"]).lower()} if args.get("default") is not None else {}
        named |= {"cidr": args["cidrBlock"]} if args.get("cidrBlock") else {}
        params["filters"] = [
            *(args.get("filters") or []),
            *({"name": key, "values": [value]} for key, value in named.items()),
        ]
    vpc = _one(aws, "describe_vpcs", "Vpcs", params, "vpcIds")
    return vpc | {"id": vpc["vpcId"], "arn": aws.arn("ec2", f"vpc/{vpc['vpcId']}"), "default": vpc.get("isDefault")}


def _subnet(aws: Aws, args: Props) -> Props:
    subnet = _one(aws, "describe_subnets", "Subnets", args, "subnetIds")
    return subnet | {"id": subnet["subnetId"], "arn": subnet.get("subnetArn")}


def _cluster(aws: Aws, args: Props) -> Props:
    found = first(aws.call("ecs", "describe_clusters", clusters=[args["clusterName"]]), "clusters")
    if found is None or found["status"] == "INACTIVE":
        raise RefusedError(f"there is no ECS cluster {args['clusterName']}")
    return found | {"id": found["clusterArn"], "arn": found["clusterArn"]}


#: The arguments of each; any other is refused by name. All take `region`, which must be the sandbox's.
INVOKES: dict[str, tuple[frozenset[str], Invoke]] = {
    "aws:index/getRegion:getRegion": (frozenset(), _region),
    "aws:index/getCallerIdentity:getCallerIdentity": (frozenset(), _caller),
    "aws:index/getPartition:getPartition": (frozenset(), _partition),
    "aws:index/getAvailabilityZones:getAvailabilityZones": (
        frozenset({"state", "filters", "allAvailabilityZones", "excludeNames", "excludeZoneIds"}),
        _zones,
    ),
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": (
        frozenset({"locationType", "filters"}),
        _offerings,
    ),
    "aws:ec2/getVpcEndpointService:getVpcEndpointService": (
        frozenset({"serviceName", "serviceType"}),
        _endpoint_service,
    ),
    "aws:ssm/getParameter:getParameter": (frozenset({"name", "withDecryption"}), _parameter),
    "aws:secretsmanager/getSecretVersion:getSecretVersion": (frozenset({"secretId"}), _secret_version),
    "aws:ecr/getRepository:getRepository": (frozenset({"name"}), _repository),
    "aws:ecr/getImage:getImage": (frozenset({"repositoryName", "imageTag", "imageDigest", "mostRecent"}), _image),
    "aws:ec2/getVpc:getVpc": (frozenset({"id", "filters", "tags", "default", "cidrBlock"}), _vpc),
    "aws:ec2/getSubnet:getSubnet": (frozenset({"id", "filters", "tags"}), _subnet),
    "aws:ecs/getCluster:getCluster": (frozenset({"clusterName"}), _cluster),
}

"""EC2: instances, addresses and NAT gateways."""

from base64 import b64decode, b64encode

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    changed,
    deletes,
    first,
    pick,
    refuse_removal,
    send,
    tag_map,
)
from ebb.sandbox.provider.resources.vpc import TAGS, reader, tagged
from ebb.sandbox.provider.shapes import RefusedError

_EIP_ASSOCIATION = ("allocationId", "instanceId")
_INSTANCE_SAME = ("instanceType", "subnetId", "metadataOptions", "userData")
_INSTANCE_INPUTS = (
    *_INSTANCE_SAME,
    "ami",
    "iamInstanceProfile",
    "monitoring",
    "rootBlockDevice",
    "sourceDestCheck",
    "tags",
    "userDataReplaceOnChange",
    "vpcSecurityGroupIds",
)
#: The root device of Amazon Linux 2023, and the size in GiB of its AMI's snapshot. AWS takes that size if the inputs
#: have none. The emulator refuses a device without a size.
_ROOT_DEVICE, _ROOT_SIZE = "/dev/xvda", 8


def _create_eip(aws: Aws, props: Props) -> tuple[str, Props]:
    answer = send(aws, _eip(props))
    allocation = answer["AllocationId"]
    outputs = {
        "allocationId": allocation,
        "publicIp": answer["PublicIp"],
        "arn": aws.arn("ec2", f"elastic-ip/{allocation}"),
        "domain": "vpc",
    }
    return allocation, outputs | _bind_eip(aws, allocation, {}, props)


def _eip(props: Props) -> Call:
    return "ec2", "allocate_address", {"domain": props.get("domain") or "vpc"} | tagged("elastic-ip", props)


def _bind_eip(aws: Aws, allocation: str, old: Props, new: Props) -> Props:
    if not changed(old, new, "instance"):
        return {}
    if old.get("associationId"):
        aws.call("ec2", "disassociate_address", associationId=old["associationId"])
    if not new.get("instance"):
        return {"associationId": None}
    answer = aws.call("ec2", "associate_address", allocationId=allocation, instanceId=new["instance"])
    return {"associationId": answer["AssociationId"]}


def _read_eip(_: Aws, found: Props) -> Props:
    return {"instance": found.get("instanceId") or None}


def _delete_eip(aws: Aws, allocation: str, outputs: Props) -> None:
    if outputs.get("associationId"):
        aws.find("ec2", "disassociate_address", associationId=outputs["associationId"])
    aws.find("ec2", "release_address", allocationId=allocation)


def _eip_association(props: Props) -> Call:
    return "ec2", "associate_address", pick(props, *_EIP_ASSOCIATION)


def _associate_eip(aws: Aws, props: Props) -> tuple[str, Props]:
    association = send(aws, _eip_association(props))["AssociationId"]
    return association, {}


def _read_eip_association(aws: Aws, association: str, _: Props) -> Props | None:
    addresses = aws.call("ec2", "describe_addresses", filters=[{"name": "association-id", "values": [association]}])
    return first(addresses, "Addresses")


def _nat(props: Props) -> Call:
    params = pick(props, "subnetId", "allocationId", "connectivityType")
    return "ec2", "create_nat_gateway", params | tagged("natgateway", props)


def _create_nat(aws: Aws, props: Props) -> tuple[str, Props]:
    gateway = send(aws, _nat(props))["NatGateway"]
    address = (gateway.get("NatGatewayAddresses") or [{}])[0]
    return gateway["NatGatewayId"], {
        "networkInterfaceId": address.get("NetworkInterfaceId"),
        "publicIp": address.get("PublicIp"),
    }


def _adapt_nat(_: Aws, found: Props) -> Props:
    address = (found.get("natGatewayAddresses") or [{}])[0]
    return {"allocationId": address.get("allocationId"), "publicIp": address.get("publicIp")}


def _instance(props: Props) -> Call:
    params = pick(props, *_INSTANCE_SAME, imageId="ami", securityGroupIds="vpcSecurityGroupIds")
    params |= tagged("instance", props) | {"minCount": 1, "maxCount": 1}
    if props.get("iamInstanceProfile"):
        params["iamInstanceProfile"] = {"name": props["iamInstanceProfile"]}
    if props.get("monitoring") is not None:
        params["monitoring"] = {"enabled": props["monitoring"]}
    if props.get("rootBlockDevice"):
        device = {"volumeSize": _ROOT_SIZE} | props["rootBlockDevice"]
        params["blockDeviceMappings"] = [{"deviceName": _ROOT_DEVICE, "ebs": device}]
    return "ec2", "run_instances", params


def _create_instance(aws: Aws, props: Props) -> tuple[str, Props]:
    instance = send(aws, _instance(props))["Instances"][0]
    physical_id = instance["InstanceId"]
    if props.get("sourceDestCheck") is False:
        aws.call("ec2", "modify_instance_attribute", instanceId=physical_id, sourceDestCheck={"value": False})
    interfaces = instance.get("NetworkInterfaces") or [{}]
    return physical_id, {
        "arn": aws.arn("ec2", f"instance/{physical_id}"),
        "availabilityZone": instance["Placement"]["AvailabilityZone"],
        "instanceState": "running",
        "primaryNetworkInterfaceId": interfaces[0].get("NetworkInterfaceId"),
        "privateDns": instance.get("PrivateDnsName"),
        "privateIp": instance.get("PrivateIpAddress"),
        "publicIp": instance.get("PublicIpAddress"),
    }


def _read_instance(aws: Aws, physical_id: str, _: Props) -> Props | None:
    answer = aws.find("ec2", "describe_instances", instanceIds=[physical_id])
    found = first(answer, "Reservations", "Instances")
    if found is None or found["state"]["name"] == "terminated":
        return None
    profile = (found.get("iamInstanceProfile") or {}).get("arn", "").rsplit("/", 1)[-1]
    return found | {
        "ami": found["imageId"],
        "iamInstanceProfile": profile or None,
        "monitoring": found.get("monitoring", {}).get("state") == "enabled",
        "privateIp": found.get("privateIpAddress"),
        "publicIp": found.get("publicIpAddress"),
        "rootBlockDevice": _root_device(aws, found),
        "tagsAll": tag_map(found.get("tags")),
        "userData": _user_data(aws, physical_id),
        "vpcSecurityGroupIds": [group["groupId"] for group in found.get("securityGroups", [])],
    }


def _user_data(aws: Aws, physical_id: str) -> str | None:
    shown = aws.call("ec2", "describe_instance_attribute", instanceId=physical_id, attribute="userData")
    value = (shown.get("UserData") or {}).get("Value")
    empty = (None, "", "b''")  # the emulator writes b'' when user data was removed
    return None if value in empty else b64decode(value).decode()


def _root_device(aws: Aws, instance: Props) -> Props | None:
    volumes = [item["ebs"]["volumeId"] for item in instance.get("blockDeviceMappings", []) if "ebs" in item]
    found = first(aws.call("ec2", "describe_volumes", volumeIds=volumes[:1]), "Volumes") if volumes else None
    return found and found | {"volumeSize": found["size"]}


def _update_instance(aws: Aws, physical_id: str, old: Props, new: Props) -> Props:
    for name in ("instanceType", "sourceDestCheck"):
        if changed(old, new, name):
            value = {"value": new[name] if new.get(name) is not None else name == "sourceDestCheck"}
            aws.call("ec2", "modify_instance_attribute", instanceId=physical_id, **{name: value})
    if changed(old, new, "userData"):
        value = {"value": b64encode(str(new.get("userData") or "").encode()).decode()}
        aws.call("ec2", "modify_instance_attribute", instanceId=physical_id, userData=value)
    if changed(old, new, "vpcSecurityGroupIds"):
        aws.call("ec2", "modify_instance_attribute", instanceId=physical_id, groups=new["vpcSecurityGroupIds"])
    refuse_removal(old, new, "metadataOptions")
    if changed(old, new, "metadataOptions") and new.get("metadataOptions"):
        aws.call("ec2", "modify_instance_metadata_options", instanceId=physical_id, **new["metadataOptions"])
    for name in ("iamInstanceProfile", "monitoring", "rootBlockDevice"):
        if changed(old, new, name):
            raise RefusedError(f"the sandbox cannot change {name} of a running instance; AWS can")
    return {}


ROWS = (
    Row(
        type="aws:ec2/eip:Eip",
        inputs=frozenset({"domain", "instance", "tags"}),
        replaces=frozenset({"address", "domain", "networkBorderGroup", "publicIpv4Pool"}),
        tags=TAGS,
        request=_eip,
        create=_create_eip,
        read=reader("describe_addresses", ("Addresses",), "allocationIds", _read_eip),
        update=_bind_eip,
        delete=_delete_eip,
    ),
    Row(
        type="aws:ec2/eipAssociation:EipAssociation",
        inputs=frozenset(_EIP_ASSOCIATION),
        replaces=frozenset(_EIP_ASSOCIATION),
        request=_eip_association,
        create=_associate_eip,
        read=_read_eip_association,
        delete=deletes("ec2", "disassociate_address", associationId="id"),
    ),
    Row(
        type="aws:ec2/natGateway:NatGateway",
        inputs=frozenset({"subnetId", "allocationId", "connectivityType", "tags"}),
        replaces=frozenset({"allocationId", "availabilityMode", "connectivityType", "privateIp", "subnetId", "vpcId"}),
        tags=TAGS,
        request=_nat,
        create=_create_nat,
        read=reader("describe_nat_gateways", ("NatGateways",), "natGatewayIds", _adapt_nat),
        delete=deletes("ec2", "delete_nat_gateway", natGatewayId="id"),
    ),
    Row(
        type="aws:ec2/instance:Instance",
        inputs=frozenset(_INSTANCE_INPUTS),
        replaces=frozenset(
            {
                "ami",
                "associatePublicIpAddress",
                "availabilityZone",
                "ebsOptimized",
                "keyName",
                "launchTemplate",
                "privateIp",
                "rootBlockDevice.encrypted",
                "rootBlockDevice.kmsKeyId",
                "securityGroups",
                "subnetId",
                "tenancy",
            }
        ),
        replaces_if={"userData": "userDataReplaceOnChange"},
        tags=TAGS,
        request=_instance,
        create=_create_instance,
        read=_read_instance,
        update=_update_instance,
        delete=deletes("ec2", "terminate_instances", instanceIds="ids"),
    ),
)

"""Resources that exist before a stack: a VPC, a cluster, a key, an image, secrets, a hosted zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ebb.project import ROOT
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region

_CIDR = "10.20.0.0/16"


@dataclass(frozen=True)
class ExistingResources:
    """Their ids, names and ARNs. `digest` is the digest of the image with this tag."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_id: str
    key_arn: str
    cluster: str
    repository: str
    tag: str
    digest: str
    parameter: str
    secret_arn: str
    zone_id: str

    def use_in(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A stack's configuration (by full key, such as `ebb:network`) that names these instead."""
        adopted = dict(config)
        changes = {"network": self._network, "queue": self._queue, "api": self._api, "worker": self._worker}
        for key, change in ((f"ebb:{section}", change) for section, change in changes.items()):
            if key in config:
                adopted[key] = {**config[key], **change(config[key])}
        return adopted

    def _network(self, section: Mapping[str, Any]) -> dict[str, Any]:
        ours = {
            "vpc_id": self.vpc_id,
            "subnet_ids": list(self.subnet_ids),
            "security_group_ids": [self.security_group_id],
        }
        return {name: value for name, value in ours.items() if section.get(name)}

    def _queue(self, section: Mapping[str, Any]) -> dict[str, Any]:
        return {"kms": self.key_arn} if str(section.get("kms", "")).startswith("arn:") else {}

    def _api(self, section: Mapping[str, Any]) -> dict[str, Any]:
        return {"domain": {**section["domain"], "zone_id": self.zone_id}} if section.get("domain") else {}

    def _worker(self, section: Mapping[str, Any]) -> dict[str, Any]:
        ours: dict[str, Any] = {"cluster": self.cluster, "secrets_kms_key": self.key_arn}
        changed = {name: value for name, value in ours.items() if section.get(name)}
        image = section.get("image", {})
        if image.get("repository"):
            ours = {"repository": self.repository, "tag": self.tag, "digest": self.digest}
            changed["image"] = {**image, **{name: value for name, value in ours.items() if image.get(name)}}
        if section.get("secrets"):
            changed["secrets"] = {
                name: self.secret_arn if ":secretsmanager:" in source else self.parameter
                for name, source in section["secrets"].items()
            }
        return changed


def uses_existing(config: Mapping[str, Any]) -> bool:
    """Whether a stack's configuration names resources that must exist before it."""
    return ExistingResources("", (), "", "", "", "", "", "", "", "", "").use_in(config) != config


def create_existing(region: Region, images: Images, context: Path = ROOT / "worker") -> ExistingResources:
    """Creates them all in the region, the image from the `context` folder."""
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=_CIDR)["Vpc"]["VpcId"]
    subnets = tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"{region.region}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for number, zone in enumerate("ab")
    )
    group = ec2.create_security_group(VpcId=vpc, GroupName="company", Description="No ingress")["GroupId"]
    key = region.client("kms").create_key(Description="company")["KeyMetadata"]["Arn"]
    region.client("ecs").create_cluster(clusterName="company")
    region.client("ecr").create_repository(repositoryName="company/encoder")
    digest = images.build(context, "company/encoder", "stable")
    parameter = "/company/encoder/database-url"
    region.client("ssm").put_parameter(Name=parameter, Value="postgres://company", Type="SecureString", KeyId=key)
    secret = region.client("secretsmanager").create_secret(
        Name="company/license", SecretString="license", KmsKeyId=key
    )["ARN"]
    zone = region.client("route53").create_hosted_zone(Name="example.com", CallerReference="company")["HostedZone"][
        "Id"
    ]
    return ExistingResources(
        vpc_id=vpc,
        subnet_ids=subnets,
        security_group_id=group,
        key_arn=key,
        cluster="company",
        repository="company/encoder",
        tag="stable",
        digest=digest,
        parameter=parameter,
        secret_arn=secret,
        zone_id=zone.rpartition("/")[2],
    )

"""The availability zones of a new VPC, and the names of endpoint services in all partitions."""

import pulumi_aws as aws
import pytest

from components import _endpoints
from components._zones import ZoneError, choose, has_fargate

TOKYO = {"ap-northeast-1a": "apne1-az3", "ap-northeast-1c": "apne1-az1", "ap-northeast-1d": "apne1-az2"}
VIRGINIA = {"us-east-1a": "use1-az6", "us-east-1b": "use1-az1", "us-east-1c": "use1-az3"}
KNOWN = "ap-northeast-1c (apne1-az1), ap-northeast-1d (apne1-az2)"


@pytest.mark.parametrize(
    ("zones", "wanted", "chosen"),
    [
        (TOKYO, (), ["ap-northeast-1c", "ap-northeast-1d"]),
        (VIRGINIA, (), ["us-east-1a", "us-east-1b"]),
        (VIRGINIA, ("us-east-1c", "use1-az6"), ["us-east-1c", "us-east-1a"]),
        ({"us-west-1a": "usw1-az3", "us-west-1c": "usw1-az1"}, (), ["us-west-1a", "us-west-1c"]),
        (
            {"cn-north-1a": "cnn1-az1", "cn-north-1b": "cnn1-az2", "cn-north-1d": "cnn1-az4"},
            ("cnn1-az2", "cnn1-az1"),
            ["cn-north-1b", "cn-north-1a"],
        ),
    ],
)
def test_the_zones_are_the_wanted_ones_or_the_first_that_fargate_has(
    zones: dict[str, str], wanted: tuple[str, ...], chosen: list[str]
) -> None:
    assert choose(zones, wanted) == chosen


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (("apne1-az3", "apne1-az1"), f"Fargate does not run in ap-northeast-1a (apne1-az3); it runs in {KNOWN}."),
        (("us-east-1a", "apne1-az1"), f"us-east-1a is no zone of this account's region; it has {KNOWN}."),
        (("apne1-az1", "ap-northeast-1c"), f"a VPC needs 2 different zones that Fargate has, of {KNOWN}."),
    ],
)
def test_other_zones_are_refused(wanted: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ZoneError) as refused:
        choose(TOKYO, wanted)
    assert str(refused.value) == f"ebb:network.zones: {sentence}"


def test_a_region_with_one_zone_of_fargate_is_refused() -> None:
    with pytest.raises(ZoneError, match="needs 2 different zones"):
        choose({"us-west-1a": "usw1-az1", "us-west-1b": "usw1-az2"}, ())


def test_fargate_has_all_zones_of_other_regions() -> None:
    assert has_fargate("euc1-az1")
    assert not has_fargate("apne1-az3")


#: Services with another prefix, by region (aws-cdk, aws-ec2/lib/vpc-endpoint.ts).
ECR = {"ecr.api", "ecr.dkr"}
OTHERS = {
    "cn-north-1": ("cn.com.amazonaws", ECR | {"sqs"}),
    "cn-northwest-1": ("cn.com.amazonaws", ECR | {"sqs"}),
    "eusc-de-east-1": ("eu.amazonaws", ECR),
    "us-iso-east-1": ("gov.ic.c2s", ECR | {"sqs"}),
    "us-iso-west-1": ("gov.ic.c2s", ECR | {"sqs"}),
    "us-isob-east-1": ("gov.sgov.sc2s", ECR | {"sqs"}),
    "us-isob-west-1": ("gov.sgov.sc2s", ECR),
    "us-isof-south-1": ("gov.ic.hci.csp", ECR),
    "us-isof-east-1": ("gov.ic.hci.csp", ECR),
    "eu-isoe-west-1": ("uk.adc-e.cloud", ECR),
}


@pytest.mark.parametrize("region", sorted({*OTHERS, *(region.value for region in aws.Region)}))
def test_interface_endpoints_have_the_regions_names(region: str) -> None:
    prefix, others = OTHERS.get(region, ("com.amazonaws", set()))
    for service in ("ecr.api", "ecr.dkr", "logs", "sqs", "ecs", "ssm", "secretsmanager", "kms", "ssmmessages"):
        start = prefix if service in others else "com.amazonaws"
        assert _endpoints.interface(region, service) == f"{start}.{region}.{service}"
    assert _endpoints.gateway(region, "s3") == f"com.amazonaws.{region}.s3"

from pathlib import Path

import pytest

from ebb.project import read_settings
from ebb.sandbox.demo import WORKER
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.existing_resources import ExistingResources, create_existing, uses_existing
from tests.helpers.stacks import configuration

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def company(region: Region) -> ExistingResources:
    return create_existing(region, Images(region, instead=WORKER))


@pytest.mark.parametrize(("name", "expected"), [("shared", True), ("dev", False), ("prod", False), ("sandbox", False)])
def test_only_the_shared_stack_needs_something_to_be_there_before_it(name: str, expected: bool) -> None:
    assert uses_existing(configuration(name)) is expected


def test_everything_exists_in_the_region_as_it_is_named(region: Region, company: ExistingResources) -> None:
    subnets = region.client("ec2").describe_subnets(SubnetIds=list(company.subnet_ids))["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} == {company.vpc_id}
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2
    groups = region.client("ec2").describe_security_groups(GroupIds=[company.security_group_id])["SecurityGroups"]
    assert (groups[0]["VpcId"], groups[0]["IpPermissions"]) == (company.vpc_id, [])
    assert region.client("kms").describe_key(KeyId=company.key_arn)["KeyMetadata"]["Enabled"] is True
    assert region.client("ecs").describe_clusters(clusters=[company.cluster])["clusters"][0]["status"] == "ACTIVE"
    found = region.client("ecr").describe_images(
        repositoryName=company.repository, imageIds=[{"imageTag": company.tag}]
    )
    assert [image["imageDigest"] for image in found["imageDetails"]] == [company.digest]
    parameter = region.client("ssm").get_parameter(Name=company.parameter)["Parameter"]
    assert parameter["Type"] == "SecureString"
    assert region.client("secretsmanager").get_secret_value(SecretId=company.secret_arn)["SecretString"] == "license"


def test_the_shared_stack_adopts_all_of_it(company: ExistingResources) -> None:
    adopted = company.use_in(configuration("shared"))
    read = read_settings(adopted)
    assert read.network.vpc_id == company.vpc_id
    assert read.network.subnet_ids == company.subnet_ids
    assert read.network.security_group_ids == (company.security_group_id,)
    assert read.queue.kms == company.key_arn
    assert read.worker.cluster == company.cluster
    assert (read.worker.image.repository, read.worker.image.tag) == (company.repository, company.tag)
    assert read.worker.image.digest is None
    assert set(read.worker.secrets.values()) == {company.parameter}


def test_what_a_stack_does_not_adopt_stays_as_it_is(company: ExistingResources) -> None:
    config = {"aws:region": "us-east-1", "ebb:network": {"nat": "gateway"}, "ebb:queue": {"kms": "new"}}
    assert company.use_in({**config, "ebb:worker": {"image": {"build": "worker"}}}) == {
        **config,
        "ebb:worker": {"image": {"build": "worker"}},
    }


def test_each_kind_of_secret_and_image_is_replaced_by_its_own_kind(company: ExistingResources) -> None:
    secrets = {
        "A": "/x",
        "B": "arn:aws:ssm:us-east-1:123456789012:parameter/x",
        "C": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-abcdef",
    }
    image = {"repository": "x", "digest": f"sha256:{'0' * 64}"}
    key = "arn:aws:kms:us-east-1:123456789012:key/x"
    config = {"ebb:worker": {"image": image, "secrets": secrets, "secrets_kms_key": key, "cpu": 512}}
    assert company.use_in(config) == {
        "ebb:worker": {
            "image": {"repository": company.repository, "digest": company.digest},
            "secrets": {"A": company.parameter, "B": company.parameter, "C": company.secret_arn},
            "secrets_kms_key": company.key_arn,
            "cpu": 512,
        }
    }


def test_the_image_is_built_from_the_projects_worker(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    images, built = Images(region, instead=WORKER), list[Path]()
    build = images.build

    def noted(context: Path, repository: str, tag: str) -> str:
        built.append(context)
        return build(context, repository, tag)

    monkeypatch.setattr(images, "build", noted)
    company = create_existing(region, images)
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{company.repository}:{company.tag}"
    assert images.resolve(uri) is WORKER
    assert built == [ROOT / "worker"]

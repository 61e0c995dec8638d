from typing import Any

import pytest

import settings
from ebb import project
from ebb.errors import UserError
from ebb.sandbox.demo import WORKER
from ebb.sandbox.local_account import ACCOUNT, ignored, localize, region_of
from ebb.sandbox.sandbox import Sandbox

TAGS = {"tags": {"Project": "x"}}


def test_the_region_is_the_sandboxs_and_only_tags_are_kept_of_the_providers_settings() -> None:
    config = {
        "aws:region": "eu-central-1",
        "aws:profile": "corp",
        "aws:allowedAccountIds": ["123456789012"],
        "aws:assumeRoles": [{"roleArn": "arn:aws:iam::123456789012:role/deploy"}],
        "aws:defaultTags": TAGS,
        "ebb:queue": {"fifo": True},
        "other:thing": {"a": 1},
    }
    assert localize(config, "us-east-1") == {
        "aws:region": "us-east-1",
        "aws:defaultTags": TAGS,
        "ebb:queue": {"fifo": True},
        "other:thing": {"a": 1},
    }


@pytest.mark.parametrize("config", [{}, {"ebb:queue": {"fifo": True}}])
def test_a_stack_without_a_region_gets_the_sandboxs(config: dict[str, object]) -> None:
    assert localize(config, "us-east-1") == {"aws:region": "us-east-1", **config}


def test_a_stack_for_another_region_and_account_goes_up_in_the_sandbox() -> None:
    said: list[str] = []
    config = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": ["123456789012"],
        "aws:profile": "company",
        "aws:assumeRoles": [{"roleArn": "arn:aws:iam::123456789012:role/deploy"}],
        "ebb:iam": {"permissions_boundary": "arn:aws:iam::123456789012:policy/boundary"},
        "other:thing": "text",
    }
    with Sandbox("any.stack", in_process=True, config=config, image=WORKER, say=said.append) as sandbox:
        assert said[0] == (
            "The sandbox is eu-central-1 with an account of this machine. Ignored: aws:allowedAccountIds, "
            "aws:assumeRoles, aws:profile, the partition and account of ARNs."
        )
        assert sandbox.deployment.up()
        assert "eu-central-1" in sandbox.deployment.outputs()["queue_url"] + sandbox.deployment.outputs()["image_uri"]
        sandbox.deployment.destroy()


@pytest.mark.parametrize(("region", "own"), [(None, "us-east-1"), ("eu-central-1", "eu-central-1")])
def test_the_region_is_the_stacks_or_the_first_of_aws(region: str | None, own: str) -> None:
    config = {
        "aws:profile": "company",
        "aws:defaultTags": {},
        "aws:allowedAccountIds": ["000000000000"],
        **({"aws:region": region} if region else {}),
    }
    assert region_of(config) == own
    assert ignored(config) == ["aws:profile"]


@pytest.mark.parametrize("region", ["cn-northwest-1", "us-isob-east-1", "eusc-de-east-1"])
def test_a_stack_of_another_partition_goes_up_in_its_region_with_endpoints_of_its_own(region: str) -> None:
    network = {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"]}
    config = {"aws:region": region, "ebb:network": network, "ebb:scaling": {"direct": True}}
    with Sandbox("any", in_process=True, config=config, image=WORKER, say=lambda _: None) as sandbox:
        sandbox.deployment.up()
        sandbox.tasks.stop()
        subnets = sandbox.region.client("ec2").describe_subnets()["Subnets"]
        assert {subnet["AvailabilityZone"][:-1] for subnet in subnets} == {region}
        message = sandbox.client().post({"n": 1})
        url = sandbox.deployment.outputs()["queue_url"]
        (received,) = sandbox.region.client("sqs").receive_message(QueueUrl=url)["Messages"]
        assert received["MessageId"] == message
        assert not [line for line in sandbox.region.inventory() if "arn:aws-" in line]


KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
PARTITIONS = {"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc"}


@pytest.mark.parametrize("region", PARTITIONS)
def test_a_stack_of_any_partition_has_local_arns(region: str) -> None:
    partition = PARTITIONS[region]

    def arn(service: str, resource: str, where: str = region) -> str:
        return f"arn:{partition}:{service}:{where}:123456789012:{resource}"

    config: dict[str, Any] = {
        "aws:region": region,
        "ebb:queue": {"kms": arn("kms", "key/01234567-89ab-cdef-0123-456789abcdef")},
        "ebb:iam": {"permissions_boundary": arn("iam", "policy/boundary", where="")},
        "ebb:worker": {
            "secrets": {"TOKEN": arn("secretsmanager", "secret:token-AbCdEf", where="eu-west-3")},
            "statements": [
                {
                    "actions": ["s3:GetObject"],
                    "resources": [f"arn:{partition}:s3:::input/*", arn("dynamodb", "table/jobs")],
                }
            ],
        },
    }
    local = localize(config, region_of(config))
    found = project.read_settings(local)
    here = settings.Location(partition="aws", region=region_of(config), account=ACCOUNT)
    settings.check_location(found, here)
    assert found.worker.statements[0].resources == (
        "arn:aws:s3:::input/*",
        f"arn:aws:dynamodb:{region_of(config)}:{ACCOUNT}:table/jobs",
    )
    assert found.worker.secrets == {"TOKEN": f"arn:aws:secretsmanager:eu-west-3:{ACCOUNT}:secret:token-AbCdEf"}
    assert ignored(config) == ["the partition and account of ARNs"]


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        ("eu-nowhere-9", "aws:region: AWS has no region 'eu-nowhere-9': give one such as us-east-1."),
        (
            "eu-west-1",
            (
                "The configuration was refused; nothing was changed.\n"
                "ebb:queue.kms: must be of the stack's region, which is eu-west-1, not of eu-central-1, got "
                f'"{KEY}".'
            ),
        ),
    ],
)
def test_a_stack_that_cannot_work_in_its_own_region_is_refused_before_the_sandbox_starts(
    region: str, sentence: str
) -> None:
    with pytest.raises(UserError) as refused:
        Sandbox("sandbox", config={"aws:region": region, "ebb:queue": {"kms": KEY}})
    assert str(refused.value) == sentence


def test_a_stack_of_the_keys_region_is_not_refused() -> None:
    assert (
        Sandbox("sandbox", config={"aws:region": "eu-central-1", "ebb:queue": {"kms": KEY}}).settings.queue.kms == KEY
    )

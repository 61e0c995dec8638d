import pytest

from ebb.sandbox.local_account import localize, region_of, set_aside
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
    config = {"aws:region": "eu-central-1", "aws:allowedAccountIds": ["123456789012"], "other:thing": "text"}
    with Sandbox("anything", in_process=True, config=config, say=lambda _: None) as sandbox:
        assert sandbox.deployment.up()
        assert "eu-central-1" in sandbox.deployment.outputs()["queue_url"] + sandbox.deployment.outputs()["image_uri"]
        sandbox.deployment.destroy()


@pytest.mark.parametrize(
    ("region", "own", "aside"),
    [
        (None, "us-east-1", ["aws:profile"]),
        ("eu-central-1", "eu-central-1", ["aws:profile"]),
        ("cn-north-1", "us-east-1", ["aws:profile", "aws:region"]),
    ],
)
def test_the_region_is_the_stacks_in_the_partition_of_the_emulators(
    region: str | None, own: str, aside: list[str]
) -> None:
    config = {
        "aws:profile": "company",
        "aws:defaultTags": {},
        "aws:allowedAccountIds": ["000000000000"],
        **({"aws:region": region} if region else {}),
    }
    assert region_of(config) == own
    assert [each for each in set_aside(config) if each != "aws:region" or region] == aside

"""What holds for both policies of each configuration: actions, names, lengths, sources."""

import re
from typing import Any

import pytest

from ebb.errors import UserError
from ebb.iam import document
from ebb.iam.deployer import deployer as deployer_statements
from ebb.iam.network import NAT_NAME
from ebb.iam.preview import preview as preview_statements
from tests.iam import evaluate
from tests.iam.configurations import MOST, ROOT, each_config
from tests.iam.evaluate import actions
from tests.iam.stacks import deployer, preview, stack


@each_config
def test_each_action_exists_and_each_statement_has_its_own_id(config: dict[str, Any]) -> None:
    for policy in (deployer(config), preview(config)):
        assert [action for action in actions(policy) if not evaluate.exists(action)] == []
        ids = [statement["Sid"] for statement in policy["Statement"]]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z0-9]+", text) for text in ids)


@each_config
def test_only_reading_is_allowed_by_a_wildcard_and_without_a_resource_only_in_one_region(
    config: dict[str, Any],
) -> None:
    for policy in (deployer(config), preview(config)):
        assert {action for action in actions(policy) if "*" in action} <= {"ec2:Describe*"}
        for statement in policy["Statement"]:
            if statement["Resource"] == ["*"]:
                region = "us-east-2" if statement["Sid"] == "AllChannels" else "us-east-1"
                assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": region}}


# lengths


@each_config
def test_a_policy_fits_into_a_role_and_its_parts_into_managed_policies(config: dict[str, Any]) -> None:
    chosen = stack(config)
    for made in (deployer_statements, preview_statements):
        statements = made(chosen)
        if config is not MOST:
            assert document.length(document.inline(statements)) <= 10_240
        several = document.managed(statements)
        assert all(document.length(each) <= 6_144 for each in several)
        assert [statement for each in several for statement in each["Statement"]] == statements


def test_a_policy_that_is_too_long_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^The policy has \d+ characters without white space, .*: use --managed\.$"):
        document.inline(deployer_statements(stack(MOST)))
    chosen = stack({"pulumi:autonaming": {"pattern": "x" * 6000 + "${name}"}})
    with pytest.raises(
        UserError, match=r"^Statement \w+ alone has more than the 6144 characters of a managed policy: "
    ):
        document.managed(deployer_statements(chosen))


# the sources


def test_the_services_are_those_of_the_components() -> None:
    prefixes = {"appautoscaling": "application-autoscaling", "vpc": "ec2", "sfn": "states"}
    sources = "\n".join(path.read_text() for path in (ROOT / "components").rglob("*.py"))
    used = {prefixes.get(module, module) for module in re.findall(r"\baws\.([a-z0-9]+)\.[A-Z]", sources)}
    given = {action.split(":")[0] for action in actions(deployer(MOST))}
    assert given == used | {"s3", "ecr", "logs", "ssm", "route53"}


def test_the_nat_instance_has_the_name_by_which_the_policy_finds_it() -> None:
    assert re.search(r'\bNetwork\(\s*"network"', (ROOT / "__main__.py").read_text())
    assert 'f"{self.pulumi_resource_name}-nat"' in (ROOT / "components/network.py").read_text()
    assert NAT_NAME == "network-nat"

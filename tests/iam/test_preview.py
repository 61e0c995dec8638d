"""What the preview may do: what the deployer reads, and no data."""

import re
from typing import Any

from tests.iam.configurations import EXISTING, ROOT, arn, each_config
from tests.iam.evaluate import actions, allows
from tests.iam.stacks import deployer, preview


@each_config
def test_a_preview_changes_nothing_and_reads_no_data(config: dict[str, Any]) -> None:
    reading = r"\w[\w-]*:(Describe|Get|GET$|View|List|BatchGet|BatchCheck|Validate|Decrypt$)\w*"
    assert [action for action in actions(preview(config)) if not re.fullmatch(reading, action)] == []
    data = (
        r"sqs:Receive|s3:GetObjectVersion|dynamodb:(Get|BatchGet|Query|Scan)|ssm:GetParameters|ssm:\w*History"
        r"|secretsmanager|logs:(Get|Filter)|kms:(?!Decrypt$|Describe|Get|List)|states:(Get|Start)|ecs:Execute|sts:"
    )
    assert [action for action in actions(preview(config)) if re.match(data, action)] == []
    keys = f"arn:aws:apigateway:{config.get('aws:region', 'us-east-1')}::"
    for path in ("/apikeys", "/apikeys/abc", "/usageplans/abc/keys/abc"):  # each of them shows an API key's value
        assert not allows(preview(config), "apigateway:GET", keys + path)
    for parameter in ("/company/encoder/database-url", "database-url"):
        assert not allows(preview(config), "ssm:GetParameter", arn("ssm", f"parameter/{parameter.lstrip('/')}"))


@each_config
def test_a_preview_may_do_what_a_deployer_may_do_and_no_more(config: dict[str, Any]) -> None:
    policy = deployer(config)
    for statement in preview(config)["Statement"]:
        context = {"aws:RequestedRegion": "us-east-1"}
        for pairs in statement.get("Condition", {}).values():
            context |= pairs
        for action in statement["Action"]:
            assert all(allows(policy, action, resource, context) for resource in statement["Resource"])


def test_a_preview_counts_the_jobs_of_a_queue_and_receives_none() -> None:
    policy = preview({"ebb:queue": {"name": "encode"}})
    assert allows(policy, "sqs:GetQueueAttributes", arn("sqs", "encode"))
    assert not allows(policy, "sqs:ReceiveMessage", arn("sqs", "encode"))
    assert not allows(policy, "sqs:GetQueueAttributes", arn("sqs", "other"))


#: What the provider calls for each data source (terraform-provider-aws; sts:GetCallerIdentity needs no permission).
DATA_SOURCES: dict[str, set[str]] = {
    "get_availability_zones": {"ec2:DescribeAvailabilityZones"},
    "get_caller_identity": set(),
    "get_partition": set(),
    "get_region": set(),
    "ec2.get_instance_type_offerings": {"ec2:DescribeInstanceTypeOfferings"},
    "ec2.get_vpc_endpoint_service": {"ec2:DescribeVpcEndpointServices"},
    "ssm.get_parameter": {"ssm:GetParameter"},
    "secretsmanager.get_secret_version": set(),  # an update reads it, and no preview
    "ecr.get_repository": {"ecr:DescribeRepositories", "ecr:ListTagsForResource"},
    "ecr.get_image": {"ecr:DescribeImages", "ecr:DescribeRepositories"},
}


def test_a_preview_may_call_each_data_source() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "components").rglob("*.py"))
    assert set(re.findall(r"\baws\.((?:\w+\.)?get_\w+?)(?:_output)?\(", sources)) == set(DATA_SOURCES)
    nat = actions(preview({"ebb:network": {"nat": "instance", "endpoints": ["sqs"]}}))
    assert set().union(*DATA_SOURCES.values()) <= nat | actions(preview(EXISTING))


def test_a_preview_does_not_read_the_secret_of_a_webhook_and_a_deployer_reads_this_one_only() -> None:
    webhook = {"url": "https://example.com/h", "secret": "/hooks/token"}
    config = {"ebb:jobs": {"keep_days": 1, "events": True, "webhook": webhook}}
    parameter = arn("ssm", "parameter/hooks/token")
    assert not allows(preview(config), "ssm:GetParameter", parameter)
    assert allows(deployer(config), "ssm:GetParameter", parameter)
    assert not allows(deployer(config), "ssm:GetParameter", arn("ssm", "parameter/hooks/token2"))
    stored = {"ebb:jobs": {"keep_days": 1, "events": True, "webhook": webhook | {"secret": "hooks/token"}}}
    secret = arn("secretsmanager", "secret:hooks/token-AbCdEf")
    assert not allows(preview(stored), "secretsmanager:GetSecretValue", secret)
    assert allows(deployer(stored), "secretsmanager:GetSecretValue", secret)
    assert not allows(deployer(stored), "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:other-AbCdEf"))

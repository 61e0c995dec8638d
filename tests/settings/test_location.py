"""ARNs of another partition, region or account than the stack's."""

from typing import Any

import pytest

import settings
from settings import Location

HERE = Location(partition="aws", region="us-east-1", account="123456789012")
KEY = "arn:aws:kms:{}:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
PARAMETER = "arn:aws:ssm:{}:123456789012:parameter/a"
SECRET = "arn:aws:secretsmanager:{}:210987654321:secret:a-AbCdEf"
CLUSTER = "arn:aws:ecs:{}:{}:cluster/company"
BOUNDARY = "arn:aws:iam::{}:policy/Boundary"
PLACE = "must be of the stack's {}, which is {}, not of {}"


def sentences(raw: dict[str, Any], here: Location = HERE) -> list[str]:
    try:
        settings.check_location(settings.read(raw), here)
    except settings.SettingsError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("raw", "field", "rule"),
    [
        ({"queue": {"kms": KEY.format("eu-west-1")}}, "queue.kms", PLACE.format("region", "us-east-1", "eu-west-1")),
        (
            {"queue": {"kms": "arn:aws-cn:kms:us-east-1:123456789012:key/1"}},
            "queue.kms",
            PLACE.format("partition", "aws", "aws-cn"),
        ),
        (
            {"worker": {"secrets": {"A": "/a"}, "secrets_kms_key": KEY.format("eu-west-1")}},
            "worker.secrets_kms_key",
            "must be of the secrets' region, which is us-east-1, not of eu-west-1",
        ),
        (
            {"worker": {"secrets": {"A": PARAMETER.format("eu-west-1")}, "secrets_kms_key": KEY.format("us-east-1")}},
            "worker.secrets_kms_key",
            "must be of the secrets' region, which is eu-west-1, not of us-east-1",
        ),
        (
            {"worker": {"secrets": {"A": "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/a"}}},
            "worker.secrets.A",
            PLACE.format("partition", "aws", "aws-us-gov"),
        ),
        (
            {"worker": {"secrets": {"A": SECRET.format("us-east-1")}}},
            "worker.secrets.A",
            "is of another account than the stack's, which is 123456789012: set secrets_kms_key to its key",
        ),
        (
            {"worker": {"cluster": CLUSTER.format("eu-west-1", "123456789012")}},
            "worker.cluster",
            PLACE.format("region", "us-east-1", "eu-west-1"),
        ),
        (
            {"worker": {"cluster": CLUSTER.format("us-east-1", "210987654321")}},
            "worker.cluster",
            PLACE.format("account", "123456789012", "210987654321"),
        ),
        (
            {"iam": {"permissions_boundary": BOUNDARY.format("210987654321")}},
            "iam.permissions_boundary",
            PLACE.format("account", "123456789012", "210987654321"),
        ),
        (
            {"worker": {"statements": [{"actions": ["s3:*"], "resources": ["*", "arn:aws-cn:s3:::a/*"]}]}},
            "worker.statements.0.resources.1",
            PLACE.format("partition", "aws", "aws-cn"),
        ),
        (
            {
                "network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs", "ssm"]},
                "worker": {"secrets": {"A": PARAMETER.format("eu-west-1")}},
            },
            "worker.secrets.A",
            "interface endpoints reach the stack's region only, which is us-east-1: set nat",
        ),
    ],
)
def test_an_arn_of_another_place_is_refused(raw: dict[str, Any], field: str, rule: str) -> None:
    (sentence,) = sentences(raw)
    assert sentence.startswith(f'ebb:{field}: {rule}, got "arn:')


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"queue": {"kms": KEY.format("us-east-1")}},
        {"queue": {"kms": KEY.format("us-east-1").replace("123456789012", "210987654321")}},
        {"worker": {"secrets": {"A": PARAMETER.format("eu-west-1")}}},
        {"worker": {"secrets": {"A": SECRET.format("ap-south-1").replace("210987654321", "123456789012")}}},
        {
            "worker": {
                "secrets": {"A": SECRET.format("ap-south-1")},
                "secrets_kms_key": KEY.format("ap-south-1").replace("123456789012", "210987654321"),
            }
        },
        {
            "worker": {
                "secrets": {"A": PARAMETER.format("eu-west-1"), "B": "/b"},
                "secrets_kms_key": KEY.format("eu-west-1"),
            }
        },
        {"worker": {"cluster": CLUSTER.format("us-east-1", "123456789012")}},
        {"worker": {"cluster": "company"}},
        {"iam": {"permissions_boundary": BOUNDARY.format("123456789012")}},
        {"iam": {"permissions_boundary": BOUNDARY.format("aws")}},
        {"worker": {"statements": [{"actions": ["s3:*"], "resources": ["arn:*:s3:::a", "arn:aws:sqs:eu-west-1:*:b"]}]}},
    ],
)
def test_an_arn_that_works_from_here_is_accepted(raw: dict[str, Any]) -> None:
    assert sentences(raw) == []


def test_an_arn_of_another_partition_and_region_breaks_both_rules() -> None:
    china = Location(partition="aws-cn", region="cn-north-1", account="123456789012")
    assert len(sentences({"queue": {"kms": KEY.format("us-east-1")}}, china)) == 2


def test_a_chat_is_refused_in_a_partition_without_aws_chatbot() -> None:
    raw = {"monitoring": {"chatbot": {"slack": {"workspace": "T0123456789", "channel": "C0123456789"}}}}
    assert sentences(raw) == []
    china = Location(partition="aws-cn", region="cn-north-1", account="123456789012")
    (sentence,) = sentences(raw, china)
    assert sentence.startswith("ebb:monitoring.chatbot: AWS Chatbot is not in the partition aws-cn: use emails or urls")

"""Calls are checked against botocore's models before anything is sent."""

from typing import Any

import boto3
import pytest

from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

SESSION: Any = boto3.Session(region_name="us-east-1")
AWS = Aws(lambda service: SESSION.client(service, endpoint_url="http://127.0.0.1:9"))


def refusal(service: str, operation: str, **params: Any) -> str:
    with pytest.raises(RefusedError) as error:
        AWS.check(service, operation, params)
    return str(error.value)


def test_pulumi_s_names_become_aws_s_at_every_depth() -> None:
    given = {
        "cluster": "c",
        "serviceName": "s",
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": True}},
        "enableEcsManagedTags": True,
        "tags": {"B": "2", "A": "1"},
        "desiredCount": None,
    }
    assert AWS.check("ecs", "create_service", given) == {
        "cluster": "c",
        "serviceName": "s",
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "ENABLED"}},
        "enableECSManagedTags": True,
        "tags": [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}],
    }


def test_aws_s_own_names_stay_as_they_are() -> None:
    given = {"QueueName": "q", "Attributes": {"VisibilityTimeout": "30"}}
    assert AWS.check("sqs", "create_queue", given) == given


def test_numbers_and_text_are_written_as_the_model_has_them() -> None:
    attributes = {"VisibilityTimeout": 30, "FifoQueue": True}
    checked = AWS.check("sqs", "create_queue", {"queueName": "q", "attributes": attributes})
    assert checked["Attributes"] == {"VisibilityTimeout": "30", "FifoQueue": "true"}
    step = {"scalingAdjustment": 1.0, "metricIntervalLowerBound": "9"}
    policy = {"adjustmentType": "ChangeInCapacity", "stepAdjustments": [step]}
    checked = AWS.check(
        "application-autoscaling",
        "put_scaling_policy",
        {
            "policyName": "p",
            "serviceNamespace": "ecs",
            "resourceId": "service/c/s",
            "scalableDimension": "ecs:service:DesiredCount",
            "stepScalingPolicyConfiguration": policy,
        },
    )
    (adjustment,) = checked["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert adjustment == {"ScalingAdjustment": 1, "MetricIntervalLowerBound": 9.0}
    assert isinstance(adjustment["ScalingAdjustment"], int)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"cidrBlok": "10.0.0.0/16"}, "ec2 create_vpc.cidrBlok is not known to AWS"),
        ({"cidrBlock": ["10.0.0.0/16"]}, "ec2 create_vpc.cidrBlock should be text, got ['10.0.0.0/16']"),
        ({"instanceTenancy": "shared"}, "InstanceTenancy should be one of default, dedicated, host, got 'shared'"),
        ({"ipv4NetmaskLength": "wide"}, "ec2 create_vpc.ipv4NetmaskLength should be a whole number, got 'wide'"),
        ({"ipv4NetmaskLength": 16.5}, "should be a whole number, got 16.5"),
        ({"ipv4NetmaskLength": True}, "should be a whole number, got True"),
        ({"amazonProvidedIpv6CidrBlock": "yes"}, "should be true or false, got 'yes'"),
        ({"tagSpecifications": "x"}, "ec2 create_vpc.tagSpecifications should be a list, got 'x'"),
        ({"tagSpecifications": ["x"]}, "ec2 create_vpc.tagSpecifications[0] should be an object, got 'x'"),
        ({"tagSpecifications": [{"resourceType": "vpcc"}]}, "TagSpecifications[0].ResourceType should be one of"),
    ],
)
def test_what_the_model_has_not_is_refused_with_its_path(params: dict[str, Any], text: str) -> None:
    assert text in refusal("ec2", "create_vpc", **params)


def test_a_parameter_that_is_missing_is_named() -> None:
    assert refusal("sqs", "create_queue") == 'sqs create_queue: Missing required parameter in input: "QueueName"'


def test_an_upper_limit_counts() -> None:
    text = refusal("application-autoscaling", "put_scaling_policy", policyName="p" * 257, serviceNamespace="ecs",
                   resourceId="r", scalableDimension="ecs:service:DesiredCount")  # fmt: skip
    assert text.endswith("PolicyName takes at most 256 characters, got 257")


def test_an_instance_type_that_ec2_has_not_is_refused_with_its_family() -> None:
    text = refusal("ec2", "run_instances", minCount=1, maxCount=1, instanceType="t4g.pico")
    assert "InstanceType should be one of t4g." in text
    assert "got 't4g.pico'" in text


def test_unknown_values_pass_and_the_other_values_are_checked() -> None:
    known = {"cluster": UNKNOWN, "serviceName": "s", "capacityProviderStrategies": UNKNOWN, "launchType": "FARGATE"}
    AWS.check("ecs", "create_service", known | {"desiredCount": UNKNOWN, "networkConfiguration": UNKNOWN})
    assert "launchType should be one of" in refusal("ecs", "create_service", **known | {"launchType": "FARGAT"})


def test_a_text_with_an_unknown_part_passes() -> None:
    AWS.check("sqs", "create_queue", {"queueName": "q", "attributes": {"Policy": f"arn:{UNKNOWN}"}})


METHOD = {"restApiId": "a", "resourceId": "r", "httpMethod": "POST", "authorizationType": "NONE"}
ALARM = {"alarmName": "a", "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1}
STRATEGY = {"cluster": "c", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": []}


@pytest.mark.parametrize(
    ("service", "operation", "params", "name", "values"),
    [
        ("cloudwatch", "put_metric_alarm", ALARM, "treatMissingData", ("ignored", "ignore")),
        ("apigateway", "put_method", METHOD, "authorizationType", ("IAM", "AWS_IAM")),
        ("apigateway", "put_method", METHOD, "httpMethod", ("POTS", "POST")),
        ("logs", "put_retention_policy", {"logGroupName": "g"}, "retentionInDays", (8, 7)),
        ("sns", "subscribe", {"topicArn": "t"}, "protocol", ("mail", "email")),
        ("ecs", "put_cluster_capacity_providers", STRATEGY, "capacityProviders", ("SPOT", "FARGATE_SPOT")),
        ("sqs", "create_queue", {"queueName": "q"}, "DeduplicationScope", ("group", "messageGroup")),
        ("sqs", "create_queue", {"queueName": "q"}, "FifoThroughputLimit", ("perGroup", "perMessageGroupId")),
    ],
)
def test_values_that_only_the_documentation_limits_are_refused_by_name(
    service: str, operation: str, params: dict[str, Any], name: str, values: tuple[str | int, str | int]
) -> None:
    wrong, right = values

    def given(item: str | int) -> dict[str, Any]:
        if service == "sqs":
            return {**params, "attributes": {name: item}}
        return {**params, name: [item] if name == "capacityProviders" else item}

    text = refusal(service, operation, **given(wrong))
    assert f"{name[1:]} should be one of" in text
    assert text.endswith(f"got {wrong!r}")
    assert AWS.check(service, operation, given(right))
    assert AWS.check(service, operation, given(UNKNOWN))


@pytest.mark.parametrize(
    ("name", "wrong", "right", "words"),
    [
        ("interval", 4, 5, "from 5 to 300"),
        ("timeout", 61, 60, "from 2 to 60"),
        ("retries", 11, 10, "from 1 to 10"),
        ("startPeriod", 301, 300, "from 0 to 300"),
    ],
)
def test_a_health_check_has_the_times_that_ecs_takes(name: str, wrong: int, right: int, words: str) -> None:
    def given(value: int | str) -> dict[str, Any]:
        container = {"name": "c", "image": "i", "healthCheck": {"command": ["CMD", "true"], name: value}}
        return {"family": "f", "containerDefinitions": [container]}

    text = refusal("ecs", "register_task_definition", **given(wrong))
    assert text.endswith(f"containerDefinitions[0].healthCheck.{name} should be {words}, got {wrong}")
    AWS.check("ecs", "register_task_definition", given(right))
    AWS.check("ecs", "register_task_definition", given(UNKNOWN))


def test_find_tells_what_is_gone_from_what_is_wrong(region: Region) -> None:
    aws = Aws(region.client)
    assert aws.find("ec2", "describe_vpcs", vpcIds=["vpc-0123456789abcdef0"]) is None
    assert aws.find("iam", "get_role", roleName="nobody") is None
    assert aws.find("sqs", "get_queue_attributes", queueUrl=f"{region.endpoint}/000000000000/none") is None
    with pytest.raises(RefusedError, match=r"ec2 create_subnet answered InvalidVpcID\.NotFound"):
        aws.call("ec2", "create_subnet", vpcId="vpc-0", cidrBlock="10.0.0.0/24")

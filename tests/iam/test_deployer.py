"""What the deployer may do, by the settings of the stack."""

from typing import Any

import pytest

from tests.iam.configurations import EXISTING, KEY, SLACK, TEAMS, arn, role
from tests.iam.evaluate import actions, allows
from tests.iam.stacks import ACCOUNT, deployer, preview


def test_a_stack_needs_only_what_its_settings_create() -> None:
    services = {action.split(":")[0] for action in actions(deployer(EXISTING, provider="passphrase"))}
    assert services == {
        "apigateway",
        "application-autoscaling",
        "cloudwatch",
        "ecr",
        "ecs",
        "iam",
        "logs",
        "s3",
        "scheduler",
        "sns",
        "sqs",
    }
    policy = deployer(EXISTING)
    assert {action for action in actions(policy) if action.startswith("ecr:")} == {
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:ListTagsForResource",
    }
    assert allows(policy, "ecr:DescribeImages", arn("ecr", "repository/team/encoder"))
    assert allows(policy, "ecs:CreateService", arn("ecs", "service/company/worker-1234567"))
    assert not allows(policy, "ecs:DeleteCluster", arn("ecs", "cluster/company"))


HOOK = {"keep_days": 1, "events": True, "webhook": {"url": "https://example.com/h", "secret": "/hooks/token"}}
#: A setting, an action that it needs, and one on the way to it: neither is allowed without the setting.
NEEDED: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"ebb:network": {"nat": "instance"}}, "ec2:RunInstances", {"ebb:network": {"nat": "gateway"}}),
    ({"ebb:network": {"nat": "gateway"}}, "ec2:CreateNatGateway", {"ebb:network": {"nat": "instance"}}),
    ({"ebb:network": {"nat": "instance"}}, "ssm:GetParameter", {}),
    ({"ebb:network": {"endpoints": ["sqs"], "nat": "gateway"}}, "route53:AssociateVPCWithHostedZone", {}),
    ({}, "ec2:CreateVpc", {"ebb:network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"]}}),
    ({"ebb:network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"]}}, "ec2:CreateSecurityGroup", EXISTING),
    ({"ebb:queue": {"kms": "new"}}, "kms:CreateKey", {"ebb:queue": {"kms": KEY}}),
    ({"ebb:queue": {"kms": KEY}, "ebb:jobs": {"keep_days": 1}}, "kms:CreateGrant", {"ebb:queue": {"kms": KEY}}),
    ({"ebb:jobs": {"keep_days": 1}}, "dynamodb:CreateTable", {}),
    ({"ebb:jobs": HOOK}, "events:CreateConnection", {"ebb:jobs": {"keep_days": 1, "events": True}}),
    ({"ebb:jobs": HOOK}, "secretsmanager:CreateSecret", {"ebb:jobs": {"keep_days": 1, "events": True}}),
    ({"ebb:jobs": HOOK}, "ssm:GetParameter", {}),
    ({"ebb:scaling": {"watch": True}}, "states:CreateStateMachine", {}),
    ({"ebb:scaling": {"keep_alive": True}}, "scheduler:CreateSchedule", {"ebb:scaling": {"keep_alive": False}}),
    (
        {"ebb:scaling": {"warm_hours": [{"start": "08:00", "stop": "18:00", "min_tasks": 1}]}},
        "application-autoscaling:PutScheduledAction",
        {},
    ),
    ({"ebb:monitoring": {"emails": ["a@example.com"]}}, "sns:Subscribe", {}),
    ({"ebb:api": {"account_log_role": "create"}}, "iam:AttachRolePolicy", {}),
    ({}, "ecr:CreateRepository", EXISTING),
    ({}, "ecs:CreateCluster", EXISTING),
]


@pytest.mark.parametrize(("config", "action", "without"), NEEDED, ids=[action for _, action, _ in NEEDED])
def test_an_action_is_allowed_with_its_setting_only(
    config: dict[str, Any], action: str, without: dict[str, Any]
) -> None:
    assert action in actions(deployer(config))
    assert action not in actions(deployer(without))


def test_secrets_payloads_and_the_job_s_permissions_give_the_deployer_nothing() -> None:
    worker = {
        "secrets": {"A": "/a", "B": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:b-AbCdEf"},
        "payload_bucket": "bodies",
        "max_body_bytes": 2_000_000,
        "statements": [{"actions": ["s3:*"], "resources": ["*"]}],
        "spot_weight": 90,
    }
    assert deployer({"ebb:worker": worker}) == deployer()


def test_api_keys_need_paths_that_other_apis_do_not() -> None:
    path = "arn:aws:apigateway:us-east-1::/apikeys"
    assert allows(deployer({"ebb:api": {"auth": "api_key"}}), "apigateway:POST", path)
    assert not allows(deployer(), "apigateway:POST", path)


def test_roles_are_made_under_the_path_and_with_the_boundary_alone() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    policy = deployer({"ebb:iam": {"path": "/teams/video/", "permissions_boundary": boundary}})
    limited = {"iam:PermissionsBoundary": boundary}
    own = role("/teams/video/worker-task-1234567")
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        assert allows(policy, action, own, limited)
        assert not allows(policy, action, own)
        assert not allows(policy, action, own, {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/other"})
        for other in ("/worker-task-1234567", "/teams/video/admin"):
            assert not allows(policy, action, role(other), limited)
    assert "iam:DeleteRolePermissionsBoundary" not in actions(policy)
    assert allows(deployer(), "iam:CreateRole", role("/worker-task-1234567"))


def test_a_revision_is_checked_by_a_task_of_the_stack_s_own_only_with_the_setting() -> None:
    definition, task = (f"arn:aws:ecs:us-east-1:{ACCOUNT}:{path}" for path in ("task-definition/{}:7", "task/{}/abc"))
    log = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{{}}:log-stream:worker/worker/abc"
    calls = [
        ("ecs:RunTask", definition, "worker-1234567"),
        ("ecs:DescribeTasks", task, "worker-1234567"),
        ("ecs:StopTask", task, "worker-1234567"),
        ("logs:GetLogEvents", log, "worker-1234567"),
    ]
    for action, form, name in calls:
        assert allows(deployer(), action, form.format(name))
        assert not allows(deployer(), action, form.format("other-1234567"))
        assert not allows(deployer({"ebb:worker": {"check": False}}), action, form.format(name))


def test_a_role_is_handed_to_the_services_that_use_roles_alone() -> None:
    own = role("/worker-task-1234567")

    def services(config: dict[str, Any]) -> set[str]:
        policy = deployer(config)
        names = ("ecs-tasks", "apigateway", "scheduler", "states", "lambda", "ec2")
        context = {name: {"iam:PassedToService": f"{name}.amazonaws.com"} for name in names}
        return {name for name in names if allows(policy, "iam:PassRole", own, context[name])}

    assert services({"ebb:scaling": {"keep_alive": False}}) == {"ecs-tasks", "apigateway"}
    assert services({}) == {"ecs-tasks", "apigateway", "scheduler"}
    assert services({"ebb:scaling": {"watch": True}}) == {"ecs-tasks", "apigateway", "scheduler", "states"}
    assert not allows(deployer(), "iam:PassRole", role("/admin"), {"iam:PassedToService": "ecs-tasks.amazonaws.com"})


def test_only_api_gateway_s_log_policy_is_attached_and_only_to_its_role() -> None:
    policy = deployer({"ebb:api": {"account_log_role": "create"}})
    logs = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert allows(policy, "iam:AttachRolePolicy", role("/api-logs-1234567"), {"iam:PolicyARN": logs})
    assert not allows(policy, "iam:AttachRolePolicy", role("/api-logs-1234567"), {"iam:PolicyARN": admin})
    assert not allows(policy, "iam:AttachRolePolicy", role("/worker-task-1234567"), {"iam:PolicyARN": logs})


def test_services_may_get_the_roles_that_they_make_for_themselves() -> None:
    (statement,) = (each for each in deployer()["Statement"] if each["Sid"] == "ServiceLinkedRoles")
    assert statement["Condition"]["StringEquals"]["iam:AWSServiceName"] == [
        "ecs.amazonaws.com",
        "ecs.application-autoscaling.amazonaws.com",
        "ops.apigateway.amazonaws.com",
    ]
    linked = {"iam:AWSServiceName": "events.amazonaws.com"}
    resource = role("/aws-service-role/events.amazonaws.com/AWSServiceRoleForCloudWatchEvents")
    assert allows(deployer({"ebb:network": {"nat": "instance"}}), "iam:CreateServiceLinkedRole", resource, linked)
    assert not allows(deployer(), "iam:CreateServiceLinkedRole", resource, linked)


def test_attributes_of_the_nat_instance_are_read_and_not_those_of_others() -> None:
    policy = preview({"ebb:network": {"nat": "instance"}})
    instance = arn("ec2", "instance/i-0")
    assert allows(policy, "ec2:DescribeInstanceAttribute", instance, {"ec2:ResourceTag/Name": "network-nat"})
    assert not allows(policy, "ec2:DescribeInstanceAttribute", instance, {"aws:RequestedRegion": "us-east-1"})


@pytest.mark.parametrize(
    ("chatbot", "kind", "path", "lists"),
    [
        ({"slack": SLACK}, "Slack", "slack-channel", "DescribeSlackChannelConfigurations"),
        (
            {"teams": TEAMS},
            "MicrosoftTeams",
            "microsoft-teams-channel",
            "ListMicrosoftTeamsChannelConfigurations",
        ),
    ],
)
def test_channels_of_a_chat_are_those_of_the_stack_and_their_role_goes_to_aws_chatbot(
    chatbot: dict[str, Any], kind: str, path: str, lists: str
) -> None:
    config = {"ebb:monitoring": {"chatbot": chatbot}}
    policy, there = deployer(config), {"aws:RequestedRegion": "us-east-2"}
    for action in (f"Create{kind}ChannelConfiguration", lists, "ListTagsForResource"):
        assert allows(policy, f"chatbot:{action}", "*", there)
        assert not allows(policy, f"chatbot:{action}", "*", {"aws:RequestedRegion": "us-east-1"})
    assert actions(preview(config)) - actions(preview({})) == {f"chatbot:{lists}", "chatbot:ListTagsForResource"}
    own = f"arn:aws:chatbot::{ACCOUNT}:chat-configuration/{path}/ebb-dev-us-east-1-{next(iter(chatbot))}"
    for action in (f"Update{kind}ChannelConfiguration", f"Delete{kind}ChannelConfiguration", "TagResource"):
        assert allows(policy, f"chatbot:{action}", own)
        assert not allows(policy, f"chatbot:{action}", own.replace("ebb-dev", "company"))
    passed = {"iam:PassedToService": "chatbot.amazonaws.com"}
    assert allows(policy, "iam:PassRole", role("/monitoring-chatbot-1234567"), passed)
    assert not allows(deployer({}), "iam:PassRole", role("/monitoring-chatbot-1234567"), passed)
    linked = {"iam:AWSServiceName": "management.chatbot.amazonaws.com"}
    assert allows(policy, "iam:CreateServiceLinkedRole", role("/aws-service-role/a"), linked)

"""Which statements follow from a stack's settings, names and place. tests/engine compares them with deployments."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ebb.errors import UserError
from ebb.iam import document
from ebb.iam.network import NAT_NAME
from ebb.iam.parts import parts
from ebb.project import configuration
from tests.docs.pages import EXAMPLES
from tests.helpers.stacks import STACKS
from tests.helpers.stacks import configuration as of_tests
from tests.iam import evaluate
from tests.iam.evaluate import actions, allows
from tests.iam.stacks import ACCOUNT, deployer, preview, stack

ROOT = Path(__file__).parents[2]
EXISTING = {
    "ebb:network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"], "security_group_ids": ["sg-0"]},
    "ebb:worker": {"image": {"repository": "team/encoder", "tag": "1"}, "cluster": "company"},
}
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0"
#: Everything that a stack can have at the same time.
MOST: dict[str, Any] = {
    "ebb:network": {"nat": "instance", "endpoints": ["sqs"]},
    "ebb:queue": {"name": "q" * 75, "kms": "new"},
    "ebb:api": {"auth": "api_key", "account_log_role": "create"},
    "ebb:worker": {"once_days": 1},
    "ebb:scaling": {
        "direct": True,
        "max_tasks": 2,
        "warm_hours": [{"start": "08:00", "stop": "18:00", "min_tasks": 1}],
    },
    "ebb:monitoring": {"emails": ["a@example.com"]},
    "ebb:iam": {"path": "/teams/video/", "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary"},
}
CONFIGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "existing": EXISTING,
    "most": MOST,
    **{f"tests' {name}": of_tests(name) for name in STACKS},
    **{f"example {name}": configuration(name, folder=ROOT / "examples" / name) for name in EXAMPLES},
}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def arn(service: str, resource: str, region: str = "us-east-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role{name}"


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
                assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}


@each_config
def test_a_preview_changes_nothing_and_reads_no_data(config: dict[str, Any]) -> None:
    reading = r"\w[\w-]*:(Describe|Get|GET$|List|BatchGet|BatchCheck|Validate|Decrypt$)\w*"
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


def test_a_queue_s_own_name_is_covered_and_no_other() -> None:
    policy = deployer({"ebb:queue": {"name": "encode-jobs"}})
    for name in ("encode-jobs", "jobs-dead-letter-1234567"):
        assert allows(policy, "sqs:CreateQueue", arn("sqs", name))
    for name in ("encode-jobs-2", "jobs-1234567", "other", "encode"):
        assert not allows(policy, "sqs:CreateQueue", arn("sqs", name)), name
    fifo = deployer({"ebb:queue": {"name": "encode.fifo", "fifo": True}})
    assert allows(fifo, "sqs:CreateQueue", arn("sqs", "encode.fifo"))
    assert allows(fifo, "sqs:CreateQueue", arn("sqs", "jobs-dead-letter-1234567.fifo"))


def test_a_preview_counts_the_jobs_of_a_queue_and_receives_none() -> None:
    policy = preview({"ebb:queue": {"name": "encode"}})
    assert allows(policy, "sqs:GetQueueAttributes", arn("sqs", "encode"))
    assert not allows(policy, "sqs:ReceiveMessage", arn("sqs", "encode"))
    assert not allows(policy, "sqs:GetQueueAttributes", arn("sqs", "other"))


NAMED = {
    "sqs:CreateQueue": ("sqs", "jobs-1234567"),
    "dynamodb:CreateTable": ("dynamodb", "table/once-1234567"),
    "ecr:PutImage": ("ecr", "repository/image-1234567"),
    "ecs:UpdateService": ("ecs", "service/worker-1234567/worker-1234567"),
    "ecs:RegisterTaskDefinition": ("ecs", "task-definition/worker-1234567:1"),
    "scheduler:CreateSchedule": ("scheduler", "schedule/default/wake-watch-1234567"),
    "states:UpdateStateMachine": ("states", "stateMachine:wake-watcher-1234567"),
    "cloudwatch:PutMetricAlarm": ("cloudwatch", "alarm:scaling-out-1234567"),
    "logs:CreateLogGroup": ("logs", "log-group:api-access-1234567"),
    "sns:CreateTopic": ("sns", "monitoring-1234567"),
    "ec2:RunInstances": ("ec2", "instance/*"),
}


@pytest.mark.parametrize(("action", "resource"), NAMED.items(), ids=NAMED)
def test_other_names_regions_accounts_and_partitions_are_not_allowed(action: str, resource: tuple[str, str]) -> None:
    service, name = resource
    config = {
        "ebb:worker": {"once_days": 1},
        "ebb:scaling": {"watch": True},
        "ebb:network": {"nat": "instance"},
    }
    policy = deployer(config)
    here = arn(service, name)
    assert allows(policy, action, here)
    assert not allows(policy, action, arn(service, name, region="eu-west-1"))
    assert not allows(policy, action, arn(service, name, account="210987654321"))
    assert not allows(policy, action, here.replace("arn:aws:", "arn:aws-cn:"))
    if service != "ec2":  # AWS chooses the ids
        assert not allows(policy, action, re.sub(r"([^/:]+-1234567)", r"x\1", here))


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_each_arn_is_of_the_stack_s_partition_and_region(region: str, partition: str) -> None:
    config = {key: value for key, value in MOST.items() if key != "ebb:iam"} | {
        "ebb:iam": {"permissions_boundary": f"arn:{partition}:iam::{ACCOUNT}:policy/b"}
    }
    for policy in (deployer(config, region=region), preview(config, region=region)):
        found = re.findall(r'"arn:([^:]*):[^:]*:([^:]*):', json.dumps(policy))
        assert {arn_partition for arn_partition, _ in found} == {partition}
        assert {where for _, where in found} == {"", region}
        assert "us-east-1" not in json.dumps(policy)


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


#: A setting, an action that it needs, and one on the way to it: neither is allowed without the setting.
NEEDED: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"ebb:network": {"nat": "instance"}}, "ec2:RunInstances", {"ebb:network": {"nat": "gateway"}}),
    ({"ebb:network": {"nat": "gateway"}}, "ec2:CreateNatGateway", {"ebb:network": {"nat": "instance"}}),
    ({"ebb:network": {"nat": "instance"}}, "ssm:GetParameter", {}),
    ({"ebb:network": {"endpoints": ["sqs"], "nat": "gateway"}}, "route53:AssociateVPCWithHostedZone", {}),
    ({}, "ec2:CreateVpc", {"ebb:network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"]}}),
    ({"ebb:network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"]}}, "ec2:CreateSecurityGroup", EXISTING),
    ({"ebb:queue": {"kms": "new"}}, "kms:CreateKey", {"ebb:queue": {"kms": KEY}}),
    ({"ebb:queue": {"kms": KEY}, "ebb:worker": {"once_days": 1}}, "kms:CreateGrant", {"ebb:queue": {"kms": KEY}}),
    ({"ebb:worker": {"once_days": 1}}, "dynamodb:CreateTable", {}),
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


# pulumi:autonaming


def named(autonaming: Any, **more: Any) -> document.Document:
    return deployer({"pulumi:autonaming": autonaming, **more}, name="dev.eu")


@pytest.mark.parametrize(
    ("autonaming", "queue"),
    [
        ({"mode": "default"}, "jobs-1234567"),
        ({"mode": "verbatim"}, "jobs"),
        ({"pattern": "${project}-${stack}-${name}-${hex(5)}"}, "ebb-dev.eu-jobs-12345"),
        ({"pattern": "${organization}_${name}_${alphanum(4)}"}, "acme_jobs_12ab"),
        ({"pattern": "${stack}${name}${uuid}"}, "dev.eujobs0d9c1c1e-7e0f-4f52-8a54-0d9b8a1b1b1b"),
        ({"mode": "verbatim", "providers": {"aws": {"pattern": "a-${name}-${num(3)}"}}}, "a-jobs-123"),
        (
            {
                "providers": {
                    "aws": {"mode": "verbatim", "resources": {"aws:sqs/queue:Queue": {"pattern": "q-${name}"}}}
                }
            },
            "q-jobs",
        ),
    ],
)
def test_names_follow_pulumi_s_autonaming(autonaming: Any, queue: str) -> None:
    policy = named(autonaming)
    assert allows(policy, "sqs:CreateQueue", arn("sqs", queue))
    if autonaming != {"mode": "default"}:
        assert not allows(policy, "sqs:CreateQueue", arn("sqs", "jobs-1234567"))


def test_names_that_nobody_makes_are_refused_in_one_sentence() -> None:
    with pytest.raises(
        UserError, match=r"^pulumi:autonaming: with mode disabled aws:\S+ \S+ has no name that Ebb knows; "
    ):
        named({"mode": "disabled"})
    with pytest.raises(UserError, match=r"^pulumi:autonaming must consist of mappings"):
        named("verbatim")


# lengths


@each_config
def test_a_policy_fits_into_a_role_and_its_parts_into_managed_policies(config: dict[str, Any]) -> None:
    chosen = stack(config)
    for made in (document.deployer, document.preview):
        statements = made(parts(chosen), chosen.place)
        if config is not MOST:
            assert document.length(document.inline(statements)) <= 10_240
        several = document.managed(statements)
        assert all(document.length(each) <= 6_144 for each in several)
        assert [statement for each in several for statement in each["Statement"]] == statements


def test_a_policy_that_is_too_long_is_refused_in_one_sentence() -> None:
    chosen = stack(MOST)
    with pytest.raises(UserError, match=r"^The policy has \d+ characters without white space, .*: use --managed\.$"):
        document.inline(document.deployer(parts(chosen), chosen.place))
    chosen = stack({"pulumi:autonaming": {"pattern": "x" * 6000 + "${name}"}})
    with pytest.raises(
        UserError, match=r"^Statement \w+ alone has more than the 6144 characters of a managed policy: "
    ):
        document.managed(document.deployer(parts(chosen), chosen.place))


# the sources


def test_the_services_are_those_of_the_components() -> None:
    prefixes = {"appautoscaling": "application-autoscaling", "vpc": "ec2", "sfn": "states"}
    sources = "\n".join(path.read_text() for path in (ROOT / "components").glob("*.py"))
    used = {prefixes.get(module, module) for module in re.findall(r"\baws\.([a-z0-9]+)\.[A-Z]", sources)}
    given = {action.split(":")[0] for action in actions(deployer(MOST))}
    assert given == used | {"s3", "ecr", "logs", "ssm", "route53"}


#: What the provider calls for each data source (terraform-provider-aws; sts:GetCallerIdentity needs no permission).
DATA_SOURCES: dict[str, set[str]] = {
    "get_availability_zones": {"ec2:DescribeAvailabilityZones"},
    "get_caller_identity": set(),
    "get_partition": set(),
    "get_region": set(),
    "ec2.get_instance_type_offerings": {"ec2:DescribeInstanceTypeOfferings"},
    "ec2.get_vpc_endpoint_service": {"ec2:DescribeVpcEndpointServices"},
    "ssm.get_parameter": {"ssm:GetParameter"},
    "ecr.get_repository": {"ecr:DescribeRepositories", "ecr:ListTagsForResource"},
    "ecr.get_image": {"ecr:DescribeImages", "ecr:DescribeRepositories"},
}


def test_a_preview_may_call_each_data_source() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "components").glob("*.py"))
    assert set(re.findall(r"\baws\.((?:\w+\.)?get_\w+?)(?:_output)?\(", sources)) == set(DATA_SOURCES)
    nat = actions(preview({"ebb:network": {"nat": "instance", "endpoints": ["sqs"]}}))
    assert set().union(*DATA_SOURCES.values()) <= nat | actions(preview(EXISTING))


def test_the_nat_instance_has_the_name_by_which_the_policy_finds_it() -> None:
    assert 'Network("network"' in (ROOT / "__main__.py").read_text()
    assert 'f"{self.pulumi_resource_name}-nat"' in (ROOT / "components/network.py").read_text()
    assert NAT_NAME == "network-nat"

"""The whole program with mocks, for each of the tests' stacks: rules for all resources."""

import dataclasses
import importlib
import json
import logging
import pkgutil
import re
import runpy
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest

import components as room
from ebb.project import configuration as project_configuration
from tests.components.harness import ACCOUNT, Deployed, Resource, deploy
from tests.helpers.stacks import STACKS, configuration, users

ROOT = Path(__file__).parents[2]
COMPONENTS = {
    "ebb:index:Network": "network",
    "ebb:index:JobQueue": "jobs",
    "ebb:index:JobApi": "api",
    "ebb:index:WorkerImage": "image",
    "ebb:index:WorkerService": "worker",
    "ebb:index:QueueScaling": "scaling",
    "ebb:index:Wake": "wake",
    "ebb:index:Monitoring": "monitoring",
    "ebb:index:QueueGuard": "guard",
}
TABLE, RECURRING = "ebb:index:JobTable", "ebb:index:RecurringJobs"
WORKFLOWS = "ebb:index:JobWorkflows"
#: Created only with `jobs.keep_days` and with `queue.schedules`.
EVENTS = "ebb:index:JobEvents"
OPTIONAL = {TABLE: "job-table", WORKFLOWS: "job", RECURRING: "recurring", EVENTS: "events"}
OUTPUTS = {
    "api_url",
    "api_auth",
    "api_id",
    "api_stage",
    "queue_url",
    "dead_letter_queue_url",
    "cluster_name",
    "service_name",
    "image_uri",
    "log_group_name",
    "topic_arn",
    "alarm_names",
    "dashboard_url",
}
#: Actions without a resource level: see the service authorization reference of Amazon Elastic Container Registry and of
#: Amazon Session Manager Message Gateway Service.
WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}
#: Names that Pulumi does not generate, by type and logical name: set by the user, or required by AWS.
NAMED = {
    ("aws:sqs/queue:Queue", "jobs"): "jobs.fifo",
    ("aws:apigateway/model:Model", "api-job"): "Job",
}


def evaluate() -> None:
    runpy.run_path(str(ROOT / "__main__.py"))


def run(config: Mapping[str, Any], **options: Any) -> Deployed:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return deploy(evaluate, config=texts, **options)


@cache
def program(stack: str) -> Deployed:
    return run(configuration(stack), stack=stack)


def components(deployed: Deployed) -> list[Resource]:
    return [found for found in deployed.resources.values() if found.type.startswith("ebb:")]


def children(deployed: Deployed) -> list[Resource]:
    return [found for found in deployed.resources.values() if not found.type.startswith("ebb:")]


def identity_statements(deployed: Deployed) -> list[dict[str, Any]]:
    return [statement for policy in deployed.of("aws:iam/rolePolicy:RolePolicy") for statement in policy.statements]


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_has_eight_components(stack: str) -> None:
    assert {found.type: found.name for found in components(program(stack))} == COMPONENTS


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_belongs_to_a_component(stack: str) -> None:
    deployed = program(stack)
    assert not [urn for urn in deployed.resources if re.search(r"pulumi:pulumi:Stack\$awsx?:", urn)]
    assert {found.parent_type for found in children(deployed)} <= set(COMPONENTS)


@pytest.mark.parametrize("stack", STACKS)
def test_a_childs_name_begins_with_the_name_of_its_component(stack: str) -> None:
    others = [found.urn for found in children(program(stack)) if not _derived(found.name, found.parent_name)]
    assert others == []


def _derived(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}-")


@pytest.mark.parametrize("stack", STACKS)
def test_type_tokens_are_canonical(stack: str) -> None:
    token = re.compile(
        r"aws:(?P<service>[a-z0-9]+)/(?P<module>[a-z]\w+):(?P<type>[A-Z]\w+)|awsx:ecr:(Repository|Image)"
    )
    for found in children(program(stack)):
        match = token.fullmatch(found.type)
        assert match, found.type
        if match["type"]:
            assert match["module"] == match["type"][0].lower() + match["type"][1:]


@pytest.mark.parametrize("stack", STACKS)
def test_pulumi_generates_the_names(stack: str) -> None:
    deployed = program(stack)
    named = {(found.type, found.name): found.inputs["name"] for found in children(deployed) if "name" in found.inputs}
    assert named
    assert named.items() <= NAMED.items()


@pytest.mark.parametrize("stack", STACKS)
def test_only_actions_without_a_resource_level_are_allowed_on_all_resources(stack: str) -> None:
    wide = Counter(
        action
        for found in identity_statements(program(stack))
        if "*" in found["Resource"]
        for action in found["Action"]
    )
    assert wide == {"ecr:GetAuthorizationToken": 1}


def test_exec_adds_its_four_channels() -> None:
    config = configuration("dev")
    config["ebb:worker"] = {**config["ebb:worker"], "exec": True}
    wide = [found for found in identity_statements(run(config)) if "*" in found["Resource"]]
    assert {action for found in wide for action in found["Action"]} == WITHOUT_RESOURCE


@pytest.mark.parametrize("stack", STACKS)
def test_roles_have_single_actions_and_no_wildcards(stack: str) -> None:
    actions = [action for found in identity_statements(program(stack)) for action in found["Action"]]
    assert actions
    assert [action for action in actions if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action)] == []


@pytest.mark.parametrize("stack", STACKS)
def test_security_groups_accept_traffic_from_the_vpc_only(stack: str) -> None:
    deployed = program(stack)
    rules = deployed.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert {rule.inputs["cidrIpv4"] for rule in rules} <= {"10.0.0.0/16"}
    assert {rule.parent_name for rule in rules} <= {"network"}


@pytest.mark.parametrize("stack", STACKS)
def test_every_output_has_a_value(stack: str) -> None:
    exports = program(stack).exports
    assert set(exports) == OUTPUTS | ({"api_key_id"} if stack == "dev" else set())
    assert all(exports.values())
    assert re.search(r"@sha256:[0-9a-f]{64}$", exports["image_uri"])


@pytest.mark.parametrize("stack", STACKS)
def test_tasks_have_the_tags_of_the_service(stack: str) -> None:
    tags = configuration(stack)["aws:defaultTags"]["tags"]
    assert tags == {"Project": "ebb", "Environment": stack, "ManagedBy": "pulumi"}
    assert program(stack).one("aws:ecs/service:Service").inputs["propagateTags"] == "SERVICE"


@pytest.mark.parametrize("stack", ["dev", "prod", "sandbox"])
def test_every_arn_has_the_partition_and_region_of_the_stack(stack: str) -> None:
    partition = {"partition": "aws-cn", "dnsSuffix": "amazonaws.com.cn"}
    region = {"region": "cn-north-1", "name": "cn-north-1", "id": "cn-north-1"}
    deployed = run(
        configuration(stack),
        answers={
            "aws:index/getPartition:getPartition": partition,
            "aws:index/getRegion:getRegion": region,
            "aws:index/getAvailabilityZones:getAvailabilityZones": {
                "names": ["cn-north-1a", "cn-north-1b"],
                "zoneIds": ["cnn1-az1", "cnn1-az2"],
            },
        },
    )
    everything = json.dumps({urn: found.inputs for urn, found in deployed.resources.items()})
    assert f"arn:aws-cn:sqs:cn-north-1:{ACCOUNT}:jobs" in everything
    assert re.findall(r"arn:aws:|us-east-1", everything) == []


@pytest.mark.parametrize("stack", STACKS)
def test_the_worker_and_the_scalable_target_have_the_addresses_of_the_stack(stack: str) -> None:
    deployed = program(stack)
    queue = deployed.one("aws:sqs/queue:Queue", "jobs")
    (container,) = deployed.one("aws:ecs/taskDefinition:TaskDefinition").json("containerDefinitions")
    environment = {entry["name"]: entry["value"] for entry in container["environment"]}
    settings = configuration(stack)
    assert environment["EBB_QUEUE_URL"] == deployed.exports["queue_url"]
    assert environment["EBB_DEAD_LETTER_QUEUE_URL"] == deployed.exports["dead_letter_queue_url"]
    assert environment["EBB_VISIBILITY_TIMEOUT"] == str(settings["ebb:queue"]["visibility_timeout"])
    assert queue.inputs["visibilityTimeoutSeconds"] == settings["ebb:queue"]["visibility_timeout"]
    assert container["image"] == deployed.exports["image_uri"]
    target = deployed.one("aws:appautoscaling/target:Target").inputs["resourceId"]
    assert target == f"service/{deployed.exports['cluster_name']}/{deployed.exports['service_name']}"


def test_keep_days_adds_the_job_table_its_workflows_and_routes() -> None:
    config = configuration("prod")
    config["ebb:jobs"] = {"keep_days": 4}
    deployed = run(config)
    assert {found.type: found.name for found in components(deployed)} == COMPONENTS | {
        TABLE: "job-table",
        WORKFLOWS: "job",
    }
    workflows = ("job-submit", "job-batch", "job-release", "job-cancel")
    roles = ("job-submit", "job-release", "job-cancel", "job-scheduler")
    new = {
        ("aws:dynamodb/table:Table", "job-table"),
        *(("aws:cloudwatch/metricAlarm:MetricAlarm", f"monitoring-{role}") for role in ("release", "throttled")),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "network-dynamodb"),
        ("aws:scheduler/scheduleGroup:ScheduleGroup", "job"),
        *(("aws:sfn/stateMachine:StateMachine", name) for name in workflows),
        *((kind, name) for kind in ("aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy") for name in roles),
        ("aws:iam/rolePolicy:RolePolicy", "job-release-again"),
    }
    added = deployed.names - program("prod").names
    assert {found for found in added if not found[0].startswith("aws:apigateway/")} == new
    methods = {name for kind, name in added if kind == "aws:apigateway/method:Method" and not name.endswith("-any")}
    assert methods == {
        *("api-jobs-get", "api-jobs-batch-post", "api-jobs-id-get", "api-jobs-id-delete", "api-openapi.json-get")
    }
    assert program("prod").names - deployed.names == set()
    (container,) = deployed.one("aws:ecs/taskDefinition:TaskDefinition").json("containerDefinitions")
    environment = {entry["name"]: entry["value"] for entry in container["environment"]}
    assert (environment["EBB_JOB_TABLE"], environment["EBB_KEEP_SECONDS"]) == ("job-table", "345600")
    assert deployed.exports["job_table_name"] == "job-table"
    table = deployed.one("aws:dynamodb/table:Table")
    assert table.inputs["serverSideEncryption"]["kmsKeyArn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:jobs-key"
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:job-table"
    resources = {
        action: found["Resource"]
        for found in identity_statements(deployed)
        for action in found["Action"]
        if action.startswith("dynamodb:")
    }
    items = ("BatchGet", "Delete", "Get", "Put", "Update")
    assert resources == {f"dynamodb:{action}Item": [arn] for action in items} | {"dynamodb:Query": [f"{arn}/index/*"]}


def test_a_webhook_adds_its_connection_rule_queue_and_alarm_and_nothing_else() -> None:
    config = configuration("prod")
    jobs = {"keep_days": 4, "events": True, "webhook": {"url": "https://example.com/h", "secret": "/hooks/token"}}
    without = run({**config, "ebb:jobs": {"keep_days": 4, "events": True}})
    deployed = run({**config, "ebb:jobs": jobs})
    added = {TABLE: "job-table", WORKFLOWS: "job", EVENTS: "events"}
    assert {found.type: found.name for found in components(deployed)} == COMPONENTS | added
    (connection,) = deployed.of("aws:cloudwatch/eventConnection:EventConnection")
    assert deployed.names - without.names == {
        ("aws:cloudwatch/eventConnection:EventConnection", connection.name),
        ("aws:cloudwatch/eventApiDestination:EventApiDestination", "events"),
        ("aws:cloudwatch/eventRule:EventRule", "events"),
        ("aws:cloudwatch/eventTarget:EventTarget", "events"),
        ("aws:iam/role:Role", "events"),
        ("aws:iam/rolePolicy:RolePolicy", "events"),
        ("aws:sqs/queue:Queue", "events-dead-letter"),
        ("aws:sqs/queuePolicy:QueuePolicy", "events-dead-letter"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "monitoring-webhook"),
    }


@pytest.mark.parametrize("stack", STACKS)
def test_the_topic_of_the_alarms_is_encrypted_by_a_key_that_cloudwatch_may_use(stack: str) -> None:
    deployed = program(stack)
    own = deployed.of("aws:kms/key:Key")
    assert ("kmsMasterKeyId" in deployed.one("aws:sns/topic:Topic").inputs) == bool(own)


def test_schedules_add_recurring_jobs_and_nothing_else() -> None:
    config = configuration("prod")
    config["ebb:queue"] = {**config["ebb:queue"], "schedules": [{"name": "n", "rate": "1 day", "group": "g"}]}
    deployed = run(config)
    assert {found.type: found.name for found in components(deployed)} == COMPONENTS | {RECURRING: "recurring"}
    assert deployed.names - program("prod").names == {
        ("aws:iam/role:Role", "recurring"),
        ("aws:iam/rolePolicy:RolePolicy", "recurring"),
        ("aws:scheduler/schedule:Schedule", "recurring-n"),
    }


@pytest.mark.parametrize("stack", STACKS)
def test_by_default_wake_is_only_the_keep_alive_schedule(stack: str) -> None:
    deployed = program(stack)
    kinds = {
        "aws:scheduler/schedule:Schedule",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
    }
    assert {found.type for found in children(deployed) if found.parent_name == "wake"} == kinds
    target = json.loads(deployed.one("aws:scheduler/schedule:Schedule").inputs["target"]["input"])
    assert target["QueueUrl"] == deployed.exports["queue_url"]


@pytest.mark.parametrize("stack", STACKS)
def test_with_direct_the_api_starts_a_workflow_that_starts_a_task(stack: str) -> None:
    config = configuration(stack)
    config["ebb:scaling"] = {**config["ebb:scaling"], "direct": True}
    deployed = run(config)
    submit = deployed.one("aws:sfn/stateMachine:StateMachine", "wake-submit")
    arn = f"arn:aws:sfn:us-east-1:{ACCOUNT}:wake-submit"
    states = submit.json("definition")["States"]
    target = deployed.one("aws:appautoscaling/target:Target")
    assert states["Send"]["Arguments"]["QueueUrl"] == deployed.exports["queue_url"]
    start = deployed.one("aws:sfn/stateMachine:StateMachine", "wake-start").json("definition")["States"]
    assert states["Start"]["Arguments"]["StateMachineArn"].endswith(":wake-start")
    assert start["Register"]["Arguments"]["ResourceId"] == target.inputs["resourceId"]
    assert target.ignore_changes == ("suspendedState", "minCapacity")
    integrations = [f for f in deployed.of("aws:apigateway/integration:Integration") if f.inputs["type"] == "AWS"]
    assert all(arn in found.inputs["requestTemplates"]["application/json"] for found in integrations)
    assert ("MessageGroupId" in states["Send"]["Arguments"]) == (stack == "shared")
    wide = Counter(
        action for found in identity_statements(deployed) if "*" in found["Resource"] for action in found["Action"]
    )
    # service authorization reference, "Actions … for AWS Application Auto Scaling": reading has no resource type
    assert wide == {"ecr:GetAuthorizationToken": 1, "application-autoscaling:DescribeScalableTargets": 2}


def test_the_service_depends_on_the_routes_to_the_internet() -> None:
    deployed = program("dev")
    waits = deployed.one("ebb:index:WorkerService").dependencies
    routes = [route.urn for route in deployed.of("aws:ec2/route:Route")]
    assert len(routes) == 3
    assert set(routes) <= set(waits)


def test_the_arguments_of_every_component_are_keyword_only_and_frozen() -> None:
    found = {
        name: kind
        for module in pkgutil.walk_packages(room.__path__, "components.")
        for name, kind in vars(importlib.import_module(module.name)).items()
        if name.endswith("Args")
    }
    assert set(found) == {f"{token.rsplit(':', 1)[-1]}Args" for token in COMPONENTS | OPTIONAL}
    for kind in found.values():
        assert kind.__dataclass_params__.frozen
        assert all(field.kw_only for field in dataclasses.fields(kind))


def test_without_any_section_the_program_deploys_the_defaults() -> None:
    deployed = run({"aws:region": "eu-west-1"})
    assert {found.type: found.name for found in components(deployed)} == COMPONENTS
    assert set(deployed.exports) == OUTPUTS


@pytest.mark.parametrize("stack", users())
def test_the_program_deploys_each_stack_file_of_the_project(stack: str) -> None:
    deployed = run(project_configuration(stack), stack=stack)
    assert COMPONENTS.items() <= {found.type: found.name for found in components(deployed)}.items()
    assert set(deployed.exports) >= OUTPUTS


def test_a_refused_configuration_creates_nothing() -> None:
    def refused() -> None:
        with pytest.raises(pulumi.RunError, match=r"ebb:queue\.visibility_timeout"):
            evaluate()

    assert deploy(refused, config={"ebb:queue": '{"visibility_timeout": 43201}'}).resources == {}


@pytest.mark.parametrize("stack", STACKS)
def test_only_many_tasks_and_a_long_visibility_timeout_have_a_warning(
    stack: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(configuration(stack))
    found = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    warned = {"prod": ["scaling.max_tasks"], "shared": ["queue.visibility_timeout"]}
    assert [text.partition(":")[2].partition(":")[0] for text in found] == warned.get(stack, [])


def test_scale_in_by_cpu_has_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    config = configuration("dev")
    run({**config, "ebb:scaling": {"scale_in": "cpu"}})
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "ebb:scaling.scale_in" in warning

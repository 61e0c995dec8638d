"""One changed setting changes exactly the resources that it should, and no other."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from ebb.project import ROOT
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy.engine import Change, Deployment, DeploymentError
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve
from tests.engine import api_parts
from tests.engine.api_parts import Step
from tests.helpers.stacks import configuration


def replaced(type_: str, name: str) -> set[Step]:
    """The engine's three steps of a replacement."""
    return {(step, type_, name) for step in ("create-replacement", "replace", "delete-replaced")}


QUEUE, SERVICE = "aws:sqs/queue:Queue", "aws:ecs/service:Service"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
ALARM, POLICY = "cloudwatch/metricAlarm:MetricAlarm", "appautoscaling/policy:Policy"
NEW_TASK = {*replaced("aws:ecs/taskDefinition:TaskDefinition", "worker"), ("update", SERVICE, "worker")}
KEEP_ALIVE: set[Step] = {
    ("delete", "aws:scheduler/schedule:Schedule", "wake-keep-alive"),
    ("delete", "aws:iam/role:Role", "wake-keep-alive"),
    ("delete", "aws:iam/rolePolicy:RolePolicy", "wake-keep-alive"),
}
WATCHER: set[Step] = {
    # the watcher sizes the service: the rule `out` is a fallback, and `zero` waits less
    *{("update", f"aws:{kind}", "scaling-out") for kind in (ALARM, POLICY)},
    *{("delete", f"aws:{kind}", "scaling-start") for kind in (ALARM, POLICY)},
    ("update", f"aws:{ALARM}", "scaling-zero"),
    ("create", f"aws:{ALARM}", "monitoring-watcher"),
    ("create", f"aws:{ALARM}", "monitoring-workflows"),
    ("update", f"aws:{ALARM}", "monitoring-schedules"),
    ("update", DASHBOARD, "monitoring"),
    ("create", "aws:sfn/stateMachine:StateMachine", "wake-watcher"),
    ("create", "aws:scheduler/schedule:Schedule", "wake-watch"),
    *{
        ("create", f"aws:iam/{kind}", f"wake-{role}")
        for kind in ("role:Role", "rolePolicy:RolePolicy")
        for role in ("watcher", "watch")
    },
}
#: Groups of changes that do not touch each other. Each has one changed setting of the sandbox stack and what `up` does.
GROUPS: tuple[dict[str, tuple[dict[str, Any], set[Step]]], ...] = (
    {
        "longer visibility: the queue, and the task that uses it": (
            {"ebb:queue": {"visibility_timeout": 60}},
            {("update", QUEUE, "jobs"), *NEW_TASK},
        ),
        "a new key: the key, both queues, the logs, the alarms' topic, and the two roles that use it": (
            {"ebb:queue": {"kms": "new"}},
            {
                *(("update", "aws:cloudwatch/logGroup:LogGroup", name) for name in ("api-access", "worker")),
                ("create", "aws:kms/key:Key", "jobs-key"),
                ("create", "aws:kms/alias:Alias", "jobs-key"),
                ("update", QUEUE, "jobs"),
                ("update", QUEUE, "jobs-dead-letter"),
                ("update", "aws:sns/topic:Topic", "monitoring"),
                ("update", "aws:iam/rolePolicy:RolePolicy", "api-sender"),
                ("update", "aws:iam/rolePolicy:RolePolicy", "worker-task"),
            },
        ),
        "more memory: a new revision, rolled out": ({"ebb:worker": {"memory": 1024}}, NEW_TASK),
        "jobs that wake: their workflows come with the watcher, and the API talks to one": (
            {"ebb:scaling": {"direct": True}},
            {
                *KEEP_ALIVE,
                *WATCHER,
                *{
                    ("create", f"aws:{kind}", f"wake-{workflow}")
                    for kind in ("sfn/stateMachine:StateMachine", "iam/role:Role", "iam/rolePolicy:RolePolicy")
                    for workflow in ("submit", "start")
                },
                ("update", "aws:iam/rolePolicy:RolePolicy", "api-sender"),
                *{
                    (operation, f"aws:apigateway/{kind[0].lower()}{kind[1:]}:{kind}", f"api-{route}{status}")
                    for operation, kind, status in (
                        ("update", "Integration", ""),
                        ("update", "IntegrationResponse", "-202"),
                        ("update", "IntegrationResponse", "-502"),
                    )
                    for route in ("jobs-post", "queue-get")
                },
                *replaced("aws:apigateway/deployment:Deployment", "api"),
                ("update", "aws:apigateway/stage:Stage", "api"),
            },
        ),
        "another rate: the stage's method settings alone": (
            {"ebb:api": {"rate_limit": 50}},
            {("update", "aws:apigateway/methodSettings:MethodSettings", "api")},
        ),
        "an address: one subscription": (
            {"ebb:monitoring": {"emails": ["a@example.com"]}},
            {
                ("create", "aws:sns/topicSubscription:TopicSubscription", "monitoring-email-a@example.com"),
                ("create", f"aws:{ALARM}", "monitoring-notifications"),
                ("update", DASHBOARD, "monitoring"),
            },
        ),
        "a NAT gateway: it, its address, two routes, and the service moves to the private subnets": (
            {"ebb:network": {"nat": "gateway"}},
            {
                ("create", "aws:ec2/eip:Eip", "network-nat-us-east-1a"),
                ("create", "aws:ec2/natGateway:NatGateway", "network-nat-us-east-1a"),
                ("create", "aws:ec2/route:Route", "network-private-us-east-1a"),
                ("create", "aws:ec2/route:Route", "network-private-us-east-1b"),
                ("update", SERVICE, "worker"),
            },
        ),
    },
    {
        "more attempts: the queue alone": ({"ebb:queue": {"max_receive_count": 5}}, {("update", QUEUE, "jobs")}),
        "no surplus policy: it goes with its alarm": (
            {"ebb:scaling": {"surplus": False}},
            {
                ("delete", "aws:appautoscaling/policy:Policy", "scaling-surplus"),
                ("delete", "aws:cloudwatch/metricAlarm:MetricAlarm", "scaling-surplus"),
            },
        ),
        "a watcher: it comes with its schedule, and the keep-alive goes": (
            {"ebb:scaling": {"watch": True}},
            KEEP_ALIVE | WATCHER,
        ),
        "Spot: the service alone, in place": ({"ebb:worker": {"spot_weight": 50}}, {("update", SERVICE, "worker")}),
        "another stage's name: a new stage with its settings": (
            {"ebb:api": {"stage": "v2"}},
            {
                *replaced("aws:apigateway/stage:Stage", "api"),
                *replaced("aws:apigateway/methodSettings:MethodSettings", "api"),
                ("update", f"aws:{ALARM}", "monitoring-api"),
                ("update", DASHBOARD, "monitoring"),
            },
        ),
        "one more statement: the task role's policy alone": (
            {"ebb:worker": {"statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::videos/*"]}]}},
            {("update", "aws:iam/rolePolicy:RolePolicy", "worker-task")},
        ),
    },
    {
        "more tasks: the target, and the policies whose steps are shares of them": (
            {"ebb:scaling": {"max_tasks": 8}},
            {
                ("update", "aws:appautoscaling/target:Target", "scaling"),
                ("update", "aws:appautoscaling/policy:Policy", "scaling-start"),
                ("update", "aws:appautoscaling/policy:Policy", "scaling-out"),
                ("update", "aws:appautoscaling/policy:Policy", "scaling-surplus"),
                ("update", DASHBOARD, "monitoring"),
            },
        ),
        "more jobs at once: a new revision, rolled out, and the backlog that a task may own": (
            {"ebb:worker": {"concurrency": 4}},
            {
                ("update", "aws:appautoscaling/policy:Policy", "scaling-start"),
                ("update", "aws:appautoscaling/policy:Policy", "scaling-out"),
                ("update", "aws:cloudwatch/metricAlarm:MetricAlarm", "scaling-surplus"),
                ("update", DASHBOARD, "monitoring"),
                *NEW_TASK,
            },
        ),
        "warm hours: an action at each change": (
            {
                "ebb:scaling": {
                    "warm_hours": [{"start": "08:00", "stop": "18:00", "min_tasks": 1}],
                    "timezone": "Europe/Berlin",
                }
            },
            {
                ("create", "aws:appautoscaling/scheduledAction:ScheduledAction", "wake-hours-1-at-8-0"),
                ("create", "aws:appautoscaling/scheduledAction:ScheduledAction", "wake-hours-0-at-18-0"),
                ("update", f"aws:{ALARM}", "monitoring-useless"),
            },
        ),
        "no protection: a new revision, and the task role no longer asks ECS": (
            {"ebb:worker": {"protection": False, "job_timeout": 5}},
            {
                ("update", "aws:iam/rolePolicy:RolePolicy", "worker-task"),
                ("update", "aws:cloudwatch/metricAlarm:MetricAlarm", "monitoring-oldest"),
                ("update", DASHBOARD, "monitoring"),
                *NEW_TASK,
            },
        ),
        "no GET: its parts go, and a new deployment follows": (
            {"ebb:api": {"get_endpoint": False}},
            {
                api_parts.step("delete", "Resource", "queue"),
                *api_parts.method("delete", "queue-get", (202, 400, 413, *api_parts.BROKEN), (202, 502)),
                *api_parts.others("delete", "queue"),
                *replaced("aws:apigateway/deployment:Deployment", "api"),
                ("update", "aws:apigateway/stage:Stage", "api"),
            },
        ),
        "shorter worker logs: the log group alone": (
            {"ebb:worker": {"log_retention_days": 7}},
            {("update", "aws:cloudwatch/logGroup:LogGroup", "worker")},
        ),
    },
    {
        "a job table: the table and the way to it, the API's job resource and its workflows, the task that uses it": (
            {"ebb:jobs": {"keep_days": 4}},
            {
                ("create", "ebb:index:JobTable", "job-table"),
                ("create", "aws:dynamodb/table:Table", "job-table"),
                *{("create", f"aws:{ALARM}", f"monitoring-{role}") for role in ("release", "throttled")},
                ("update", DASHBOARD, "monitoring"),
                ("create", "aws:ec2/vpcEndpoint:VpcEndpoint", "network-dynamodb"),
                ("create", "ebb:index:JobWorkflows", "job"),
                ("create", "aws:scheduler/scheduleGroup:ScheduleGroup", "job"),
                *{
                    ("create", "aws:sfn/stateMachine:StateMachine", f"job-{name}")
                    for name in ("batch", "cancel", "release", "submit")
                },
                *{
                    ("create", f"aws:iam/{kind}", f"job-{name}")
                    for kind in ("role:Role", "rolePolicy:RolePolicy")
                    for name in ("cancel", "release", "scheduler", "submit")
                },
                ("create", "aws:iam/rolePolicy:RolePolicy", "job-release-again"),
                *api_parts.job_resource(),
                *replaced("aws:apigateway/deployment:Deployment", "api"),
                ("update", "aws:apigateway/stage:Stage", "api"),
                ("update", "aws:iam/rolePolicy:RolePolicy", "api-sender"),
                ("update", "aws:iam/rolePolicy:RolePolicy", "worker-task"),
                *NEW_TASK,
            },
        ),
    },
)
CHANGES = {title: change for group in GROUPS for title, change in group.items()}


def _steps(changes: list[Change]) -> set[Step]:
    return {(change.operation, change.type, change.name) for change in changes}


@pytest.fixture(scope="module")
def deployed(region: Region, command: PulumiCommand) -> Iterator[Deployment]:
    """The sandbox stack as its file has it, deployed once for this module."""
    region.reset()
    images = Images(region, instead=WORKER)
    provider = serve(Aws(region.client), images, ROOT)
    deployment = Deployment(region, provider.port, "sandbox", command, configuration("sandbox"))
    deployment.up()
    yield deployment
    deployment.destroy()
    assert region.inventory() == []
    provider.stop()


@pytest.fixture
def changing(deployed: Deployment) -> Iterator[Deployment]:
    """The same for one test, which may deploy changes of it."""
    yield deployed
    deployed.configure(configuration("sandbox"))
    deployed.up()
    assert deployed.preview() == []


@pytest.mark.parametrize("case", CHANGES)
def test_one_changed_setting_would_change_exactly_what_it_should(deployed: Deployment, case: str) -> None:
    overrides, steps = CHANGES[case]
    deployed.configure(configuration("sandbox", overrides))
    assert _steps(deployed.preview()) == steps


@pytest.mark.parametrize("number", range(len(GROUPS)))
def test_changed_settings_change_exactly_what_they_should_and_go_back(changing: Deployment, number: int) -> None:
    together: dict[str, Any] = {}
    for overrides, _ in GROUPS[number].values():
        for section, keys in overrides.items():
            together[section] = together.get(section, {}) | keys
    changing.configure(configuration("sandbox", together))
    assert _steps(changing.up()) == set().union(*(steps for _, steps in GROUPS[number].values()))
    assert changing.preview() == []


def test_a_stage_is_renamed_under_an_api_key_and_back_again(changing: Deployment, region: Region) -> None:
    plan, stage = "aws:apigateway/usagePlan:UsagePlan", "aws:apigateway/stage:Stage"
    changing.configure(configuration("sandbox", {"ebb:api": {"auth": "api_key"}}))
    changing.up()
    for name in ("v2", "run"):
        changing.configure(configuration("sandbox", {"ebb:api": {"auth": "api_key", "stage": name}}))
        assert {("update", plan, "api"), *replaced(stage, "api")} <= _steps(changing.up())
        (shown,) = region.client("apigateway").get_usage_plans()["items"]
        assert [item["stage"] for item in shown["apiStages"]] == [name]
        stages = region.client("apigateway").get_stages(restApiId=shown["apiStages"][0]["apiId"])["item"]
        assert [item["stageName"] for item in stages] == [name]
        assert changing.preview() == []


def test_a_destroy_deletes_nothing_while_the_queue_holds_a_job(deployed: Deployment, region: Region) -> None:
    url = deployed.outputs()["queue_url"]
    region.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    before = region.inventory()
    with pytest.raises(DeploymentError, match="holds 1 job, so it is kept"):
        deployed.destroy()
    assert region.inventory() == before
    region.client("sqs").purge_queue(QueueUrl=url)

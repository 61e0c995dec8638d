"""A deployed stack has the scaling rules of its forecast, for each stack file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ebb import project
from ebb.forecast.scenario import deployed, scenario
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy.fallback import InProcess
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.existing_resources import create_existing, uses_existing
from ebb.sandbox.local_account import localize
from ebb.sandbox.provider.aws import Aws
from ebb.scaling import api
from ebb.scaling.alarms import Alarm, Metric, Query
from ebb.scaling.policies import StepPolicy
from ebb.scaling.schedules import Schedule
from policy import hours
from tests.helpers import stacks

#: Values of ebb:scaling that no stack file has.
VARIANTS: dict[str, dict[str, Any]] = {
    "steps": {
        "surplus": None,
        "seconds_per_job": None,
        "tolerated_wait": None,
        "cooldown": 90,
        "steps": [{"upper": 0, "change": -1}, {"lower": 1, "upper": 50, "change": 1}, {"lower": 50, "change": 3}],
    },
    "cpu": {"surplus": None, "scale_in": "cpu", "cpu_threshold": 0.5, "cpu_minutes": 4},
    "warm hours": {
        "timezone": "Europe/Berlin",
        "warm_hours": [{"days": ["MON", "FRI"], "start": "08:00", "stop": "18:30", "min_tasks": 2}],
    },
}
Rules = set[tuple[Alarm, StepPolicy]]


@pytest.mark.parametrize("stack", stacks.users())
def test_a_stack_file_deploys_the_rules_of_its_forecast(region: Region, stack: str) -> None:
    check(region, stack, project.configuration(stack, {"ebb:worker": {"check": False}}))


@pytest.mark.parametrize("stack", stacks.STACKS)
def test_a_stack_of_the_tests_deploys_the_rules_of_its_forecast(region: Region, stack: str) -> None:
    check(region, stack, stacks.configuration(stack))


@pytest.mark.parametrize("name", VARIANTS)
def test_other_settings_deploy_the_rules_of_their_forecast(region: Region, name: str) -> None:
    check(region, "sandbox", stacks.configuration("sandbox", {"ebb:scaling": VARIANTS[name]}))


def check(region: Region, stack: str, config: Mapping[str, Any]) -> None:
    """Deploy, and compare what AWS's describe operations answer with the forecast."""
    images = Images(region, instead=WORKER)
    config = localize(config, region.region)
    if uses_existing(config):
        config = create_existing(region, images).use_in(config)
    deployment = InProcess(Aws(region.client), images, project.ROOT, stack, config)
    deployment.up()
    settings = project.read_settings(config)
    expected = deployed.from_settings(settings)
    autoscaling = region.client("application-autoscaling")
    (target,) = map(api.target, autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"])
    assert (target.minimum, target.maximum) == (expected.minimum, expected.maximum)
    assert deployed_rules(region, deployment.outputs()) == {
        (comparable(rule.alarm), replace(rule.policy, name="")) for rule in expected.rules
    }
    actions = autoscaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    found = [api.scheduled_action(each) for each in actions]
    assert {(each.schedule, each.minimum, each.maximum, each.start, each.end) for each in found} == {
        (Schedule(expression=each.cron, timezone=settings.scaling.timezone), each.minimum, None, None, None)
        for each in hours.changes(settings.scaling)
    }


def deployed_rules(region: Region, outputs: Mapping[str, Any]) -> Rules:
    """Each alarm that invokes a policy, with the policy. Dimensions are the forecast's."""
    described = region.client("application-autoscaling").describe_scaling_policies(ServiceNamespace="ecs")
    policies = {each["PolicyARN"]: api.policy(each) for each in described["ScalingPolicies"]}
    invoking = [
        each
        for each in region.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if policies.keys() & set(each["AlarmActions"])
    ]
    assert len(invoking) == len(policies)
    assert all(each["ActionsEnabled"] for each in invoking)
    names = {
        (("QueueName", outputs["queue_url"].rsplit("/", 1)[-1]),): scenario.QUEUE,
        (("ClusterName", outputs["cluster_name"]), ("ServiceName", outputs["service_name"])): scenario.SERVICE,
    }
    rules: Rules = set()
    for each in invoking:
        (action,) = each["AlarmActions"]
        rules.add((comparable(api.alarm(each), names), replace(policies[action], name="")))
    return rules


def comparable(alarm: Alarm, names: Mapping[Any, Any] | None = None) -> Alarm:
    """The alarm without its name, with sorted queries, and with other dimensions if `names` has them."""
    queries = []
    for query in alarm.queries:
        source = query.source
        if isinstance(source, Metric) and names is not None:
            source = replace(source, dimensions=names[source.dimensions])
        queries.append(Query(id=query.id, source=source))
    if len(queries) == 1:  # CloudWatch has no id for the only metric
        return replace(alarm, name="", queries=(replace(queries[0], id="m"),), watched="m")
    return replace(alarm, name="", queries=tuple(sorted(queries, key=lambda query: query.id)))

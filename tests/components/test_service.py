"""The ECS service, its cluster, its capacity and its security group."""

import json
from typing import Any

import pytest

from components.service import WorkerServiceArgs
from settings import Worker as WorkerSettings
from settings import limits
from tests.components.harness import ACCOUNT, REGION
from tests.components.services import (
    CLUSTER,
    DEFINITION,
    EGRESS,
    GROUP,
    LOGS,
    POLICY,
    PROVIDERS,
    ROLE,
    SERVICE,
    service,
)


def test_everything_that_a_task_needs_is_created_in_the_component() -> None:
    made = service()
    assert made.names == {
        (CLUSTER, "worker"),
        (PROVIDERS, "worker"),
        (LOGS, "worker"),
        (ROLE, "worker-execution"),
        (POLICY, "worker-execution"),
        (ROLE, "worker-task"),
        (POLICY, "worker-task"),
        (DEFINITION, "worker"),
        (GROUP, "worker"),
        (EGRESS, "worker"),
        (EGRESS, "worker-ipv6"),
        (SERVICE, "worker"),
    }
    component = made.one("ebb:index:WorkerService")
    assert {r.parent_type for r in made.resources.values() if r is not component} == {"ebb:index:WorkerService"}
    assert made.result == {"cluster_name": "worker", "service_name": "worker", "log_group_name": "worker"}
    assert made.component_outputs[component.urn] == made.result


def test_the_service_starts_with_the_minimum_and_ignores_later_counts() -> None:
    found = service(min_tasks=2).one(SERVICE)
    assert found.inputs == {
        "cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:worker",
        "taskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:worker",
        "desiredCount": 2,
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 100}],
        "forceNewDeployment": True,
        "networkConfiguration": {
            "subnets": ["subnet-1", "subnet-2"],
            "securityGroups": ["worker-id"],
            "assignPublicIp": False,
        },
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "deploymentMaximumPercent": 200,
        "deploymentMinimumHealthyPercent": 0,
        "availabilityZoneRebalancing": "DISABLED",
        "enableExecuteCommand": False,
        "propagateTags": "SERVICE",
        "waitForSteadyState": False,
    }
    assert found.ignore_changes == ("desiredCount",)
    assert found.timeouts == {"delete": "35m"}


def test_the_service_depends_on_permissions_capacity_and_egress() -> None:
    made = service()
    waits = set(made.one(SERVICE).dependencies)
    assert {made.one(POLICY, "worker-execution").urn, made.one(POLICY, "worker-task").urn} <= waits
    assert {made.one(PROVIDERS).urn, *(rule.urn for rule in made.of(EGRESS))} <= waits


@pytest.mark.parametrize(
    ("weight", "strategy"),
    [
        (0, [{"capacityProvider": "FARGATE", "weight": 100}]),
        (70, [{"capacityProvider": "FARGATE", "weight": 30}, {"capacityProvider": "FARGATE_SPOT", "weight": 70}]),
        (100, [{"capacityProvider": "FARGATE_SPOT", "weight": 100}]),
    ],
)
def test_the_spot_weight_is_a_percentage(weight: int, strategy: list[dict[str, Any]]) -> None:
    assert service(spot_weight=weight).one(SERVICE).inputs["capacityProviderStrategies"] == strategy


def test_a_new_cluster_has_both_capacity_providers_and_container_insights_on_request() -> None:
    made = service()
    assert made.one(CLUSTER).inputs == {"settings": [{"name": "containerInsights", "value": "disabled"}]}
    watched = service(insights=True).one(CLUSTER)
    assert watched.inputs == {"settings": [{"name": "containerInsights", "value": "enabled"}]}
    assert made.one(PROVIDERS).inputs == {"clusterName": "worker", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}


@pytest.mark.parametrize("cluster", ["company", f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/company"])
def test_an_existing_cluster_is_given_by_name_or_arn(cluster: str) -> None:
    made = service(cluster=cluster)
    assert made.of(CLUSTER) == made.of(PROVIDERS) == []
    assert made.one(SERVICE).inputs["cluster"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/company"
    assert made.result["cluster_name"] == "company"
    protection = made.one(POLICY, "worker-task").statements[2]
    assert protection["Resource"] == [f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/company/*"]


def test_tasks_accept_no_connections() -> None:
    made = service()
    group = made.one(GROUP).inputs
    assert group.pop("description")
    assert group == {"vpcId": "vpc-1"}
    what = "To SQS, CloudWatch, ECR and where the jobs go"
    everything = {"securityGroupId": "worker-id", "ipProtocol": "-1", "description": what}
    assert made.one(EGRESS, "worker").inputs == everything | {"cidrIpv4": "0.0.0.0/0"}
    assert made.one(EGRESS, "worker-ipv6").inputs == everything | {"cidrIpv6": "::/0"}
    assert [kind for kind, _ in made.names if "Ingress" in kind] == []


def test_existing_security_groups_replace_the_new_one() -> None:
    made = service(security_group_ids=("sg-1", "sg-2"), assign_public_ip=True)
    assert made.of(GROUP) == made.of(EGRESS) == []
    assert made.one(SERVICE).inputs["networkConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1", "sg-2"],
        "assignPublicIp": True,
    }


def test_arguments_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        WorkerServiceArgs(WorkerSettings())  # type: ignore[call-arg]


def test_ebbs_own_part_is_at_least_as_long_as_the_settings_leave_room_for() -> None:
    made = service(health_check=False, protection=False)
    assert len(made.one(DEFINITION).inputs["containerDefinitions"]) >= limits.OWN_TASK_DEFINITION_BYTES
    own = json.dumps(made.one(POLICY, "worker-task").statements, separators=(",", ":"))
    assert len(own) >= limits.OWN_ROLE_POLICY_CHARACTERS

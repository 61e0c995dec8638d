"""An update is kept, or refused by the input's name; none is taken and forgotten."""

import json
from typing import Any

import pytest

from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider import checking
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources import ROWS
from ebb.sandbox.provider.shapes import RefusedError

Props = dict[str, Any]
KEY, ENDPOINT = "aws:kms/key:Key", "aws:ec2/vpcEndpoint:VpcEndpoint"
CLUSTER, INSTANCE, SERVICE = "aws:ecs/cluster:Cluster", "aws:ec2/instance:Instance", "aws:ecs/service:Service"
TABLE = "aws:dynamodb/table:Table"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
IMAGE = "ami-12c6146b"


def update(region: Region, kind: str, old: Props, new: Props) -> Props:
    """What is shown of a resource that was made of `old` and changed to `new`."""
    aws, row = Aws(region.client), ROWS[kind]
    physical_id, computed = row.create(aws, old)
    outputs = {"id": physical_id, **old, **computed}
    checking.update(row, aws, physical_id, outputs, new)
    seen = checking.read(row, aws, physical_id, outputs)
    assert seen is not None
    return seen


@pytest.mark.parametrize(
    ("kind", "old", "new", "text"),
    [
        (KEY, {"policy": POLICY}, {}, "policy keeps its old value when it is removed"),
        (CLUSTER, {"name": "c", "settings": [{"name": "containerInsights", "value": "enabled"}]}, {"name": "c"},
         "settings keeps its old value when it is removed"),
        (INSTANCE, {"ami": IMAGE, "instanceType": "t4g.nano", "metadataOptions": {"httpTokens": "required"}},
         {"ami": IMAGE, "instanceType": "t4g.nano"}, "metadataOptions keeps its old value when it is removed"),
    ],
)  # fmt: skip
def test_what_cannot_change_is_refused_by_name(region: Region, kind: str, old: Props, new: Props, text: str) -> None:
    with pytest.raises(RefusedError, match=text):
        update(region, kind, old, new)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"policy": None}, "policy keeps its old value when it is removed"),
        ({"privateDnsEnabled": False}, "cannot change privateDnsEnabled of an endpoint"),
    ],
)
def test_an_endpoint_s_policy_and_names_are_not_silently_kept(region: Region, more: Props, text: str) -> None:
    vpc = region.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    service = f"com.amazonaws.{region.region}.sqs"
    old = {"vpcId": vpc, "serviceName": service, "vpcEndpointType": "Interface", "policy": POLICY}
    old["privateDnsEnabled"] = True
    with pytest.raises(RefusedError, match=text):
        update(region, ENDPOINT, old, {**old, **more})


def test_a_table_takes_another_expiry_and_key_and_gives_the_key_up_again(region: Region) -> None:
    key = {"enabled": True, "kmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k"}
    attributes = [{"name": "id", "type": "S"}]
    old: Props = {"name": "table", "billingMode": "PAY_PER_REQUEST", "hashKey": "id", "attributes": attributes}
    old["ttl"] = {"attributeName": "expires", "enabled": True}
    new = {**old, "ttl": {"attributeName": "until", "enabled": True}, "serverSideEncryption": key}
    seen = update(region, TABLE, old, new)
    assert (seen["ttl"], seen["serverSideEncryption"]) == (new["ttl"], key)
    region.client("dynamodb").delete_table(TableName="table")
    assert update(region, TABLE, new, old)["serverSideEncryption"] is None
    region.client("dynamodb").delete_table(TableName="table")
    with pytest.raises(RefusedError, match="ttl keeps its old value when it is removed"):
        update(region, TABLE, old, {**old, "ttl": None})


def test_other_user_data_is_kept_as_it_was_written(region: Region) -> None:
    old = {"ami": IMAGE, "instanceType": "t4g.nano", "userData": "#!/bin/sh\necho one\n"}
    new = {**old, "userData": "#!/bin/sh\necho other\n"}
    assert update(region, INSTANCE, old, new)["userData"] == new["userData"]
    assert update(region, INSTANCE, old, {"ami": IMAGE, "instanceType": "t4g.nano"})["userData"] is None


def test_a_service_without_commands_in_its_tasks_has_them_off_again(region: Region) -> None:
    ecs = region.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "a", "image": "i", "memory": 64}])
    new = {"name": "s", "cluster": "c", "taskDefinition": "f", "desiredCount": 0}
    assert update(region, SERVICE, {**new, "enableExecuteCommand": True}, new)["enableExecuteCommand"] is False


def test_a_rule_for_all_protocols_takes_another_range_and_note(region: Region) -> None:
    group = region.client("ec2").create_security_group(GroupName="g", Description="d")["GroupId"]
    old = {"securityGroupId": group, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/16", "description": "inside"}
    new = {**old, "cidrIpv4": "10.1.0.0/16", "description": "next door"}
    seen = update(region, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", old, new)
    assert {name: seen[name] for name in new} == new


def test_a_schedule_loses_what_is_left_out(region: Region) -> None:
    target = {"arn": "arn:aws:scheduler:::aws-sdk:sqs:untagQueue", "roleArn": "arn:aws:iam::000000000000:role/r"}
    new = {"name": "s", "flexibleTimeWindow": {"mode": "OFF"}, "scheduleExpression": "rate(1 hour)", "target": target}
    more = {"startDate": "2030-01-01T00:00:00Z", "endDate": "2031-01-01T00:00:00Z", "description": "d"}
    seen = update(region, "aws:scheduler/schedule:Schedule", {**new, **more}, new)
    assert (seen["startDate"], seen["endDate"], seen.get("description") or None) == (None, None, None)


def test_a_state_machine_stops_logging_when_that_is_left_out(region: Region) -> None:
    role = "arn:aws:iam::000000000000:role/r"
    new = {"name": "m", "definition": json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})}
    new |= {"roleArn": role, "type": "EXPRESS"}
    logged = {"level": "ALL", "logDestination": "arn:aws:logs:us-east-1:000000000000:log-group:l:*"}
    seen = update(region, "aws:sfn/stateMachine:StateMachine", {**new, "loggingConfiguration": logged}, new)
    assert seen["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}


def test_a_scheduled_action_loses_its_times_and_its_maximum(region: Region) -> None:
    ecs = region.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "a", "image": "i", "memory": 64}])
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    key = {"serviceNamespace": "ecs", "resourceId": "service/c/s", "scalableDimension": "ecs:service:DesiredCount"}
    ROWS["aws:appautoscaling/target:Target"].create(Aws(region.client), {**key, "minCapacity": 0, "maxCapacity": 9})
    new: Props = {**key, "name": "a", "schedule": "rate(1 hour)", "scalableTargetAction": {"minCapacity": 1}}
    new["timezone"] = "UTC"
    old = {**new, "startTime": "2030-01-01T00:00:00Z", "scalableTargetAction": {"minCapacity": 1, "maxCapacity": 2}}
    seen = update(region, "aws:appautoscaling/scheduledAction:ScheduledAction", old, new)
    assert seen.get("startTime") is None
    assert {name: value for name, value in seen["scalableTargetAction"].items() if value is not None} == {
        "minCapacity": 1
    }

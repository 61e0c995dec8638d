"""What the real AWS provider, which is written in Go, asks for: CloudWatch in CBOR, and tags of scalable targets."""

import http.client
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ebb.errors import UserError
from ebb.sandbox.deploy.engine import engine_environment
from ebb.sandbox.deploy.installed import NotInstalledError, plugins
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.sandbox import Sandbox

SERVICE = "GraniteServiceVersion20100801"
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host"


def cbor(value: Any) -> bytes:
    """RFC 8949 by hand: maps, lists, texts and numbers below 256."""

    def head(major: int, length: int) -> bytes:
        return bytes([major << 5 | length]) if length < 24 else bytes([major << 5 | 24, length])

    match value:
        case dict():
            return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case str():
            return head(3, len(value.encode())) + value.encode()
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return head(0, value)
    raise TypeError(value)


def call(region: Region, operation: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    host = region.endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    headers = {
        "Authorization": AUTHORIZATION,
        "Content-Type": "application/cbor",
        "Accept": "application/cbor",
        "smithy-protocol": "rpc-v2-cbor",
    }
    connection.request("POST", f"/service/{SERVICE}/operation/{operation}", body, headers)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


ALARM = {
    "AlarmName": "out",
    "Namespace": "AWS/SQS",
    "MetricName": "m",
    "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 2,
    "Period": 60,
    "Threshold": 1,
    "ActionsEnabled": True,
    "Tags": [{"Key": "a", "Value": "é"}],
}
ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:out"


def test_an_alarm_is_put_described_tagged_and_deleted_in_cbor(region: Region) -> None:
    status, headers, body = call(region, "PutMetricAlarm", cbor(ALARM))
    assert (status, body, headers["smithy-protocol"]) == (200, b"", "rpc-v2-cbor")
    assert "content-type" not in headers, "an operation without an output has no body"
    status, headers, body = call(region, "DescribeAlarms", cbor({"AlarmNames": ["out"]}))
    assert (status, headers["content-type"]) == (200, "application/cbor")
    assert b"\x69AlarmName\x63out" in body
    assert b"\x69Threshold\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00" in body  # 1.0 as a double
    assert b"\x71EvaluationPeriods\x02" in body
    assert b"\x6eActionsEnabled\xf5" in body
    assert b"StateUpdatedTimestamp\xc1" in body  # tag 1: seconds since the epoch
    (alarm,) = region.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert (alarm["AlarmName"], alarm["Threshold"], alarm["Period"]) == ("out", 1.0, 60)
    call(region, "TagResource", cbor({"ResourceARN": ARN, "Tags": [{"Key": "a", "Value": "b"}]}))
    tags = call(region, "ListTagsForResource", cbor({"ResourceARN": ARN}))
    assert tags[0::2] == (200, cbor({"Tags": [{"Key": "a", "Value": "b"}]}))
    assert call(region, "UntagResource", cbor({"ResourceARN": ARN, "TagKeys": ["a"]}))[0] == 200
    assert call(region, "ListTagsForResource", cbor({"ResourceARN": ARN}))[2] == cbor({"Tags": []})
    # a map and a list of unknown length
    assert call(region, "DeleteAlarms", b"\xbf\x6aAlarmNames\x9f\x63out\xff\xff")[::2] == (200, b"")
    assert region.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_dashboard_is_put_read_and_deleted_in_cbor(region: Region) -> None:
    board = '{"widgets": []}'
    name = {"DashboardName": "jobs"}
    put = call(region, "PutDashboard", cbor({**name, "DashboardBody": board}))
    assert put[0] == 200
    # the length of a text above 23 bytes stands in the next byte
    assert put[2] == b"\xa1\x78\x1bDashboardValidationMessages\x80"
    assert cbor(board) in call(region, "GetDashboard", cbor(name))[2]
    assert call(region, "DeleteDashboards", cbor({"DashboardNames": ["jobs"]}))[0] == 200
    status, headers, body = call(region, "GetDashboard", cbor(name))
    assert status == 404
    assert headers["x-amzn-query-error"] == "ResourceNotFound;Sender"
    assert body.startswith(b"\xa2" + cbor("__type") + cbor("com.amazonaws.cloudwatch#ResourceNotFound"))


@pytest.mark.parametrize("body", [b"", b"\xa0"])
def test_an_operation_that_does_not_exist_is_an_error_in_cbor(region: Region, body: bytes) -> None:
    status, headers, answer = call(region, "MakeCoffee", body)
    assert (status, headers["content-type"]) == (404, "application/cbor")
    assert b"com.amazonaws.cloudwatch#UnknownOperationException" in answer


def test_a_scalable_target_has_tags(region: Region) -> None:
    ecs, scaling = region.client("ecs"), region.client("application-autoscaling")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "w", "image": "i", "memory": 128}])
    ecs.create_service(cluster="c", serviceName="s", taskDefinition="f", desiredCount=0)
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/s",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 0,
        "MaxCapacity": 1,
    }
    arn = scaling.register_scalable_target(**target, Tags={"a": "1", "b": "2"})["ScalableTargetARN"]
    scaling.register_scalable_target(**target)
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2", "c": "3"}


def test_the_engine_runs_the_plugin_of_this_machine(
    region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    needed = version("pulumi-aws")
    with pytest.raises(NotInstalledError) as error:
        plugins()
    assert str(error.value) == (
        f"--provider installed needs Pulumi's aws plugin {needed} in {tmp_path}/pulumi/plugins: "
        f"run pulumi plugin install resource aws {needed}."
    )
    (tmp_path / f"pulumi/plugins/resource-aws-v{needed}").mkdir(parents=True)
    (tmp_path / "stack").mkdir()
    environment = engine_environment(region, tmp_path / "stack", 1234, plugins())
    assert environment["PULUMI_DEBUG_PROVIDERS"] == "awsx:1234"
    assert environment["AWS_ENDPOINT_URL"] == region.endpoint
    assert (Path(environment["PULUMI_HOME"]) / f"plugins/resource-aws-v{needed}").is_dir()


def test_the_plugin_of_this_machine_needs_the_engine() -> None:
    with pytest.raises(UserError, match="--provider installed needs the Pulumi CLI: leave out --in-process"):
        Sandbox(installed=True, in_process=True)

"""What a table takes apart itself is refused by name, too, when it has no place for it."""

from typing import Any

import botocore.session
import pytest

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.checking import problems
from ebb.sandbox.provider.resources import ROWS

LOG = {"destinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:api", "format": "$context.requestId"}
STAGE = {"restApi": "a", "stageName": "run", "deployment": "d"}
PLAN_STAGE = {"apiId": "a", "stage": "run", "throttles": [{"path": "/jobs/POST", "burstLimit": 1, "rateLimit": 2.5}]}
SERVER = {"ami": "ami-0123456789abcdef0", "instanceType": "t4g.nano"}
STAGE_TYPE, PLAN_TYPE = "aws:apigateway/stage:Stage", "aws:apigateway/usagePlan:UsagePlan"
TABLE_TYPE = "aws:dynamodb/table:Table"
TABLE = {
    "name": "t",
    "billingMode": "PAY_PER_REQUEST",
    "hashKey": "id",
    "attributes": [{"name": "id", "type": "S"}],
    "serverSideEncryption": {"enabled": True, "kmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k"},
}
INSTANCE_TYPE, LOG_TYPE = "aws:ec2/instance:Instance", "aws:cloudwatch/logGroup:LogGroup"


def found(kind: str, inputs: dict[str, Any]) -> list[str]:
    session: Any = botocore.session.Session()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    aws = Aws(lambda service: session.create_client(service, region_name="us-east-1", **keys))
    return [reason for _, reason in problems(aws, ROWS[kind], {"name": "plan", **inputs} if "Plan" in kind else inputs)]


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (STAGE_TYPE, {**STAGE, "accessLogSettings": LOG}),
        (STAGE_TYPE, STAGE),
        (LOG_TYPE, {"name": "g", "retentionInDays": 0}),
        (PLAN_TYPE, {"apiStages": [PLAN_STAGE]}),
        (INSTANCE_TYPE, {**SERVER, "rootBlockDevice": {"volumeSize": 8, "encrypted": True}}),
        (TABLE_TYPE, TABLE),
    ],
)
def test_what_is_right_is_taken(kind: str, inputs: dict[str, Any]) -> None:
    assert found(kind, inputs) == []


@pytest.mark.parametrize(
    ("kind", "inputs", "reason"),
    [
        (STAGE_TYPE, {**STAGE, "accessLogSettings": {**LOG, "formatt": ""}}, "accessLogSettings.formatt is not known"),
        (STAGE_TYPE, {**STAGE, "accessLogSettings": {"format": "x"}}, "accessLogSettings.destinationArn is required"),
        (STAGE_TYPE, {**STAGE, "accessLogSettings": "x"}, "accessLogSettings should be an object, got 'x'"),
        (PLAN_TYPE, {"apiStages": [{**PLAN_STAGE, "throtles": []}]}, "apiStages.throtles is not known"),
        (PLAN_TYPE, {"apiStages": [{"apiId": "a", "throttles": [{"rate": 1}]}]}, "throttles.rate is not known"),
        (LOG_TYPE, {"name": "g", "retentionInDays": 8}, "retentionInDays should be one of 1, 3, 5, 7,"),
        (INSTANCE_TYPE, {**SERVER, "rootBlockDevice": {"tags": {"Name": "disk"}}}, "ebs.tags is not known to AWS"),
        (
            TABLE_TYPE,
            {**TABLE, "serverSideEncryption": {"kmsKeyId": "k"}},
            "serverSideEncryption.kmsKeyId is not known",
        ),
        (TABLE_TYPE, {**TABLE, "attributes": [{"name": "id", "kind": "S"}]}, "attributes.kind is not known"),
        (TABLE_TYPE, {**TABLE, "attributes": [{"name": "id", "type": "T"}]}, "should be one of S, N, B, got 'T'"),
        (TABLE_TYPE, {**TABLE, "billingMode": "ON_DEMAND"}, "should be one of PROVISIONED, PAY_PER_REQUEST"),
    ],
)
def test_what_has_no_place_is_refused_by_name(kind: str, inputs: dict[str, Any], reason: str) -> None:
    (sentence,) = found(kind, inputs)
    assert reason in sentence

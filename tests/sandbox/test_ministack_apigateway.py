"""Changes of a deployed API that MiniStack alone would take for something else."""

from typing import Any

import pytest

from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider import checking
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources import ROWS, Row

Props = dict[str, Any]
API, PLAN = ROWS["aws:apigateway/restApi:RestApi"], ROWS["aws:apigateway/usagePlan:UsagePlan"]


def shown(row: Row, aws: Aws, physical_id: str, outputs: Props) -> Props:
    seen = row.read(aws, physical_id, outputs)
    assert seen is not None
    return seen


def test_a_plan_s_stages_come_go_and_keep_their_throttles(region: Region) -> None:
    aws = Aws(region.client)
    throttles = [{"path": "/jobs/POST", "rateLimit": 2.5, "burstLimit": 1}]
    old: Props = {"name": "plan", "apiStages": [{"apiId": "a", "stage": "run"}, {"apiId": "b", "stage": "run"}]}
    renamed = {"apiId": "a", "stage": "v2", "throttles": throttles}
    new: Props = {"name": "plan", "apiStages": [{"apiId": "b", "stage": "run"}, renamed]}
    plan, computed = PLAN.create(aws, old)
    checking.update(PLAN, aws, plan, old | computed, new)
    seen = shown(PLAN, aws, plan, old | computed)
    assert seen["apiStages"] == [
        {"apiId": "b", "stage": "run", "throttles": []},
        {"apiId": "a", "stage": "v2", "throttles": throttles},
    ]
    checking.update(PLAN, aws, plan, new | computed, {"name": "plan"})
    assert shown(PLAN, aws, plan, old | computed)["apiStages"] == []


def test_a_stage_of_a_name_that_is_taken_is_refused(region: Region) -> None:
    client = region.client("apigateway")
    api = client.create_rest_api(name="jobs")["id"]
    deployment = client.create_deployment(restApiId=api)["id"]
    client.create_stage(restApiId=api, stageName="run", deploymentId=deployment)
    with pytest.raises(client.exceptions.ConflictException, match="Stage already exists"):
        client.create_stage(restApiId=api, stageName="run", deploymentId=deployment)


def test_an_api_takes_other_media_types_another_kind_of_endpoint_and_no_compression(region: Region) -> None:
    aws = Aws(region.client)
    old: Props = {
        "name": "jobs",
        "binaryMediaTypes": ["image/png", "text/~"],
        "endpointConfiguration": {"types": "EDGE"},
        "minimumCompressionSize": "1024",
    }
    new = {
        "name": "jobs",
        "binaryMediaTypes": ["image/jpeg", "text/~"],
        "endpointConfiguration": {"types": "REGIONAL"},
    }
    api, computed = API.create(aws, old)
    checking.update(API, aws, api, old | computed, new)
    seen = shown(API, aws, api, old | computed)
    assert sorted(seen["binaryMediaTypes"]) == ["image/jpeg", "text/~"]
    assert seen["endpointConfiguration"]["types"] == "REGIONAL"
    assert seen.get("minimumCompressionSize") is None

"""The stage of the API: authorization, keys, limits, log, and when a deployment is new."""

from typing import Any

import pytest

from components.rest_api.templates import sqs
from tests.components.apis import (
    ACCOUNT_SETTINGS,
    ANSWER,
    ATTACHMENT,
    DEPLOYMENT,
    GOVERNMENT,
    INTEGRATION,
    KEY,
    KMS_KEY,
    LIMITS,
    LOGS,
    METHOD,
    MODEL,
    PLAN,
    PLAN_KEY,
    REFUSAL,
    RESOURCE,
    RESPONSE,
    ROLE,
    STAGE,
    VALIDATOR,
    WORKFLOW,
    api,
    definition,
)
from tests.components.harness import ACCOUNT, REGION


def test_the_stage_is_traced_logged_and_throttled() -> None:
    made = api(stage="v1", tracing=True, log_retention_days=7, rate_limit=12.5, burst_limit=40)
    assert made.one(LOGS).inputs == {"retentionInDays": 7}
    assert made.one(STAGE).inputs == {
        "restApi": "api-id",
        "deployment": "api-id",
        "stageName": "v1",
        "xrayTracingEnabled": True,
        "accessLogSettings": {
            "destinationArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:api-access",
            "format": sqs.ACCESS_LOG_FORMAT,
        },
    }
    assert made.one(LIMITS).inputs == {
        "restApi": "api-id",
        "stageName": "v1",
        "methodPath": "*/*",
        "settings": {
            "throttlingRateLimit": 12.5,
            "throttlingBurstLimit": 40,
            "loggingLevel": "OFF",
            "dataTraceEnabled": False,
        },
    }
    assert api(tracing=False).one(STAGE).inputs["xrayTracingEnabled"] is False


@pytest.mark.parametrize("level", ["ERROR", "INFO"])
def test_an_execution_log_never_has_bodies_and_is_kept_as_long_as_the_access_log(level: str) -> None:
    made = api(stage="v1", execution_log=level, log_retention_days=7)
    logs = made.one(LOGS, "api-execution")
    assert logs.inputs == {"name": "API-Gateway-Execution-Logs_api-id/v1", "retentionInDays": 7}
    assert logs.urn in made.one(STAGE).dependencies
    settings = made.one(LIMITS).inputs["settings"]
    assert (settings["loggingLevel"], settings["dataTraceEnabled"]) == (level, False)


def test_the_log_role_is_optional_and_created_before_the_stage() -> None:
    made = api(account_log_role="create", answers=GOVERNMENT)
    assert made.one(ROLE, "api-logs").statements[0]["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert made.one(ATTACHMENT).inputs == {
        "role": "api-logs",
        "policyArn": "arn:aws-us-gov:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    }
    account = made.one(ACCOUNT_SETTINGS)
    assert account.inputs == {"cloudwatchRoleArn": f"arn:aws-us-gov:iam:{REGION}:{ACCOUNT}:api-logs"}
    assert made.one(ATTACHMENT).urn in account.dependencies
    assert account.urn in made.one(STAGE).dependencies
    assert api().of(ACCOUNT_SETTINGS) == []


@pytest.mark.parametrize(
    ("auth", "authorization", "key"), [("iam", "AWS_IAM", False), ("api_key", "NONE", True), ("none", "NONE", False)]
)
def test_every_route_has_the_authorization_of_auth(auth: str, authorization: str, key: bool) -> None:
    methods = api(auth=auth, get_endpoint=True).of(METHOD)
    assert [(m.inputs["authorization"], m.inputs["apiKeyRequired"]) for m in methods] == [(authorization, key)] * 6


@pytest.mark.parametrize("auth", ["iam", "none"])
def test_without_api_keys_there_is_no_usage_plan(auth: str) -> None:
    made = api(auth=auth)
    assert made.of(KEY) == made.of(PLAN) == made.of(PLAN_KEY) == []


def test_an_api_key_has_a_usage_plan_for_this_stage() -> None:
    made = api(auth="api_key", stage="v1", rate_limit=5, burst_limit=10, daily_quota=1000)
    assert made.one(PLAN).inputs == {
        "apiStages": [{"apiId": "api-id", "stage": "v1"}],
        "throttleSettings": {"rateLimit": 5, "burstLimit": 10},
        "quotaSettings": {"limit": 1000, "period": "DAY"},
    }
    assert made.one(PLAN_KEY).inputs == {"keyId": "api-id", "keyType": "API_KEY", "usagePlanId": "api-id"}
    assert "value" not in made.one(KEY).inputs
    assert made.result["api_key_id"] == "api-id"


def test_the_quota_of_a_usage_plan_is_optional() -> None:
    assert "quotaSettings" not in api(auth="api_key").one(PLAN).inputs


def test_a_deployment_depends_on_every_resource_of_the_definition() -> None:
    made = api(get_endpoint=True)
    parts = {
        found.urn
        for kind in (VALIDATOR, MODEL, RESOURCE, METHOD, INTEGRATION, RESPONSE, ANSWER, REFUSAL)
        for found in made.of(kind)
    }
    assert len(parts) == 58
    assert parts <= set(made.one(DEPLOYMENT).dependencies)
    assert not made.one(DEPLOYMENT).request.deleteBeforeReplace


@pytest.mark.parametrize(
    "change",
    [
        {"get_endpoint": True},
        {"auth": "none"},
        {"auth": "api_key"},
        {"fifo": True},
        {"queue_name": "others"},
        {"submit_arn": WORKFLOW},
    ],
)
def test_a_change_of_the_definition_creates_a_new_deployment(change: dict[str, Any]) -> None:
    assert definition(api(**change)) != definition(api())


@pytest.mark.parametrize("name", ["SUCCESS_TEMPLATE", "ERROR_TEMPLATE", "SUCCESS_PATTERN", "JOB_SCHEMA"])
def test_a_change_of_a_template_creates_a_new_deployment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = definition(api())
    monkeypatch.setattr(sqs, name, "{}")
    assert definition(api()) != before


@pytest.mark.parametrize(
    "change",
    [{"stage": "v2"}, {"tracing": False}, {"rate_limit": 1}, {"log_retention_days": 1}, {"kms_key_arn": KMS_KEY}],
)
def test_a_change_outside_the_definition_creates_no_new_deployment(change: dict[str, Any]) -> None:
    assert definition(api(**change)) == definition(api())

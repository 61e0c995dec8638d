from typing import Any

import pytest

from components import _direct, _templates
from components.api import JobApi, JobApiArgs
from settings import Api as ApiSettings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

A = "aws:apigateway/"
API, RESOURCE, METHOD = A + "restApi:RestApi", A + "resource:Resource", A + "method:Method"
INTEGRATION, ANSWER = A + "integration:Integration", A + "integrationResponse:IntegrationResponse"
RESPONSE, MODEL, VALIDATOR = (
    A + "methodResponse:MethodResponse",
    A + "model:Model",
    A + "requestValidator:RequestValidator",
)
DEPLOYMENT, STAGE, LIMITS = A + "deployment:Deployment", A + "stage:Stage", A + "methodSettings:MethodSettings"
KEY, PLAN, PLAN_KEY = A + "apiKey:ApiKey", A + "usagePlan:UsagePlan", A + "usagePlanKey:UsagePlanKey"
ACCOUNT_SETTINGS, LOGS = A + "account:Account", "aws:cloudwatch/logGroup:LogGroup"
ROLE, POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
QUEUE, KMS_KEY = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
WORKFLOW = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:wake-submit"
POST, GET = "api-jobs-post", "api-queue-get"
GOVERNMENT = {"aws:index/getPartition:getPartition": {"partition": "aws-us-gov", "dnsSuffix": "amazonaws.com"}}


def api(
    *,
    fifo: bool = False,
    queue_name: str = "jobs",
    kms_key_arn: str | None = None,
    submit_arn: str | None = None,
    answers: dict[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> Deployed:
    def program() -> dict[str, Any]:
        made = JobApi(
            "api",
            JobApiArgs(
                settings=ApiSettings(**settings),
                queue=queue_refs(fifo=fifo, name=queue_name, kms_key_arn=kms_key_arn),
                submit_arn=submit_arn,
            ),
        )
        return {"url": made.url, "api_key_id": made.api_key_id}

    return deploy(program, answers=answers)


def definition(made: Deployed) -> str:
    triggers = made.one(DEPLOYMENT).inputs["triggers"]
    assert set(triggers) == {"definition"}
    return str(triggers["definition"])


def test_the_api_has_one_route_with_its_responses_and_a_stage() -> None:
    made = api()
    assert made.names == {
        (API, "api"),
        (VALIDATOR, "api-request"),
        (MODEL, "api-job"),
        (RESOURCE, "api-jobs"),
        (METHOD, POST),
        (INTEGRATION, POST),
        *((RESPONSE, f"{POST}-{status}") for status in (202, 400, 413, 502)),
        (ANSWER, f"{POST}-202"),
        (ANSWER, f"{POST}-502"),
        (DEPLOYMENT, "api"),
        (STAGE, "api"),
        (LIMITS, "api"),
        (LOGS, "api-access"),
        (ROLE, "api-sender"),
        (POLICY, "api-sender"),
    }
    assert {found.parent_type for found in made.resources.values() if found.type.startswith("aws:")} == {
        "ebb:index:JobApi"
    }
    assert made.one(API).inputs["endpointConfiguration"] == {"types": "REGIONAL"}
    assert made.result == {"url": "https://api.example.com/run", "api_key_id": None}


def test_a_posted_job_must_be_a_json_object() -> None:
    made = api()
    assert made.one(VALIDATOR).inputs == {
        "restApi": "api-id",
        "validateRequestBody": True,
        "validateRequestParameters": True,
    }
    assert made.one(MODEL).inputs == {
        "restApi": "api-id",
        "name": "Job",
        "contentType": "application/json",
        "schema": _templates.JOB_SCHEMA,
    }
    assert made.one(RESOURCE).inputs == {"restApi": "api-id", "parentId": "root", "pathPart": "jobs"}
    assert made.one(METHOD).inputs == {
        "restApi": "api-id",
        "resourceId": "api-jobs-id",
        "httpMethod": "POST",
        "authorization": "AWS_IAM",
        "apiKeyRequired": False,
        "requestValidatorId": "api-request-id",
        "requestModels": {"application/json": "Job"},
        "requestParameters": {},
    }


@pytest.mark.parametrize(("answers", "partition"), [(None, "aws"), (GOVERNMENT, "aws-us-gov")])
def test_a_job_goes_directly_to_the_queue_and_only_as_json(
    answers: dict[str, dict[str, Any]] | None, partition: str
) -> None:
    integration = api(answers=answers).one(INTEGRATION)
    assert integration.inputs == {
        "restApi": "api-id",
        "resourceId": "api-jobs-id",
        "httpMethod": "POST",
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "uri": f"arn:{partition}:apigateway:{REGION}:sqs:path/{ACCOUNT}/jobs",
        "credentials": f"arn:{partition}:iam:{REGION}:{ACCOUNT}:api-sender",
        "passthroughBehavior": "NEVER",
        "requestParameters": {
            "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
            "integration.request.header.Accept": "'application/json'",
        },
        "requestTemplates": {"application/json": _templates.post_template(fifo=False)},
    }
    assert integration.request.deleteBeforeReplace


def test_only_a_success_of_sqs_is_answered_with_202() -> None:
    made = api()
    place = {"restApi": "api-id", "resourceId": "api-jobs-id", "httpMethod": "POST"}
    assert made.one(ANSWER, f"{POST}-202").inputs == {
        **place,
        "statusCode": "202",
        "selectionPattern": r"2\d{2}",
        "responseTemplates": {"application/json": _templates.SUCCESS_TEMPLATE},
    }
    assert made.one(ANSWER, f"{POST}-502").inputs == {
        **place,
        "statusCode": "502",
        "responseTemplates": {"application/json": _templates.ERROR_TEMPLATE},
    }
    for code in ("202", "400", "413", "502"):
        assert made.one(RESPONSE, f"{POST}-{code}").inputs == {**place, "statusCode": code}


def test_a_response_is_replaced_together_with_its_integration() -> None:
    made = api()
    integration = made.one(INTEGRATION).urn
    for answer in made.of(ANSWER):
        assert integration in answer.dependencies
        assert integration in answer.request.propertyDependencies["httpMethod"].urns


def test_the_get_endpoint_is_optional_and_requires_its_message() -> None:
    made = api(get_endpoint=True)
    assert {found.inputs["pathPart"] for found in made.of(RESOURCE)} == {"jobs", "queue"}
    inputs = made.one(METHOD, GET).inputs
    assert inputs["requestParameters"] == {"method.request.querystring.message": True}
    assert "requestModels" not in inputs
    assert (inputs["httpMethod"], inputs["requestValidatorId"]) == ("GET", "api-request-id")
    integration = made.one(INTEGRATION, GET).inputs
    assert integration["requestTemplates"] == {"application/json": _templates.get_template(fifo=False)}
    assert (integration["httpMethod"], integration["integrationHttpMethod"]) == ("GET", "POST")
    assert {found.inputs["statusCode"] for found in made.of(ANSWER) if found.name.startswith(GET)} == {"202", "502"}


def test_both_routes_of_a_fifo_queue_require_its_headers() -> None:
    made = api(fifo=True, queue_name="jobs.fifo", get_endpoint=True)
    headers = {
        "method.request.header.X-Message-Group-Id": True,
        "method.request.header.X-Message-Deduplication-Id": True,
    }
    assert made.one(METHOD, POST).inputs["requestParameters"] == headers
    assert made.one(METHOD, GET).inputs["requestParameters"] == {"method.request.querystring.message": True, **headers}
    for name, template in ((POST, _templates.post_template(fifo=True)), (GET, _templates.get_template(fifo=True))):
        integration = made.one(INTEGRATION, name).inputs
        assert integration["requestTemplates"] == {"application/json": template}
        assert integration["uri"].endswith(f":sqs:path/{ACCOUNT}/jobs.fifo")


def test_the_api_may_only_send_to_this_queue() -> None:
    made = api()
    assert made.one(ROLE).statements == [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "apigateway.amazonaws.com"}}
    ]
    assert made.one(POLICY).inputs["role"] == "api-sender"
    assert made.one(POLICY).statements == [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [QUEUE]}]


def test_the_api_may_use_the_queues_kms_key() -> None:
    assert api(kms_key_arn=KMS_KEY).one(POLICY).statements == [
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [QUEUE]},
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": [KMS_KEY]},
    ]


@pytest.mark.parametrize(("answers", "partition"), [(None, "aws"), (GOVERNMENT, "aws-us-gov")])
@pytest.mark.parametrize("fifo", [False, True])
def test_with_a_workflow_every_job_goes_through_it(
    fifo: bool, answers: dict[str, dict[str, Any]] | None, partition: str
) -> None:
    made = api(submit_arn=WORKFLOW, fifo=fifo, get_endpoint=True, kms_key_arn=KMS_KEY, answers=answers)
    for name, template in ((POST, _direct.post_template), (GET, _direct.get_template)):
        inputs = made.one(INTEGRATION, name).inputs
        assert inputs["uri"] == f"arn:{partition}:apigateway:{REGION}:states:action/StartSyncExecution"
        assert (inputs["type"], inputs["integrationHttpMethod"]) == ("AWS", "POST")
        assert inputs["requestTemplates"] == {"application/json": template(WORKFLOW, fifo=fifo)}
        assert inputs["requestParameters"] == {}
        assert inputs["passthroughBehavior"] == "NEVER"
        answered = made.one(ANSWER, f"{name}-202").inputs
        assert answered["selectionPattern"] == r"2\d{2}"
        assert answered["responseTemplates"] == {"application/json": _direct.ANSWER_TEMPLATE}
        refused = made.one(ANSWER, f"{name}-502").inputs
        assert "selectionPattern" not in refused
        assert refused["responseTemplates"] == {"application/json": _direct.ERROR_TEMPLATE}
    assert {found.inputs["statusCode"] for found in made.of(RESPONSE)} == {"202", "400", "413", "502"}
    assert {found.inputs["statusCode"] for found in made.of(ANSWER)} == {"202", "502"}
    assert made.one(METHOD, POST).inputs["requestParameters"] == _templates.required_headers(fifo=fifo)


def test_with_a_workflow_the_api_may_only_start_it() -> None:
    made = api(submit_arn=WORKFLOW, kms_key_arn=KMS_KEY)
    assert made.one(POLICY).statements == [
        {"Effect": "Allow", "Action": ["states:StartSyncExecution"], "Resource": [WORKFLOW]}
    ]


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
            "format": _templates.ACCESS_LOG_FORMAT,
        },
    }
    assert made.one(LIMITS).inputs == {
        "restApi": "api-id",
        "stageName": "v1",
        "methodPath": "*/*",
        "settings": {"throttlingRateLimit": 12.5, "throttlingBurstLimit": 40},
    }
    assert api(tracing=False).one(STAGE).inputs["xrayTracingEnabled"] is False


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
    assert [(m.inputs["authorization"], m.inputs["apiKeyRequired"]) for m in methods] == [(authorization, key)] * 2


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
        for kind in (VALIDATOR, MODEL, RESOURCE, METHOD, INTEGRATION, RESPONSE, ANSWER)
        for found in made.of(kind)
    }
    assert len(parts) == 20
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
    monkeypatch.setattr(_templates, name, "{}")
    assert definition(api()) != before


@pytest.mark.parametrize(
    "change",
    [{"stage": "v2"}, {"tracing": False}, {"rate_limit": 1}, {"log_retention_days": 1}, {"kms_key_arn": KMS_KEY}],
)
def test_a_change_outside_the_definition_creates_no_new_deployment(change: dict[str, Any]) -> None:
    assert definition(api(**change)) == definition(api())

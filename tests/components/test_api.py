"""The routes of the API: what becomes of a request and of SQS's answer."""

import json
from typing import Any

import pytest

from components import _problems
from components.rest_api.templates import sqs, wake_workflow
from tests.components.apis import (
    ANSWER,
    API,
    DEPLOYMENT,
    GET,
    GOVERNMENT,
    GUARD,
    INTEGRATION,
    KMS_KEY,
    LIMITS,
    LOGS,
    METHOD,
    MODEL,
    POLICY,
    POST,
    QUEUE,
    REFUSAL,
    RESOURCE,
    RESPONSE,
    ROLE,
    STAGE,
    VALIDATOR,
    WORKFLOW,
    api,
)
from tests.components.harness import ACCOUNT, REGION


def test_the_api_has_one_route_with_its_responses_and_a_stage() -> None:
    made = api()
    mocks = ("api-jobs-any", "api-root", "api-elsewhere")
    assert made.names == {
        (API, "api"),
        (VALIDATOR, "api-request"),
        (MODEL, "api-job"),
        (RESOURCE, "api-jobs"),
        (METHOD, POST),
        (INTEGRATION, POST),
        *((RESPONSE, f"{POST}-{status}") for status in (202, 400, 413, 502, 503, 504)),
        (ANSWER, f"{POST}-202"),
        (ANSWER, f"{POST}-502"),
        (RESOURCE, "api-elsewhere"),
        (GUARD, "api-access"),
        *((kind, name) for kind in (METHOD, INTEGRATION, RESPONSE, ANSWER) for name in mocks),
        *((REFUSAL, f"api-{kind.lower().replace('_', '-')}") for kind in _problems.gateway_responses({})),
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
        "schema": sqs.JOB_SCHEMA,
    }
    assert made.one(RESOURCE, "api-jobs").inputs == {"restApi": "api-id", "parentId": "root", "pathPart": "jobs"}
    assert made.one(METHOD, POST).inputs == {
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
    integration = api(answers=answers).one(INTEGRATION, POST)
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
        "requestTemplates": {"application/json": sqs.post_template(fifo=False)},
    }
    assert integration.request.deleteBeforeReplace


def test_only_a_success_of_sqs_is_answered_with_202() -> None:
    made = api()
    place = {"restApi": "api-id", "resourceId": "api-jobs-id", "httpMethod": "POST"}
    assert made.one(ANSWER, f"{POST}-202").inputs == {
        **place,
        "statusCode": "202",
        "selectionPattern": r"2\d{2}",
        "responseTemplates": {"application/json": sqs.SUCCESS_TEMPLATE},
    }
    assert made.one(ANSWER, f"{POST}-502").inputs == {
        **place,
        "statusCode": "502",
        "responseTemplates": {"application/json": sqs.ERROR_TEMPLATE},
    }
    assert made.one(RESPONSE, f"{POST}-202").inputs == {**place, "statusCode": "202"}
    only = ["Content-Type"]
    headers = {"400": only, "413": only, "502": only, "503": [*only, "Retry-After"], "504": only}
    for code, names in headers.items():
        declared = {f"method.response.header.{name}": False for name in names}
        expected = {**place, "statusCode": code, "responseParameters": declared}
        assert made.one(RESPONSE, f"{POST}-{code}").inputs == expected


def test_a_response_is_replaced_together_with_its_integration() -> None:
    made = api()
    integrations = {found.name: found.urn for found in made.of(INTEGRATION)}
    for answer in made.of(ANSWER):
        integration = integrations[POST if answer.name.startswith(POST) else answer.name]
        assert integration in answer.dependencies
        assert integration in answer.request.propertyDependencies["httpMethod"].urns


@pytest.mark.parametrize(
    ("auth", "authorization", "key"), [("iam", "AWS_IAM", False), ("api_key", "NONE", True), ("none", "NONE", False)]
)
def test_unknown_paths_and_methods_have_the_authorization_of_all_others(
    auth: str, authorization: str, key: bool
) -> None:
    made = api(auth=auth, get_endpoint=True)
    assert made.one(RESOURCE, "api-elsewhere").inputs["pathPart"] == "{proxy+}"
    for name, place in (("api-root", "root"), ("api-elsewhere", "api-elsewhere-id"), ("api-queue-any", "api-queue-id")):
        assert made.one(METHOD, name).inputs == {
            "restApi": "api-id",
            "resourceId": place,
            "httpMethod": "ANY",
            "authorization": authorization,
            "apiKeyRequired": key,
        }
        assert made.one(INTEGRATION, name).inputs["type"] == "MOCK"
        assert made.one(INTEGRATION, name).inputs["passthroughBehavior"] == "NEVER"


def test_each_error_of_api_gateway_is_a_problem() -> None:
    made = {found.inputs["responseType"]: found.inputs for found in api().of(REFUSAL)}
    assert made["MISSING_AUTHENTICATION_TOKEN"] == {
        "restApiId": "api-id",
        "responseType": "MISSING_AUTHENTICATION_TOKEN",
        "statusCode": "401",
        "responseParameters": {
            "gatewayresponse.header.Content-Type": "'application/problem+json'",
            "gatewayresponse.header.WWW-Authenticate": "'AWS4-HMAC-SHA256'",
        },
        "responseTemplates": {
            "application/json": json.dumps(
                {
                    "type": "/docs/errors.md#not-signed",
                    "title": "Not signed",
                    "status": 401,
                    "detail": _problems.UNAUTHENTICATED.detail,
                }
            )
        },
    }
    for kind in ("DEFAULT_4XX", "DEFAULT_5XX"):
        assert "statusCode" not in made[kind]
        body = made[kind]["responseTemplates"]["application/json"]
        assert body.endswith('"detail": $context.error.messageString}'), "this variable has its quotation marks"
        assert '"status"' not in body
    statuses = {kind: inputs["statusCode"] for kind, inputs in made.items() if "statusCode" in inputs}
    assert statuses == {
        **dict.fromkeys(("BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS"), "400"),
        "MISSING_AUTHENTICATION_TOKEN": "401",
        **dict.fromkeys(
            ("ACCESS_DENIED", "EXPIRED_TOKEN", "INVALID_API_KEY", "INVALID_SIGNATURE", "WAF_FILTERED"), "403"
        ),
        "REQUEST_TOO_LARGE": "413",
        "UNSUPPORTED_MEDIA_TYPE": "415",
        **dict.fromkeys(("QUOTA_EXCEEDED", "THROTTLED"), "429"),
        "API_CONFIGURATION_ERROR": "500",
        "INTEGRATION_FAILURE": "502",
        "INTEGRATION_TIMEOUT": "504",
    }


def test_the_get_endpoint_is_optional_and_requires_its_message() -> None:
    made = api(get_endpoint=True)
    assert {found.inputs["pathPart"] for found in made.of(RESOURCE)} == {"jobs", "queue", "{proxy+}"}
    inputs = made.one(METHOD, GET).inputs
    assert inputs["requestParameters"] == {"method.request.querystring.message": True}
    assert "requestModels" not in inputs
    assert (inputs["httpMethod"], inputs["requestValidatorId"]) == ("GET", "api-request-id")
    integration = made.one(INTEGRATION, GET).inputs
    assert integration["requestTemplates"] == {"application/json": sqs.get_template(fifo=False)}
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
    for name, template in ((POST, sqs.post_template(fifo=True)), (GET, sqs.get_template(fifo=True))):
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
    for name, template in ((POST, wake_workflow.post_template), (GET, wake_workflow.get_template)):
        inputs = made.one(INTEGRATION, name).inputs
        assert inputs["uri"] == f"arn:{partition}:apigateway:{REGION}:states:action/StartSyncExecution"
        assert (inputs["type"], inputs["integrationHttpMethod"]) == ("AWS", "POST")
        assert inputs["requestTemplates"] == {"application/json": template(WORKFLOW, fifo=fifo)}
        assert inputs["requestParameters"] == {}
        assert inputs["passthroughBehavior"] == "NEVER"
        answered = made.one(ANSWER, f"{name}-202").inputs
        assert answered["selectionPattern"] == r"2\d{2}"
        assert answered["responseTemplates"] == {"application/json": wake_workflow.ANSWER_TEMPLATE}
        refused = made.one(ANSWER, f"{name}-502").inputs
        assert "selectionPattern" not in refused
        assert refused["responseTemplates"] == {"application/json": wake_workflow.ERROR_TEMPLATE}
    statuses = {"202", "400", "404", "405", "413", "502", "503", "504"}
    assert {found.inputs["statusCode"] for found in made.of(RESPONSE)} == statuses
    assert {found.inputs["statusCode"] for found in made.of(ANSWER)} == {"202", "404", "405", "502"}
    assert made.one(METHOD, POST).inputs["requestParameters"] == sqs.required_headers(fifo=fifo)


def test_with_a_workflow_the_api_may_only_start_it() -> None:
    made = api(submit_arn=WORKFLOW, kms_key_arn=KMS_KEY)
    assert made.one(POLICY).statements == [
        {"Effect": "Allow", "Action": ["states:StartSyncExecution"], "Resource": [WORKFLOW]}
    ]

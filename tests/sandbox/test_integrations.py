"""Integrations of a deployed API: with DynamoDB, MOCK, mappings of headers, and what templates see of a request."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest

from ebb.sandbox.emulators.ministack.apigateway.backends import with_namespace
from ebb.sandbox.emulators.region import Region

ROLE = "arn:aws:iam::000000000000:role/r"
JSON = "application/json"


@dataclass
class Answer:
    status: int
    headers: Message
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """An API on a stage `run`; `route` adds a method with its integration."""

    def __init__(self, region: Region) -> None:
        self.region, self.client = region, region.client("apigateway")
        self.id = self.client.create_rest_api(name="jobs")["id"]
        self._paths = {"": self.client.get_resources(restApiId=self.id)["items"][0]["id"]}

    def route(self, path: str, template: str, responses: Mapping[str, Mapping[str, Any]], **integration: Any) -> None:
        parent = ""
        for part in path.split("/"):
            name = f"{parent}/{part}"
            if name not in self._paths:
                made = self.client.create_resource(restApiId=self.id, parentId=self._paths[parent], pathPart=part)
                self._paths[name] = made["id"]
            parent = name
        method = {"restApiId": self.id, "resourceId": self._paths[parent], "httpMethod": "GET"}
        self.client.put_method(**method, authorizationType="NONE")
        if "uri" in integration:
            service = integration.pop("uri")
            uri = f"arn:aws:apigateway:{self.region.region}:{service}"
            integration |= {"type": "AWS", "integrationHttpMethod": "POST", "uri": uri, "credentials": ROLE}
        self.client.put_integration(**method, requestTemplates={JSON: template}, **({"type": "MOCK"} | integration))
        for status, response in responses.items():
            self.client.put_method_response(**method, statusCode=status)
            self.client.put_integration_response(**method, statusCode=status, **response)

    def get(self, path: str, **headers: str) -> Answer:
        self.client.create_deployment(restApiId=self.id, stageName="run")
        url = f"{self.region.endpoint}/_aws/execute-api/{self.id}/run/{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())


@pytest.fixture
def api(region: Region) -> Api:
    return Api(region)


def body(template: str, **more: Any) -> dict[str, Any]:
    return {"responseTemplates": {JSON: template}, **more}


def table(region: Region) -> Any:
    client = region.client("dynamodb")
    client.create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


KEY = """{"TableName": "jobs", "Key": {"id": {"S": "$input.params('id')"}}, "ConsistentRead": true}"""
JOB = """#if($input.path('$.Item') == "")
#set($context.responseOverride.status = 404)
#set($context.responseOverride.header.Content-Type = "application/problem+json")
{"status": 404}
#else
#set($context.responseOverride.header.Retry-After = "5")
{"id": $input.json('$.Item.id.S'), "created": $input.path('$.Item.created.N')}
#end"""


def test_an_item_is_read_and_a_missing_one_is_an_empty_answer_of_status_200(region: Region, api: Api) -> None:
    table(region).put_item(TableName="jobs", Item={"id": {"S": 'a"b'}, "created": {"N": "1764342000"}})
    template = KEY.replace("$input.params('id')", "$util.escapeJavaScript($util.urlDecode($input.params('id')))")
    api.route("jobs/{id}", template, {"200": body(JOB, selectionPattern=r"2\d{2}")}, uri="dynamodb:action/GetItem")
    found = api.get("jobs/a%22b")
    assert (found.status, found.json, found.headers["Retry-After"]) == (200, {"id": 'a"b', "created": 1764342000}, "5")
    missing = api.get("jobs/none")
    assert (missing.status, missing.json) == (404, {"status": 404})
    assert missing.headers["Content-Type"] == "application/problem+json"


UPDATE = """{"TableName": "jobs", "Key": {"id": {"S": "$input.params('id')"}},
"UpdateExpression": "SET #s = :s", "ConditionExpression": "attribute_exists(id)",
"ExpressionAttributeNames": {"#s": "state"}, "ExpressionAttributeValues": {":s": {"S": "cancelled"}},
"ReturnValues": "ALL_NEW"}"""
CONFLICT = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"


def test_a_failed_condition_is_a_400_that_names_the_error(region: Region, api: Api) -> None:
    table(region).put_item(TableName="jobs", Item={"id": {"S": "a"}})
    responses = {"200": body("$input.body", selectionPattern=r"2\d{2}"), "400": body("$input.path('$.__type')")}
    api.route("jobs/{id}", UPDATE, responses, uri="dynamodb:action/UpdateItem")
    done = api.get("jobs/a")
    assert (done.status, done.json) == (200, {"Attributes": {"id": {"S": "a"}, "state": {"S": "cancelled"}}})
    assert (api.get("jobs/b").status, api.get("jobs/b").body) == (400, CONFLICT)


@pytest.mark.parametrize(
    ("error", "namespace"),
    [
        ("ResourceNotFoundException", "com.amazonaws.dynamodb.v20120810"),
        ("ValidationException", "com.amazon.coral.validate"),
    ],
)
def test_an_error_of_dynamodb_has_its_namespace(error: str, namespace: str) -> None:
    assert json.loads(with_namespace(json.dumps({"__type": error, "message": "m"}).encode())) == {
        "__type": f"{namespace}#{error}",
        "message": "m",
    }


def test_a_table_that_is_not_there_and_a_wrong_request_are_400(region: Region, api: Api) -> None:
    answers = {"400": body("$input.path('$.__type')")}
    api.route("a/{id}", KEY, answers, uri="dynamodb:action/GetItem")
    api.route("b/{id}", "{", answers, uri="dynamodb:action/GetItem")
    assert api.get("a/1").body.endswith("#ResourceNotFoundException")
    assert api.get("b/1").body == "com.amazon.coral.service#SerializationException"


def test_a_mock_integration_renders_its_status_and_its_response(api: Api) -> None:
    request = """#if($input.params('scope') == "internal"){"statusCode": 200}#else{"statusCode": 500}#end"""
    answers = {
        "200": body("""{"answer": "$input.params('scope')"}""", selectionPattern="200"),
        "500": body('{"stage": "$context.stage"}', selectionPattern=r"5\d{2}"),
    }
    api.route("mock", request, answers)
    inside, outside = api.get("mock?scope=internal"), api.get("mock?scope=public")
    assert (inside.status, inside.json, outside.status, outside.json) == (
        200,
        {"answer": "internal"},
        500,
        {"stage": "run"},
    )


SEEN = """{"path": "$context.path",
"id": "$input.params('id')", "q": "$input.params('q')", "all": "$input.params('all')",
"resource": "$context.resourcePath", "method": "$context.httpMethod", "api": "$context.apiId",
"epoch": "$context.requestTimeEpoch", "time": "$context.requestTime", "request": "$context.requestId"}"""


def test_what_a_template_sees_of_a_request(api: Api) -> None:
    api.route("jobs/{id}", '{"statusCode": 200}', {"200": body(SEEN)})
    before = time.time() * 1000
    answer = api.get("jobs/a%2Fb%20%2B?q=a%2Bb+c%26&all=first&all=last")
    seen = answer.json
    assert before - 1 <= int(seen.pop("epoch")) <= time.time() * 1000
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", seen.pop("time"))
    assert seen.pop("request") == answer.headers["x-amzn-RequestId"]
    assert seen == {
        "path": "/run/jobs/a%2Fb%20%2B",
        "id": "a%2Fb%20%2B",  # path parameters stay as they came
        "q": "a+b c&",
        "all": "last",
        "resource": "/jobs/{id}",
        "method": "GET",
        "api": api.id,
    }


def test_headers_are_mapped_from_constants_the_context_and_the_service_s_answer(region: Region, api: Api) -> None:
    table(region)
    parameters = {
        "method.response.header.X-Constant": "'a b'",
        "method.response.header.X-Stage": "context.stage",
        "method.response.header.X-Type": "integration.response.header.content-type",
        "method.response.header.X-None": "integration.response.header.x-none",
        "method.response.header.X-State": "integration.response.body.Item.state.S",
    }
    region.client("dynamodb").put_item(TableName="jobs", Item={"id": {"S": "a"}, "state": {"S": "queued"}})
    responses = {"200": body("{}", responseParameters=parameters)}
    api.route("jobs/{id}", KEY, responses, uri="dynamodb:action/GetItem")
    headers = api.get("jobs/a").headers
    found = [headers[name] for name in ("X-Constant", "X-Stage", "X-Type", "X-None", "X-State")]
    assert found == ["a b", "run", "application/x-amz-json-1.0", None, "queued"]


def test_a_response_s_template_reads_what_the_request_s_has_overridden(api: Api) -> None:
    request = """#set($context.requestOverride.header.given = $input.params('q')){"statusCode": 200}"""
    api.route("a", request, {"200": body("$context.requestOverride.header.given")})
    assert api.get("a?q=v").body == "v"


def test_a_slow_service_is_a_504_and_an_undefined_status_a_500(region: Region, api: Api) -> None:
    states = region.client("stepfunctions")
    wait = {"StartAt": "a", "States": {"a": {"Type": "Wait", "Seconds": 300, "End": True}}}
    machine = states.create_state_machine(name="slow", type="EXPRESS", roleArn=ROLE, definition=json.dumps(wait))
    template = json.dumps({"stateMachineArn": machine["stateMachineArn"]})
    start = "states:action/StartSyncExecution"
    api.route("slow", template, {"200": body("{}")}, uri=start, timeoutInMillis=50)
    api.route("none", '{"statusCode": 418}', {"200": body("{}", selectionPattern="200")})
    slow, none = api.get("slow"), api.get("none")
    assert (slow.status, slow.json) == (504, {"message": "Endpoint request timed out"})
    assert (none.status, none.json) == (500, {"message": "Internal server error"})

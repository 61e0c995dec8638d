"""The API's description of itself, and the routes that it is made from."""

import json
from typing import Any

import pytest

from components.rest_api import openapi
from components.rest_api.job_routes import job_routes
from components.rest_api.routes import Places, Route
from components.rest_api.templates import sqs
from ebb.sandbox.emulators.ministack.vtl import Request, render
from tests.components.apis import ANSWER, INTEGRATION, METHOD, MODEL, POLICY, QUEUE, RESPONSE, job_api

JOB = json.loads(sqs.JOB_SCHEMA)
PLACES = Places(account_id="1", queue_name="q", table_name="t", submit_arn="s", batch_arn="b", cancel_arn="c")
#: Bytes (API Gateway quotas, "Mapping template size").
MAX_TEMPLATE = 300 * 1024


def described(path: str = "/run/openapi.json", auth: str = "iam", fifo: bool = False) -> tuple[Any, list[Route]]:
    """What the deployed API answers, and its routes."""
    routes = job_routes(fifo=fifo, get_endpoint=True)
    route = openapi.route(routes, auth=auth, job=JOB)
    rendered = render(route.call.answer, Request(context={"path": path}))
    assert rendered.overrides == {}
    assert len(route.call.answer.encode()) < MAX_TEMPLATE
    return json.loads(rendered.text), [*routes, route]


@pytest.mark.parametrize(
    ("path", "server"), [("/run/openapi.json", "../run"), ("/v-2/openapi.json", "../v-2"), ("/openapi.json", "/")]
)
def test_the_answer_is_the_description_with_the_address_of_the_stage(path: str, server: str) -> None:
    document, routes = described(path)
    assert document == openapi.document(routes, auth="iam", job=JOB, server={"url": server})


@pytest.mark.parametrize(("auth", "header"), [("iam", "Authorization"), ("api_key", "X-Api-Key"), ("none", None)])
def test_the_description_has_the_authentication_of_the_api(auth: str, header: str | None) -> None:
    document, _ = described(auth=auth)
    schemes = document["components"].get("securitySchemes", {})
    assert [scheme["name"] for scheme in schemes.values()] == ([header] if header else [])
    assert document.get("security") == ([{auth: []}] if header else None)


def test_each_reference_leads_to_a_schema_and_each_schema_is_used() -> None:
    document, _ = described()
    names = set(document["components"]["schemas"])
    text = json.dumps(document)
    assert {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]} == names


@pytest.mark.parametrize("fifo", [False, True])
def test_a_fifo_queue_requires_the_group(fifo: bool) -> None:
    document, routes = described(fifo=fifo)
    parameters = document["paths"]["/jobs"]["post"]["parameters"]
    assert [each["name"] for each in parameters if each["required"]] == (["X-Message-Group-Id"] if fifo else [])
    assert routes[0].required == (["method.request.header.X-Message-Group-Id"] if fifo else [])


def test_the_methods_of_the_api_are_those_of_the_description_with_all_their_answers() -> None:
    made, (document, _) = job_api(get_endpoint=True), described()
    methods = {found.name for found in made.of(METHOD) if found.inputs["httpMethod"] != "ANY"}
    described_methods = {
        f"api-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}-{verb}": operation
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    }
    assert methods == set(described_methods)
    for name, operation in described_methods.items():
        statuses = {found.inputs["statusCode"] for found in made.of(RESPONSE) if found.name.rpartition("-")[0] == name}
        assert statuses | {"default"} == set(operation["responses"])


def test_each_status_and_header_that_a_template_sets_is_declared() -> None:
    made = job_api(get_endpoint=True)
    for found in made.of(ANSWER):
        name, _, status = found.name.rpartition("-")
        if not status.isdigit():  # not a route's
            continue
        template = found.inputs["responseTemplates"]["application/json"]
        declared = {
            each.inputs["statusCode"]: each.inputs.get("responseParameters", {})
            for each in made.of(RESPONSE)
            if each.name.rpartition("-")[0] == name
        }
        for line in template.splitlines():
            if "$answer" in line:  # what the workflow says
                continue
            if line.startswith("#set($context.responseOverride.status = "):
                assert line.removesuffix(")").rpartition(" ")[2] in declared
            if line.startswith("#set($context.responseOverride.header."):
                header = line.removeprefix("#set($context.responseOverride.header.").split(" ")[0]
                assert any(f"method.response.header.{header}" in headers for headers in declared.values()), line


def test_the_api_with_a_table_may_start_three_workflows_and_read_one_table() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    assert job_api().one(POLICY).statements == [
        {"Effect": "Allow", "Action": ["states:StartSyncExecution"], "Resource": ["submit", "batch", "cancel"]},
        {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": ["table"]},
        {"Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": ["table/index/*"]},
    ]
    (of_key,) = (found for found in job_api(kms_key_arn=key).one(POLICY).statements if found["Resource"] == [key])
    assert all(action.startswith("kms:") for action in of_key["Action"])
    assert QUEUE not in json.dumps(job_api().one(POLICY).statements)


def test_reads_go_straight_to_the_table_and_the_rest_through_workflows() -> None:
    made = job_api()
    called = {
        found.name: (found.inputs["type"], found.inputs.get("uri", "").rpartition(":")[2])
        for found in made.of(INTEGRATION)
        if found.inputs["type"] == "AWS" or "openapi" in found.name
    }
    assert {name: target for name, target in called.items() if not name.endswith("-any")} == {
        "api-jobs-post": ("AWS", "action/StartSyncExecution"),
        "api-jobs-batch-post": ("AWS", "action/StartSyncExecution"),
        "api-jobs-id-delete": ("AWS", "action/StartSyncExecution"),
        "api-jobs-id-get": ("AWS", "action/GetItem"),
        "api-jobs-get": ("AWS", "action/Query"),
        "api-openapi.json-get": ("MOCK", ""),
    }
    models = {found.inputs["name"]: json.loads(found.inputs["schema"]) for found in made.of(MODEL)}
    assert models["Jobs"]["items"] == {"title": "Job", "type": "object"}
    assert (models["Jobs"]["minItems"], models["Jobs"]["maxItems"]) == (1, 10)


def test_no_template_is_longer_than_api_gateway_takes() -> None:
    for route in described()[1]:
        assert all(
            len(text.encode()) < MAX_TEMPLATE
            for text in (route.call.request(PLACES), route.call.answer, route.call.error)
        )

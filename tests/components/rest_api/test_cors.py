"""Cross-origin requests: preflights, and what pages of other origins may read."""

import pytest

from components.rest_api import cors
from ebb.sandbox.emulators.ministack.vtl import Request, render
from tests.components.apis import ANSWER, METHOD, REFUSAL, api

A, B = "https://a.example.com", "https://b.example.com:8443"
ALLOW = "responseOverride.header.Access-Control-Allow-Origin"


@pytest.mark.parametrize("header", ["Origin", "origin"])
def test_the_origin_of_the_list_is_allowed_and_no_other(header: str) -> None:
    template = cors.before_answers([A, B])
    for origin in (A, B):
        found = render(template, Request(headers={header: origin}))
        assert (found.overrides[ALLOW], found.text) == (origin, "")
        assert found.overrides["responseOverride.header.Vary"] == "Origin"
    for origin in ("https://a.example.com.evil.com", "https://aXexample.com", "null", ""):
        found = render(template, Request(headers={header: origin}))
        assert ALLOW not in found.overrides
        assert found.overrides["responseOverride.header.Vary"] == "Origin"
    assert ALLOW not in render(template, Request()).overrides


def test_all_origins_are_allowed_with_an_asterisk() -> None:
    assert render(cors.before_answers(["*"]), Request()).overrides[ALLOW] == "*"


def test_without_origins_there_is_no_preflight_and_no_header() -> None:
    made = api()
    assert "OPTIONS" not in {found.inputs["httpMethod"] for found in made.of(METHOD)}
    assert "Access-Control" not in str([found.inputs for found in (*made.of(ANSWER), *made.of(REFUSAL))])


@pytest.mark.parametrize("auth", ["iam", "api_key", "none"])
def test_a_preflight_needs_no_authorization(auth: str) -> None:
    made = api(auth=auth, cors=(A,), get_endpoint=True)
    preflights = [found for found in made.of(METHOD) if found.inputs["httpMethod"] == "OPTIONS"]
    assert {found.name for found in preflights} == {"api-jobs-options", "api-queue-options"}
    for found in preflights:
        assert (found.inputs["authorization"], found.inputs["apiKeyRequired"]) == ("NONE", False)
    rendered = render(
        made.one(ANSWER, "api-jobs-options").inputs["responseTemplates"]["application/json"],
        Request(headers={"origin": A}),
    )
    assert rendered.text == "{}"
    assert rendered.overrides[ALLOW] == A
    assert rendered.overrides["responseOverride.header.Access-Control-Allow-Methods"] == "POST"
    allowed = rendered.overrides["responseOverride.header.Access-Control-Allow-Headers"]
    assert {"Authorization", "Content-Type", "X-Api-Key", "Idempotency-Key"} <= set(allowed.split(", "))


def test_every_answer_allows_the_origin() -> None:
    made = api(cors=(A, B), get_endpoint=True)
    start = cors.before_answers([A, B])
    assert all(found.inputs["responseTemplates"]["application/json"].startswith(start) for found in made.of(ANSWER))


@pytest.mark.parametrize(("origins", "allowed"), [((A,), A), ((A, B), "*"), (("*",), "*")])
def test_api_gateway_s_own_errors_can_be_read(origins: tuple[str, ...], allowed: str) -> None:
    for found in api(cors=origins).of(REFUSAL):
        parameters = found.inputs["responseParameters"]
        assert parameters["gatewayresponse.header.Access-Control-Allow-Origin"] == f"'{allowed}'"
        assert "Retry-After" in parameters["gatewayresponse.header.Access-Control-Expose-Headers"]

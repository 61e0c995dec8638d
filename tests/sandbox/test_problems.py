"""What the deployed API answers to requests that it does not take."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from ebb.sandbox.emulators.region import Region
from tests.sandbox.apis import JSON, Apis, deployed


@pytest.fixture(scope="module")
def apis(one_region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    schema = tmp_path_factory.mktemp("schema") / "job.json"
    schema.write_text(json.dumps({"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}))
    settings: dict[str, dict[str, Any]] = {
        "open": {"auth": "none", "get_endpoint": True},
        "keys": {"auth": "api_key", "daily_quota": 2},
        "signed": {"cors": ["https://a.example.com", "https://b.example.com"]},
        "schema": {"auth": "none", "schema": str(schema)},
        "slow": {"auth": "none", "rate_limit": 0.001, "burst_limit": 1},
    }
    with deployed(one_region, tmp_path_factory.mktemp("apis"), settings) as made:
        yield made
        assert [event.text for event in one_region.events if event.kind == "error"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", '[instance type (array) does not match any allowed primitive type (allowed: ["object"])]'),
        (b'"\\""', '[instance type (string) does not match any allowed primitive type (allowed: ["object"])]'),
        (b'{"a": 1', "[the body is not JSON]"),
        (b"", "[the body is not JSON]"),
        (b"\xff{}", "[the body is not JSON]"),
    ],
)
def test_a_body_that_is_no_object_is_refused_with_the_validator_s_words(apis: Apis, body: bytes, words: str) -> None:
    answer = apis.ask("/jobs", body)
    assert answer.problem == (400, "Invalid job")
    assert answer.body["detail"] == f"The body is not a valid job: {words}"
    assert apis.bodies() == []


@pytest.mark.parametrize("target", ["/", "/nothing", "/jobs/", "/jobs/1", "/queue/%2e%2e", "/%F0%9F%98%80", "/jobs%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_an_unknown_path_is_404(apis: Apis, target: str, method: str) -> None:
    expected = {"/jobs/": (405, "Method not allowed")} if method != "POST" else {"/jobs/": (400, "Invalid job")}
    answer = apis.ask(target, b"x" if method == "POST" else None, {}, method=method)
    assert answer.problem == expected.get(target, (404, "Not found"))


@pytest.mark.parametrize(
    ("target", "allowed", "method"),
    [("/jobs", "POST", "GET"), ("/jobs", "POST", "OPTIONS"), ("/queue?message=1", "GET", "POST")],
)
def test_an_unknown_method_is_405_with_those_that_are_allowed(
    apis: Apis, target: str, allowed: str, method: str
) -> None:
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded; charset=utf-8"):
        answer = apis.ask(target, b"a=1", {"Content-Type": kind}, method=method)
        assert answer.problem == (405, "Method not allowed")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x", "é"])
def test_another_content_type_is_415(apis: Apis, kind: str) -> None:
    assert apis.ask("/jobs", b"{}", {"Content-Type": kind}).problem == (415, "Unsupported media type")
    assert apis.bodies() == []


def test_a_body_that_is_too_long_for_sqs_or_for_api_gateway_is_413(apis: Apis) -> None:
    for size, detail in ((1_048_577, "SQS accepts at most 1 MiB."), (10_485_761, "API Gateway accepts at most 10 MB.")):
        answer = apis.ask("/jobs", b'{"a":"' + b"x" * (size - 8) + b'"}')
        assert answer.problem == (413, "Job too large")
        assert answer.body["detail"] == detail
    assert apis.bodies() == []


@pytest.mark.parametrize(
    ("target", "title"),
    [
        ("/queue", "Invalid parameters"),
        ("/queue?message=", "Invalid job"),
        ("/queue?message=%01", "Invalid job"),
    ],
)
def test_a_message_that_sqs_would_refuse_is_400(apis: Apis, target: str, title: str) -> None:
    assert apis.ask(target, None, {}, method="GET").problem == (400, title)


def test_characters_that_sqs_does_not_accept_are_400(apis: Apis) -> None:
    for character in "\ufffe\uffff":
        answer = apis.ask("/jobs", json.dumps({"a": character}, ensure_ascii=False).encode())
        assert answer.problem == (400, "Invalid job")
    assert apis.bodies() == []


def test_a_request_without_a_signature_is_401_for_known_and_unknown_paths(apis: Apis) -> None:
    for target in ("/jobs", "/nothing"):
        answer = apis.ask(target, b"{}", api="signed")
        assert answer.problem == (401, "Not signed")
        assert answer.headers["www-authenticate"] == "AWS4-HMAC-SHA256"


def test_a_wrong_api_key_is_403_and_a_used_up_quota_429(apis: Apis) -> None:
    for headers in ({}, {"X-Api-Key": "wrong"}, {"X-Api-Key": '"\\'}):
        assert apis.ask("/jobs", b"{}", JSON | headers, api="keys").problem == (403, "Invalid API key")
    gateway = apis.region.client("apigateway")
    key = gateway.get_api_key(apiKey=apis.outputs["keys-key"], includeValue=True)["value"]
    answers = [apis.ask("/jobs", b"{}", {"X-Api-Key": key}, api="keys") for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert answers[2].problem == (429, "Quota used up")
    assert answers[2].headers["retry-after"] == "3600"
    assert apis.bodies() == ["{}", "{}"]


def test_more_requests_than_the_burst_are_429_with_retry_after(apis: Apis) -> None:
    answers = [apis.ask("/jobs", b"{}", api="slow") for _ in range(2)]
    assert answers[0].status == 202
    assert answers[1].problem == (429, "Too many requests")
    assert answers[1].headers["retry-after"] == "1"
    assert apis.bodies() == ["{}"]


def test_a_job_that_does_not_fit_the_schema_is_refused_with_the_validator_s_words(apis: Apis) -> None:
    for body, words in (
        (b"{}", '[object has missing required properties (["file"])]'),
        (b'{"file": 1}', "[the body does not fit the schema]"),
    ):
        answer = apis.ask("/jobs", body, api="schema")
        assert answer.problem == (400, "Invalid job")
        assert answer.body["detail"] == f"The body is not a valid job: {words}"
    assert apis.ask("/jobs", b'{"file": "a"}', api="schema").status == 202
    assert apis.bodies() == ['{"file": "a"}']


def test_a_browser_may_ask_and_read_answers_from_pages_of_the_origins(apis: Apis) -> None:
    origin = {"Origin": "https://b.example.com"}
    asked = apis.ask("/jobs", None, origin | {"Access-Control-Request-Method": "POST"}, method="OPTIONS", api="signed")
    assert asked.status == 200
    assert asked.headers["access-control-allow-origin"] == "https://b.example.com"
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert asked.headers["vary"] == "Origin"
    signed = JSON | {"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/execute-api/d"}
    accepted = apis.ask("/jobs", b"{}", signed | origin, api="signed")
    assert (accepted.status, accepted.headers["access-control-allow-origin"]) == (202, "https://b.example.com")
    stranger = apis.ask("/jobs", b"{}", signed | {"Origin": "https://c.example.com"}, api="signed")
    assert stranger.status == 202
    assert "access-control-allow-origin" not in stranger.headers
    refused = apis.ask("/jobs", b"{}", JSON | origin, api="signed")
    assert refused.problem == (401, "Not signed")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert apis.bodies() == ["{}", "{}"]


#: Texts that mean something in a URL's query, in JSON, in XML, in VTL or in a header.
SPECIAL = (
    "&Action=DeleteQueue&DelaySeconds=900", "%26%00%zz%%41", "a+b c", """it's "quoted" `so` \\ / \\u0041""",
    "<a>&amp;</a><![CDATA[", "$input.body ${x} $!util #set($a = 1) #if(true)#end ##", "{{a}} ;|^~",
    "\r\nX-Injected: yes",
)  # fmt: skip


@pytest.mark.parametrize("text", SPECIAL)
def test_a_body_reaches_the_queue_byte_for_byte(apis: Apis, text: str) -> None:
    bodies = [json.dumps({text: text}), json.dumps({"a": text}, ensure_ascii=False, indent=1), f' {{"a":1}}\n{" " * 9}']
    for body in bodies:
        assert (
            apis.ask("/jobs", body.encode(), JSON | {"Content-Type": "application/json; charset=utf-8"}).status == 202
        )
    assert sorted(apis.bodies()) == sorted(bodies)


def test_characters_of_all_planes_reach_the_queue(apis: Apis) -> None:
    """One of each plane's first, a middle and its last characters that XML has, which is what SQS accepts."""
    points = [0x9, 0xA, 0xD, 0x20, 0x7F, 0x85, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD]
    points += [plane * 0x10000 + place for plane in range(1, 17) for place in (0, 0x1F600 % 0x10000, 0xFFFD)]
    text = "".join(map(chr, points))
    body = json.dumps({"a": text}, ensure_ascii=False)
    assert apis.ask("/jobs", body.encode()).status == 202
    assert apis.ask(f"/queue?message={quote(text)}", None, {}, method="GET").status == 202
    assert sorted(apis.bodies()) == sorted([body, text])


def test_a_byte_order_mark_is_no_problem_of_the_api(apis: Apis) -> None:
    assert apis.ask("/jobs", b'\xef\xbb\xbf{"a": 1}').status == 202
    assert [json.loads(body.removeprefix("\ufeff")) for body in apis.bodies()] == [{"a": 1}]


def test_a_header_adds_nothing_to_an_answer_or_a_message(apis: Apis) -> None:
    for name in ("X-Message-Group-Id", "Accept", "Origin", "User-Agent", "X-Amz-Target"):
        answer = apis.ask("/jobs", b"{}", JSON | {name: "a%0d%0aX-Injected: yes&DelaySeconds=900"})
        assert answer.status == 202
        assert not answer.headers.keys() & {"x-injected", "access-control-allow-origin"}
    assert apis.bodies() == ["{}"] * 5


def test_the_queue_is_deleted_under_the_api(apis: Apis) -> None:
    """The last test of the module, because nothing is behind the API then."""
    apis.region.client("sqs").delete_queue(QueueUrl=apis.outputs["queue"])
    answer = apis.ask("/jobs", b"{}")
    assert answer.problem == (502, "Bad gateway")
    assert answer.body["detail"].endswith("SQS: AWS.SimpleQueueService.NonExistentQueue")

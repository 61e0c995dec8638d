"""The templates without `scaling.direct`: requests to SQS, and the responses to callers."""

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import apigateway_v1 as ministack

from components import _problems
from components.rest_api.templates import sqs as templates
from ebb.sandbox.emulators.ministack.vtl import Request, render

ID = "98b47f92-b9c4-463d-a585-3ed42f0b549d"
SENT = {
    "SendMessageResponse": {
        "ResponseMetadata": {"RequestId": "r"},
        "SendMessageResult": {"MD5OfMessageBody": "d", "MessageId": ID, "SequenceNumber": None},
    }
}


def form(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def response(status: int, body: object) -> tuple[str, object]:
    """The response to the caller for this response of SQS."""
    success = re.fullmatch(templates.SUCCESS_PATTERN, str(status)) is not None
    template = templates.SUCCESS_TEMPLATE if success else templates.ERROR_TEMPLATE
    rendered = render(template, Request(body=json.dumps(body)))
    assert success or rendered.overrides["responseOverride.header.Content-Type"] == "application/problem+json"
    status_of_method = templates.ACCEPTED if success else templates.BAD_GATEWAY
    return str(rendered.status or status_of_method), json.loads(rendered.text)


def problem(kind: _problems.Problem, detail: str) -> dict[str, object]:
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail}


def test_the_response_for_a_sent_job_is_its_message_id() -> None:
    assert response(200, SENT) == ("202", {"messageId": ID})


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "AccessDenied", "KMS.DisabledException"])
@pytest.mark.parametrize("status", [400, 403])
def test_an_error_of_sqs_is_answered_with_502_and_its_code(status: int, code: str) -> None:
    refused = {"Error": {"Code": code, "Message": 'a "quoted" text', "Type": "Sender"}, "RequestId": "r"}
    assert response(status, refused) == (
        "502",
        problem(_problems.BAD_GATEWAY, f"The queue did not take the job. SQS: {code}"),
    )


@pytest.mark.parametrize(
    ("code", "text", "answered"),
    [
        ("InvalidMessageContents", "Invalid binary character was found in the message body", "400"),
        ("MissingParameter", "The request must contain the parameter MessageBody.", "400"),
        ("InvalidParameterValue", "Value a b for parameter MessageGroupId is invalid. Reason: …", "400"),
        (
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
            "413",
        ),
    ],
)
def test_what_the_sender_did_wrong_is_answered_with_4xx_and_sqs_s_code(code: str, text: str, answered: str) -> None:
    status, body = response(400, {"Error": {"Code": code, "Message": text, "Type": "Sender"}})
    assert status == answered
    assert isinstance(body, dict)
    assert (body["status"], body["title"]) == ((400, "Invalid job") if answered == "400" else (413, "Job too large"))
    assert answered == "413" or body["detail"].endswith(f"SQS: {code}")


@pytest.mark.parametrize("code", ["RequestThrottled", "ThrottlingException", "KmsThrottled", "ServiceUnavailable"])
def test_what_sqs_cannot_take_now_is_answered_with_503_and_retry_after(code: str) -> None:
    rendered = render(templates.ERROR_TEMPLATE, Request(body=json.dumps({"Error": {"Code": code}})))
    assert rendered.status == 503
    assert rendered.overrides["responseOverride.header.Retry-After"] == "5"


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
@pytest.mark.parametrize("body", [{}, {"Error": None}, {"unknown": "form"}, SENT])
def test_any_other_response_is_answered_with_502(status: int, body: object) -> None:
    expected = problem(_problems.BAD_GATEWAY, "The queue did not take the job. SQS: ")
    assert response(status, body) == ("502", expected)


@pytest.mark.parametrize("status", ["20", "2000", "1200", "4200", "200 "])
def test_only_a_status_from_200_to_299_is_a_success(status: str) -> None:
    assert re.fullmatch(templates.SUCCESS_PATTERN, status) is None


@given(body=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_body_reaches_sqs_unchanged(body: str) -> None:
    sent = form(render(templates.post_template(fifo=False), Request(body=body)).text)
    assert sent == {"Action": "SendMessage", "Version": "2012-11-05", "MessageBody": body}


@given(message=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_message_parameter_reaches_sqs_unchanged(message: str) -> None:
    sent = form(render(templates.get_template(fifo=False), Request(query={"message": message})).text)
    assert sent == {"Action": "SendMessage", "Version": "2012-11-05", "MessageBody": message}


@pytest.mark.parametrize("template", [templates.post_template(fifo=True), templates.get_template(fifo=True)])
@pytest.mark.parametrize("case", [str, str.lower])
@given(group=st.text(st.characters(codec="ascii"), min_size=1), deduplication=st.text(min_size=1))
def test_a_fifo_queues_ids_come_from_headers_in_either_case(
    template: str, case: Callable[[str], str], group: str, deduplication: str
) -> None:
    headers = {case("X-Message-Group-Id"): group, case("X-Message-Deduplication-Id"): deduplication}
    query = {"message": "{}", "x-message-group-id": "a query parameter with the header's name"}
    sent = form(render(template, Request(body="{}", query=query, headers=headers)).text)
    assert sent == {
        "Action": "SendMessage",
        "Version": "2012-11-05",
        "MessageBody": "{}",
        "MessageGroupId": group,
        "MessageDeduplicationId": deduplication,
    }


def test_a_body_cannot_add_parameters_or_directives() -> None:
    body = '{"a": "&Action=DeleteQueue&DelaySeconds=9 #set($x = 1) $input.body ${util}"}'
    assert form(render(templates.post_template(fifo=False), Request(body=body)).text)["MessageBody"] == body


def test_only_a_fifo_queue_requires_headers() -> None:
    assert templates.required_headers(fifo=False) == {}
    assert templates.required_headers(fifo=True) == {
        "method.request.header.X-Message-Group-Id": True,
        "method.request.header.X-Message-Deduplication-Id": True,
    }


@pytest.mark.parametrize(
    ("body", "accepted"),
    [({}, True), ({"seconds": 3}, True), ([], False), ("text", False), (1, False), (None, False), (True, False)],
)
def test_a_job_must_be_a_json_object(body: object, accepted: bool) -> None:
    schema = json.loads(templates.JOB_SCHEMA)
    assert ministack._json_schema_valid(schema, body, schema) is accepted


def test_the_access_log_is_json_with_the_request_id_and_without_headers_body_and_key() -> None:
    line = json.loads(templates.ACCESS_LOG_FORMAT)
    assert line["requestId"] == "$context.requestId"
    assert all(value.startswith("$context.") for value in line.values())
    assert "$context.identity.apiKey" not in line.values()
    assert "$context.error.message" not in line.values(), "it may quote the header Authorization"

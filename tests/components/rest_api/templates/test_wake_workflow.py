"""The templates with `scaling.direct`: requests to Step Functions, and the responses to callers."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.rest_api.templates import sqs, wake_workflow
from components.workflows import waking
from ebb.sandbox.emulators.ministack.vtl import Rendered, Request, render
from tests.helpers.examples import examples

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:wake-submit-1234567"
ID = "98b47f92-b9c4-463d-a585-3ed42f0b549d"
#: Bodies, with characters that are special in JSON, JavaScript or VTL.
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\"'\\/$#{}()\n\t\u2028😀")))


def started(template: str, request: Request) -> dict[str, str]:
    """The workflow's input in the request to StartSyncExecution."""
    rendered = render(template, request)
    assert rendered == Rendered(rendered.text), "overrides the status"
    call = json.loads(rendered.text)
    assert set(call) == {"stateMachineArn", "input"}
    assert call["stateMachineArn"] == ARN
    return dict(json.loads(call["input"]))


def response(status: int, body: object) -> tuple[str, object]:
    """The response to the caller for this response of Step Functions."""
    success = re.fullmatch(sqs.SUCCESS_PATTERN, str(status)) is not None
    template = wake_workflow.ANSWER_TEMPLATE if success else wake_workflow.ERROR_TEMPLATE
    rendered = render(template, Request(body=json.dumps(body)))
    if rendered.status is not None:
        assert rendered.overrides["responseOverride.header.Content-Type"] == "application/problem+json"
    code = sqs.ACCEPTED if success else sqs.BAD_GATEWAY
    return str(rendered.status or code), json.loads(rendered.text)


@given(body=TEXTS)
def test_the_body_reaches_the_workflow_unchanged(body: str) -> None:
    assert started(wake_workflow.post_template(ARN, fifo=False), Request(body=body)) == {"body": body}


@given(message=TEXTS.filter(bool))
def test_the_message_parameter_reaches_the_workflow_unchanged(message: str) -> None:
    request = Request(query={"message": message})
    assert started(wake_workflow.get_template(ARN, fifo=False), request) == {"body": message}


@pytest.mark.parametrize("case", [str, str.lower])
@given(group=TEXTS.filter(bool), deduplication=TEXTS.filter(bool))
def test_a_fifo_queues_ids_come_from_headers_in_either_case(case: type, group: str, deduplication: str) -> None:
    headers = {case("X-Message-Group-Id"): group, case("X-Message-Deduplication-Id"): deduplication}
    request = Request(body="{}", headers=headers)
    assert started(wake_workflow.post_template(ARN, fifo=True), request) == {
        "body": "{}",
        "group": group,
        "deduplication": deduplication,
    }


def test_a_body_cannot_add_inputs_or_directives() -> None:
    body = """{"a": "\\", \\"group\\": \\"x", "b": "#end $input.body #set($x = 1) ${util}", "c": "it's"}"""
    assert started(wake_workflow.post_template(ARN, fifo=False), Request(body=body)) == {"body": body}


@settings(max_examples=examples(20))
@given(size=st.integers(0, waking.MAX_BODY_CHARACTERS))
@example(size=waking.MAX_BODY_CHARACTERS)
def test_a_plain_body_of_maximum_length_fits_into_an_execution(size: int) -> None:
    body = json.dumps({"text": "x" * size})[: waking.MAX_BODY_CHARACTERS]
    text = json.loads(render(wake_workflow.post_template(ARN, fifo=False), Request(body=body)).text)["input"]
    assert len(text.encode()) <= 262_144


def ended(status: str, **more: object) -> dict[str, object]:
    """A response of StartSyncExecution."""
    return {"executionArn": "e", "status": status, "input": '{"body": "{}"}', "startDate": 1.7e9, **more}


def failed(error: str = "") -> tuple[str, object]:
    return "502", {
        "type": "/docs/errors.md#bad-gateway",
        "title": "Bad gateway",
        "status": 502,
        "detail": f"The queue did not take the job. Error: {error}",
    }


def test_the_response_for_a_sent_job_is_its_message_id() -> None:
    done = ended("SUCCEEDED", output=json.dumps({"messageId": ID}))
    assert response(200, done) == ("202", {"messageId": ID})


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", ""])
@pytest.mark.parametrize("error", ["Sqs.QueueDoesNotExistException", "States.TaskFailed", ""])
def test_a_failed_execution_is_answered_with_502(status: str, error: str) -> None:
    assert response(200, ended(status, error=error, cause='a "quoted" text')) == failed(error)
    assert response(200, ended(status, output=json.dumps({"messageId": ID}))) == failed()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, ended("FAILED", error="TooLong", cause="More than 204800 characters.")),
        (400, {"__type": "com.amazon.coral.validate#ValidationException", "message": "1 validation error"}),
        (400, {"__type": "com.amazonaws.swf.service.v2.model#InvalidExecutionInput"}),
    ],
)
def test_a_body_that_is_too_long_is_answered_with_413(status: int, body: object) -> None:
    code, answer = response(status, body)
    assert code == "413"
    assert isinstance(answer, dict)
    assert answer["title"] == "Job too large"
    assert "at most 200 KB" in answer["detail"]


@pytest.mark.parametrize("status", [301, 400, 403, 500, 503])
@pytest.mark.parametrize("error", ["InternalFailure", "com.amazonaws.swf.service.v2.model#StateMachineDeleting", ""])
def test_an_error_of_step_functions_is_answered_with_502(status: int, error: str) -> None:
    body = {"__type": error, "message": "m"} if error else {}
    assert response(status, body) == failed(error)


def test_a_response_without_a_message_id_is_answered_with_502() -> None:
    assert response(200, {}) == failed()


@pytest.mark.parametrize(
    ("error", "cause", "status"),
    [
        ("Sqs.InvalidMessageContentsException", "…", "400"),
        (waking.EMPTY, "The message is empty.", "400"),
        ("Sqs.SqsException", "Value a b for parameter MessageGroupId is invalid. (Status Code: 400)", "400"),
        (waking.TOO_LONG, "…", "413"),
        ("Sqs.SqsException", "Access to the resource is denied. (Status Code: 403)", "502"),
        ("Sqs.QueueDoesNotExistException", "…", "502"),
        ("Sqs.KmsDisabledException", None, "502"),
        ("States.Timeout", None, "504"),
        ("Sqs.RequestThrottledException", "…", "503"),
    ],
)
def test_what_the_sender_did_wrong_is_4xx_and_any_other_failure_5xx(error: str, cause: str | None, status: str) -> None:
    answered = response(200, {"status": "FAILED", "error": error, "cause": cause})
    assert answered[0] == status
    assert isinstance(answered[1], dict)
    assert answered[1]["status"] == int(status)
    assert answered[1]["detail"].endswith(f"Error: {error}") or status == "413"


def test_step_functions_asks_for_fewer_requests_by_503() -> None:
    code, answer = response(400, {"__type": "com.amazonaws.swf#ThrottlingException"})
    assert isinstance(answer, dict)
    assert (code, answer["title"]) == ("503", "Service unavailable")

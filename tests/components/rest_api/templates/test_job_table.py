"""The templates of the API with a job table: reads of the table, requests to workflows, and their answers."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rest_api.templates import job_table, job_workflows
from components.workflows import header_rules
from ebb.sandbox.emulators.ministack.vtl import Request, render

NOW = 1_795_885_000
CONTEXT = {"requestTimeEpoch": str(NOW * 1000 + 5), "path": "/run/jobs"}
ITEM = {
    "id": {"S": "8e03978e-40d5"},
    "state": {"S": "running"},
    "created": {"N": "1764342000"},
    "until": {"N": f"{NOW + 60}.25"},
    "expires": {"N": str(NOW + 5)},
}
#: Texts, with characters that are special in JSON, JavaScript or VTL.
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\"'\\/$#{}()\n\t\u2028😀")))


def got(**attributes: dict[str, str]) -> tuple[int, Any, str | None]:
    """Status, body and Retry-After of `GET /jobs/{id}`."""
    body = json.dumps({"Item": ITEM | attributes} if attributes.get("id") != {} else {})
    rendered = render(job_table.GET_ANSWER, Request(body=body, context=CONTEXT))
    assert (rendered.overrides.get("responseOverride.header.Content-Type") is None) == (rendered.status is None)
    retry = rendered.overrides.get("responseOverride.header.Retry-After")
    return rendered.status or 200, json.loads(rendered.text), retry


def query(**parameters: str) -> dict[str, Any]:
    """The request to DynamoDB of `GET /jobs?…`."""
    return dict(json.loads(render(job_table.list_template("t"), Request(query=parameters, context=CONTEXT)).text))


def input_of(template: str, **request: Any) -> dict[str, Any]:
    """A workflow's input."""
    call = json.loads(render(template, Request(context=CONTEXT, **request)).text)
    assert call.keys() == {"stateMachineArn", "input"}
    assert call["stateMachineArn"] == "arn"
    return dict(json.loads(call["input"]))


def test_a_running_job_is_shown_with_what_it_has() -> None:
    assert got() == (200, {"id": "8e03978e-40d5", "state": "running", "created": 1764342000}, "5")
    numbers = {"at": "1", "started": "2", "finished": "3", "attempt": "4", "progress": "0.4"}
    status, body, _ = got(**{name: {"N": value} for name, value in numbers.items()})
    assert status == 200
    assert body == {
        "id": "8e03978e-40d5",
        "state": "running",
        "created": 1764342000,
        "at": 1,
        "started": 2,
        "finished": 3,
        "attempt": 4,
        "progress": 0.4,
    }


@pytest.mark.parametrize(
    ("until", "state"),
    [(NOW - 1, "stalled"), (f"{NOW - 1}.999", "stalled"), (NOW + 1, "running")],
    ids=["past", "less than a second past", "to come"],  # the processes of a run have different times
)
def test_a_running_job_whose_claim_ran_out_is_stalled(until: object, state: str) -> None:
    assert got(until={"N": str(until)})[1]["state"] == state
    assert got(until={"N": str(until)}, state={"S": "queued"})[1]["state"] == "queued"


@pytest.mark.parametrize("state", [*job_table.STATES])
def test_an_answer_has_retry_after_until_the_state_is_final(state: str) -> None:
    assert got(state={"S": state})[2] == (None if state in job_table.FINAL else "5")


@given(note=TEXTS.filter(bool), error=TEXTS.filter(bool))
def test_texts_are_shown_as_they_are(note: str, error: str) -> None:
    body = got(note={"S": note}, error={"S": error})[1]
    assert (body["note"], body["error"]) == (note, error)


@pytest.mark.parametrize("result", ["null", "0", '"é"', "[]", '{"a": [1.0, 12345678901234567890, {}]}'])
def test_a_result_is_shown_as_json(result: str) -> None:
    rendered = render(
        job_table.GET_ANSWER, Request(body=json.dumps({"Item": ITEM | {"result": {"S": result}}}), context=CONTEXT)
    )
    assert f'"result": {result}' in rendered.text


@pytest.mark.parametrize("attributes", [{"id": {}}, {"expires": {"N": str(NOW - 1)}}])
def test_a_job_that_is_not_there_or_expired_is_404(attributes: dict[str, dict[str, str]]) -> None:
    status, body, _ = got(**attributes)
    assert (status, body["status"], body["title"]) == (404, 404, "No such job")


@given(id_=st.text(min_size=1))
def test_any_id_makes_a_request_that_dynamodb_takes(id_: str) -> None:
    request = json.loads(render(job_table.get_template("t"), Request(path={"id": id_}, context=CONTEXT)).text)
    expected = id_ if re.fullmatch(job_table.ID, id_) else "-"
    assert request == {"TableName": "t", "Key": {"id": {"S": expected}}, "ConsistentRead": True}


def test_a_list_is_a_query_of_an_index_without_expired_jobs() -> None:
    assert query(state="failed") == {
        "TableName": "t",
        "IndexName": "by-state",
        "ScanIndexForward": False,
        "Limit": 50,
        "KeyConditionExpression": "#key = :value",
        "FilterExpression": "expires > :now",
        "ExpressionAttributeNames": {"#key": "state"},
        "ExpressionAttributeValues": {":value": {"S": "failed"}, ":now": {"N": str(NOW)}},
    }
    stalled = query(state="stalled", limit="3", cursor="1764342000.a-1")
    assert stalled["FilterExpression"] == "expires > :now AND #until < :now"
    assert stalled["ExpressionAttributeNames"] == {"#key": "state", "#until": "until"}
    key = {"id": {"S": "a-1"}, "created": {"N": "1764342000"}, "state": {"S": "running"}}
    assert (stalled["ExclusiveStartKey"], stalled["Limit"]) == (key, 3)
    by_reference = query(reference="o'r\"\\")
    assert by_reference["IndexName"] == "by-reference"
    assert by_reference["ExpressionAttributeValues"][":value"] == {"S": "o'r\"\\"}


@pytest.mark.parametrize(
    "parameters",
    [
        *({}, {"state": ""}, {"state": "done"}, {"reference": "é"}, {"reference": " a"}, {"reference": "x" * 257}),
        {"state": "failed", "reference": "r"},
        *({"state": "failed", "limit": limit} for limit in ("0", "101", "-1", "1.5", "x", "1e2", " 1", "٣")),
        *({"state": "failed", "cursor": cursor} for cursor in ("x", "1764342000", "1764342000.", '1764342000."', "=")),
    ],
)
def test_parameters_of_a_wrong_kind_make_a_query_that_dynamodb_refuses(parameters: dict[str, str]) -> None:
    assert query(**parameters) == {"TableName": "t", "Limit": 0}
    refused = {"__type": "com.amazon.coral.validate#ValidationException", "message": "Limit must be >= 1"}
    rendered = render(job_table.LIST_ERROR, Request(body=json.dumps(refused), context=CONTEXT))
    assert (rendered.status, json.loads(rendered.text)["title"]) == (400, "Invalid parameters")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", 503),
        ("com.amazonaws.dynamodb.v20120810#RequestLimitExceeded", 503),
        ("com.amazon.coral.availability#ThrottlingException", 503),
        ("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", 502),
        ("com.amazon.coral.service#AccessDeniedException", 502),
        ("", 502),
    ],
)
@pytest.mark.parametrize("template", [job_table.GET_ERROR, job_table.LIST_ERROR])
def test_an_error_of_the_table_is_5xx(template: str, error: str, status: int) -> None:
    rendered = render(template, Request(body=json.dumps({"__type": error}), context=CONTEXT))
    assert (rendered.status, json.loads(rendered.text)["status"]) == (status, status)
    assert ("responseOverride.header.Retry-After" in rendered.overrides) == (status == 503)


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("more", [False, True])
def test_a_list_has_its_jobs_and_a_cursor_that_the_next_request_takes(count: int, more: bool) -> None:
    answer: dict[str, Any] = {"Items": [ITEM] * count, "Count": count}
    if more:
        answer["LastEvaluatedKey"] = {name: ITEM[name] for name in ("id", "created", "state")}
    body = json.loads(render(job_table.LIST_ANSWER, Request(body=json.dumps(answer), context=CONTEXT)).text)
    assert [job["id"] for job in body["jobs"]] == [ITEM["id"]["S"]] * count
    assert body.keys() == ({"jobs", "cursor"} if more else {"jobs"})
    if more:
        assert query(state="running", cursor=body["cursor"])["ExclusiveStartKey"] == answer["LastEvaluatedKey"]


# workflows


@given(body=TEXTS)
def test_the_body_reaches_the_workflow_unchanged(body: str) -> None:
    assert input_of(job_workflows.submit_template("arn"), body=body)["body"] == body


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
@given(values=st.tuples(*[st.text(st.characters(codec="ascii"), min_size=1)] * 6))
def test_headers_reach_the_workflow_in_any_case(values: tuple[str, ...], change: Any) -> None:
    headers = {change(name): value for name, value in zip(header_rules.HEADERS, values, strict=True)}
    given_ = input_of(job_workflows.submit_template("arn"), body="{}", headers={"Host": "h", **headers})
    assert given_ == {"body": "{}", **dict(zip(header_rules.HEADERS.values(), values, strict=True))}


def test_an_absent_header_is_an_empty_text_and_an_empty_one_a_space() -> None:
    given_ = input_of(job_workflows.submit_template("arn"), body="{}", headers={"X-Job-At": ""})
    assert given_ == {"body": "{}", **dict.fromkeys(header_rules.HEADERS.values(), ""), "at": " "}


@given(jobs=st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), min_size=1, max_size=3))
def test_each_job_of_a_batch_reaches_the_workflow_as_a_text(jobs: list[dict[str, str]]) -> None:
    given_ = input_of(job_workflows.batch_template("arn"), body=json.dumps(jobs))
    assert [json.loads(body) for body in given_["bodies"]] == jobs


@given(id_=TEXTS.filter(bool))
def test_the_id_of_a_job_to_cancel_reaches_the_workflow(id_: str) -> None:
    assert input_of(job_workflows.cancel_template("arn"), path={"id": id_}) == {"id": id_}


@given(body=TEXTS.filter(bool))
def test_the_answer_of_a_workflow_is_the_answer_to_the_caller(body: str) -> None:
    output = {"status": 202, "type": "application/json", "location": "jobs/1", "retry": "5", "body": body}
    ended = {"status": "SUCCEEDED", "output": json.dumps(output)}
    rendered = render(job_workflows.SUBMIT_ANSWER, Request(body=json.dumps(ended), context=CONTEXT))
    assert rendered.text == body + "\n"
    assert rendered.overrides == {
        "responseOverride.status": 202,
        "responseOverride.header.Content-Type": "application/json",
        "responseOverride.header.Location": "jobs/1",
        "responseOverride.header.Retry-After": "5",
    }


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ({"status": "FAILED", "error": "States.Runtime", "cause": 'a "quoted" text'}, 502),
        ({"status": "TIMED_OUT"}, 504),
        ({"status": "ABORTED"}, 502),
        ({}, 502),
    ],
)
def test_a_workflow_that_fails_is_5xx(ended: dict[str, str], status: int) -> None:
    rendered = render(job_workflows.SUBMIT_ANSWER, Request(body=json.dumps(ended), context=CONTEXT))
    assert (rendered.status, json.loads(rendered.text)["status"]) == (status, status)

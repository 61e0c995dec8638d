"""The workflows that take jobs with a job table."""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from components.workflows import submission
from tests.components.workflows.account import COUNT, EXECUTE
from tests.components.workflows.states import Failed
from tests.components.workflows.table import (
    DELETE,
    PLACE,
    PUT,
    RELEASE,
    SCHEDULE,
    SEND,
    UPDATE,
    Died,
    Region,
    create,
    waking,
)

DAY = 24 * 3600
YEAR = 365 * DAY
TIMEOUT, THROTTLED = Failed("States.Timeout"), Failed("DynamoDb.ProvisionedThroughputExceededException", "slow down")
GONE = Failed("Sqs.QueueDoesNotExistException", "no queue (Service: Sqs, Status Code: 400)")


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        create()
        yield


def problem(answer: dict[str, Any]) -> tuple[int, str, str]:
    """Status, title and detail."""
    body = json.loads(answer["body"])
    assert (answer["status"], answer["type"]) == (body["status"], "application/problem+json")
    return body["status"], body["title"], body["detail"]


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def test_a_job_is_put_into_the_table_and_then_sent() -> None:
    region, before = Region(), int(time.time())
    answer = region.submit('{"a": 1.0}', reference="order-17", group="g")
    body = json.loads(answer.pop("body"))
    assert answer == {"status": 202, "type": "application/json", "location": f"jobs/{body['id']}", "retry": "5"}
    assert body == {"id": body["id"], "state": "queued", "created": body["created"]}
    assert before <= body["created"] <= time.time()
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["id"])
    assert region.calls == [PUT, SEND, UPDATE]
    attribute = {"EbbJobId": {"DataType": "String", "StringValue": body["id"]}}
    assert region.sent == [{"MessageBody": '{"a": 1.0}', "MessageAttributes": attribute, "MessageGroupId": "g"}]
    item = region.item(body["id"])
    assert re.fullmatch(r"[0-9a-f]{64}", item.pop("digest"))
    assert item == {
        "id": body["id"],
        "state": "queued",
        "created": str(body["created"]),
        "message_id": "m-1",
        "reference": "order-17",
        "group": "g",
        "expires": str(body["created"] + 18 * DAY),
    }


def test_the_same_key_and_job_get_the_first_answer_and_another_job_is_refused() -> None:
    region = Region()
    first = region.submit('{"n": 1}', key='"key-1"', group="g")
    assert region.submit('{"n": 1}', key="key-1", group="g") == first
    assert json.loads(first["body"])["id"] == hashlib.sha256(b"key-1").hexdigest()[:32]
    for body, headers in (('{"n": 2}', {"group": "g"}), ('{"n": 1}', {"group": "h"}), ('{"n": 1}', {})):
        assert problem(region.submit(body, key="key-1", **headers))[:2] == (422, "Idempotency key reused")
    assert len(region.sent) == 1


def test_the_first_answer_comes_again_whatever_became_of_the_job() -> None:
    region = Region()
    first = region.submit(key="became")
    id_ = json.loads(first["body"])["id"]
    for state in ("running", "succeeded", "failed", "rejected", "cancelled"):
        region.set(id_, state=state)
        assert region.submit(key="became") == first
    region.set(id_, expires=int(time.time()) - 1)
    assert json.loads(region.submit('{"new": 1}', key="became")["body"])["state"] == "queued"
    assert len(region.sent) == 2


def test_a_scheduled_job_gets_its_first_answer_again_when_it_was_sent() -> None:
    region = Region()
    first = region.submit(key="scheduled", delay="3600")
    id_ = json.loads(first["body"])["id"]
    assert json.loads(first["body"])["state"] == "scheduled"
    assert region.release(id_).status == "SUCCEEDED"
    assert region.submit(key="scheduled", delay="3600") == first


@pytest.mark.parametrize("length", [9_999, 10_000, 10_001, 204_800])
def test_each_character_of_a_long_body_counts_for_its_key(length: int) -> None:
    region = Region()
    body = '"' + "é" * (length - 2) + '"'
    first = region.submit(body, key=f"long-{length}")
    assert region.submit(body, key=f"long-{length}") == first
    assert region.submit(body[:-2] + 'x"', key=f"long-{length}")["status"] == 422


@pytest.mark.parametrize(("body", "status"), [("", 400), ('"' + "x" * 204_799 + '"', 413)])
def test_an_empty_or_a_long_body_is_refused_before_the_table(body: str, status: int) -> None:
    region = Region()
    assert problem(region.submit(body))[0] == status
    assert region.calls == []


BAD = {
    "key": [
        "",
        '"',
        '""',
        '"a',
        'a"',
        "a b",
        'a"b',
        '"a"b"',
        "a\\b",
        "é",
        "x" * 256,
        '"' + "x" * 256 + '"',
        '"a"; p=1',
    ],
    "group": ["", "a b", "é", "x" * 129],
    "delay": ["", "x", "-1", "+1", "1.5", "007", "1e3", "31536001", "99999999", "999999999", "٣"],
    "at": [
        *("", "now", "2030-01-01", "2030-01-01T00:00:00", "2030-01-01 00:00:00Z", "2030-13-01T00:00:00Z"),
        *("2030-02-30T00:00:00Z", "2029-02-29T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:00:00+24:00"),
        *("2030-01-01T00:60:00Z", "2030-01-01T00:00:00.Z", "20300101T000000Z", "2099-01-01T00:00:00Z", "1893456000"),
    ],
    "reference": ["", "é", "x" * 257, "a\tb"],
    "deduplication": ["", "d"],
}


@pytest.mark.parametrize("name", BAD)
def test_a_header_of_a_wrong_kind_is_refused_with_its_rule(name: str) -> None:
    region = Region()
    for value in BAD[name]:
        # an empty header arrives as a space
        status, title, detail = problem(region.submit(**{name: value or " "}))
        assert (status, title) == (400, "Invalid parameters"), value
        assert detail.startswith({"key": "Idempotency-Key"}.get(name, "X-")), detail
    assert region.calls == []


def test_a_delay_and_a_time_exclude_each_other_and_a_fifo_queue_needs_a_group() -> None:
    assert "not both" in problem(Region().submit(delay="1", at=later(60)))[2]
    assert "requires it" in problem(Region(place=replace(PLACE, fifo=True)).submit())[2]


@pytest.mark.parametrize("value", ["a", '"a b"', r'"a\"b\\c"', "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "x" * 255])
def test_any_printable_key_is_taken_with_or_without_quotation_marks(value: str) -> None:
    assert Region().submit(key=value)["status"] == 202


@pytest.mark.parametrize(("delay", "seconds"), [("0", None), ("1", 1), ("900", 900)])
def test_a_short_delay_is_sqs_s(delay: str, seconds: int | None) -> None:
    region = Region()
    assert json.loads(region.submit(delay=delay)["body"])["state"] == "queued"
    (sent,) = region.sent
    assert sent.get("DelaySeconds") == seconds


@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize(("name", "seconds"), [("delay", 901), ("delay", YEAR), ("at", 3600), ("at", YEAR - 60)])
def test_a_longer_delay_is_a_schedule_that_is_deleted_after_it_ran(fifo: bool, name: str, seconds: int) -> None:
    headers = {name: str(seconds) if name == "delay" else later(seconds)}
    region = Region(place=replace(PLACE, fifo=fifo))
    body = json.loads(region.submit('{"n": 1}', group="g", **headers)["body"])
    item = region.item(body["id"])
    assert (body["state"], item["state"], region.sent) == ("scheduled", "scheduled", [])
    assert int(item["expires"]) == int(item["at"]) + 18 * DAY
    assert "sending" not in item
    schedule = region.schedules.pop(body["id"])
    moment = datetime.fromtimestamp(int(item["at"]), UTC)
    target = schedule.pop("Target")
    again = {"Arn": RELEASE, "RoleArn": PLACE.scheduler_role_arn}
    job = {"id": body["id"], "body": '{"n": 1}', "group": "g", "target": again}
    assert json.loads(target.pop("Input")) == job
    assert target == again
    assert schedule == {
        "Name": body["id"],
        "GroupName": "jobs",
        "ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
    }
    if "delay" in headers:
        assert int(item["at"]) == body["created"] + int(headers["delay"])
    else:
        assert moment == datetime.fromisoformat(headers["at"])


@pytest.mark.parametrize("at", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00z", "2016-12-31T23:59:60.5-01:00", ""])
def test_a_time_in_the_past_is_now(at: str) -> None:
    region = Region()
    assert json.loads(region.submit(at=at or later(-1))["body"])["state"] == "queued"
    (sent,) = region.sent
    assert "DelaySeconds" not in sent


def test_a_message_of_a_fifo_queue_has_its_group_and_the_job_s_id() -> None:
    region = Region(place=replace(PLACE, fifo=True))
    body = json.loads(region.submit(group="g")["body"])
    (sent,) = region.sent
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("g", body["id"])


def test_with_direct_a_sent_job_starts_a_task_and_a_scheduled_one_does_not() -> None:
    region = Region(place=waking())
    assert region.submit()["status"] == 202
    assert region.calls == [PUT, SEND, UPDATE, COUNT, EXECUTE]
    region = Region(place=waking(), faults={(COUNT, 0): TIMEOUT, (EXECUTE, 0): TIMEOUT})
    assert region.submit()["status"] == 202
    region = Region(place=waking())
    region.submit(delay="3600")
    assert region.calls == [PUT, SCHEDULE, UPDATE]


# faults


def test_a_table_that_throttles_is_tried_again() -> None:
    region = Region(faults={(PUT, 0): THROTTLED, (PUT, 1): THROTTLED, (UPDATE, 0): THROTTLED})
    assert region.submit()["status"] == 202
    assert (region.calls, region.pauses) == ([PUT, PUT, PUT, SEND, UPDATE, UPDATE], [1, 1, 1])


def test_a_table_that_takes_nothing_is_503_and_the_job_is_in_no_queue() -> None:
    region = Region(faults={(PUT, number): THROTTLED for number in range(3)})
    answer = region.submit(key="throttled")
    assert problem(answer)[:2] == (503, "Service unavailable")
    assert answer["retry"] == "5"
    assert region.sent == []


def test_a_put_whose_answer_was_lost_is_this_run_s_own() -> None:
    region = Region(lost={(PUT, 0): TIMEOUT})
    assert region.submit(key="lost-put")["status"] == 202
    assert region.calls == [PUT, PUT, SEND, UPDATE]


@pytest.mark.parametrize("headers", [{}, {"key": "gone"}])
def test_a_queue_that_refuses_leaves_no_item(headers: dict[str, str]) -> None:
    region = Region(faults={(SEND, 0): GONE})
    assert problem(region.submit(**headers))[:2] == (502, "Bad gateway")
    assert region.calls == [PUT, SEND, DELETE]
    if headers:
        assert region.submit(**headers)["status"] == 202


def test_a_character_that_sqs_refuses_is_the_sender_s_mistake() -> None:
    region = Region(faults={(SEND, 0): Failed("Sqs.InvalidMessageContentsException", "U+FFFF")})
    assert problem(region.submit())[:2] == (400, "Invalid job")


@pytest.mark.parametrize("sent", [False, True])
def test_without_a_key_a_job_of_unknown_fate_never_runs(sent: bool) -> None:
    region = Region(lost={(SEND, 0): TIMEOUT}) if sent else Region(faults={(SEND, 0): TIMEOUT})
    status, title, detail = problem(region.submit(reference="fate"))
    assert (status, title) == (504, "Gateway timeout")
    assert "will not run" in detail
    item = region.item(region.put)
    assert item["state"] == "cancelled"
    assert "sending" not in item
    assert int(item["expires"]) >= int(item["created"]) + 18 * DAY


def test_a_job_of_unknown_fate_that_a_worker_has_is_accepted() -> None:
    region = Region()

    def claims() -> None:
        id_ = region.put
        region.set(id_, state="running")
        region.forget(id_, "sending")

    region.lost[SEND, 0] = TIMEOUT
    region.faults[UPDATE, 0] = claims
    assert region.submit()["status"] == 202


def test_a_message_whose_update_fails_is_accepted() -> None:
    region = Region(faults={(UPDATE, 0): TIMEOUT, (UPDATE, 1): TIMEOUT})
    answer = region.submit()
    assert answer["status"] == 202
    item = region.item(json.loads(answer["body"])["id"])
    assert (item["state"], int(item["expires"])) == ("queued", int(item["created"]) + DAY)


def test_two_runs_of_one_key_at_the_same_time_send_one_message() -> None:
    other = Region()
    region = Region(faults={(SEND, 0): lambda: answers.append(other.submit(key="twice"))})
    answers: list[dict[str, Any]] = []
    answers.insert(0, region.submit(key="twice"))
    assert answers[0]["status"] == 202
    assert problem(answers[1])[:2] == (409, "Job under way")
    assert answers[1]["retry"] == "5"
    assert (len(region.sent), other.sent) == (1, [])
    assert problem(other.submit('{"other": 1}', key="twice"))[0] == 422


@pytest.mark.parametrize(("lost", "messages"), [(PUT, 1), (SEND, 2)])
def test_a_run_that_died_is_continued_by_a_repeat(lost: str, messages: int) -> None:
    region, key = Region(lost={(lost, 0): Died()}), f"died-{lost[-4:]}"
    with pytest.raises(Died):
        region.submit(key=key)
    assert region.submit(key=key)["status"] == 409
    region.set(region.put, sending=int(time.time()) - 1)
    assert region.submit('{"other": 1}', key=key)["status"] == 422
    answer = region.submit(key=key)
    assert answer["status"] == 202
    # the second message has the first one's id, so a worker takes one of them
    assert len(region.sent) == messages
    assert region.submit(key=key) == answer


def test_a_schedule_of_a_run_that_died_is_kept() -> None:
    region = Region(lost={(SCHEDULE, 0): Died()})
    with pytest.raises(Died):
        region.submit(key="died-schedule", delay="3600")
    region.set(region.put, sending=int(time.time()) - 1)
    assert region.submit(key="died-schedule", delay="3600")["status"] == 202
    assert len(region.schedules) == 1


def test_a_job_cancelled_while_it_is_sent_stays_cancelled_and_its_key_is_used() -> None:
    region = Region()
    region.faults[SEND, 0] = lambda: region.set(region.put, state="cancelled")
    answer = region.submit(key="cancelled-early")
    assert answer["status"] == 202
    assert region.item(json.loads(answer["body"])["id"])["state"] == "cancelled"
    assert region.submit(key="cancelled-early") == answer


# batches


def test_a_batch_has_an_answer_for_each_job_in_order() -> None:
    region = Region(faults={(SEND, 1): Failed("Sqs.InvalidMessageContentsException", "U+FFFF")})
    answer = region.batch('{"n": 0}', '{"n": 1}', '{"n": 2}', reference="batch")
    assert (answer["status"], answer["type"]) == (200, "application/json")
    first, second, third = json.loads(answer["body"])
    assert (first["state"], second["title"], third["state"]) == ("queued", "Invalid job", "queued")
    assert [sent["MessageBody"] for sent in region.sent] == ['{"n": 0}', '{"n": 2}']
    assert len({first["id"], third["id"]}) == 2


def test_a_batch_of_one_is_a_list_too() -> None:
    assert len(json.loads(Region().batch("{}")["body"])) == 1


def test_each_job_of_a_batch_has_the_key_with_its_number() -> None:
    region = Region()
    first = region.batch('{"n": 0}', '{"n": 1}', key="batch-1")
    assert region.batch('{"n": 0}', '{"n": 1}', key="batch-1") == first
    ids = [each["id"] for each in json.loads(first["body"])]
    assert json.loads(region.submit('{"n": 0}', key="batch-1")["body"])["id"] not in ids
    changed = json.loads(region.batch('{"n": 0}', '{"n": 9}', '{"n": 2}', key="batch-1")["body"])
    assert [each.get("status", each.get("id")) for each in changed] == [ids[0], 422, changed[2]["id"]]


def test_a_wrong_header_refuses_the_batch() -> None:
    region = Region()
    assert problem(region.batch("{}", "{}", delay="x"))[0] == 400
    assert region.calls == []


def test_a_batch_starts_a_task_once() -> None:
    region = Region(place=waking())
    region.batch("{}", "{}", "{}")
    assert region.calls.count(EXECUTE) == 1


def test_a_batch_of_a_fifo_queue_is_sent_one_after_the_other() -> None:
    place = replace(PLACE, fifo=True)
    assert submission.batch(place)["States"]["Jobs"]["MaxConcurrency"] == 1
    assert submission.batch(PLACE)["States"]["Jobs"]["MaxConcurrency"] == 10


@pytest.mark.parametrize("fifo", [False, True])
def test_the_longest_way_of_a_job_ends_before_api_gateway_s_timeout(fifo: bool) -> None:
    document = submission.submit(replace(waking(), fifo=fifo))
    assert document["TimeoutSeconds"] < 29
    assert document["TimeoutSeconds"] < submission.SENDING

    def seconds(name: str) -> float:
        """The most that a state with its retries can take."""
        state = document["States"][name]
        attempts = max((retry["MaxAttempts"] for retry in state.get("Retry", [])), default=0)
        return float(state["TimeoutSeconds"] * (attempts + 1) + attempts)

    assert sum(map(seconds, ("Put", "Send", "Sent", "Count", "Start"))) <= document["TimeoutSeconds"]
    assert sum(map(seconds, ("Put", "Schedule", "Scheduled"))) <= document["TimeoutSeconds"]
    assert sum(map(seconds, ("Put", "Send", "Withdraw"))) <= document["TimeoutSeconds"]


def test_a_job_that_is_cancelled_while_its_put_is_repeated_is_not_sent() -> None:
    region = Region()
    id_ = hashlib.sha256(b"put-again").hexdigest()[:32]
    region.lost = {(PUT, 0): Failed("States.Timeout")}
    region.faults = {(PUT, 1): lambda: region.set(id_, state="cancelled")}
    assert region.submit(key="put-again")["status"] == 202
    assert (region.item(id_)["state"], region.sent) == ("cancelled", [])


def test_a_job_that_is_cancelled_before_its_send_fails_stays_cancelled() -> None:
    region = Region()
    id_ = hashlib.sha256(b"send-fails").hexdigest()[:32]

    def cancelled_and_throttled() -> None:
        region.set(id_, state="cancelled")
        raise Failed("Sqs.RequestThrottledException")

    region.faults = {(SEND, 0): cancelled_and_throttled}
    assert region.submit(key="send-fails")["status"] == 503
    region.faults = {}
    assert region.submit(key="send-fails")["status"] == 202
    assert (region.item(id_)["state"], region.sent) == ("cancelled", [])

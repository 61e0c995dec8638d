"""The workflows that cancel a job, and send a scheduled one."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from moto import mock_aws

from components.rest_api.templates import job_table
from ebb.sandbox.emulators.ministack.vtl import Request, render
from tests.components.workflows.account import COUNT, EXECUTE
from tests.components.workflows.states import Ended, Failed
from tests.components.workflows.table import (
    EVENT,
    GET,
    SEND,
    TABLE,
    UNSCHEDULE,
    UPDATE,
    Region,
    create,
    waking,
)

THROTTLED = Failed("DynamoDb.ThrottlingException", "slow down")
DAY = 24 * 3600


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        create()
        yield


def submitted(region: Region, **headers: str) -> str:
    return str(json.loads(region.submit('{"n": 1}', **headers)["body"])["id"])


def answered(answer: dict[str, Any]) -> tuple[int, str]:
    """Status and state."""
    assert answer["type"] == "application/json"
    return answer["status"], json.loads(answer["body"])["state"]


@pytest.mark.parametrize("headers", [{}, {"delay": "60"}, {"delay": "3600"}])
def test_a_job_that_waits_is_cancelled_once_and_never_sent(headers: dict[str, str]) -> None:
    region, before = Region(), int(time.time())
    id_ = submitted(region, **headers)
    expires = region.item(id_)["expires"]
    answer = region.cancel(id_)
    assert answered(answer) == (202, "cancelled")
    assert answer["retry"] == ""
    item = region.item(id_)
    assert (item["state"], item["expires"]) == ("cancelled", expires)
    assert before <= int(item["finished"]) <= time.time()
    assert region.schedules == {}
    assert answered(region.cancel(id_)) == (200, "cancelled")
    assert region.item(id_) == item


def test_a_scheduled_job_that_was_cancelled_is_not_sent_even_if_its_schedule_runs() -> None:
    region = Region(faults={(UNSCHEDULE, 0): Failed("Scheduler.InternalServerException")})
    id_ = submitted(region, delay="3600")
    assert answered(region.cancel(id_)) == (202, "cancelled")
    assert region.release(id_).status == "SUCCEEDED"
    assert region.sent == []
    assert region.item(id_)["state"] == "cancelled"


def test_a_running_job_is_marked_once_and_its_worker_stops_it() -> None:
    region = Region()
    id_ = submitted(region)
    region.set(id_, state="running", until=time.time() + 60, attempt=1, started=int(time.time()), owner="w")
    answer = region.cancel(id_)
    assert answered(answer) == (202, "running")
    assert answer["retry"] == "5"
    marked = region.item(id_)
    region.set(id_, cancel=1)
    assert answered(region.cancel(id_)) == (202, "running")
    assert region.item(id_) == marked | {"cancel": "1"}


def test_a_running_job_whose_claim_ran_out_is_shown_as_stalled() -> None:
    region = Region()
    id_ = submitted(region)
    region.set(id_, state="running", until=round(time.time() - 1.5, 3))
    assert answered(region.cancel(id_)) == (202, "stalled")


@pytest.mark.parametrize("state", ["succeeded", "failed", "rejected", "cancelled"])
def test_a_final_job_stays_as_it_is(state: str) -> None:
    region = Region()
    id_ = submitted(region)
    region.set(id_, state=state, result='{"big": 12345678901234567890}')
    before = region.item(id_)
    answer = region.cancel(id_)
    assert answered(answer) == (200, state)
    assert '"result":{"big": 12345678901234567890}' in answer["body"], "the result is not read as numbers"
    assert region.item(id_) == before


@pytest.mark.parametrize("id_", ["gone", "", "-", "a b", "a'b", 'a"b', "é", "a/b", "x" * 65, "x" * 3000, "a\nb", "$x"])
def test_an_id_that_no_job_has_is_404(id_: str) -> None:
    answer = Region().cancel(id_)
    assert (answer["status"], answer["type"]) == (404, "application/problem+json")


def test_an_expired_job_is_404() -> None:
    region = Region()
    id_ = submitted(region)
    region.set(id_, expires=int(time.time()) - 1)
    assert region.cancel(id_)["status"] == 404


@pytest.mark.parametrize(
    ("becomes", "answer", "state"),
    [("running", (202, "running"), "running"), ("succeeded", (200, "succeeded"), "succeeded")],
)
def test_a_job_that_changes_in_between_is_read_again(becomes: str, answer: tuple[int, str], state: str) -> None:
    region = Region()
    id_ = submitted(region)
    updates = region.calls.count(UPDATE)
    region.faults[UPDATE, updates] = lambda: region.set(id_, state=becomes)
    assert answered(region.cancel(id_)) == answer
    assert region.item(id_)["state"] == state


@pytest.mark.parametrize("action", [GET, UPDATE])
def test_a_table_that_throttles_is_503_and_the_job_is_not_cancelled(action: str) -> None:
    region = Region()
    id_ = submitted(region)
    region.faults = {(action, region.calls.count(action) + number): THROTTLED for number in range(3)}
    answer = region.cancel(id_)
    assert (answer["status"], answer["retry"]) == (503, "5")
    assert region.item(id_)["state"] == "queued"


def test_an_update_whose_answer_was_lost_is_made_again() -> None:
    region = Region()
    id_ = submitted(region)
    region.lost[UPDATE, region.calls.count(UPDATE)] = Failed("States.Timeout")
    assert answered(region.cancel(id_)) == (200, "cancelled")


def test_the_event_of_a_cancelled_job_has_the_job_and_the_queue_s_name() -> None:
    region = Region()
    id_ = submitted(region, reference='o"1')
    answer = region.cancel(id_, events=True)
    (event,) = region.events
    detail = json.loads(event.pop("Detail"))
    assert event == {"Source": "ebb", "DetailType": "Job Cancelled"}
    assert detail == json.loads(answer["body"]) | {"stack": "jobs"}
    region.cancel(id_, events=True)
    assert len(region.events) == 1
    failing = Region(faults={(EVENT, number): THROTTLED for number in range(3)})
    assert answered(failing.cancel(submitted(failing), events=True)) == (202, "cancelled")


def test_the_answer_of_cancel_is_the_job_as_get_shows_it() -> None:
    region = Region()
    id_ = submitted(region, reference="r'\"\\", group="g", delay="3600")
    texts = {"note": "é😀\u2028\"'\\/\n\t\u0001", "error": "</x> $a #b", "result": '{"a": [1.0, null, "ü"]}'}
    region.set(id_, state="failed", started=5, finished=6, attempt=2, progress=0.25, cancel=1, owner="w", **texts)
    answer = json.loads(region.cancel(id_)["body"])
    item = region.table.get_item(TableName=TABLE, Key={"id": {"S": id_}})["Item"]
    context = {"requestTimeEpoch": str(int(time.time() * 1000))}
    rendered = render(job_table.GET_ANSWER, Request(body=json.dumps({"Item": item}), context=context))
    assert list(json.loads(rendered.text).items()) == list(answer.items())
    assert set(answer) == {"id", "state", "created", "at", "started", "finished", "attempt", "progress", *texts} | {
        "reference",
        "group",
    }


# release


def test_a_scheduled_job_is_sent_when_its_time_has_come() -> None:
    region = Region()
    id_ = submitted(region, delay="3600", group="g")
    assert region.release(id_).status == "SUCCEEDED"
    attribute = {"EbbJobId": {"DataType": "String", "StringValue": id_}}
    assert region.sent == [{"MessageBody": '{"n": 1}', "MessageAttributes": attribute, "MessageGroupId": "g"}]
    item = region.item(id_)
    assert (item["state"], item["message_id"]) == ("queued", "m-1")
    assert "at" in item


def test_a_release_that_runs_twice_sends_once_and_one_that_died_is_repeated() -> None:
    region = Region()
    id_ = submitted(region, delay="3600")
    region.release(id_)
    region.release(id_)
    assert len(region.sent) == 1
    region.forget(id_, "message_id")
    region.release(id_)
    assert len(region.sent) == 2, "the message of the first run is not known to be sent"


@pytest.mark.parametrize("state", ["running", "succeeded", "failed", "rejected", "cancelled"])
def test_a_job_in_another_state_is_not_sent(state: str) -> None:
    region = Region()
    id_ = submitted(region, delay="3600")
    region.set(id_, state=state)
    assert region.release(id_).status == "SUCCEEDED"
    assert region.sent == []
    assert region.item(id_)["state"] == state


def test_a_release_tries_again_for_a_minute() -> None:
    region = Region()
    id_ = submitted(region, delay="3600")
    region.faults = {(SEND, number): Failed("Sqs.InternalErrorException") for number in range(6)}
    assert region.release(id_).status == "SUCCEEDED"
    assert region.pauses == [1, 2, 4, 8, 16, 30]


@pytest.mark.parametrize(
    ("action", "down", "state"),
    [(SEND, "Sqs.InternalErrorException", "queued"), (UPDATE, "DynamoDb.InternalServerErrorException", "scheduled")],
)
@pytest.mark.parametrize("kept", [True, False])
def test_a_job_whose_release_fails_is_on_a_schedule_again_and_is_sent_when_the_outage_has_ended(
    action: str, down: str, state: str, kept: bool
) -> None:
    region = Region()
    id_ = submitted(region, delay="3600")
    first = region.schedules[id_] if kept else region.schedules.pop(id_)
    given = first["Target"]["Input"]
    calls = region.calls.count(action)
    region.faults = {(action, calls + number): Failed(down) for number in range(7)}
    assert region.release(id_, given) == Ended("FAILED", error="Ebb.SentLater")
    assert region.item(id_)["state"] == state
    again = region.schedules[id_]
    assert again["Target"] == first["Target"]
    assert again["ActionAfterCompletion"] == "DELETE"
    moment = datetime.fromisoformat(again["ScheduleExpression"].removeprefix("at(").removesuffix(")") + "+00:00")
    assert 60 < moment.timestamp() - time.time() <= 120
    assert region.release(id_).status == "SUCCEEDED"
    assert len(region.sent) == 1
    assert region.item(id_)["message_id"] == "m-1"


def test_a_released_job_of_a_fifo_queue_has_its_ids_and_with_direct_starts_a_task() -> None:
    region = Region(place=replace(waking(), fifo=True))
    id_ = submitted(region, delay="1", group="g")
    region.release(id_)
    (sent,) = region.sent
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("g", id_)
    assert region.calls[-2:] == [COUNT, EXECUTE]

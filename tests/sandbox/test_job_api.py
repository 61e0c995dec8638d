"""The deployed API with a job table, asked over HTTP; no worker takes the jobs."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ebb.sandbox.controllers.schedules import Scheduler
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import until
from tests.sandbox.apis import JSON, Answer, Apis, deployed


@pytest.fixture(scope="module")
def apis(one_region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    settings: dict[str, dict[str, Any]] = {"open": {"auth": "none", "get_endpoint": True}}
    with deployed(one_region, tmp_path_factory.mktemp("apis"), settings, keep_days=14, events=True) as made:
        scheduler = Scheduler(one_region)
        scheduler.start()
        yield made
        scheduler.stop()
        assert [event.text for event in one_region.events if event.kind == "error"] == []


def submit(apis: Apis, body: bytes = b"{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return apis.ask("/jobs", body, {**JSON, **named})


def accepted(answer: Answer) -> str:
    """The id of an accepted job."""
    assert answer.status == 202, answer
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["location"], answer.headers["retry-after"]) == (f"jobs/{answer.body['id']}", "5")
    return str(answer.body["id"])


def ask(apis: Apis, target: str, method: str = "GET") -> Answer:
    return apis.ask(target, None, {}, method=method)


def test_a_job_can_be_asked_and_listed_and_reaches_the_queue_byte_for_byte(apis: Apis) -> None:
    body = """{"a": "it's &%+\\" \\u2028 \u2028 é 😀 $x #end ${y} \\\\", "n": 1.0}""".encode()
    answer = submit(apis, body, X_Job_Reference="order 17'", X_Message_Group_Id="g")
    id_ = accepted(answer)
    assert apis.bodies() == [body.decode()]
    job = ask(apis, f"/jobs/{id_}")
    assert (job.status, job.headers["retry-after"]) == (200, "5")
    assert job.body == {**answer.body, "reference": "order 17'", "group": "g"}
    listed = ask(apis, "/jobs?reference=order%2017%27")
    assert (listed.status, listed.body) == (200, {"jobs": [job.body]})


def test_a_key_sends_one_message_also_at_the_same_time(apis: Apis) -> None:
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(submit(apis, b'{"n": 1}', Idempotency_Key='"at once"')))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {202, 409}
    first = submit(apis, b'{"n": 1}', Idempotency_Key='"at once"')
    assert all(answer.body == first.body for answer in answers if answer.status == 202)
    assert submit(apis, b'{"n": 2}', Idempotency_Key='"at once"').problem == (422, "Idempotency key reused")
    assert apis.bodies() == ['{"n": 1}']


def test_a_batch_is_answered_in_order(apis: Apis) -> None:
    jobs = [{"n": number, "text": "\u2028😀\"'"} for number in range(10)]
    answer = apis.ask("/jobs/batch", json.dumps(jobs).encode())
    assert answer.status == 200
    assert len({each["id"] for each in answer.body}) == 10
    assert sorted((json.loads(body) for body in apis.bodies()), key=lambda job: job["n"]) == jobs
    for wrong in (b"[]", b"{}", b"[1]", json.dumps([{}] * 11).encode()):
        assert apis.ask("/jobs/batch", wrong).problem == (400, "Invalid job")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("Idempotency-Key", value) for value in ("", '"', "a b")),
        *(("X-Job-Delay", value) for value in ("", "-1", "1.5", "31536001", "$(x)")),
        *(("X-Job-At", value) for value in ("", "tomorrow", "2030-02-30T00:00:00Z", "2200-01-01T00:00:00Z")),
        *(("X-Message-Group-Id", "a b"), ("X-Job-Reference", "x" * 257), ("X-Message-Deduplication-Id", "d")),
    ],
)
def test_a_wrong_header_is_400_and_nothing_is_sent(apis: Apis, name: str, value: str) -> None:
    answer = apis.ask("/jobs", b"{}", {**JSON, name: value})
    assert answer.problem == (400, "Invalid parameters")
    assert name in answer.body["detail"]
    assert apis.bodies() == []


def test_a_scheduled_job_is_sent_at_its_time_and_a_cancelled_one_never(apis: Apis) -> None:
    kept, cancelled = (accepted(submit(apis, b'{"later": 1}', X_Job_Delay="3600")) for _ in range(2))
    assert ask(apis, f"/jobs/{kept}").body["state"] == "scheduled"
    answer = ask(apis, f"/jobs/{cancelled}", "DELETE")
    assert (answer.status, answer.body["state"]) == (202, "cancelled")
    assert ask(apis, f"/jobs/{cancelled}", "DELETE").status == 200
    until(lambda: ask(apis, f"/jobs/{kept}").body["state"] == "queued")
    sent: list[str] = []

    def arrived() -> bool:  # it is queued before it is sent
        sent.extend(apis.bodies())
        return bool(sent)

    until(arrived)
    assert sent == ['{"later": 1}']
    assert ask(apis, f"/jobs/{cancelled}").body["state"] == "cancelled"


def test_a_queued_job_is_cancelled_and_a_running_one_is_marked(apis: Apis) -> None:
    id_ = accepted(submit(apis))
    table = apis.region.client("dynamodb")
    key = {"TableName": apis.outputs["table"], "Key": {"id": {"S": id_}}}
    running = {":state": {"S": "running"}, ":until": {"N": str(time.time() + 600)}}
    change = {"UpdateExpression": "SET #s = :state, #u = :until", "ExpressionAttributeValues": running}
    table.update_item(**key, **change, ExpressionAttributeNames={"#s": "state", "#u": "until"})
    for _ in range(2):
        answer = ask(apis, f"/jobs/{id_}", "DELETE")
        assert (answer.status, answer.body["state"], answer.headers["retry-after"]) == (202, "running", "5")
    assert "cancel" in table.get_item(**key)["Item"]
    apis.bodies()


@pytest.mark.parametrize("id_", ["none", "a%2Fb", "%F0%9F%98%80", "a'b", "a%22b", "%00", "$x", "x" * 2100, "%0A"])
def test_an_id_that_no_job_has_is_404(apis: Apis, id_: str) -> None:
    for method in ("GET", "DELETE"):
        assert ask(apis, f"/jobs/{id_}", method).problem == (404, "No such job")


def test_a_list_has_pages_and_refuses_wrong_parameters(apis: Apis) -> None:
    ids = {accepted(submit(apis, X_Job_Reference="pages")) for _ in range(5)}
    found, cursor = [], ""
    while True:
        page = ask(apis, f"/jobs?reference=pages&limit=2{cursor}").body
        found += page["jobs"]
        if "cursor" not in page:
            break
        cursor = f"&cursor={page['cursor']}"
    assert {job["id"] for job in found} == ids
    assert len(found) == 5
    assert found == sorted(found, key=lambda job: -job["created"])
    for query in ("", "?state=done", "?state=queued&limit=0", "?state=queued&cursor=%22", "?state=queued&reference=a"):
        assert ask(apis, f"/jobs{query}").problem == (400, "Invalid parameters")
    apis.bodies()


def test_the_description_is_answered(apis: Apis) -> None:
    answer = ask(apis, "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body["servers"] == [{"url": "../run"}]
    assert set(answer.body["paths"]) == {"/jobs", "/jobs/batch", "/jobs/{id}", "/openapi.json", "/queue"}
    assert ask(apis, "/jobs", "PATCH").problem == (405, "Method not allowed")


def test_without_the_queue_or_the_table_a_job_is_refused(apis: Apis) -> None:
    region = apis.region
    region.client("sqs").delete_queue(QueueUrl=apis.outputs["queue"])
    assert submit(apis).problem == (502, "Bad gateway")
    assert ask(apis, "/jobs?state=queued").status == 200
    region.client("dynamodb").delete_table(TableName=apis.outputs["table"])
    assert submit(apis).problem == (502, "Bad gateway")
    for method in ("GET", "DELETE"):
        assert ask(apis, "/jobs/none", method).problem == (502, "Bad gateway")
    assert ask(apis, "/jobs?state=queued").problem == (502, "Bad gateway")

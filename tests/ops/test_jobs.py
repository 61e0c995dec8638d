"""Pages of a job table: each job is on one page, however many were created in one second."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from components.table import BY_REFERENCE, BY_STATE
from ebb.ops.jobs import Job, job, jobs
from ebb.ops.stack import OpsError, Stack

REGION = "eu-central-1"
NOW = int(time.time())
#: Seconds. The tests run long after this module was loaded, in a whole run of the suite.
DAY = 24 * 3600


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    url = f"https://sqs.{REGION}.amazonaws.com/123456789012/jobs"
    with mock_aws():
        dynamodb: Any = boto3.client("dynamodb", REGION)
        indexes = {BY_STATE: "state", BY_REFERENCE: "reference"}
        dynamodb.create_table(
            TableName="jobs",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                *({"AttributeName": name, "AttributeType": "S"} for name in ("id", *indexes.values())),
                {"AttributeName": "created", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": index,
                    "KeySchema": [
                        {"AttributeName": name, "KeyType": "HASH"},
                        {"AttributeName": "created", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for index, name in indexes.items()
            ],
        )
        yield Stack(name="dev", queue_url=url, cluster_name="c", service_name="s", table_name="jobs")


def put(number: int, state: str, **more: int | str) -> str:
    """A job; of each ten one after the other, created in the same second."""
    values = dict[str, int | str](state=state) | {"created": NOW - 100 - number // 10, "expires": NOW + DAY} | more
    item = {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()}
    client: Any = boto3.client("dynamodb", REGION)
    client.put_item(TableName="jobs", Item={"id": {"S": f"job-{number:03}"}, **item})
    return f"job-{number:03}"


def pages(stack: Stack, **given: Any) -> list[list[Job]]:
    found, cursor = [], None
    while True:
        page = jobs(stack, cursor=cursor, **given)
        found.append(list(page.jobs))
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [7, 40])
def test_each_job_of_all_states_is_on_one_page_the_newest_first(stack: Stack, limit: int) -> None:
    states = ("queued", "running", "succeeded", "failed")
    made = [put(number, states[number % 4], until=NOW + DAY) for number in range(40)]
    found = pages(stack, limit=limit)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    listed = [job for page in found for job in page]
    assert sorted(job.id for job in listed) == made
    assert [job.created for job in listed] == sorted((job.created for job in listed), reverse=True)


def test_pages_of_one_state_and_of_a_reference(stack: Stack) -> None:
    failed = [put(number, "failed") for number in range(12)]
    ours = [put(number, "queued", reference="ours") for number in range(20, 33)]
    assert sorted(job.id for page in pages(stack, state="failed", limit=5) for job in page) == failed
    assert sorted(job.id for page in pages(stack, reference="ours", limit=5) for job in page) == ours
    assert pages(stack, reference="ours", state="failed") == [[]]


def test_a_running_job_whose_claim_has_ended_is_stalled_and_an_expired_one_is_gone(stack: Stack) -> None:
    runs, stalled = put(1, "running", until=NOW + DAY), put(2, "running", until=NOW - 1)
    gone = put(3, "succeeded", expires=NOW - 1)
    assert [each.id for each in jobs(stack, state="running").jobs] == [runs]
    assert [(each.id, each.state) for each in jobs(stack, state="stalled").jobs] == [(stalled, "stalled")]
    assert jobs(stack, state="succeeded").jobs == ()
    assert job(stack, gone) is None
    assert job(stack, "other") is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"state": "done"}, r"^--state done: there is no such state; the states are queued, .*, stalled\.$"),
        ({"cursor": "x"}, r"^--cursor x: this is no cursor of an earlier answer\.$"),
    ],
)
def test_a_wrong_state_or_cursor_is_one_sentence(stack: Stack, given: dict[str, str], sentence: str) -> None:
    with pytest.raises(OpsError, match=sentence):
        jobs(stack, **given)  # type: ignore[arg-type]

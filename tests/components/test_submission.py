"""The workflows that take jobs with a job table."""

import json
import re
import time
from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.components.table import (
    PUT,
    SEND,
    UPDATE,
    Region,
    create,
)

DAY = 24 * 3600
YEAR = 365 * DAY


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        create()
        yield


def test_a_job_is_put_into_the_table_and_then_sent() -> None:
    region, before = Region(), int(time.time())
    answer = region.submit('{"a": 1.0}', reference="order-17", group="g")
    body = json.loads(answer.pop("body"))
    assert answer == {
        "status": 202,
        "type": "application/json",
        "location": f"jobs/{body['id']}",
        "retry": "5",
    }
    assert body == {"id": body["id"], "state": "queued", "created": body["created"]}
    assert before <= body["created"] <= time.time()
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["id"])
    assert region.calls == [PUT, SEND, UPDATE]
    assert region.sent == [
        {
            "MessageBody": '{"a": 1.0}',
            "MessageAttributes": {"EbbJobId": {"DataType": "String", "StringValue": body["id"]}},
            "MessageGroupId": "g",
        }
    ]
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

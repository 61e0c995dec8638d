"""Conditions of the job table in MiniStack's DynamoDB and in moto's: two implementations have the same answers."""

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from ministack.services import dynamodb
from moto import mock_aws

JOB: dict[str, Any] = {"TableName": "jobs", "Key": {"id": {"S": "j"}}}
VALUES: dict[str, Any] = {
    ":now": {"N": "200"},
    ":later": {"N": "200000"},
    ":digest": {"S": "d"},
    ":queued": {"S": "queued"},
    ":scheduled": {"S": "scheduled"},
    ":running": {"S": "running"},
    ":failed": {"S": "failed"},
    ":me": {"S": "me"},
    ":sent": {"N": "160"},
    ":one": {"N": "1"},
}
NAMES = {"#state": "state", "#until": "until", "#owner": "owner"}
CONDITIONS = (
    (
        "attribute_not_exists(id) OR expires < :now"
        " OR (digest = :digest AND sending < :now AND #state IN (:queued, :scheduled))"
    ),
    (
        "attribute_not_exists(id) OR expires < :now"
        " OR (#state IN (:queued, :scheduled) AND attribute_not_exists(cancel))"
        " OR (#state = :running AND (#owner = :me OR #until < :later) AND attribute_not_exists(cancel))"
        " OR (#state = :failed AND finished < :sent)"
    ),
    "#owner = :me AND #state = :running",
    "NOT sending >= :now AND #owner <> :me",
)
UPDATE = "SET #state = :running, created = if_not_exists(created, :sent) ADD attempt :one REMOVE sending, note"


def item(state: str, **attributes: int | str) -> dict[str, Any]:
    def typed(value: int | str) -> dict[str, str]:
        return {"S": value} if isinstance(value, str) else {"N": str(value)}

    return {name: typed(value) for name, value in {"id": "j", "state": state, **attributes}.items()}


ITEMS = (
    None,
    item("queued", created=100, digest="d", sending=50, expires=1000),
    item("queued", created=100, digest="d", sending=5000, expires=1000, note="n"),
    item("queued", created=100, digest="other", sending=50, expires=1000),
    item("running", created=100, owner="me", until=150000, expires=1000, attempt=1),
    item("running", created=100, owner="other", until=900000, expires=1000),
    item("running", created=100, owner="other", until=100000, cancel=1, expires=1000),
    item("failed", created=100, finished=150, expires=1000),
    item("failed", created=100, finished=150, expires=1),
    item("succeeded", created=100, finished=150, expires=1000),
    item("scheduled", created=100, at=300, expires=1000),
)


class Both:
    """A table in each implementation; a call goes to both."""

    def __init__(self) -> None:
        self._moto = boto3.client("dynamodb", region_name="us-east-1")
        by = [("by-state", "state"), ("by-reference", "reference")]
        types = {"id": "S", "state": "S", "reference": "S", "created": "N"}
        self(
            "CreateTable",
            TableName="jobs",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": name,
                    "KeySchema": [
                        {"AttributeName": key, "KeyType": "HASH"},
                        {"AttributeName": "created", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for name, key in by
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def __call__(self, operation: str, **parameters: Any) -> list[Any]:
        """The answers of MiniStack and of moto; an error is its name and the item that it shows."""
        target, body = {"x-amz-target": f"DynamoDB_20120810.{operation}"}, json.dumps(parameters).encode()
        with contextlib.closing(asyncio.new_event_loop()) as loop:  # asyncio.run would end that of Pulumi's mocks
            status, _, content = loop.run_until_complete(dynamodb.handle_request("POST", "/", target, body, {}))
        answer = json.loads(content)
        first = answer if status == 200 else (answer["__type"].rpartition("#")[2], answer.get("Item"))
        try:
            second = getattr(self._moto, xform_name(operation))(**parameters)
        except ClientError as error:
            return [first, (error.response["Error"]["Code"], error.response.get("Item"))]
        # moto adds a ConsumedCapacity, which AWS does not without a request for it
        return [
            first,
            {name: value for name, value in second.items() if name not in ("ResponseMetadata", "ConsumedCapacity")},
        ]

    def same(self, operation: str, **parameters: Any) -> Any:
        first, second = self(operation, **parameters)
        assert first == second
        return first


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    dynamodb.reset()
    with mock_aws():
        yield Both()
    dynamodb.reset()


def used(*expressions: str) -> dict[str, Any]:
    words = set(re.findall(r"[:#]\w+", " ".join(expressions)))
    names = {name: value for name, value in NAMES.items() if name in words}
    values = {name: value for name, value in VALUES.items() if name in words}
    return {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}


def test_the_table_s_conditions_hold_for_the_same_items(both: Both) -> None:
    held = []
    for condition, (number, before) in itertools.product(CONDITIONS, enumerate(ITEMS)):
        both("DeleteItem", **JOB)
        if before:
            both("PutItem", TableName="jobs", Item=before)
        answer = both.same(
            "UpdateItem",
            **JOB,
            UpdateExpression=UPDATE,
            ConditionExpression=condition,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **used(UPDATE, condition),
        )
        if isinstance(answer, tuple):
            assert answer == ("ConditionalCheckFailedException", before)
        else:
            held.append((CONDITIONS.index(condition), number))
    assert held == [
        *((0, number) for number in (0, 1, 8)),
        *((1, number) for number in (0, 1, 2, 3, 4, 7, 8, 10)),
        (2, 4),
        *((3, number) for number in (0, 1, 3, 5, 6, 7, 8, 9, 10)),
    ]


QUERY = {"TableName": "jobs", "IndexName": "by-state", "KeyConditionExpression": "#state = :failed"}


@pytest.mark.parametrize(
    ("asked", "ids", "last"),
    [
        ({"ScanIndexForward": False}, "dba", None),
        ({"Limit": 2}, "ab", "b"),
        ({"Limit": 2, "ScanIndexForward": False, "ExclusiveStartKey": {"id": "d", "created": 3}}, "ba", "a"),
        ({"Limit": 1, "ScanIndexForward": False, "ExclusiveStartKey": {"id": "gone", "created": 2.5}}, "b", "b"),
        ({"FilterExpression": "#until < :now"}, "a", None),
        ({"FilterExpression": "#until < :now", "Limit": 2, "ScanIndexForward": False}, "", "b"),
    ],
)
def test_an_index_is_read_in_order_by_pages_and_with_a_filter(
    both: Both, asked: dict[str, Any], ids: str, last: str | None
) -> None:
    both("DeleteItem", **JOB)
    for name, created, until in (("a", 1, 100), ("b", 2, 300), ("d", 3, 300)):
        both("PutItem", TableName="jobs", Item=item("failed", created=created, until=until) | {"id": {"S": name}})
    both("PutItem", TableName="jobs", Item=item("queued", created=1) | {"id": {"S": "c"}})
    start = asked.get("ExclusiveStartKey")
    if start:
        key = {"id": {"S": start["id"]}, "created": {"N": str(start["created"])}, "state": {"S": "failed"}}
        asked = asked | {"ExclusiveStartKey": key}
    first, second = both("Query", **QUERY, **asked, **used("#state = :failed", asked.get("FilterExpression", "")))
    assert first["Items"] == second["Items"]
    assert "".join(each["id"]["S"] for each in first["Items"]) == ids
    assert first.get("LastEvaluatedKey", {}).get("id", {}).get("S") == last


@pytest.mark.parametrize(
    "wrong",
    [
        {"ConsistentRead": True},
        {"KeyConditionExpression": "state = :failed", "ExpressionAttributeNames": None},
        {"ExpressionAttributeValues": {":failed": {"S": ""}}},
    ],
)
def test_a_query_that_dynamodb_refuses_is_refused(both: Both, wrong: dict[str, Any]) -> None:
    asked = {**QUERY, **used("#state = :failed"), **wrong}
    answer, _ = both("Query", **{name: value for name, value in asked.items() if value is not None})
    assert answer == ("ValidationException", None)

"""What `pulumi destroy` would delete that cannot be had back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ebb.ops.dead_letters import DeadLetters
from ebb.ops.refusals import refusals
from ebb.ops.scaling import Service
from ebb.ops.settings import settings_of
from ebb.ops.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Something that would be lost: its name, how many or how much, and in words what to do about it."""

    name: str
    count: int
    said: str


def losses(stack: Stack, client: Callable[[str], Any] | None = None) -> list[Loss]:
    """What would be lost now. Numbers are AWS's approximate ones. Raises OpsError."""
    with refusals():
        found = client or stack.clients()
        return [loss for loss in _all(stack, found) if loss.count]


def _all(stack: Stack, client: Callable[[str], Any]) -> Iterator[Loss]:
    state, drain = Service(stack, client).state(), f"`ebb drain --stack {stack.name}`"
    yield Loss(
        name="waiting", count=state.waiting + state.delayed, said=f"jobs wait: {drain} waits until they are done"
    )
    yield Loss(name="in flight", count=state.in_flight, said=f"jobs run, or come back after a failure: {drain}")
    if stack.dead_letter_queue_url:
        said = f"dead letters: `ebb dlq list --stack {stack.name} --limit 1000 --json` saves them"
        yield Loss(name="dead letters", count=DeadLetters(stack, client).count(), said=said)
    if stack.table_name:
        dynamodb = client("dynamodb")
        said = "jobs are scheduled for later: no one sends them then"
        yield Loss(name="scheduled", count=_scheduled(dynamodb, stack.table_name), said=said)
        items = _items(dynamodb, stack.table_name)
        yield Loss(name="job table", count=items, said="jobs are in the job table, with results and errors")
    if stack.log_group_name:
        groups = client("logs").describe_log_groups(logGroupNamePrefix=stack.log_group_name)["logGroups"]
        size = sum(g.get("storedBytes", 0) for g in groups if g["logGroupName"] == stack.log_group_name)
        yield Loss(name="log", count=size, said="bytes of the workers' log: `aws logs create-export-task` saves them")
    yield from _images(stack, client)


def _scheduled(dynamodb: Any, table: str) -> int:
    """How many jobs wait for their time."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName="by-state",
        Select="COUNT",
        KeyConditionExpression="#state = :scheduled",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":scheduled": {"S": "scheduled"}},
    )
    return sum(page["Count"] for page in pages)


def _items(dynamodb: Any, table: str) -> int:
    """How many items the table has: counted, because DynamoDB's own number is up to six hours old (API, ItemCount)."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT")
    return sum(page["Count"] for page in pages)


def _images(stack: Stack, client: Callable[[str], Any]) -> Iterator[Loss]:
    """The images in the repository that the stack has made. One that it only uses is not deleted."""
    image = settings_of(stack).worker.image
    if not stack.image_uri or image.context is None:
        return
    repository = stack.image_uri.partition("/")[2].partition("@")[0]
    pages = client("ecr").get_paginator("list_images").paginate(repositoryName=repository)
    digests = {found["imageDigest"] for page in pages for found in page["imageIds"]}
    said = f"images in {repository}" if image.force_delete else f"images in {repository}, which stop `pulumi destroy`"
    yield Loss(name="images", count=len(digests), said=said)

"""The jobs of a stack's job table: in a state, with a reference, or all, the newest first."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.aws_clients import Clients
from components.rest_api.templates.job_table import FINAL, STALLED, STATES
from components.table import BY_REFERENCE, BY_STATE
from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack

DEFAULT_LIMIT = 20


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as the API shows it. Times are Unix seconds. A running job whose worker's claim has ended is `stalled`."""

    id: str
    state: str
    created: float
    at: float | None = None
    started: float | None = None
    finished: float | None = None
    attempt: int | None = None
    progress: float | None = None
    note: str | None = None
    result: Any = None
    error: str | None = None
    reference: str | None = None
    group: str | None = None
    message_id: str | None = None
    cancel: float | None = None

    @property
    def final(self) -> bool:
        """Whether its state does not change any more."""
        return self.state in FINAL


@dataclass(frozen=True, kw_only=True)
class Page:
    """Jobs, and the cursor of those after them; None if there are no more."""

    jobs: tuple[Job, ...]
    cursor: str | None


def job(stack: Stack, job_id: str, client: Clients | None = None) -> Job | None:
    """The job with this id; None if the table has none. Raises OpsError."""
    table = table_of(stack)
    with refusals():
        client = client or stack.clients()
        found = client("dynamodb").get_item(TableName=table, Key={"id": {"S": job_id}}, ConsistentRead=True)
    now = time.time()
    item = found.get("Item")
    return _job(item, now) if item and _number(item, "expires", now) >= now else None


def jobs(
    stack: Stack,
    *,
    state: str | None = None,
    reference: str | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    client: Clients | None = None,
) -> Page:
    """A page of the jobs in a state and with a reference, the newest first. Raises OpsError."""
    table, now = table_of(stack), time.time()
    if state is not None and state not in (*STATES, STALLED):
        raise OpsError(f"--state {state}: there is no such state; the states are {', '.join((*STATES, STALLED))}.")
    if reference == "":
        raise OpsError("--reference is empty: give the reference of a job.")
    after = _position(cursor)
    with refusals():
        client = client or stack.clients()
        dynamodb = client("dynamodb")
        # a state that is not final may change between two queries: the job is shown once, as it was seen last
        found: dict[str, Job] = {}
        for key in _keys(state, reference):
            items = _query(dynamodb, table, key, None if after is None else -after[0])
            for each in _first(items, now, state, after, limit + 1):
                found[each.id] = each
    ordered = sorted(found.values(), key=_order)
    page = tuple(ordered[:limit])
    return Page(jobs=page, cursor=f"{page[-1].created:.0f}.{page[-1].id}" if len(ordered) > limit else None)


def table_of(stack: Stack) -> str:
    """The table's name. Raises OpsError for a stack without one."""
    if stack.table_name is None:
        raise OpsError(
            f"Stack {stack.name} has no job table, so the state of jobs is not kept: set `ebb:jobs: {{keep_days: 14}}` "
            "in its file and run `pulumi up`. `ebb why ID` finds a job's story in the log without a table."
        )
    return stack.table_name


def _keys(state: str | None, reference: str | None) -> list[tuple[str, str, str]]:
    """The indexes to query, each with its key and a value."""
    if reference is not None:
        return [(BY_REFERENCE, "reference", reference)]
    stored = "running" if state == STALLED else state
    return [(BY_STATE, "state", each) for each in ([stored] if stored else STATES)]


def _query(dynamodb: Any, table: str, key: tuple[str, str, str], created: float | None) -> Iterator[dict[str, Any]]:
    """The items with this key that are not younger than `created`, the youngest first."""
    index, name, value = key
    condition, values = "#key = :value", {":value": {"S": value}}
    if created is not None:
        condition, values = f"{condition} AND created <= :created", {**values, ":created": {"N": f"{created:.0f}"}}
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName=index,
        ScanIndexForward=False,
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#key": name},
        ExpressionAttributeValues=values,
    )
    for page in pages:
        yield from page["Items"]


def _first(
    items: Iterator[dict[str, Any]], now: float, state: str | None, after: tuple[float, str] | None, count: int
) -> list[Job]:
    """The first jobs after a position, at least `count`: all that are as old as the last of them, too."""
    found: list[Job] = []
    for item in items:
        each = _job(item, now)
        if len(found) >= count and each.created < found[-1].created:
            break
        gone = _number(item, "expires", now) < now
        if not gone and state in (None, each.state) and (after is None or _order(each) > after):
            found.append(each)
    return found


def _order(job: Job) -> tuple[float, str]:
    """The place of a job in a list. Many jobs can be of one second."""
    return -job.created, job.id


def _position(cursor: str | None) -> tuple[float, str] | None:
    if cursor is None:
        return None
    created, dot, job_id = cursor.partition(".")
    if not (dot and created.isdecimal()):
        raise OpsError(f"--cursor {cursor}: this is no cursor of an earlier answer.")
    return -float(created), job_id


def _job(item: dict[str, Any], now: float) -> Job:
    def number(name: str) -> float | None:
        return _number(item, name) if name in item else None

    def text(name: str) -> str | None:
        return str(item[name]["S"]) if name in item else None

    optional: dict[str, Any] = {name: number(name) for name in ("at", "started", "finished", "progress", "cancel")}
    optional |= {name: text(name) for name in ("note", "error", "reference", "group", "message_id")}
    attempt, result = number("attempt"), text("result")
    stalled = item["state"]["S"] == "running" and _number(item, "until", now) < now
    return Job(
        id=item["id"]["S"],
        state=STALLED if stalled else item["state"]["S"],
        created=_number(item, "created"),
        **optional,
        attempt=None if attempt is None else int(attempt),
        result=None if result is None else json.loads(result),
    )


def _number(item: dict[str, Any], name: str, absent: float = 0.0) -> float:
    return float(item[name]["N"]) if name in item else absent

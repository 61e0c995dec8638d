"""The log of a stack's tasks, from CloudWatch Logs."""

import re
import time
from collections.abc import Iterator
from typing import Any

from components.aws_clients import Clients
from components.rest_api.templates.job_table import ID
from ebb.ops.refusals import refusals
from ebb.ops.stack import OpsError, Stack
from ebb.sandbox.log_follower import MAX_LATE_MS, TaskLine, line_of

#: Seconds between two looks of --follow.
LOOK_SECONDS = 1.0
#: Lines of a task among which is the one that the worker has started.
FIRST_LINES = 100


def read(
    stack: Stack, client: Clients, *, since: float, until: float | None = None, job: str | None = None
) -> Iterator[TaskLine]:
    """The lines between two Unix times, in the order of CloudWatch; of a job, the lines that name it."""
    for event in events(stack, client, int(since * 1000), None if until is None else int(until * 1000), job):
        yield line_of(event)


def follow(stack: Stack, client: Clients, *, since: float, job: str | None = None) -> Iterator[TaskLine]:
    """The lines from a Unix time on, without an end. A line of one task may come after a younger one of another."""
    newest, seen = int(since * 1000), dict[str, int]()
    while True:
        for event in events(stack, client, max(int(since * 1000), newest - MAX_LATE_MS), None, job):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                newest = max(newest, event["timestamp"])
                yield line_of(event)
        seen = {event: moment for event, moment in seen.items() if moment >= newest - MAX_LATE_MS}
        time.sleep(LOOK_SECONDS)


def check_id(job: str) -> None:
    """Raises OpsError for a text that is no id: a filter pattern would have another meaning."""
    if not re.fullmatch(ID, job):
        raise OpsError(f"{job!r} is no id of a job: it has letters, digits and hyphens alone, at most 64.")


def events(
    stack: Stack, client: Clients, start: int, end: int | None = None, job: str | None = None
) -> Iterator[dict[str, Any]]:
    """The events of FilterLogEvents between two times in milliseconds. Raises OpsError."""
    if stack.log_group_name is None:
        raise OpsError(f"Stack {stack.name} has no output log_group_name: run `pulumi up` first.")
    if job is not None:
        check_id(job)
    period = {"startTime": start} if end is None else {"startTime": start, "endTime": end}
    # a quoted text is found anywhere in a line (CloudWatch Logs user guide, "Filter pattern syntax")
    pattern = {"filterPattern": f'"{job}"'} if job else {}
    with refusals():
        pages = client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=stack.log_group_name, **period, **pattern):
            yield from sorted(page["events"], key=lambda event: event["timestamp"])


def worker_started(stack: Stack, client: Clients, stream: str) -> float | None:
    """When the worker of a task was ready to receive, by the first lines of the task's stream; Unix time."""
    with refusals():
        found = client("logs").get_log_events(
            logGroupName=stack.log_group_name, logStreamName=stream, startFromHead=True, limit=FIRST_LINES
        )
    lines = (line_of({**event, "logStreamName": stream}) for event in found["events"])
    return next((line.time for line in lines if line.record and line.record.get("event") == "started"), None)

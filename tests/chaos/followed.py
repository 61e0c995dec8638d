"""The job table in chaos: its emulator, callers who cancel, and what must hold for each job afterwards.

The rules:
- Each job has an item, and a final state. Only a job whose message is a dead letter, or whose worker logged that it
  leaves a write out, may be without one.
- A final state that a caller has seen stays.
- A job that was cancelled while it waited does not start afterwards.
- The state says what happened: succeeded only if a handler was done, cancelled only if a caller wanted it.
"""

import random
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ebb.sandbox.emulators.ministack.server import Server
from tests.chaos.check import Attempt, DeadLetter, Findings
from tests.worker.harness import ACCOUNT
from worker.core.endings import FINAL

TABLE = "jobs"
#: The share of the jobs that a caller cancels, and seconds after they were sent.
CANCELLED, AFTER = 0.04, (0.0, 2.0)
#: Seconds that a handler may be older than its note in the journal.
NOTED = 0.2


@dataclass(kw_only=True)
class Cancel:
    """A caller's DELETE: when it was answered (time.monotonic()), and with which state."""

    at: float
    state: str


def job_id(number: int) -> str:
    return f"job-{number}"


@dataclass
class Callers:
    """The table, and what callers did and saw."""

    folder: Path
    rng: random.Random
    cancels: dict[int, Cancel] = field(default_factory=dict)
    _due: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._server = Server(self.folder)
        self._server.wait_until_ready()
        self.port = self._server.port
        self._client: Any = boto3.client(
            "dynamodb",
            endpoint_url=self._server.endpoint,
            region_name=ACCOUNT["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self._client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def close(self) -> None:
        """End the emulator."""
        self._server.kill()

    def submit(self, numbers: Collection[int]) -> None:
        """Put the jobs' items, as the API does before it sends their messages."""
        now = int(time.time())
        common: dict[str, str | int] = {"state": "queued", "created": now, "expires": now + 86_400}
        requests = [{"PutRequest": {"Item": _typed(common | {"id": job_id(number)})}} for number in numbers]
        self._client.batch_write_item(RequestItems={TABLE: requests})
        for number in numbers:
            if self.rng.random() < CANCELLED:
                self._due.append((time.monotonic() + self.rng.uniform(*AFTER), number))

    def cancel(self, now: float) -> None:
        """Cancel the jobs whose time has come."""
        for at, number in [each for each in self._due if each[0] <= now]:
            self._due.remove((at, number))
            self.cancels[number] = Cancel(state=self._cancel(number), at=time.monotonic())

    def _cancel(self, number: int) -> str:
        waits = "#s IN (:queued, :scheduled)"
        if self._update(number, "SET #s = :cancelled, finished = :now", waits):
            return "cancelled"
        if self._update(number, "SET cancel = if_not_exists(cancel, :now)", "#s = :running"):
            return "running"
        return str(self._items([number])[number]["state"])

    def _update(self, number: int, expression: str, condition: str) -> bool:
        both = f"{expression} {condition}"
        values = {f":{state}": {"S": state} for state in ("queued", "scheduled", "running", "cancelled")}
        values |= {":now": {"N": str(int(time.time()))}}
        try:
            self._client.update_item(
                TableName=TABLE,
                Key={"id": {"S": job_id(number)}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#s": "state"},
                ExpressionAttributeValues={name: value for name, value in values.items() if name in both},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def items(self) -> dict[int, dict[str, str]]:
        """All items by the jobs' numbers."""
        found: dict[int, dict[str, str]] = {}
        for page in self._client.get_paginator("scan").paginate(TableName=TABLE):
            found |= {int(item["id"]["S"].partition("-")[2]): _plain(item) for item in page["Items"]}
        return found

    def _items(self, numbers: Iterable[int]) -> dict[int, dict[str, str]]:
        keys = {number: {"id": {"S": job_id(number)}} for number in numbers}
        return {number: _plain(self._client.get_item(TableName=TABLE, Key=key)["Item"]) for number, key in keys.items()}


def check(
    findings: Findings,
    items: Mapping[int, Mapping[str, str]],
    cancels: Mapping[int, Cancel],
    runs: Sequence[Attempt],
    *,
    dead_letters: Sequence[DeadLetter],
    left_out: Collection[str],
) -> None:
    """Hold the table against what happened. `left_out`: the ids of messages about which a write was left out."""
    done = {run.number for run in runs if run.how == "done"}
    dead = {letter.number for letter in dead_letters}
    excused = {run.number for run in runs if run.id in left_out}
    for number in range(findings.counts["sent"]):
        item = items.get(number)
        if item is None:
            findings.violations.append(f"job {number} has no item")
            continue
        state = item["state"]
        findings.counts[f"state {state}"] += 1
        if state not in FINAL and number not in dead | excused:
            findings.violations.append(f"job {number} is {state} for ever")
        if state == "succeeded" and number not in done:
            findings.violations.append(f"job {number} has succeeded, and no handler was done")
        if state == "cancelled" and number not in cancels:
            findings.violations.append(f"job {number} is cancelled, and no caller wanted it")
        if state in FINAL and "owner" in item:
            findings.violations.append(f"job {number} is {state} and still claimed")
    for number, cancel in cancels.items():
        state = items[number]["state"] if number in items else "gone"
        findings.counts[f"cancel answered {cancel.state}"] += 1
        if cancel.state in FINAL and state != cancel.state:
            findings.violations.append(f"job {number} was {cancel.state} and is {state}")
        late = [run for run in runs if run.number == number and run.start > cancel.at + NOTED]
        if cancel.state == "cancelled" and late:
            findings.violations.append(f"job {number} started {late[0].start - cancel.at:.2f} s after it was cancelled")


def _typed(item: Mapping[str, str | int]) -> dict[str, dict[str, str]]:
    return {name: {"S" if isinstance(value, str) else "N": str(value)} for name, value in item.items()}


def _plain(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: next(iter(value.values())) for name, value in item.items()}

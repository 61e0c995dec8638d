"""A job table in an emulator of DynamoDB, workers with it, and the calls of a worker about one message."""

import uuid
from typing import Any

import boto3
import botocore.config

from tests.worker.harness import ACCOUNT
from worker.aws.table import JobTable
from worker.core.endings import JobState
from worker.core.events import Claim, Finish, Kind, Message, Outcome, Release
from worker.job import Job

KEEP, RETENTION = 1000, 500
NOW = 1_800_000_000.0
SENT = NOW - 60


class Store:
    """A table, the Unix time that its workers have, and workers whose own clocks began at another time."""

    def __init__(self, endpoint: str) -> None:
        self.now = NOW
        self.table = f"jobs-{uuid.uuid4().hex[:8]}"
        self.client: Any = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=ACCOUNT["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        self.client.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def worker(self, table: str | None = None, began: float = 100.0) -> JobTable:
        offset = self.now - began
        return JobTable(
            table or self.table,
            self.client,
            keep=KEEP,
            retention=RETENTION,
            clock=lambda: self.now - offset,
            epoch=lambda: self.now,
        )

    def put(self, **attributes: Any) -> None:
        """An item as the API writes it."""
        values = {key: {"S" if isinstance(value, str) else "N": str(value)} for key, value in attributes.items()}
        self.client.put_item(TableName=self.table, Item={"id": {"S": "id"}} | values)

    def cancel(self) -> None:
        """The caller cancels a running job."""
        self.client.update_item(
            TableName=self.table,
            Key={"id": {"S": "id"}},
            UpdateExpression="SET cancel = :now",
            ExpressionAttributeValues={":now": {"N": str(int(self.now))}},
        )

    def item(self, job_id: str = "id") -> dict[str, Any] | None:
        """The item's attributes but its owner's, which is random."""
        answer = self.client.get_item(TableName=self.table, Key={"id": {"S": job_id}}, ConsistentRead=True)
        if "Item" not in answer:
            return None
        return {name: next(iter(value.values())) for name, value in answer["Item"].items() if name != "owner"}

    @property
    def state(self) -> str:
        return str((self.item() or {}).get("state"))


def message(handle: str = "handle", *, attempt: int = 1, message_id: str = "m", sent_at: float = SENT) -> Message:
    job = Job(id="id", message_id=message_id, body="body", attempt=attempt)
    return Message(job=job, handle=handle, sent_at=sent_at)


def claim(worker: JobTable, until: float = 130.0, **about: Any) -> Outcome:
    (outcome,) = worker.claim(Claim(message(**about), until)).outcomes.values()
    return outcome


def finish(worker: JobTable, state: JobState = JobState.SUCCEEDED, *, error: str | None = None, **about: Any) -> Kind:
    (outcome,) = worker.finish(Finish(message(**about), state, error)).outcomes.values()
    return outcome.kind


def release(worker: JobTable, error: str | None = None, **about: Any) -> Kind:
    (outcome,) = worker.release(Release(message(**about), error)).outcomes.values()
    return outcome.kind

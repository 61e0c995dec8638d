"""What a deployed stack is doing, from where an operator would look: SQS, ECS, CloudWatch Logs."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ebb.sandbox.emulators.region import Region

#: The worker's events that begin and end an attempt (worker/core/in_flight.py), in words.
STARTED = "job_started"
ENDINGS = {
    "job_done": "done",
    "job_failed": "failed",
    "job_retried": "put off",
    "job_rejected": "rejected",
    "job_timed_out": "stopped at its time limit",
    "job_skipped": "done before",
    "job_given_back": "given back",
    "lease_lost": "lease lost",
    "job_limit": "stopped after 12 h",
}
#: Milliseconds by which a line of one task may be delivered after a younger one of another.
LATE = 5000


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The stack at a moment: real seconds since the watch began, and counts."""

    seconds: float
    depth: int
    in_flight: int
    dead: int
    desired: int
    running: int
    done: int

    def counts(self) -> tuple[int, ...]:
        """All but the time."""
        return self.depth, self.in_flight, self.dead, self.desired, self.running, self.done


@dataclass
class JobRecord:
    """A job as the worker's log tells it: how often it was received and started, and each attempt's ending in order."""

    id: str
    received: int = 0
    attempts: int = 0
    endings: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        """The last attempt's ending."""
        return self.endings[-1] if len(self.endings) >= self.attempts and self.endings else "running"

    def note(self, record: dict[str, Any]) -> None:
        """Take in one line of the log."""
        self.received = max(self.received, record["attempt"])
        if record["event"] == STARTED:
            self.attempts += 1
        elif record["event"] in ENDINGS:
            self.endings.append(ENDINGS[record["event"]])


class Watch:
    """Looks at one stack; `outputs` are the stack's."""

    def __init__(self, region: Region, outputs: dict[str, Any]) -> None:
        self._region, self._outputs = region, outputs
        self._began = time.monotonic()
        self._seen: set[str] = set()
        self._since = 0
        self.jobs: dict[str, JobRecord] = {}

    def sample(self) -> Sample:
        """The stack now; the worker's new log lines are read too."""
        self._read_log()
        depth, in_flight = self._queue(self._outputs["queue_url"])
        dead, _ = self._queue(self._outputs["dead_letter_queue_url"])
        cluster, name = self._outputs["cluster_name"], self._outputs["service_name"]
        service = self._region.client("ecs").describe_services(cluster=cluster, services=[name])["services"][0]
        return Sample(
            seconds=time.monotonic() - self._began,
            depth=depth,
            in_flight=in_flight,
            dead=dead,
            desired=service["desiredCount"],
            running=service["runningCount"],
            done=sum(job.result == "done" for job in self.jobs.values()),
        )

    def _queue(self, url: str) -> tuple[int, int]:
        """Waiting (delayed ones too) and in flight."""
        names = ["ApproximateNumberOfMessages" + kind for kind in ("", "Delayed", "NotVisible")]
        found = self._region.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        waiting, delayed, in_flight = (int(found[name]) for name in names)
        return waiting + delayed, in_flight

    def dead_letters(self) -> set[str]:
        """Ids of the messages in the dead-letter queue, as far as one receive shows them (ten at the most)."""
        sqs, url = self._region.client("sqs"), self._outputs["dead_letter_queue_url"]
        shown = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return {message["MessageId"] for message in shown.get("Messages", [])}

    def _read_log(self) -> None:
        for record in self._records():
            if "event" in record and "message_id" in record:
                name = record["message_id"]
                self.jobs.setdefault(name, JobRecord(name)).note(record)

    def _records(self) -> Iterator[dict[str, Any]]:
        pages = self._region.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=self._outputs["log_group_name"], startTime=max(0, self._since - LATE))
        events = [event for page in found for event in page["events"] if event["eventId"] not in self._seen]
        for event in sorted(events, key=lambda event: event["timestamp"]):
            self._seen.add(event["eventId"])
            self._since = max(self._since, event["timestamp"])
            try:
                yield json.loads(event["message"])
            except json.JSONDecodeError:
                continue  # the user's own print

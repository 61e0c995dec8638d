"""What a deployed stack is doing, from where an operator would look: SQS, ECS, CloudWatch Logs."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from components.workflows.job_states import JOB_ID

if TYPE_CHECKING:
    from ebb.sandbox.emulators.region import Region

#: The worker's events that begin and end an attempt (worker/core/in_flight.py), in words.
STARTED = "job_started"
ENDINGS = {
    "job_done": "done",
    "job_failed": "failed",
    "job_retried": "asked for another attempt",
    "job_rejected": "rejected",
    "job_cancelled": "cancelled",
    "job_timed_out": "stopped at its time limit",
    "job_skipped": "done before",
    "job_given_back": "given back",
    "lease_lost": "lease lost",
    "job_limit": "stopped after 12 h",
}
#: Milliseconds by which a line of one task may be delivered after a younger one of another.
MAX_LATE_MS = 5000


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The stack at a moment: real seconds since the follower began, and counts."""

    seconds: float
    waiting: int
    in_flight: int
    dead: int
    desired: int
    running: int
    done: int
    cancelled: int = 0

    def counts(self) -> tuple[int, ...]:
        """All but the time."""
        return self.waiting, self.in_flight, self.dead, self.desired, self.running, self.done


@dataclass(frozen=True)
class TaskLine:
    """A line that a task wrote: real seconds since the epoch, task id, text, and its JSON object if it is one."""

    time: float
    task: str
    text: str
    record: dict[str, Any] | None


@dataclass
class JobRecord:
    """A job in the worker's log: how often it was received and started, and how each attempt ended, in order."""

    id: str
    received: int = 0
    attempts: int = 0
    endings: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        """How the last attempt ended."""
        return self.endings[-1] if len(self.endings) >= self.attempts and self.endings else "running"

    def note(self, record: dict[str, Any]) -> None:
        """Take in one line of the log."""
        self.received = max(self.received, record["attempt"])
        if record["event"] == STARTED:
            self.attempts += 1
        elif record["event"] in ENDINGS:
            self.endings.append(ENDINGS[record["event"]])


class LogFollower:
    """Follows one stack; `outputs` are the stack's."""

    def __init__(self, region: "Region", outputs: dict[str, Any]) -> None:
        self._region, self._outputs = region, outputs
        self._began = time.monotonic()
        self._seen: set[str] = set()
        self._since = 0
        self.jobs: dict[str, JobRecord] = {}

    def sample(self) -> Sample:
        """The stack now, as far as the lines that were read say it."""
        waiting, in_flight = self._queue(self._outputs["queue_url"])
        dead, _ = self._queue(self._outputs["dead_letter_queue_url"])
        cluster, name = self._outputs["cluster_name"], self._outputs["service_name"]
        service = self._region.client("ecs").describe_services(cluster=cluster, services=[name])["services"][0]
        return Sample(
            seconds=time.monotonic() - self._began,
            waiting=waiting,
            in_flight=in_flight,
            dead=dead,
            desired=service["desiredCount"],
            running=service["runningCount"],
            done=self._ended("done"),
            cancelled=self._ended("cancelled"),
        )

    def _ended(self, how: str) -> int:
        return sum(job.result == how for job in self.jobs.values())

    def _queue(self, url: str) -> tuple[int, int]:
        """Waiting (delayed ones too) and in flight."""
        names = ["ApproximateNumberOfMessages" + kind for kind in ("", "Delayed", "NotVisible")]
        found = self._region.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        waiting, delayed, in_flight = (int(found[name]) for name in names)
        return waiting + delayed, in_flight

    def minimum(self) -> int:
        """The registered minimum of the service's tasks."""
        resource = f"service/{self._outputs['cluster_name']}/{self._outputs['service_name']}"
        scaling = self._region.client("application-autoscaling")
        found = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
        return int(found[0]["MinCapacity"])

    def dead_letters(self) -> set[str]:
        """Ids of the jobs in the dead-letter queue that one receive returns, at most ten."""
        sqs, url = self._region.client("sqs"), self._outputs["dead_letter_queue_url"]
        shown = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=[JOB_ID]
        )
        return {_job_id(message) for message in shown.get("Messages", [])}

    def read(self) -> list[TaskLine]:
        """The lines since the last call, in the order of their times; `jobs` is brought up to them."""
        lines = list(self._lines())
        for line in lines:
            if line.record and {"event", "message_id", "attempt"} <= line.record.keys():
                name = line.record.get("job_id", line.record["message_id"])
                self.jobs.setdefault(name, JobRecord(name)).note(line.record)
        return lines

    def _lines(self) -> Iterator[TaskLine]:
        pages = self._region.client("logs").get_paginator("filter_log_events")
        start = max(0, self._since - MAX_LATE_MS)
        found = pages.paginate(logGroupName=self._outputs["log_group_name"], startTime=start)
        events = [event for page in found for event in page["events"] if event["eventId"] not in self._seen]
        for event in sorted(events, key=lambda event: event["timestamp"]):
            self._seen.add(event["eventId"])
            self._since = max(self._since, event["timestamp"])
            yield line_of(event)


def _job_id(message: dict[str, Any]) -> str:
    given = message.get("MessageAttributes", {}).get(JOB_ID)
    return str(given["StringValue"] if given else message["MessageId"])


def line_of(event: Mapping[str, Any]) -> TaskLine:
    """The line of an event of FilterLogEvents. A stream's name ends with the task's id."""
    task = event["logStreamName"].rpartition("/")[2]
    return TaskLine(event["timestamp"] / 1000, task, event["message"], _record(event["message"]))


def _record(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None  # what the user's code printed
    return found if isinstance(found, dict) else None

"""A stack as the page sees it, by the functions of the commands `status`, `jobs`, `why`, `send` and `dlq`."""

import json
import re
import threading
import time
import uuid
from dataclasses import asdict
from typing import Any

from ebb import example_job
from ebb.errors import UserError
from ebb.ops import history
from ebb.ops.dead_letters import Choice, DeadLetters
from ebb.ops.jobs import Job, job, jobs
from ebb.ops.overview import Overview, overview
from ebb.ops.refusals import refusals
from ebb.ops.scaling import Service
from ebb.ops.sending import Line, Options, door
from ebb.ops.settings import settings_of
from ebb.ops.stack import OpsError, Stack, read
from ebb.ops.story import story
from ebb.page.clients import CountedClients

#: Seconds between two looks. AWS bills most requests, and its own numbers change once a minute.
SANDBOX_SECONDS, AWS_SECONDS = 2.0, 5.0
#: Seconds for which alarms, dead letters and deployments are not asked again: they take the most requests. A minute of
#: CloudWatch takes a second in a sandbox.
SANDBOX_OVERVIEW_SECONDS, AWS_OVERVIEW_SECONDS = 1.0, 60.0
#: Jobs in the page's list, and dead letters of a look.
MOST_JOBS, MOST_LETTERS = 50, 100
#: What Pulumi adds to an alarm's name.
_RANDOM_END = re.compile(r"-[0-9a-f]{7}$")


class StackSource:
    """The stack of this name. Raises UserError if there is none; later, the page says so and looks again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        stack = read(name)
        self._opened: _Opened | None = _Opened(stack)
        self.sandbox = stack.sandbox is not None
        self.seconds = SANDBOX_SECONDS if self.sandbox else AWS_SECONDS

    def state(self) -> dict[str, Any]:
        """Counts, tasks, alarms and the newest jobs. After an error the next look finds the stack anew."""
        try:
            return self._open().state()
        except UserError:
            with self._lock:
                self._opened = None
            raise

    def search(self, text: str) -> list[dict[str, Any]] | None:
        """The job with this id, or the jobs with this reference. None without a job table."""
        stack, client = self._now()
        if stack.table_name is None:
            return None
        if found := job(stack, text, client):
            return [_plain(found)]
        return [_plain(each) for each in jobs(stack, reference=text, limit=MOST_JOBS, client=client).jobs]

    def story(self, job_id: str) -> dict[str, Any]:
        """A job, and what happened to it."""
        stack, client = self._now()
        steps = [asdict(step) for step in story(stack, job_id, client)]
        found = job(stack, job_id, client) if stack.table_name else None
        return {"job": _plain(found) if found else {"id": job_id}, "steps": steps}

    def send(self, body: str, reference: str | None) -> str:
        """Send a job; its id, or that of its message."""
        stack, client = self._now()
        # jobs of this page do not wait for each other
        group = str(uuid.uuid4()) if stack.fifo else None
        way, _ = door(stack, Options(reference=reference, group=group), None, client)
        sent = next(way.send([Line(number=1, body=body)]))
        if sent.id is None:
            raise UserError(f"The job was not sent: {sent.error}.")
        return sent.id

    def dead_letters(self) -> list[dict[str, Any]]:
        """The messages of the dead-letter queue."""
        return [
            {"id": letter.message_id, **asdict(letter)} for letter in DeadLetters(*self._now()).look(limit=MOST_LETTERS)
        ]

    def redrive(self, ids: list[str] | None) -> int:
        """Move these messages, or all, back to the queue. Returns their number."""
        self._open().forget()
        letters = DeadLetters(*self._now())
        return letters.redrive_all() if ids is None else letters.redrive(Choice(ids=tuple(ids)))

    def _now(self) -> tuple[Stack, CountedClients]:
        opened = self._open()
        return opened.stack, opened.client

    def _open(self) -> "_Opened":
        """The stack, which is found anew after an error: a sandbox may have started, or the user signed in."""
        with self._lock:
            if self._opened is None:
                stack = read(self._name)
                if self.sandbox and stack.sandbox is None:  # the slider's load is never for AWS
                    raise OpsError(f"The sandbox of stack {self._name} has ended.")
                self._opened = _Opened(stack)
            return self._opened


class _Opened:
    """A stack with its clients, and what was seen of it last."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        with refusals():
            self.client = CountedClients(stack.clients())
        self._example = json.dumps(_example(stack))
        self._keep = SANDBOX_OVERVIEW_SECONDS if stack.sandbox else AWS_OVERVIEW_SECONDS
        self._scaling_alarms: list[str] | None = None
        self.forget()

    def forget(self) -> None:
        """Let the next look ask for everything."""
        self._seen: tuple[Overview, list[dict[str, Any]]] | None = None
        self._until = 0.0

    def state(self) -> dict[str, Any]:
        stack = self.stack
        state = Service(stack, self.client).state()
        if self._seen is None or time.monotonic() > self._until:
            seen = overview(stack, self.client)
            self._seen = seen, [*self._scaling(), *map(_alarm, seen.alarms)]
            self._until = time.monotonic() + self._keep
        seen, alarms = self._seen
        return {
            "stack": stack.name,
            "place": _place(stack),
            "sandbox": stack.sandbox is not None,
            "example": self._example,
            "now": time.time(),
            "minimum": state.minimum,
            "maximum": state.maximum,
            "desired": state.desired,
            "running": state.running,
            "paused": state.paused,
            "muted": seen.mute_rules,
            "dollars": seen.dollars,
            "waiting": state.waiting,
            "in_flight": state.in_flight,
            "delayed": state.delayed,
            "oldest": None if seen.oldest is None else stack.clock.real(seen.oldest),
            "dead": seen.dead_letters,
            "alarms": alarms,
            "jobs": self._newest(),
            "most_jobs": MOST_JOBS,
            "requests_a_minute": self.client.requests_a_minute(),
        }

    def _newest(self) -> list[dict[str, Any]] | None:
        if self.stack.table_name is None:
            return None
        return [_plain(each) for each in jobs(self.stack, limit=MOST_JOBS, client=self.client).jobs]

    def _scaling(self) -> list[dict[str, Any]]:
        """The alarms that scale the service: ALARM is their daily work."""
        if self._scaling_alarms is None:
            self._scaling_alarms = history.scaling_alarms(self.stack, self.client)
        if not self._scaling_alarms:
            return []
        with refusals():
            found = self.client("cloudwatch").describe_alarms(AlarmNames=self._scaling_alarms)["MetricAlarms"]
        return [
            {"name": _RANDOM_END.sub("", each["AlarmName"]), "state": each["StateValue"], "scales": True, "see": ""}
            for each in found
        ]


def _plain(job: Job) -> dict[str, Any]:
    return {name: value for name, value in asdict(job).items() if value is not None}


def _alarm(alarm: Any) -> dict[str, Any]:
    return {"name": alarm.role, "state": alarm.state, "scales": False, "see": alarm.runbook}


def _place(stack: Stack) -> str:
    if stack.sandbox is None:
        return stack.region or "AWS"
    return f"sandbox on this machine, {stack.sandbox.speed:g} times as fast as AWS"


def _example(stack: Stack) -> dict[str, Any]:
    """A body for the form, by the handler in the stack's configuration."""
    try:
        return example_job.example(settings_of(stack).worker)
    except UserError:  # a stack without a file here
        return example_job.EXAMPLE_JOB

"""The log of a stack's tasks, for people: what the user's own code wrote, and how each job ended."""

import re
from collections.abc import Iterator
from typing import Any

from ebb.sandbox.log_follower import ENDINGS, STARTED, TaskLine
from settings import Settings

#: The worker's event for a handler or command that cannot be started (worker/core/core.py).
BROKEN = "handler_broken"
#: Fields of a line that this module puts into words, or that say nothing to a reader of one job's log.
_KNOWN = {
    "time",
    "level",
    "event",
    "message_id",
    "job_id",
    "attempt",
    "duration",
    "error",
    "reason",
    "traceback",
    "trace",
}
#: Events of a worker that starts and stops as it should.
QUIET = {"started", "stopping", "stopped"}
#: The worker's other events.
WORDS = {
    "bad_settings": "has settings that it cannot use",
    "call_failed": "a call to AWS failed and is made again",
    "child_lost": "the process for its next job ended and is replaced",
    "deployment_blocked": "waits, because a deployment has no room for its tasks",
    "extension_failed": "its lease could not be extended; this is tried again",
    "gave_up": "ends before AWS has answered about its jobs",
    "job_not_started": "not started, because the process for it ended before",
    "jobs_fail": "sees different jobs fail, one after another",
    "jobs_succeed": "sees a job succeed again",
    "left_out": "leaves out a write to the job table, or an event: they are away",
    "job_progress": "reports its progress",
    "follow_failed": "could not ask whether jobs are cancelled",
    "progress_ignored": "could not read a job's progress",
    "log_dropped": "could not write all lines of its log",
    "no_credentials": "gets no credentials",
    "no_handler": "has no process that can run a job",
    "no_protection": "has no task protection",
    "protection_refused": "gets no task protection",
    "receive_failed": "could not receive",
    "release_failed": "could not end its task protection",
    "table_refused": "cannot use the job table",
    "stuck": "does not answer",
}
#: Levels of `logging` that need no word.
_USUAL = ("INFO", "DEBUG")
#: The folder of an image's files on this machine; its users know their paths in the image.
_SNAPSHOT = re.compile(r"[^\s\"]*/images/[0-9a-f]{64}/\d+(?=/)")
#: What the lines of a traceback begin with.
TRACEBACK = "    "
#: Characters of an id that tell tasks and jobs apart.
_ID = 8


class Readable:
    """Turns lines into lines for the screen. A traceback that was shown before is not shown again.

    With settings it is the log of a sandbox, and ids are short. Without them it is the log of a deployed stack.
    """

    def __init__(self, settings: Settings | None) -> None:
        #: How the sentence about a handler or command that cannot be started begins.
        self.broken = "The handler or command cannot be started"
        self._advice, self._id_length = (
            "Correct it and deploy again; until then ECS starts one task after another.",
            None,
        )
        if settings:
            worker = settings.worker
            cannot = "cannot be run" if worker.command else "cannot be imported"
            self.broken = f"{' '.join(worker.command) or worker.handler} {cannot}"
            self._advice = "Correct it, press Ctrl-C and start again; until then ECS starts one task after another."
            self._id_length = _ID
        self._shown: set[str] = set()

    def lines(self, line: TaskLine) -> Iterator[tuple[str, bool]]:
        """Each line for the screen, and whether it reports a problem."""
        record = line.record or {}
        if "_aws" in record:  # CloudWatch's embedded metric format
            return
        if "event" in record:
            yield from self._event(line, record)
        elif "message" in record and "logger" in record:
            level = record.get("level")
            word = "" if level in _USUAL else f"{level}: "
            yield f"{self._who(line, record)} | {word}{record['message']}", level not in _USUAL
            yield from self._traceback(record)
        else:
            yield f"{self._who(line, record)} | {line.text}", False

    def _event(self, line: TaskLine, record: dict[str, Any]) -> Iterator[tuple[str, bool]]:
        event = record["event"]
        why = _SNAPSHOT.sub("", str(record.get("error") or record.get("reason") or ""))
        if event == BROKEN:
            yield f"{self.broken}: {why}. {self._advice}", True
        elif event == STARTED:
            yield f"{self._who(line, record)} started, attempt {record['attempt']}", False
        elif event in ENDINGS:
            time = f" after {record['duration']:g} s" if "duration" in record else ""
            bad = event != "job_done" and record.get("level") != "INFO"
            yield f"{self._who(line, record)} {ENDINGS[event]}{time}{f': {why}' if why else ''}", bad
        elif event not in QUIET:
            more = ", ".join(_field(name, value) for name, value in record.items() if name not in _KNOWN)
            parts = [part for part in (WORDS.get(event, event.replace("_", " ")), str(why or ""), more) if part]
            yield f"{self._who(line, record)} {': '.join(parts)}", record.get("level") not in _USUAL
        yield from self._traceback(record)

    def _who(self, line: TaskLine, record: dict[str, Any]) -> str:
        """The job if the line names one, else the task."""
        job = record.get("job_id", record.get("message_id"))
        return f"task {line.task[:_ID]}" if job is None else f"job {job[: self._id_length]}"

    def _traceback(self, record: dict[str, Any]) -> Iterator[tuple[str, bool]]:
        text = record.get("traceback")
        if text and text not in self._shown:
            self._shown.add(text)
            yield from ((f"{TRACEBACK}{line}", True) for line in _SNAPSHOT.sub("", text).rstrip().splitlines())


def _field(name: str, value: Any) -> str:
    """A field of a line. A consequence is a clause already."""
    text = ", ".join(str(one)[:_ID] for one in value) if isinstance(value, list) else str(value)
    return text if name == "consequence" else f"{name.replace('_', ' ')} {text}"

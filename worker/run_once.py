"""`python -m worker --once FILE`: runs one job through the worker's own loop, without a queue and without AWS."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from worker import config, logs, signals
from worker.core.endings import Ending
from worker.core.events import Answered, Call, Kind, Message, Outcome, Receive, Received, StopRequested
from worker.inbox import Inbox
from worker.job import Job
from worker.jobs.descendants import FAMILY
from worker.loop import Loop
from worker.variables import DEFAULT_HANDLER, ConfigError

JOB_ID = "once"
#: Values for the variables that a worker must have. Those of the queue are not used. The others are the stack's
#: defaults, except for a stop timeout that lets Ctrl-C end a job after a second.
DEFAULTS = {
    "EBB_QUEUE_URL": "https://sqs.invalid/once",
    "EBB_DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/once-dead",
    "EBB_VISIBILITY_TIMEOUT": "300",
    "EBB_STOP_TIMEOUT": "2",
    "EBB_BACKOFF_BASE": "10",
    "EBB_BACKOFF_CAP": "900",
}
#: With EBB_GRACE, which must fit into it: a task's default.
STOP_TIMEOUT_WITH_GRACE = "120"
#: Progress is shown more often than a worker reports it.
FOLLOW_SPEED = 10.0
STOPPED = 130
EXIT_CODES: dict[str, int] = {
    Ending.DONE: os.EX_OK,
    Ending.SKIPPED: os.EX_OK,
    Ending.FAILED: 1,
    Ending.TIMED_OUT: 1,
    Ending.LEASE_LOST: 1,
    Ending.JOB_LIMIT: 1,
    Ending.RETRIED: os.EX_TEMPFAIL,
    Ending.REJECTED: os.EX_DATAERR,
    Ending.CANCELLED: STOPPED,
    Ending.GIVEN_BACK: STOPPED,
}
#: The log event about a handler that cannot be imported, or a command that does not exist.
BROKEN = "handler_broken"
DESCRIPTION = """\
Without arguments: receive jobs from an SQS queue and run them until SIGTERM. The environment has the settings
(docs/worker.md, "Settings").

With --check: look whether this container could run jobs, and exit (docs/worker.md, "Check an image").

With --once: run one job and exit. It needs no queue and no AWS account. The job's code, log lines and limits are those
of a worker; the message is neither deleted nor tried again."""
EPILOG = f"""\
environment of --once:
  EBB_HANDLER          module:function, default {DEFAULT_HANDLER}
  EBB_COMMAND          instead: a JSON list of a program and its arguments
  EBB_JOB_TIMEOUT      time limit in seconds
  EBB_GRACE            seconds from SIGTERM to SIGKILL
  EBB_MAX_BODY_BYTES, EBB_PAYLOAD_BUCKET, EBB_STOP_TIMEOUT ... as for a worker

exit codes of --once:
  0 done   1 failed, or stopped at its time limit   75 asked for a retry   65 rejected
  64 bad arguments or file   78 bad settings, or a handler that cannot be imported   130 Ctrl-C

examples:
  echo '{{"text": "One sentence. Another one."}}' | python -m worker --once -
  EBB_HANDLER=worker.video:encode python -m worker --once job.json --attempt 2
  EBB_COMMAND='["./encode", "--fast"]' python -m worker --once job.json"""


class UsageError(Exception):
    """The arguments or the file are not usable; the text is one sentence for the user."""


class OneMessage:
    """A queue that holds one message. It stops the worker when the job has ended."""

    def __init__(self, job: Job, inbox: Inbox) -> None:
        self._waiting: tuple[Message, ...] = (Message(job=job, handle=job.id),)
        self._inbox = inbox
        self.end: tuple[str, Mapping[str, Any]] | None = None

    def receive(self, receive: Receive) -> Received:
        """The message, at first."""
        messages, self._waiting = self._waiting, ()
        return Received(receive, time.monotonic(), messages)

    def _accept(self, call: Call) -> Answered:
        return Answered(call, time.monotonic(), {message.handle: Outcome(Kind.OK) for message in call.messages})

    change_visibility = delete = dead_letter = _accept

    def observe(self, name: str, level: int = 0, /, **fields: Any) -> None:  # noqa: ARG002 - as logs.event takes it
        """Record how the job ended, and stop the worker."""
        if self.end is None and (name in EXIT_CODES or name == BROKEN):
            self.end = name, fields
            self._inbox.put(StopRequested())


def main(arguments: list[str]) -> int:
    """Run one job; its exit code. The log goes to standard output, one sentence about the end to standard error."""
    try:
        job = _job(arguments)
        settings = config.read(_environment({name: value for name, value in os.environ.items() if value}))
    except UsageError as error:
        return _end(os.EX_USAGE, f"{error}; see python -m worker --help")
    except ConfigError as error:
        return _end(os.EX_CONFIG, str(error))
    except KeyboardInterrupt:
        return _end(STOPPED, "Stopped.")
    logs.setup()
    FAMILY.adopt()
    inbox = Inbox()
    signals.listen(inbox)
    queue = OneMessage(job, inbox)
    settings = replace(
        settings,
        concurrency=1,
        agent_uri=None,
        job_table=None,
        metrics=False,
        health_file=None,
        speed=FOLLOW_SPEED,
    )
    Loop(settings, inbox, queue, observe=queue.observe).run()
    if queue.end is None:
        return _end(STOPPED, "Stopped before the job started.")
    name, fields = queue.end
    if name == BROKEN:
        what = "command" if settings.command else f"handler {settings.handler}"
        return _end(os.EX_CONFIG, f"The {what} cannot be used: {fields['error']}")
    return _end(EXIT_CODES[name], _sentence(name, fields, settings))


def _environment(given: dict[str, str]) -> dict[str, str]:
    longer = {"EBB_STOP_TIMEOUT": STOP_TIMEOUT_WITH_GRACE} if "EBB_GRACE" in given else {}
    return DEFAULTS | longer | given


def _end(code: int, sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return code


def _sentence(ending: str, fields: Mapping[str, Any], settings: config.Config) -> str:
    match ending:
        case Ending.DONE:
            result = f" Result: {json.dumps(fields['result'], ensure_ascii=False)}" if "result" in fields else ""
            dropped = f" But {fields['result_dropped']}." if fields["result_dropped"] else ""
            return f"Done in {fields['duration']} seconds.{result}{dropped}"
        case Ending.RETRIED:
            return (
                f"The job asked for another attempt in {fields['retry_in']} seconds: {fields['reason'] or 'no reason'}"
            )
        case Ending.REJECTED:
            return f"Rejected; a worker would move the message to the dead-letter queue: {fields['reason']}"
        case Ending.TIMED_OUT:
            return f"Stopped at its time limit, EBB_JOB_TIMEOUT = {settings.job_timeout} seconds."
        case Ending.GIVEN_BACK:
            return "Stopped."
        case _:
            return f"Failed; a worker would try again: {fields.get('error', ending)}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _job(arguments: list[str]) -> Job:
    parser = _Parser(
        prog="python -m worker",
        usage="python -m worker [--check | --once FILE [--attempt N] [--attribute NAME=VALUE]...]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--once", metavar="FILE", required=True, help="the file with the job's body; - is stdin")
    parser.add_argument("--attempt", metavar="N", type=int, default=1, help="the value of job.attempt; default 1")
    parser.add_argument(
        "--attribute", metavar="NAME=VALUE", action="append", default=[], help="an entry of job.attributes"
    )
    options = parser.parse_args(arguments)
    pairs = [text.partition("=") for text in options.attribute]
    if wrong := [
        text for text, (name, equals, _) in zip(options.attribute, pairs, strict=True) if not (name and equals)
    ]:
        raise UsageError(f"--attribute must be NAME=VALUE, not {wrong[0]!r}")
    if options.attempt < 1:
        raise UsageError(f"--attempt must be at least 1, not {options.attempt}")
    attributes = {name: value for name, _, value in pairs}
    return Job(id=JOB_ID, body=_body(options.once), attempt=options.attempt, attributes=attributes)


def _body(file: str) -> str:
    try:
        return (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text, as an SQS message must be: {error}") from error

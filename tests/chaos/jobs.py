"""The handler of the workers in chaos: it does what the body asks for, and notes when in a journal that all share."""

import json
import os
import signal
import time
from typing import Any

from worker.job import Job, Reject, Retry

_journal = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
#: The name of the worker whose child this is.
_worker = os.environ["CHAOS_WORKER"]


def note(what: str, job: Job, number: int) -> None:
    """One line in one write, so that lines of many processes do not mix. The clock is the machine's."""
    line: dict[str, Any] = {"at": time.monotonic(), "what": what, "number": number, "id": job.message_id}
    line |= {"attempt": job.attempt, "pid": os.getpid(), "worker": _worker}
    os.write(_journal, json.dumps(line).encode() + b"\n")


def handle(job: Job) -> None:
    """{"number": 7, "do": "sleep", "for": 1.5}; `do` is one of those below, and without it nothing is to be done."""
    order = job.json()
    number = order["number"]
    note("start", job, number)
    match order.get("do"):
        case "sleep":
            time.sleep(order["for"])
        case "fail" | "fail once" if order["do"] == "fail" or job.attempt == 1:
            note("failed", job, number)
            raise RuntimeError("as asked")
        case "retry" if job.attempt == 1:
            note("retried", job, number)
            raise Retry("as asked", after=order["for"])
        case "reject":
            note("rejected", job, number)
            raise Reject("as asked")
        case "exit" if job.attempt == 1:
            note("dying", job, number)
            os._exit(3)
        case "die" if job.attempt == 1:
            note("dying", job, number)
            os.kill(os.getpid(), signal.SIGKILL)
    note("done", job, number)

"""The child process: runs the handler, job after job, as the parent sends them. `python -m worker.child FD`."""

import importlib
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from worker import logs
from worker.job import Job, Result

HANDLER = "worker.handler"


def main(connection: Connection) -> None:
    """Import the handler, say so, and do one job after the other until the parent ends this process or dies."""
    formatter = logs.setup()
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, jobs), daemon=True).start()
    try:
        handle = importlib.import_module(HANDLER).handle
    except BaseException as error:
        connection.send(_failed(None, error))
        return
    connection.send(Result())
    while True:
        job = jobs.get()
        formatter.common = {"message_id": job.id, "attempt": job.attempt, "group": job.group}
        result = _attempt(handle, job)
        sys.stdout.flush()
        connection.send(result)


def _attempt(handle: Callable[[Job], object], job: Job) -> Result:
    try:
        handle(job)
    except BaseException as error:  # sys.exit() in a handler is no success either
        return _failed(job.id, error)
    return Result(job_id=job.id)


def _failed(job_id: str | None, error: BaseException) -> Result:
    text = "".join(traceback.format_exception_only(error)).strip()
    return Result(job_id=job_id, error=text, traceback="".join(traceback.format_exception(error)))


def _listen(connection: Connection, jobs: "queue.SimpleQueue[Job]") -> None:
    """Pass jobs on. When the parent is gone nobody keeps the lease: this process and what it started go at once."""
    with suppress(EOFError, OSError):
        while True:
            jobs.put(connection.recv())
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    main(Connection(descriptor))

"""The child process: runs the jobs that the parent sends. `python -m worker.jobs.child SOCKET LIFELINE TAKING FOLDER`.

SOCKET carries jobs and results. LIFELINE is a pipe that closes when the parent ends. A byte in the pipe TAKING says
that a job has been taken. Temporary files go into FOLDER.

The child has no thread of ours, so a handler may fork. It imports botocore only for bodies in S3, so it starts fast and
stays small.
"""

import contextvars
import fcntl
import importlib
import inspect
import logging
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from worker import config, logs, output
from worker import progress as progress_file
from worker.job import Job, Reject, Result, Retry, UnableError, Verdict, log_fields
from worker.jobs import command, descendants, outcome, payload, scratch
from worker.jobs import result as results
from worker.jobs.process import LENGTH_BYTES, STOP_SIGNAL, progress_path
from worker.progress import Progress

log = logging.getLogger(logs.FAILURES)

#: AWS's SDKs and the X-Ray SDK read the trace from this variable, as in Lambda.
TRACE_VARIABLE = "_X_AMZN_TRACE_ID"
#: Both together fit into a log event of CloudWatch (256 KiB).
MAX_REASON_CHARACTERS = 1_000
MAX_TRACEBACK_CHARACTERS = 20_000
#: Frames of these files come before the user's in a traceback, and are left out.
OWN_FILES = (__file__, importlib.__file__, "<frozen importlib")


def main(connection: int, lifeline: int, taking: int, folder: str) -> None:
    """Import the handler, report that, and run jobs until the parent ends this process or dies."""
    for descriptor in (connection, lifeline, taking):
        os.set_inheritable(descriptor, False)
    descendants.adopt()
    descendants.prefer_as_victim()
    output.setup_child()
    formatter = logs.setup_child()
    _die_with_parent(lifeline)
    try:
        runner = _Runner(config.read_job(os.environ), folder)
    except UnableError as error:
        _report(connection, Result(verdict=Verdict.FAILED, reason=_text(error)))
        return
    except BaseException as error:  # a module may call sys.exit()
        _report(connection, _failed(error))
        return
    runner.listen()
    _report(connection, Result(verdict=Verdict.DONE))
    process_id = os.getpid()
    with open(connection, "rb", closefd=False) as jobs:
        while job := _next(jobs):
            os.write(taking, b"!")
            formatter.common = log_fields(job)
            result = runner.run(job)
            del job
            _flush()
            if os.getpid() != process_id:
                os._exit(result.verdict is not Verdict.DONE)  # the handler forked, and this is the fork
            formatter.common = {}
            _report(connection, result)
    descendants.send(signal.SIGKILL, descendants.of(process_id))
    os.killpg(process_id, signal.SIGKILL)  # the parent has ended, so nothing extends the lease


def _flush() -> None:
    """Send what the job has printed on its way, before its result."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the handler may have closed it
            os.set_blocking(stream.fileno(), True)  # Node leaves its standard output non-blocking when it is killed
            stream.flush()


def _next(jobs: BinaryIO) -> Job | None:
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        job: Job = pickle.load(jobs)  # noqa: S301 - from our own parent
        return job
    return None


def _report(connection: int, result: Result) -> None:
    data = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    rest = memoryview(len(data).to_bytes(LENGTH_BYTES) + data)
    with suppress(OSError):  # the parent has ended; the next read shows it
        while rest:
            rest = rest[os.write(connection, rest) :]


def _die_with_parent(lifeline: int) -> None:
    """Have this process and all that it started killed when the parent ends: nothing extends their lease then."""
    if sys.platform == "linux":
        # The kernel does it: no Python code could run while a handler holds the interpreter's lock in a C call.
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
        return

    def wait() -> None:
        os.read(lifeline, 1)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


class _Runner:
    """Runs jobs with the handler or the command, and turns what happens into results."""

    def __init__(self, settings: config.JobConfig, folder: str) -> None:
        self._settings, self._folder = settings, folder
        self._process_id = os.getpid()
        self._loop_runner: Any = None
        self._runs = 0
        #: The job that the handler has, and whether the worker wants it to stop.
        self._job: Job | None = None
        self._stop_requested = False
        self._handle: Callable[[Job], object]
        if settings.command:
            self._handle = command.Command(settings.command)
        else:
            module, _, function = settings.handler.partition(":")
            self._handle = getattr(importlib.import_module(module), function)
            if problem := outcome.handler_problem(self._handle):
                raise TypeError(f"{settings.handler} {problem}")

    def listen(self) -> None:
        """From now on the worker's request to stop, and SIGTERM, reach the job, if it asks for them."""
        signal.signal(STOP_SIGNAL, self._on_stop)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # not a handler that the user's module has set
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_stop(self, *_: object) -> None:
        self._stop_requested = True
        if self._job:
            self._job.stopping.set()

    def _on_sigterm(self, *_: object) -> None:
        if os.getpid() == self._process_id and self._job and "stopping" in vars(self._job):
            self._on_stop()  # the job gets the grace to end by itself
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def run(self, job: Job) -> Result:
        """Run the job; every exception becomes a result."""
        self._runs += 1
        used_up = self._runs == self._settings.max_jobs_per_child or descendants.unreaped() > descendants.MAX_UNREAPED
        result = self._result(job)
        return replace(result, last=used_up or result.verdict is Verdict.UNABLE)

    def _result(self, job: Job) -> Result:
        try:
            with scratch.folder(self._folder), self._progress(job) as last:
                return replace(self._try(job), progress=last())
        except OSError as error:  # of the folder: all that a handler raises is a result already
            return Result(verdict=Verdict.UNABLE, reason=f"there is no folder for temporary files: {error}")

    @contextmanager
    def _progress(self, job: Job) -> Iterator[Callable[[], Progress | None]]:
        """A file for the job's progress; what it has last written there."""
        path = progress_path(self._folder, job)
        os.environ[progress_file.VARIABLE] = path

        def last() -> Progress | None:
            with suppress(progress_file.NoProgressError):  # the worker has logged it
                return progress_file.read(path)
            return None

        try:
            yield last
        finally:
            os.environ.pop(progress_file.VARIABLE, None)
            with suppress(OSError):
                Path(path).unlink()

    def _try(self, job: Job) -> Result:
        try:
            if job.trace:
                os.environ[TRACE_VARIABLE] = job.trace
            value = contextvars.copy_context().run(self._run, job)  # what one job sets there, the next does not see
        except Retry as error:
            return _retry(error)
        except Reject as error:
            return Result(verdict=Verdict.REJECT, reason=_text(error) or type(error).__name__)
        except UnableError as error:
            return Result(verdict=Verdict.UNABLE, reason=_text(error))
        except command.CommandError as error:
            return Result(verdict=Verdict.FAILED, reason=_text(error))
        except BaseException as error:  # sys.exit() in a handler is a failure too
            with suppress(Exception):
                log.exception("The attempt failed")
            return _failed(error)
        finally:
            self._job = None
            os.environ.pop(TRACE_VARIABLE, None)
        return Result(verdict=Verdict.DONE, value=value.text, dropped=value.dropped)

    def _run(self, job: Job) -> results.Value:
        settings = self._settings
        if settings.payload_bucket:
            job = payload.fetch(job, settings.payload_bucket, settings.region, settings.max_body_bytes)
        if not job.body.strip():
            raise Reject("the body is empty")
        size = len(job.body.encode())
        if size > settings.max_body_bytes:
            raise Reject(f"the body has {size} bytes, more than EBB_MAX_BODY_BYTES = {settings.max_body_bytes}")
        self._job = job
        if self._stop_requested:
            job.stopping.set()
        returned = self._handle(job)
        if inspect.isawaitable(returned):
            returned = self._await(returned)
        if problem := outcome.problem(returned):
            raise TypeError(problem)
        return returned if isinstance(returned, results.Value) else results.of(returned)

    def _await(self, returned: Awaitable[object]) -> object:
        import asyncio  # noqa: PLC0415 - only an async handler needs it

        async def run() -> object:
            return await returned

        if self._loop_runner is None:  # one event loop for all jobs: a handler's connections belong to it
            self._loop_runner = asyncio.Runner()
        return self._loop_runner.run(run(), context=contextvars.copy_context())


def _retry(error: Retry) -> Result:
    maximum = float(config.MAX_VISIBILITY_SECONDS)
    try:
        after = None if error.after is None else min(max(0.0, float(error.after)), maximum)
    except (TypeError, ValueError, OverflowError) as wrong:
        return _failed(wrong)
    return Result(verdict=Verdict.RETRY, reason=_text(error) or None, after=after)


def _failed(error: BaseException) -> Result:
    reason = "".join(traceback.format_exception_only(error)).strip()[:MAX_REASON_CHARACTERS]
    where = error.__traceback__
    while where and where.tb_frame.f_code.co_filename.startswith(OWN_FILES):
        where = where.tb_next
    if where is None:  # no code of the user has run: the reason is enough
        return Result(verdict=Verdict.FAILED, reason=reason)
    text = "".join(traceback.format_exception(error.with_traceback(where)))
    if len(text) > MAX_TRACEBACK_CHARACTERS:
        text = f"…{text[-MAX_TRACEBACK_CHARACTERS:]}"  # the end names the error
    return Result(verdict=Verdict.FAILED, reason=reason, traceback=text)


def _text(error: Exception) -> str:
    try:
        return str(error)[:MAX_REASON_CHARACTERS]
    except Exception:  # from a __str__ of the user's
        return type(error).__name__


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

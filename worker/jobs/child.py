"""The child process: does job after job, as the parent sends them. `python -m worker.jobs.child SOCKET LIFELINE`.

SOCKET brings jobs and takes their results; LIFELINE is a pipe that closes when the parent is gone. There is no
thread here, so that a handler may fork, and no boto3 unless a body lies in S3, so that it starts fast and stays small.
"""

import fcntl
import importlib
import inspect
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, BinaryIO

from worker import config, logs
from worker.job import Job, Reject, Result, Retry, Verdict
from worker.jobs import command, payload
from worker.jobs.process import PREFIX

#: Where AWS's SDKs and the X-Ray SDK look for the trace, as in Lambda.
TRACE = "_X_AMZN_TRACE_ID"
#: Characters of a failure's reason and traceback that are told: a log event of CloudWatch takes 256 KiB.
REASON, TRACEBACK = 1_000, 20_000
#: Files whose frames come before the user's in a traceback, and say nothing about them.
OURS = (__file__, importlib.__file__, "<frozen importlib")


def main(connection: int, lifeline: int) -> None:
    """Import the handler, say so, and do one job after the other until the parent ends this process or dies."""
    for descriptor in (connection, lifeline):
        os.set_inheritable(descriptor, False)
    formatter = logs.setup()
    _die_with_parent(lifeline)
    try:
        worker = _Worker(config.read(os.environ))
    except command.CommandError as error:
        _tell(connection, Result(verdict=Verdict.FAILED, reason=_text(error)))
        return
    except BaseException as error:  # a module may call sys.exit()
        _tell(connection, _failed(error))
        return
    _tell(connection, Result(verdict=Verdict.DONE))
    process_id = os.getpid()
    with open(connection, "rb", closefd=False) as jobs:
        while job := _next(jobs):
            formatter.common = {
                "message_id": job.id,
                "attempt": job.attempt,
                "group": job.group,
                "trace": job.trace,
            }
            result = worker.attempt(job)
            del job
            with suppress(Exception):  # the handler may have closed it
                sys.stdout.flush()
            if os.getpid() != process_id:
                os._exit(result.verdict is not Verdict.DONE)  # forked by the handler, and come here with it
            formatter.common = {}
            _tell(connection, result)
    os.killpg(process_id, signal.SIGKILL)  # the parent is gone, and nobody keeps the lease


def _next(jobs: BinaryIO) -> Job | None:
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        job: Job = pickle.load(jobs)  # noqa: S301 - from our own parent
        return job
    return None


def _tell(connection: int, result: Result) -> None:
    data = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    rest = memoryview(len(data).to_bytes(PREFIX) + data)
    with suppress(OSError):  # the parent has gone, as the next read tells
        while rest:
            rest = rest[os.write(connection, rest) :]


def _die_with_parent(lifeline: int) -> None:
    """Have this process and what it started killed when the parent is gone, for nobody keeps their lease then."""
    if sys.platform == "linux":
        # By the kernel: a handler that holds the interpreter's lock in a C call could not be told otherwise.
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
        return

    def watch() -> None:
        os.read(lifeline, 1)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


class _Worker:
    """The handler or the command, and how what it does becomes a result."""

    def __init__(self, settings: config.Config) -> None:
        self._settings = settings
        self._runner: Any = None
        self._handle: Callable[[Job], object]
        if settings.command:
            self._handle = command.Command(settings.command)
        else:
            module, _, function = settings.handler.partition(":")
            self._handle = getattr(importlib.import_module(module), function)
            if not callable(self._handle):
                raise TypeError(f"{settings.handler} is not callable")
            if not _takes_one(self._handle):
                raise TypeError(f"{settings.handler} must take one argument, the job")

    def attempt(self, job: Job) -> Result:
        """Do the job; whatever happens is a result."""
        try:
            if job.trace:
                os.environ[TRACE] = job.trace
            self._do(job)
        except Retry as error:
            return _retry(error)
        except Reject as error:
            return Result(verdict=Verdict.REJECT, reason=_text(error) or type(error).__name__)
        except command.CommandError as error:
            return Result(verdict=Verdict.FAILED, reason=_text(error))
        except BaseException as error:  # sys.exit() in a handler is no success either
            return _failed(error)
        finally:
            os.environ.pop(TRACE, None)
        return Result(verdict=Verdict.DONE)

    def _do(self, job: Job) -> None:
        settings = self._settings
        if settings.payload_bucket:
            job = payload.fetch(job, settings.payload_bucket, settings.region, settings.max_body_bytes)
        if not job.body.strip():
            raise Reject("the body is empty")
        size = len(job.body.encode())
        if size > settings.max_body_bytes:
            raise Reject(
                f"the body has {size} bytes, which is more than EBB_MAX_BODY_BYTES = {settings.max_body_bytes}"
            )
        outcome = self._handle(job)
        if inspect.isgenerator(outcome) or inspect.isasyncgen(outcome):
            raise TypeError("the handler is a generator, which does nothing when it is called: it must not yield")
        if inspect.isawaitable(outcome):
            self._await(outcome)

    def _await(self, outcome: Awaitable[object]) -> None:
        import asyncio  # noqa: PLC0415 - a handler that is not async needs no loop

        async def run() -> None:
            await outcome

        if self._runner is None:  # one loop for all jobs: a handler's connections belong to it
            self._runner = asyncio.Runner()
        self._runner.run(run())


def _takes_one(handle: Callable[..., object]) -> bool:
    try:
        inspect.signature(handle).bind(None)
    except TypeError:
        return False
    except ValueError:  # some callables do not tell their parameters
        return True
    return True


def _retry(error: Retry) -> Result:
    try:
        after = None if error.after is None else min(max(0.0, float(error.after)), float(config.MOST_VISIBILITY))
    except (TypeError, ValueError, OverflowError) as wrong:
        return _failed(wrong)
    return Result(verdict=Verdict.RETRY, reason=_text(error) or None, after=after)


def _failed(error: BaseException) -> Result:
    text = "".join(traceback.format_exception_only(error)).strip()
    where = error.__traceback__
    while where and where.tb_frame.f_code.co_filename.startswith(OURS):
        where = where.tb_next
    if where is None:  # nothing of the user's has run: the reason says it all
        return Result(verdict=Verdict.FAILED, reason=text[:REASON])
    trace = "".join(traceback.format_exception(error.with_traceback(where)))
    cut = trace if len(trace) <= TRACEBACK else f"…{trace[-TRACEBACK:]}"  # the end says what it was
    return Result(verdict=Verdict.FAILED, reason=text[:REASON], traceback=cut)


def _text(error: Exception) -> str:
    try:
        return str(error)[:REASON]
    except Exception:  # a __str__ of the user's own
        return type(error).__name__


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""The parent's side of the child process."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from worker.job import Job, Result
from worker.stop import Stop

#: Seconds after which a wait looks whether the child lives: processes that it forked may hold its end of the pipe open.
GLANCE = 1


class Runner:
    """One child process, used for job after job, and started anew when it has died."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    @property
    def process_id(self) -> int | None:
        """The child's process id, while there is one."""
        return self._process.pid if self._process else None

    def open(self) -> None:
        """Start the child if none lives; it imports the handler and reports that as a Result without job_id."""
        if self._process and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            # Its own process group: Ctrl-C is for the parent alone, and what the handler starts can be stopped with it.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker.child", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        self._connection = Connection(ours.detach())

    def send(self, job: Job) -> None:
        """Hand a job to the child, which is started if need be."""
        self.open()
        if self._connection:
            with suppress(OSError):  # it died just now: receive() tells
                self._connection.send(job)

    def receive(self, stop: Stop, seconds: float) -> Result | None:
        """What the child reports next; None when the time is over or the stop's bell rang. A dead child is an error."""
        if not self._process or not self._connection:
            return None
        stop.wait(min(seconds, GLANCE), self._connection)
        try:
            if self._connection.poll():
                result: Result = self._connection.recv()
                return result
        except (EOFError, OSError):
            return self._crashed()
        return None if self._process.poll() is None else self._crashed()

    def close(self) -> int | None:
        """End the child and all that it started: SIGTERM, SIGKILL after the grace. Its exit code, if it ran."""
        if not self._process or not self._connection:
            return None
        process, connection = self._process, self._connection
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):  # macOS denies it for a group of the dead
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self._grace)
        connection.close()
        self._process = self._connection = None
        return process.wait()

    def _crashed(self) -> Result:
        code = self.close() or 0
        how = f"was killed by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exited with {code}"
        return Result(error=f"the handler's process {how}")

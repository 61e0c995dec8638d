"""A child process as the parent sees it: start it, exchange jobs and results, end it with all that it started."""

import math
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress

from worker import logs, progress
from worker.job import Job, Result
from worker.jobs import descendants, scratch
from worker.jobs.descendants import FAMILY
from worker.progress import Progress

POLL_SECONDS = 0.005
KILL_SECONDS = 5.0
#: Time after the child's end for init to reap the child's own children, which run no code any more.
REAP_SECONDS = 0.5
#: A child that closed its connection gets so long to exit, so that its own exit code is reported and not our signal.
EXIT_SECONDS = 0.5
LENGTH_BYTES = 4
READ_BYTES = 65_536
#: Sets `job.stopping`. By default a process ignores this signal (signal(7)), so it may come at any time.
STOP_SIGNAL = signal.SIGURG


def progress_path(folder: str, job: Job) -> str:
    """The file with a job's progress, in its child's folder."""
    return f"{folder}/progress-{re.sub('[^A-Za-z0-9-]', '_', job.message_id)}"


class ChildGoneError(Exception):
    """The child is not usable any more: it died, closed its connection or sent something that is no result."""


class Child:
    """A child process with its own process group and socket. `pidfd` gets readable when it dies (Linux only)."""

    def __init__(self, command: Sequence[str]) -> None:
        self.pidfd: int | None = None
        self._folder = tempfile.mkdtemp(prefix="ebb-")
        self.socket, theirs = socket.socketpair()
        # What the child prints goes through this process: whole lines, and no program can change our standard output.
        self._output, printing = os.pipe()
        # Nothing is ever written into this pipe. When it closes, the child knows that this process has ended.
        lifeline, self._lifeline = os.pipe()
        # The child writes a byte when it has taken a job. It is read only when that is in question.
        self._taken, taking = os.pipe()
        os.set_blocking(self._taken, False)
        try:
            self.process = FAMILY.start(
                lambda: subprocess.Popen(
                    [*command, str(theirs.fileno()), str(lifeline), str(taking), self._folder],
                    pass_fds=(theirs.fileno(), lifeline, taking),
                    stdin=subprocess.DEVNULL,
                    stdout=printing,
                    stderr=printing,
                    process_group=0,  # Ctrl-C is for the parent only, and one signal reaches most of a job's processes
                )
            )
        except OSError:
            os.close(self._output)
            self._close()
            raise
        finally:
            theirs.close()
            os.close(lifeline)
            os.close(taking)
            os.close(printing)
        self._printed = logs.OUTPUT.follow(self._output)
        self.socket.setblocking(False)
        self.descriptor = self.socket.fileno()
        self.pidfd = _pidfd(self.process.pid)
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._kill_at = math.inf
        #: The file with the job's progress, and what was in it when the child had ended.
        self.progress_path = ""
        self.last_progress: Progress | None = None
        self._has_taken = False
        self.sent_at = math.inf

    def send(self, job: Job) -> int:
        """Send as much of the job as the socket takes now; the number of bytes that are left."""
        self.taken()  # the byte of the job before
        self.progress_path = progress_path(self._folder, job)
        self._has_taken, self.sent_at = False, time.monotonic()
        logs.OUTPUT.begin(self._printed)
        self._unsent = memoryview(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
        return self.flush()

    def taken(self) -> bool:
        """Whether the child has taken the job that was sent last."""
        with suppress(BlockingIOError):
            self._has_taken = bool(os.read(self._taken, READ_BYTES)) or self._has_taken
        return self._has_taken

    def flush(self) -> int:
        """Send more of the job; the number of bytes that are left."""
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise ChildGoneError from error
        return len(self._unsent)

    def read(self) -> Result | None:
        """A result, once it has arrived completely."""
        try:
            chunk = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ChildGoneError from error
        if not chunk:
            raise ChildGoneError
        self._received += chunk
        end = LENGTH_BYTES + int.from_bytes(self._received[:LENGTH_BYTES])
        if len(self._received) < end:
            return None
        try:
            result = pickle.loads(self._received[LENGTH_BYTES:end])  # noqa: S301 - from our own child
        except Exception as error:
            raise ChildGoneError from error
        del self._received[:end]
        logs.OUTPUT.end_line(self._printed)
        if not isinstance(result, Result):
            raise ChildGoneError
        return result

    def exit_reason(self) -> str:
        """How the child ended; if it still runs, what else it did."""
        try:
            code = self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its connection to the worker"
        return f"was killed by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exited with {code}"

    def request_stop(self) -> None:
        """Set `job.stopping` for the job. A child that does not listen ignores it."""
        with suppress(ProcessLookupError):
            self.process.send_signal(STOP_SIGNAL)

    def kill_within(self, grace: float) -> None:
        """While `end` waits in its thread: SIGKILL comes within so many seconds."""
        self._kill_at = min(self._kill_at, time.monotonic() + grace)

    def end(self, grace: float) -> bool:
        """End the child and all that it started: SIGTERM, SIGKILL after the grace. What it says afterwards is ignored.

        Many programs end cleanly on SIGTERM, without being done. Returns whether the child had taken its job.
        """
        self.kill_within(grace)
        if self._left():
            self._signal(signal.SIGTERM)
        while self._left() and time.monotonic() < self._kill_at and not self._sent():  # a verdict: wait no longer
            time.sleep(POLL_SECONDS)
        killed_at = time.monotonic()
        while self._left():
            self._signal(signal.SIGKILL)  # again and again: it may be starting others
            limit = REAP_SECONDS if self.process.poll() is not None and not self._descendants() else KILL_SECONDS
            if time.monotonic() >= killed_at + limit:
                break
            time.sleep(POLL_SECONDS)
        taken = self.taken()
        with suppress(progress.NoProgressError):
            self.last_progress = progress.read(self.progress_path)
        self._close()
        return taken

    def _sent(self) -> Result | None:
        with suppress(ChildGoneError):
            return self.read()
        return None

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS denies it for a group of dead processes
            os.killpg(self.process.pid, number)
        descendants.send(number, self._descendants())

    def _left(self) -> bool:
        """Whether the child, or a process that it started, is still there."""
        return self._group_left() or bool(self._descendants())

    def _descendants(self) -> list[int]:
        if self.process.poll() is None:
            return descendants.of(self.process.pid)
        FAMILY.ended(self.process.pid)
        return FAMILY.orphans()  # those of another dead child too: they have to end as well

    def _group_left(self) -> bool:
        if self.process.poll() is not None:
            with suppress(ChildProcessError):  # as process 1 of a container the worker inherits its orphans
                while os.waitpid(-self.process.pid, os.WNOHANG)[0]:
                    pass
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS: all of them are dead
            return self.process.returncode is None
        return True

    def _close(self) -> None:
        scratch.remove(self._folder)
        self.socket.close()
        os.close(self._lifeline)
        os.close(self._taken)
        if self.pidfd is not None:
            os.close(self.pidfd)


def _pidfd(pid: int) -> int | None:
    """A file that gets readable when the process dies, where the system has such files."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            return os.pidfd_open(pid)
    return None

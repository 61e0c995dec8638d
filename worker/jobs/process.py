"""A child process as its parent has it: started, spoken with, and ended together with all that it started."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from worker.job import Job, Result

#: Seconds between looks whether a child that is being ended, and what it started, is gone.
BLINK = 0.005
#: Seconds for the kernel to clear away a child that has had SIGKILL, and for init to bury what the child had started:
#: that runs no code any longer either.
LINGER, BURIAL = 5.0, 0.5
#: Seconds for a child that hung up to end by itself, so that its own exit code is told and not our signal.
HANG_UP = 0.5
#: Bytes before each result: its length.
PREFIX = 4
#: Bytes read at once.
READ = 65_536


class GoneError(Exception):
    """The child is of no more use: it died, hung up or talks nonsense."""


class Child:
    """A child process, with a process group and a socket of its own. `pidfd` turns readable when it dies (Linux)."""

    def __init__(self, command: Sequence[str]) -> None:
        self.pidfd: int | None = None
        self.socket, theirs = socket.socketpair()
        # Nothing is ever written into this pipe: when it closes, the child knows that this process is gone.
        watched, self._lifeline = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(watched)],
                pass_fds=(theirs.fileno(), watched),
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for the parent alone, and what the handler starts can be stopped with it
            )
        except OSError:
            self._hang_up()
            raise
        finally:
            theirs.close()
            os.close(watched)
        self.socket.setblocking(False)
        self.descriptor = self.socket.fileno()
        self.pidfd = _pidfd(self.process.pid)
        self._received = bytearray()
        self._rest = memoryview(b"")

    def send(self, job: Job) -> int:
        """Send the job, as much as the socket takes now; the bytes that are left."""
        self._rest = memoryview(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
        return self.flush()

    def flush(self) -> int:
        """Send more of the job; the bytes that are left."""
        try:
            self._rest = self._rest[self.socket.send(self._rest) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise GoneError from error
        return len(self._rest)

    def read(self) -> Result | None:
        """A result, when one is there in full."""
        try:
            chunk = self.socket.recv(READ)
        except BlockingIOError:
            return None
        except OSError as error:
            raise GoneError from error
        if not chunk:
            raise GoneError
        self._received += chunk
        end = PREFIX + int.from_bytes(self._received[:PREFIX])
        if len(self._received) < end:
            return None
        try:
            result = pickle.loads(self._received[PREFIX:end])  # noqa: S301 - from our own child
        except Exception as error:
            raise GoneError from error
        del self._received[:end]
        if not isinstance(result, Result):
            raise GoneError
        return result

    def how(self) -> str:
        """How the child ended, or, as it still lives, what else it did."""
        try:
            code = self.process.wait(HANG_UP)
        except subprocess.TimeoutExpired:
            return "closed its connection to the worker"
        return f"was killed by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exited with {code}"

    def end(self, grace: float) -> Result | None:
        """End the child and its group: SIGTERM, SIGKILL after the grace. The result that it still gave, if any."""
        late: Result | None = None
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, LINGER)):
            if self._lives():
                with suppress(ProcessLookupError, PermissionError):  # macOS denies it for a group of the dead
                    os.killpg(self.process.pid, number)
            began = time.monotonic()
            while self._lives() and (left := began + seconds - time.monotonic()) > 0:
                if number == signal.SIGKILL and left < LINGER - BURIAL and self.process.poll() is not None:
                    break
                late = late or self._late()
                if late and number == signal.SIGTERM:
                    break  # its job is over: nothing more to wait for
                time.sleep(BLINK)
        late = late or self._late()
        self._hang_up()
        return late

    def _late(self) -> Result | None:
        with suppress(GoneError):
            return self.read()
        return None

    def _lives(self) -> bool:
        """Whether the child, or a process of its group, is there."""
        if self.process.poll() is not None:
            with suppress(ChildProcessError):  # as process 1 of a container we inherit its orphans
                while os.waitpid(-self.process.pid, os.WNOHANG)[0]:
                    pass
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS: all of them are dead
            return self.process.returncode is None
        return True

    def _hang_up(self) -> None:
        self.socket.close()
        os.close(self._lifeline)
        if self.pidfd is not None:
            os.close(self.pidfd)


def _pidfd(pid: int) -> int | None:
    """A file that turns readable when the process dies, where there is such a thing and it may be had."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            return os.pidfd_open(pid)
    return None

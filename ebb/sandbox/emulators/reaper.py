"""Cleans up after a sandbox that could not: a process of its own that outlives ours, even after SIGKILL.

Run as a script: `guard.py DIRECTORY`. It reads `+pid` and `-pid` lines (leaders of process groups) from its standard
input. When that ends because whoever held the other end of the pipe is gone, it kills the groups still on the list and
removes the directory. A pipe works on Linux and macOS alike, and unlike PR_SET_PDEATHSIG it follows the process, not
the thread that happened to start the child.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


class Guard:
    """Our end of the pipe."""

    def __init__(self, directory: Path) -> None:
        # -I -S: neither the user's environment nor site-packages matter to it, and it starts in a few milliseconds
        command = [sys.executable, "-I", "-S", __file__, str(directory)]
        reading, self._writing = os.pipe()
        # its own session: a Ctrl-C is for us; its own output: whoever reads ours shall not wait for it
        self._process = subprocess.Popen(
            command, stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(reading)

    @property
    def pid(self) -> int:
        """The guard's own process."""
        return self._process.pid

    def add(self, pid: int) -> None:
        """Kill this process group when we are gone."""
        self._tell(f"+{pid}\n")

    def discard(self, pid: int) -> None:
        """Its process has been waited for: the number may be another's from now on."""
        self._tell(f"-{pid}\n")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # someone killed the guard: that is no reason to stop
            os.write(self._writing, line.encode())  # so short a line is written whole, whatever other threads write

    def stop(self) -> None:
        """Wait until everything still on the list is killed and the directory gone."""
        os.close(self._writing)
        self._process.wait()


def main() -> None:
    """Read the list until its writer is gone, then clean up."""
    groups: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(pid)
    for pid in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()

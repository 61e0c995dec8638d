"""Cleans up after a sandbox that was killed: a separate process that outlives ours, even after SIGKILL.

Run as a script: `reaper.py DIRECTORY`. It reads `+pid` and `-pid` lines (leaders of process groups) from its standard
input. When that ends, because our process is gone, it kills the groups on the list and removes the directory. A pipe
works on Linux and macOS. Unlike PR_SET_PDEATHSIG it follows our process, not the thread that started the child.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


class Reaper:
    """Our end of the reaper's pipe."""

    def __init__(self, directory: Path) -> None:
        # -I -S: without the user's environment and site-packages it starts in a few milliseconds
        command = [sys.executable, "-I", "-S", __file__, str(directory)]
        reading, self._writing = os.pipe()
        # a separate session: Ctrl-C is for us; no output of ours: a reader of our output must not wait for it
        self._process = subprocess.Popen(
            command, stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(reading)

    @property
    def pid(self) -> int:
        """The reaper's process id."""
        return self._process.pid

    def add(self, pid: int) -> None:
        """Kill this process group when our process is gone."""
        self._send(f"+{pid}\n")

    def discard(self, pid: int) -> None:
        """The process has been waited for, so its id may belong to another process now."""
        self._send(f"-{pid}\n")

    def _send(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # the reaper was killed, and we go on without it
            os.write(self._writing, line.encode())  # short enough (PIPE_BUF) not to mix with other threads' lines

    def stop(self) -> None:
        """Wait until the groups on the list are killed and the directory is removed."""
        os.close(self._writing)
        self._process.wait()


def main() -> None:
    """Read the list until our process is gone, then clean up."""
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

"""Starts and ends a MiniStack process. The child's side is serving.py."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ebb.errors import UserError
from ebb.project import ROOT
from ebb.sandbox.emulators.local_http import OPENER

MODULE = "ebb.sandbox.emulators.ministack"
#: Real seconds in which MiniStack must answer after its start: it needs one, but many more on a busy machine.
START_LIMIT = 300
#: The user's environment variables that the child gets: none about AWS, proxies or Python.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL")


class MiniStackError(UserError):
    """MiniStack did not start; the text is one sentence."""


class Server:
    """A process that serves MiniStack on 127.0.0.1; `port` 0 is any free one.

    It runs `module`, whose main() calls serving.serve, with the socket's file descriptor and `arguments`. Its log is
    `directory`/ministack.log. It answers after `wait_until_ready`, and ends with `kill`.
    """

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        module: str = MODULE,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = directory / "ministack.log"
        # the socket is bound here and handed down: no other process can take the port in between
        with socket.create_server(("127.0.0.1", port), backlog=1024) as listener, self._log.open("ab") as output:
            self.port: int = listener.getsockname()[1]
            self.endpoint = f"http://127.0.0.1:{self.port}"
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(listener.fileno()), *arguments],
                cwd=ROOT,
                env={**_environment(self.port, directory), **(environment or {})},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the parent: destroying a stack still needs the emulators
            )

    def wait_until_ready(self) -> None:
        """Wait until it answers. Raises MiniStackError when it ends before, or takes too long."""
        deadline = time.monotonic() + START_LIMIT
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                last = (self._log.read_text(errors="replace").strip() or "it wrote nothing").splitlines()[-1]
                raise MiniStackError(f"MiniStack did not start: {last}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process and its children by SIGKILL. Its state is in memory: there is nothing to save."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for one that has just ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        """From now on the kernel accepts connections, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End what freeze() began."""
        self.process.send_signal(signal.SIGCONT)

    def _ready(self) -> bool:
        try:
            OPENER.open(f"{self.endpoint}/_ministack/ready", timeout=START_LIMIT).close()
        except OSError:  # refused, or 503 while it starts
            return False
        return True


def _environment(port: int, directory: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "GATEWAY_PORT": str(port),  # the port in queue URLs
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",  # else it opens 8883 on all interfaces
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{directory}/no-docker",  # else it removes containers of other MiniStacks
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(directory),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

"""A sandbox with a deployed stack in a separate process, which the test processes of a run use one after another.

A separate process, because moto's own mocks empty its state. `python -m tests.ops.sandbox_process FOLDER SPEED` ends
when no test module has used it for LINGER_SECONDS.
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ebb.project import ROOT
from ebb.sandbox import running
from tests.helpers import stacks
from tests.helpers.waiting import alive, until

STACK = "sandbox"
#: With a job table, and with the demo's handler. A job that fails is tried again within a second.
OVERRIDES = {
    "ebb:jobs": {"keep_days": 1, "events": True},
    "ebb:worker": {"handler": "worker.demo:handle", "backoff_cap": 1},
    "ebb:queue": {"max_receive_count": 2},
}
LINGER_SECONDS = 10.0
_LOOK_SECONDS = 0.2


@contextmanager
def used(folder: Path) -> Iterator[None]:
    """Inside it, the sandbox whose cache is this folder runs and no other test process uses it."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not running.find(STACK):
            _start(folder)
        yield


def _start(folder: Path) -> None:
    log = folder / "log"
    # by a shell, because it outlives this process: it is no child of it
    words = ["sh", "-c", '"$@" >> "$0" 2>&1 & echo $!', str(log), sys.executable, "-m", __spec__.name, str(folder)]
    shell = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, start_new_session=True, check=True)
    process = int(shell.stdout)
    until(lambda: running.find(STACK) or not alive(process), limit=900, seen=log.read_text)
    assert running.find(STACK), log.read_text()


def main(folder: Path) -> None:
    """Deploy, and wait until the sandbox is no longer used."""
    from ebb.sandbox.demo import WORKER
    from ebb.sandbox.sandbox import Sandbox

    os.environ["EBB_CACHE"] = str(folder)
    config = stacks.configuration(STACK, OVERRIDES)
    with Sandbox(STACK, in_process=True, config=config, image=WORKER) as sandbox, (folder / "lock").open("w") as lock:
        sandbox.deployment.up()
        with sandbox.announced():
            unused = time.monotonic()
            while time.monotonic() < unused + LINGER_SECONDS:
                time.sleep(_LOOK_SECONDS)
                if _held(lock):
                    unused = time.monotonic()
            fcntl.flock(lock, fcntl.LOCK_EX)  # no test module finds it from here on


def _held(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))

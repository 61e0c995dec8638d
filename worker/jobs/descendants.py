"""All processes that a process started, also those that left its process group: Linux only, empty elsewhere.

Each child process of the worker adopts the orphans among its descendants, so they stay its descendants. When it has
died, the worker itself adopts them.
"""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

#: prctl(2): orphaned descendants become children of this process, and not of init.
PR_SET_CHILD_SUBREAPER = 36
#: The kernel ends a process with a higher score first when memory is short (proc(5), oom_score_adj).
OOM_SCORE_ADJ = 500
PROC = Path("/proc")
#: States of a process that runs no code any more (proc(5), stat).
DEAD = frozenset({b"Z", b"X"})
#: A child with more dead orphans than this is replaced: it cannot reap them without taking exit codes from the handler.
MAX_UNREAPED = 200


def adopt() -> None:
    """From now on the orphans among this process's descendants become its children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def prefer_as_victim() -> None:
    """Let the kernel end this process, and what it starts, before the worker when memory is short."""
    with suppress(OSError):
        (PROC / "self" / "oom_score_adj").write_text(str(OOM_SCORE_ADJ))


def unreaped() -> int:
    """How many dead children this process has not waited for; 0 while it has few children."""
    with suppress(OSError):
        children = (PROC / "thread-self" / "children").read_text().split()
        if len(children) > MAX_UNREAPED:
            return sum(found.dead for found in _all() if str(found.pid) in children)
    return 0


def of(*roots: int) -> list[int]:
    """The living descendants of these processes, without the processes themselves."""
    return [process.pid for process in _below(roots, _all()) if not process.dead]


def send(number: int, pids: Iterable[int]) -> None:
    """Send the signal to each process that still exists."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


class _Process(NamedTuple):
    pid: int
    parent: int
    dead: bool


def _all() -> list[_Process]:
    found: list[_Process] = []
    if sys.platform == "linux":
        for folder in PROC.iterdir():
            if folder.name.isdigit():
                with suppress(OSError):  # it has just ended
                    # after the command in parentheses: state, parent, … (proc(5), stat)
                    state, parent, *_ = (folder / "stat").read_bytes().rpartition(b")")[2].split()
                    found.append(_Process(int(folder.name), int(parent), state in DEAD))
    return found


def _below(roots: Iterable[int], processes: list[_Process]) -> list[_Process]:
    children: dict[int, list[_Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: list[_Process] = []
    waiting = list(roots)
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += [process.pid for process in below]
    return found


class Family:
    """The processes that this process has started, and the orphans that it has adopted.

    A living child adopts the orphans among its own descendants. So a process that this one has adopted belonged to a
    child that is dead.
    """

    def __init__(self) -> None:
        self._started: set[int] = set()
        self._adopts = False
        self._lock = threading.Lock()

    def adopt(self) -> None:
        """Adopt orphans from now on. Afterwards this process starts others with `start` only."""
        adopt()
        self._adopts = True

    def start(self, start: Callable[[], "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
        """Start a process."""
        with self._lock:  # until it is recorded it looks like an orphan
            process = start()
            self._started.add(process.pid)
            return process

    def ended(self, pid: int) -> None:
        """A process has ended, and this one has waited for it."""
        self._started.discard(pid)

    def orphans(self) -> list[int]:
        """The living orphans, and their descendants. Dead ones are reaped."""
        if not self._adopts:
            return []
        with self._lock:
            processes = _all()
            adopted = [it for it in processes if it.parent == os.getpid() and it.pid not in self._started]
        for process in adopted:
            if process.dead:
                with suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
        roots = [process.pid for process in adopted]
        return [it.pid for it in [*adopted, *_below(roots, processes)] if not it.dead]


FAMILY = Family()

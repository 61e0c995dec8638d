"""Linux's view of a process and all that it started: CPU time, memory, stop and go."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB_IN_PAGE = os.sysconf("SC_PAGE_SIZE") / 2**20
#: A signal ends a process within so long.
GRACE_SECONDS = 10.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Stat:
    """A line of /proc/PID/stat (proc(5)). `cpu`: seconds of the process and of its children that have ended."""

    pid: int
    parent: int
    state: str
    cpu: float
    rss: float

    @classmethod
    def parse(cls, line: str) -> "Stat":
        """A line; the command's name, in parentheses, may hold anything."""
        pid, _, rest = line.partition(" (")
        state, parent, *fields = rest.rpartition(") ")[2].split()
        # fields[0] is proc(5)'s field 5; utime, stime, cutime and cstime are 14 to 17, rss is 24
        cpu = sum(map(int, fields[9:13])) / TICKS
        return cls(int(pid), int(parent), state, cpu, int(fields[19]) * MIB_IN_PAGE)


def tree(root: int) -> list[Stat]:
    """A process and what it started, and what that started; the process itself first."""
    family: dict[int, list[Stat]] = {}
    first = None
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            stat = Stat.parse(path.read_text())
            family.setdefault(stat.parent, []).append(stat)
            first = stat if stat.pid == root else first
    found = [first] if first else []
    for stat in found:  # which grows as it is read
        found += family.get(stat.pid, [])
    return found


def cpu(root: int) -> float:
    """CPU seconds of a process and all that it started, the ended ones included."""
    return sum(stat.cpu for stat in tree(root))


def freeze(root: int) -> None:
    """Stop a process and all that it started where they are, and return when they have stopped."""
    while running := [stat.pid for stat in tree(root) if stat.state not in "TZ"]:
        _signal(running, signal.SIGSTOP)
        time.sleep(POLL_SECONDS)


def thaw(root: int) -> None:
    """Let them go on."""
    _signal([stat.pid for stat in tree(root)][::-1], signal.SIGCONT)


def end(root: int) -> None:
    """SIGTERM to a process; when it has ended or its time is over, SIGKILL to all that it started and that is left."""
    pids = {stat.pid for stat in tree(root)}
    thaw(root)
    _signal([root], signal.SIGTERM)
    _await({root})
    _signal(_left(pids), signal.SIGKILL)
    _await(pids)


def _await(pids: set[int]) -> None:
    limit = time.monotonic() + GRACE_SECONDS
    while _left(pids) and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)


def _left(pids: set[int]) -> list[int]:
    stats = []
    for pid in pids:
        with suppress(OSError):
            stats.append(Stat.parse(Path(f"/proc/{pid}/stat").read_text()))
    return [stat.pid for stat in stats if stat.state != "Z"]


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

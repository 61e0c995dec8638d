"""CPU time of process groups, on Linux and macOS, without an additional package."""

import os
import subprocess
from collections import defaultdict
from pathlib import Path

_PROC = Path("/proc")


def seconds_by_group() -> dict[int, float]:
    """CPU seconds that each process group's processes, and the children they waited for, have used."""
    return _from_proc() if (_PROC / "self" / "stat").exists() else _from_ps()


def _from_proc() -> dict[int, float]:
    used: dict[int, float] = defaultdict(float)
    tick = os.sysconf("SC_CLK_TCK")
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                # proc(5): after the command in parentheses state, ppid, pgrp, …; utime to cstime are fields 14 to 17
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            used[int(fields[2])] += sum(map(int, fields[11:15])) / tick
    return used


def _from_ps() -> dict[int, float]:
    used: dict[int, float] = defaultdict(float)
    for line in subprocess.check_output(["/bin/ps", "-axo", "pgid=,time="], text=True).splitlines():
        group, spent = line.split()
        minutes, _, seconds = spent.rpartition(":")
        hours = [int(part) for part in minutes.split(":")]
        used[int(group)] += sum(part * 60 ** (len(hours) - place) for place, part in enumerate(hours)) + float(seconds)
    return used

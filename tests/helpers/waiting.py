"""Waiting for what a test expects. A limit is minutes long: a busy machine must not turn a test red."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which a test no longer waits for a condition, a process or an answer. `make mutants` sets fewer: there
#: many tests wait for what never comes.
LIMIT = float(os.environ.get("EBB_TEST_LIMIT", "180"))
#: Seconds between two looks at a condition.
INTERVAL = 0.01


def until(
    condition: Callable[[], T | None],
    limit: float = LIMIT,
    seen: Callable[[], object] | None = None,
    interval: float = INTERVAL,
) -> T:
    """The condition's first true value, with so many seconds between two looks.

    Raises AssertionError after `limit` seconds, with the condition's last value and what `seen` returns then.
    """
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            also = f"; seen: {seen()}" if seen else ""
            raise AssertionError(f"not true within {limit:g} seconds, the last value was {value!r}{also}")
        time.sleep(interval)
    return value


def alive(pid: int) -> bool:
    """Whether a process with this id exists; a zombie does not count."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no /proc on this system, or the process ended between the two lines
        return not Path("/proc").is_dir()

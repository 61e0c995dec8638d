"""The container's health check: `python -m worker.health FILE SECONDS` is 0 while the file is younger than that."""

import sys
import time
from contextlib import suppress
from pathlib import Path


def touch(path: str) -> None:
    """Make the file young. That this fails must not stop the worker: the check says so by turning bad."""
    with suppress(OSError):
        Path(path).touch()


def main(argv: list[str]) -> int:
    """0 when the file is younger than its seconds; otherwise 1, and a line that says why."""
    try:
        name, limit = argv[0], float(argv[1])
    except (IndexError, ValueError):
        print("usage: python -m worker.health FILE SECONDS")
        return 1
    try:
        age = time.time() - Path(name).stat().st_mtime
    except OSError as error:
        print(f"the worker has not shown yet that it works: {error}")
        return 1
    if age < limit:
        return 0
    print(f"the worker is stuck: it last showed that it works {age:.0f} seconds ago, and {limit:g} are allowed")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The container's health check: `python -m worker.health FILE SECONDS` exits with 0 while the file is younger."""

import sys
import time
from contextlib import suppress
from pathlib import Path


def touch(path: str) -> None:
    """Make the file young. An error must not stop the worker: the check fails then."""
    with suppress(OSError):
        Path(path).touch()


def unwritable(path: str) -> str | None:
    """Why this file cannot be written, in one sentence; None if it can. ECS replaces a task without it for ever."""
    try:
        Path(path).touch()
    except OSError as error:
        return (
            f"EBB_HEALTH_FILE: the worker must be able to write {path}, but: {error}. "
            "Set `VOLUME /tmp` after `RUN chmod 1777 /tmp` in the Dockerfile of an image with a USER."
        )
    return None


def main(argv: list[str]) -> int:
    """0 when the file is younger than the limit; otherwise 1, and a line with the reason."""
    try:
        name, limit = argv[0], float(argv[1])
    except (IndexError, ValueError):
        print("usage: python -m worker.health FILE SECONDS")
        return 1
    try:
        age = time.time() - Path(name).stat().st_mtime
    except OSError as error:
        print(f"the worker has given no sign of life yet: {error}")
        return 1
    if age < limit:
        return 0
    print(f"the worker is stuck: its last sign of life is {age:.0f} seconds old, and {limit:g} are allowed")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The folder where Ebb keeps what takes long to get: the Pulumi CLI, the packages of a worker's image, logs."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ebb.errors import UserError

Say = Callable[[str], None]


def folder() -> Path:
    """$EBB_CACHE, else `ebb` in the user's cache folder. Raises UserError where it cannot be written."""
    path = Path(os.environ.get("EBB_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ebb")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The cache folder {path} cannot be made ({error.strerror}): set EBB_CACHE to another."
        ) from None
    return path


def once(name: str, make: Callable[[Path], None], say: Say, what: str) -> Path:
    """The folder `name` in the cache; when it is missing, `make` writes it first.

    One process makes it at a time. A folder that is there is complete, since it is moved into place as a whole.
    """
    root = folder() / name
    if root.exists():
        return root
    with _only_one(folder() / f"{name}.lock", say, what):
        if not root.exists():
            with tempfile.TemporaryDirectory(prefix="getting-", dir=root.parent) as temporary:
                make(Path(temporary, name))
                Path(temporary, name).rename(root)
    return root


@contextmanager
def _only_one(lock: Path, say: Say, what: str) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is getting {what}; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # the kernel releases the lock of a process that dies

"""The sandboxes that run on this machine: each writes a small file, by which the commands of `ebb` find it."""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ebb import cache

#: The folder in the cache, and the end of a file's name.
_FOLDER, _SUFFIX = "running", ".json"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A deployed stack of a running sandbox.

    `endpoint` is the region's address, `process` the sandbox's id, `speed` and `epoch` are its clock's. `config` is the
    stack's, by full key, `outputs` what it exports.
    """

    name: str
    process: int
    endpoint: str
    region: str
    speed: float
    epoch: float
    config: Mapping[str, Any]
    outputs: Mapping[str, Any]


@contextmanager
def announced(sandbox: Running) -> Iterator[None]:
    """Inside it, `find` has the sandbox. A younger sandbox of the same name takes its place."""
    path = _folder() / f"{sandbox.name}{_SUFFIX}"
    # mkstemp's mode is 0600
    number, temporary = tempfile.mkstemp(dir=path.parent)
    with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - a file descriptor
        json.dump(asdict(sandbox), file)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel releases it when the process ends, however it ends
        Path(temporary).replace(path)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    path.unlink()


def find(name: str) -> Running | None:
    """The running sandbox of this stack; None if there is none. The file of a process that was killed is ignored."""
    path = _folder() / f"{name}{_SUFFIX}"
    if Path(name).name != name or not path.exists():
        return None
    with path.open(encoding="utf-8") as file:
        return Running(**json.load(file)) if _is_locked(file) else None


def names() -> list[str]:
    """The stacks of all running sandboxes, sorted."""
    found = (path.name.removesuffix(_SUFFIX) for path in _folder().glob(f"*{_SUFFIX}"))
    return sorted(name for name in found if find(name))


def _folder() -> Path:
    folder = cache.folder() / _FOLDER
    folder.mkdir(exist_ok=True)
    return folder


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False

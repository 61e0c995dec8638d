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
    """Inside it, `find` has the sandbox, unless a younger one of the same name runs."""
    path = _folder() / f"{sandbox.name}.{sandbox.process}{_SUFFIX}"
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
            path.unlink(missing_ok=True)


def find(name: str) -> Running | None:
    """The youngest running sandbox of this stack; None if there is none."""
    return next((sandbox for sandbox in _all() if sandbox.name == name), None)


def names() -> list[str]:
    """The stacks of all running sandboxes, sorted."""
    return sorted({sandbox.name for sandbox in _all()})


def _all() -> list[Running]:
    """The sandboxes that run, the youngest first. The file of a process that was killed is ignored."""
    found = []
    for path in _folder().glob(f"*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8") as file:  # it ends just now
            if _is_locked(file):
                found.append((os.fstat(file.fileno()).st_mtime, Running(**json.load(file))))
    return [sandbox for _, sandbox in sorted(found, key=lambda one: one[0], reverse=True)]


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

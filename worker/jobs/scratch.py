"""Folders for temporary files: one for each child, and in it one for each job."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TMPDIR = "TMPDIR"


@contextmanager
def folder(parent: str) -> Iterator[None]:
    """Let TMPDIR and `tempfile` name a new folder in the parent, and remove it at the end. Raises OSError."""
    Path(parent).mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)  # a job may have emptied /tmp
    path = tempfile.mkdtemp(dir=parent)
    before = os.environ.get(TMPDIR), tempfile.tempdir
    os.environ[TMPDIR] = tempfile.tempdir = path
    try:
        yield
    finally:
        os.environ.pop(TMPDIR, None)
        if before[0] is not None:
            os.environ[TMPDIR] = before[0]
        tempfile.tempdir = before[1]
        remove(path)


def remove(path: str) -> None:
    """Remove the folder and what is in it, as far as that is possible."""
    shutil.rmtree(path, ignore_errors=True)
    if Path(path).is_dir():  # a job may have made folders without write permission
        for folder, names, _ in os.walk(path):
            for name in names:
                below = Path(folder, name)
                if not below.is_symlink():
                    with suppress(OSError):
                        below.chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)

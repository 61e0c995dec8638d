"""A stack's file at a revision of git (`--compare`)."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ebb import project
from ebb.errors import UserError

#: git must answer within this time: it reads one file.
GIT_TIMEOUT_SECONDS = 60.0


@contextmanager
def stack_at(revision: str, stack: str, folder: Path | None) -> Iterator[str | None]:
    """The path of a copy of the stack's file at a revision, while the block runs; None where it has no such file.

    `folder`: the file's; None for the project's root. Raises UserError.
    """
    text = _text(_commit(revision, folder), stack, folder)
    if text is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ebb-forecast-") as temporary:
        copy = Path(temporary, project.file_name(stack))
        copy.write_bytes(text)
        yield str(copy)


def stacks_at(revision: str) -> list[str]:
    """The names of the stacks that have a file in the project's root at a revision. Raises UserError."""
    listed = _git(None, "ls-tree", "--name-only", _commit(revision, None)).stdout.decode().splitlines()
    return project.stack_names(listed)


def _commit(revision: str, folder: Path | None) -> str:
    """The commit's id. Raises UserError."""
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        said = inside.stderr.decode(errors="replace").partition("\n")[0].removeprefix("fatal: ")
        raise UserError(f"git has no revisions to compare with: {said}.")
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.decode().strip()
    remote = f"origin/{revision}"
    if _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{remote}^{{commit}}").returncode == 0:
        raise UserError(f"There is no revision {revision!r} here, but {remote}: use --compare {remote}.")
    if _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        raise UserError(
            f"This clone is shallow and does not have the revision {revision!r}: run `git fetch --unshallow`, or "
            "`git fetch --depth=1 origin` with its name."
        )
    raise UserError(f"git does not know the revision {revision!r}: name a branch, a tag or a commit.")


def _text(commit: str, stack: str, folder: Path | None) -> bytes | None:
    """The stack's file in this folder at a commit. Raises UserError."""
    path = f"./{project.file_name(stack)}"
    if not _git(folder, "ls-tree", "--name-only", commit, path).stdout:
        return None
    shown = _git(folder, "show", f"{commit}:{path}")
    if shown.returncode:
        said = " ".join(shown.stderr.decode(errors="replace").split())
        raise UserError(f"git cannot read {project.file_name(stack)} at {commit[:12]}: {said}.")
    return shown.stdout


def _git(folder: Path | None, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """A finished git. Raises UserError."""
    try:
        return subprocess.run(
            ["git", "-C", str(folder or project.ROOT), *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            timeout=GIT_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UserError(
            "The command `git` is not on PATH. --compare reads the stack's file at the revision with it."
        ) from None
    except subprocess.TimeoutExpired:
        raise UserError(f"git did not answer within {GIT_TIMEOUT_SECONDS:g} seconds.") from None

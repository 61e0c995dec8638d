"""The Pulumi CLI: from PATH, else by the official installer, else built from its Go modules, into a cache folder."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pulumi.automation import InvalidVersionError, PulumiCommand
from semver import VersionInfo

from ebb.errors import UserError

#: The version that is fetched, and the oldest that is used from PATH: what the provider protocol was tried with.
VERSION = VersionInfo(3, 250, 0)
#: Its folder in the cache.
FOLDER = f"pulumi-{VERSION}"
#: Seconds that the installer's host may take to answer.
INSTALLER_TIMEOUT = 5.0
#: Seconds between two lines of progress while Go builds.
BUILD_PROGRESS = 15.0
#: `go install …@version` refuses Pulumi's replaced dependency, so it is built from a module of our own.
GO_MODULE = f"""module ebb.local/pulumi

go 1.25.11

require github.com/pulumi/pulumi/pkg/v3 v{VERSION}

require github.com/pulumi/pulumi/sdk/v3 v{VERSION}

replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e
"""
GO_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
GO_LDFLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"

Say = Callable[[str], None]


class NoEngineError(UserError):
    """No Pulumi CLI can be had; the text says in one sentence what was tried."""


def cache_folder() -> Path:
    """Where the engine is kept: $EBB_CACHE, else `ebb` in the user's cache folder."""
    if own := os.environ.get("EBB_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ebb"


def find(say: Say) -> PulumiCommand:
    """The Pulumi CLI, fetched when it is not there; `say` is told, a line at a time, what takes long or fails.

    Raises NoEngineError.
    """
    if found := _on_path(say):
        return found
    root = cache_folder() / FOLDER
    with _only_one(root.parent / f"{FOLDER}.lock", say):
        if not root.exists():
            _get(root, say)
    return _command(root)


def _get(root: Path, say: Say) -> None:
    failures = []
    for get in (_install, _build):
        with tempfile.TemporaryDirectory(prefix="getting-", dir=root.parent) as folder:
            try:
                get(Path(folder), say)
                _command(Path(folder, FOLDER))
            except NoEngineError as error:
                say(str(error))
                failures.append(str(error))
            else:
                # renamed as a whole: whoever finds the folder finds a complete engine in it
                Path(folder, FOLDER).rename(root)
                return
    raise NoEngineError(f"No Pulumi CLI {VERSION}: " + " ".join(failures))


def _command(root: Path | None = None) -> PulumiCommand:
    return PulumiCommand(root=str(root) if root else None, version=VERSION)


def _on_path(say: Say) -> PulumiCommand | None:
    if shutil.which("pulumi") is None:
        return None
    try:
        return _command()
    except InvalidVersionError as error:
        reason = " ".join(str(error).split())
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"it does not run: {error}"
    say(f"The pulumi on PATH is left alone ({reason}); {VERSION} is used from {cache_folder()}.")
    return None


@contextmanager
def _only_one(lock: Path, say: Say) -> Iterator[None]:
    """One process at a time gets the engine; the kernel lets go of the lock of one that died."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is getting the Pulumi CLI; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(folder: Path, say: Say) -> None:
    say(f"Getting the Pulumi CLI {VERSION} by its official installer into {folder.parent}.")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(INSTALLER_TIMEOUT)
    try:
        PulumiCommand.install(root=str(folder / FOLDER), version=VERSION)
    except subprocess.CalledProcessError as error:
        last = (error.output or b"").decode(errors="replace").strip().splitlines()[-1:]
        raise NoEngineError(f"The official installer failed: {' '.join(last) or error}.") from None
    except (OSError, InvalidVersionError) as error:
        raise NoEngineError(f"The official installer could not be had: {error}.") from None
    finally:
        socket.setdefaulttimeout(before)


def _build(folder: Path, say: Say) -> None:
    go = shutil.which("go")
    if go is None:
        raise NoEngineError("It cannot be built either: there is no go on PATH.")
    say(f"Building the Pulumi CLI {VERSION} from its Go modules, once: about four minutes on two cores.")
    (folder / "go.mod").write_text(GO_MODULE)
    binary = folder / FOLDER / "bin" / "pulumi"
    command = [go, "build", "-v", "-mod=mod", "-o", str(binary), "-ldflags", GO_LDFLAGS, GO_PACKAGE]
    code, last = _watched(command, folder, say)
    if code:
        raise NoEngineError(f"Building it with Go failed: {last}.")


def _watched(command: list[str], folder: Path, say: Say) -> tuple[int, str]:
    """Run Go in a process group of its own, which ends with us; its exit code and last line."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        while True:
            reader.join(BUILD_PROGRESS)
            if not reader.is_alive():
                return process.wait(), lines[-1].strip() if lines else "no message"
            compiled = sum(not line.startswith("go: ") for line in lines)
            say(f"  {time.monotonic() - started:.0f} s, {compiled} packages compiled")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()

"""The Pulumi CLI: from PATH, else by the official installer, else built from its Go modules, into the cache folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulumi.automation import InvalidVersionError, PulumiCommand
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from semver import VersionInfo

from ebb import cache
from ebb.errors import UserError

#: The version that is fetched, and the oldest that is used from PATH. The provider protocol was tested with it.
VERSION = VersionInfo(3, 250, 0)
#: Its folder in the cache.
FOLDER = f"pulumi-{VERSION}"
#: Seconds that the installer's host may take to answer.
INSTALLER_TIMEOUT = 5.0
#: Lines of progress for a whole build where there is no terminal.
PROGRESS_LINES = 10
#: `go install …@version` refuses the `replace` in Pulumi's go.mod, so a module of ours requires Pulumi.
GO_MODULE = f"""module ebb.local/pulumi

go 1.25.11

require github.com/pulumi/pulumi/pkg/v3 v{VERSION}

require github.com/pulumi/pulumi/sdk/v3 v{VERSION}

replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e
"""
GO_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
GO_LDFLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"

Say = cache.Say


class NoEngineError(UserError):
    """No Pulumi CLI can be had. The text says what was tried."""


def find(say: Say) -> PulumiCommand:
    """The Pulumi CLI; it is fetched first when it is missing. `say` gets a line about what takes long or fails.

    Raises NoEngineError.
    """
    return _on_path(say) or _command(cache.once(FOLDER, lambda root: _get(root, say), say, "the Pulumi CLI"))


def _get(root: Path, say: Say) -> None:
    failures = []
    for get in (_install, _build):
        try:
            get(root, say)
            _command(root)
        except NoEngineError as error:
            say(str(error))
            failures.append(str(error))
            shutil.rmtree(root, ignore_errors=True)
        else:
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
    say(f"The pulumi on PATH is not used ({reason}); {VERSION} is used from {cache.folder()}.")
    return None


def _install(root: Path, say: Say) -> None:
    say(f"Getting the Pulumi CLI {VERSION} with its official installer into {cache.folder()}.")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(INSTALLER_TIMEOUT)
    try:
        PulumiCommand.install(root=str(root), version=VERSION)
    except subprocess.CalledProcessError as error:
        last = (error.output or b"").decode(errors="replace").strip().splitlines()[-1:]
        raise NoEngineError(f"The official installer failed: {' '.join(last) or error}.") from None
    except (OSError, InvalidVersionError) as error:
        raise NoEngineError(f"The official installer could not be had: {error}.") from None
    finally:
        socket.setdefaulttimeout(before)


def _build(root: Path, say: Say) -> None:
    go = shutil.which("go")
    if go is None:
        raise NoEngineError("It cannot be built either: there is no go on PATH.")
    say(f"Building the Pulumi CLI {VERSION} from its Go modules, once. It takes some minutes.")
    module = root.parent / "module"
    module.mkdir()
    (module / "go.mod").write_text(GO_MODULE)
    packages: list[str] = []
    _go([go, "list", "-mod=mod", "-deps", GO_PACKAGE], module, packages.append)
    binary = root / "bin" / "pulumi"
    build = [go, "build", "-v", "-mod=mod", "-o", str(binary), "-ldflags", GO_LDFLAGS, GO_PACKAGE]
    with _progress(say, len(packages)) as compiled:
        _go(build, module, compiled)  # -v writes each package when it is compiled


@contextmanager
def _progress(say: Say, packages: int) -> Iterator[Say]:
    """Counts the packages that it is called with: in a bar on a terminal, else in some lines."""
    console = Console(stderr=True)
    began, done = time.monotonic(), 0
    every = max(1, packages // PROGRESS_LINES)

    def line(_package: str) -> None:
        nonlocal done
        done += 1
        if done % every == 0 and done <= packages:
            share, seconds = done / packages, time.monotonic() - began
            say(f"  {done} of about {packages} packages compiled ({share:.0%}) in {seconds:.0f} s")

    if not console.is_terminal:
        yield line
        return
    left = TextColumn("  {task.completed} of about {task.total} packages compiled")
    with Progress(left, BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=packages)
        yield lambda _package: bar.advance(task)


def _go(command: list[str], folder: Path, package: Say) -> None:
    """Run Go in a process group that ends with us; `package` gets each line that names one. Raises NoEngineError."""
    last = "no message"
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            for line in process.stdout or ():
                last = line.strip() or last
                if not line.startswith("go: "):  # such as `go: downloading …`
                    package(last)
            process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise NoEngineError(f"Building it with Go failed: {last}.")

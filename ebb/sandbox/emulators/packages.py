"""The Python packages that an image's Dockerfile installs with pip, for tasks that run without the image."""

import argparse
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from packaging.requirements import InvalidRequirement, Requirement

from ebb import cache
from ebb.sandbox.emulators.stages import ImageError, PipCommand, Stage, content_hash

Say = cache.Say
#: pip's options that name packages or where they are. Others say where to install to, or how, which differs here.
_FILES = ("-r", "--requirement", "--requirements")
_CONSTRAINTS = ("-c", "--constraint", "--constraints")
_EDITABLE = ("-e", "--editable")
_INDEXES = ("-i", "--index-url", "--extra-index-url", "--trusted-host", "-f", "--find-links")
_OTHERS = (
    *("-t", "--target", "--prefix", "--root", "--python", "-p", "--src", "-w", "--wheel-dir", "-d", "--dest", "--log"),
    *("--cache-dir", "--platform", "--python-version", "--implementation", "--abi", "--report", "--progress-bar"),
    *("--no-binary", "--only-binary", "--timeout", "--retries", "--exists-action", "-C", "--config-settings"),
    *("--upgrade-strategy", "--root-user-action", "--use-feature", "--use-deprecated", "--proxy", "--cert"),
    *("--client-cert", "--link-mode", "--index-strategy", "--resolution", "--keyring-provider"),
)
#: Packages that install others; no job imports them.
_INSTALLERS = {"pip", "setuptools", "wheel", "uv", "virtualenv"}
_INCLUDE = re.compile(r"(?:-[rc]|--requirement|--constraint)[\s=]*(\S+)")
#: The lines of pip and uv that show how far they are.
_PROGRESS = ("Collecting", "Downloading", "Building", "Installing", "Resolved", "Prepared", "Installed")


@dataclass(frozen=True)
class _Install:
    """What one `pip install` names, its paths on this machine."""

    files: list[Path]
    constraints: list[Path]
    paths: list[str]
    requirements: list[str]
    indexes: list[str]

    @property
    def arguments(self) -> list[str]:
        """As pip and uv take them."""
        named = [word for file in self.files for word in ("--requirement", str(file))]
        limits = [word for file in self.constraints for word in ("--constraint", str(file))]
        return [*self.indexes, *named, *limits, *self.paths, *self.requirements]


def provide(commands: list[PipCommand], name: str, say: Say) -> Path | None:
    """A folder with the packages, for PYTHONPATH, or None where this interpreter has them all.

    It is kept in the cache. `name` is what needs them, for messages. Raises ImageError where pip fails.
    """
    installs = [install for command in commands if (install := _read(command))]
    if all(_satisfied(install) for install in installs):
        return None
    key = hashlib.sha256(sysconfig.get_platform().encode() + sys.implementation.cache_tag.encode())
    for install in installs:
        key.update("\0".join([*install.indexes, *install.requirements]).encode())
        for file in [*install.files, *install.constraints]:
            key.update("\n".join(_lines(file)).encode())
        for path in install.paths:
            key.update(content_hash(Path(path.partition("[")[0])).encode())

    def make(folder: Path) -> None:
        say(f"Installing the Python packages of {name} into {cache.folder()}, once.")
        for install in installs:
            _run(install, folder, name, say)

    return cache.once(f"packages-{key.hexdigest()[:16]}", make, say, "the same packages")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _read(command: PipCommand) -> _Install | None:
    """None for a command that names no packages, or in a way that only a shell or the real image can resolve."""
    if any(re.search(r"[$`]", word) for word in command.arguments):
        return None
    parser = _Parser(add_help=False, allow_abbrev=False)
    for names in (_FILES, _CONSTRAINTS, _EDITABLE, *((name,) for name in (*_INDEXES, *_OTHERS))):
        parser.add_argument(*names, action="append", default=[], dest=names[0])
    parser.add_argument("named", nargs="*")
    try:
        # argparse does not know flags that are joined, as in -Ur
        joined = [re.sub(r"^-[UIqv]+(?=[rce])", "-", word) for word in command.arguments]
        given = vars(parser.parse_known_intermixed_args(joined)[0])
    except ValueError:
        return None
    stage = command.stage
    named = {word: _local(stage, word) for word in given["named"]}
    editable = [_local(stage, word) for word in given["-e"]]
    remote = [word for word, found in named.items() if not found and not _is_path(word)]
    values = [(name, value) for name in _INDEXES for value in given[name]]
    install = _Install(
        files=[path for word in given["-r"] if (path := stage.path(word)).is_file()],
        constraints=[path for word in given["-c"] if (path := stage.path(word)).is_file()],
        paths=[found for found in [*named.values(), *editable] if found],
        requirements=[word for word in remote if _name(word) not in _INSTALLERS],
        indexes=[word for pair in values if "://" in pair[1] or pair[0] == "--trusted-host" for word in pair],
    )
    return install if install.files or install.paths or install.requirements else None


def _is_path(word: str) -> bool:
    return "://" not in word and ("/" in word or word.startswith("."))


def _local(stage: Stage, word: str) -> str | None:
    """A project or archive of the image as an argument for pip, such as `/path[extra]`; None if it is not there."""
    path, bracket, extras = word.partition("[")
    found = stage.path(path)
    return f"{found}{bracket}{extras}" if found.is_file() or (_is_path(word) and found.is_dir()) else None


def _name(requirement: str) -> str:
    try:
        return Requirement(requirement).name.lower()
    except InvalidRequirement:
        return ""


def _satisfied(install: _Install) -> bool:
    """Whether this interpreter has every package that is named, at a version that is allowed."""
    limits = [line for file in install.constraints for line in _lines(file)]
    named = [*install.requirements, *(line for file in install.files for line in _lines(file))]
    return not install.paths and all(map(_present, named)) and not any(map(_violated, limits))


def _lines(file: Path) -> Iterator[str]:
    """The requirements in a file and in those that it includes, without options, hashes and comments."""
    for line in re.sub(r"\\\n", " ", file.read_text(encoding="utf-8", errors="replace")).splitlines():
        text = re.sub(r"(^|\s)#.*|\s--hash[=\s]\S+", "", line).strip()
        if included := _INCLUDE.fullmatch(text):
            yield from _lines(file.parent / included[1]) if (file.parent / included[1]).is_file() else ()
        elif text and (not text.startswith("-") or text.startswith(_EDITABLE)):
            yield text


def _present(text: str) -> bool:
    try:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate():
            return True
        package = metadata.distribution(requirement.name)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False
    needed = [one for extra in requirement.extras for one in _needed(package, extra)]
    allowed = requirement.specifier.contains(package.version, prereleases=True)
    return requirement.url is None and allowed and all(map(_present, needed))


def _needed(package: metadata.Distribution, extra: str) -> Iterator[str]:
    """What an extra of an installed package requires."""
    for text in package.requires or []:
        requirement = Requirement(text)
        if requirement.marker and "extra" in str(requirement.marker) and requirement.marker.evaluate({"extra": extra}):
            requirement.marker = None
            yield str(requirement)


def _violated(constraint: str) -> bool:
    try:
        return not Requirement(constraint).specifier.contains(
            metadata.version(Requirement(constraint).name), prereleases=True
        )
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False


def _run(install: _Install, folder: Path, name: str, say: Say) -> None:
    if importlib.util.find_spec("pip"):
        program = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--upgrade"]
        program += ["--progress-bar", "off"]
    elif uv := shutil.which("uv"):
        program = [uv, "pip", "install", "--python", sys.executable]
    else:
        raise ImageError(f"The Python packages of {name} cannot be installed here: there is neither pip nor uv.")
    lines: list[str] = []
    with subprocess.Popen(
        [*program, "--target", str(folder), *install.arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line.strip())
            if line.strip().startswith(_PROGRESS):
                say(f"  {line.strip().partition(' (from ')[0]}")
    if process.returncode:
        errors = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("error:")]
        reason = (errors or [line for line in lines if line] or ["it wrote nothing"])[0 if errors else -1]
        raise ImageError(f"The Python packages of {name} cannot be installed here: {reason.rstrip('.')}.")

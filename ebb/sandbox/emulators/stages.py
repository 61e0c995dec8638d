"""The stages of a Dockerfile, followed as far as a sandbox without containers can.

FROM, ARG, ENV, WORKDIR, COPY, ADD, ENTRYPOINT and CMD are followed in every stage. Of RUN only pip's arguments are
noted. Every other instruction is ignored, valid as it is.
"""

import hashlib
import posixpath
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ebb.errors import UserError
from ebb.sandbox.emulators import dockerfile
from ebb.sandbox.emulators.dockerfile import Instruction, expand

#: What Python leaves in a folder, and is no content.
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
_PIP = re.compile(r"(.*/)?pip[\d.]*")
#: pip's commands that name packages which the image has in the end.
_PIP_COMMANDS = ("install", "wheel", "download")


class ImageError(UserError):
    """An image cannot be built or pulled."""


@dataclass
class Stage:
    """One stage. `root` is its file system, as far as COPY and ADD make it."""

    root: Path
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    #: The platform that FROM names; None: the one that the build is for.
    platform: str | None = None

    def path(self, path: str) -> Path:
        """Where a path of the image is on this machine. As in Docker, `..` does not lead out of the root."""
        return self.root / posixpath.normpath(posixpath.join("/", self.workdir, path)).lstrip("/")

    def real(self, word: str) -> str:
        """The word; if it is an absolute path that the image has, where that is on this machine."""
        return str(self.path(word)) if len(word) > 1 and word[0] == "/" and self.path(word).exists() else word


@dataclass(frozen=True)
class PipCommand:
    """The arguments of a `pip install`, and the stage as it was then."""

    arguments: list[str]
    stage: Stage


def follow(file: Path, context: Path, root: Path) -> tuple[Stage, list[PipCommand]]:
    """The Dockerfile's last stage, and pip's commands in all stages.

    Each stage's files are copied from `context` into a folder in `root`. Raises ImageError.
    """
    follower = _Follower(context, root)
    try:
        for instruction in dockerfile.instructions(file.read_text(encoding="utf-8-sig", errors="replace")):
            follower.follow(instruction)
    except OSError as error:
        raise ImageError(f"{file} cannot be followed: {error}.") from error
    if not follower.stages:
        raise ImageError(f"{file} has no FROM.")
    return follower.stages[-1], follower.pip


class _Follower:
    def __init__(self, context: Path, root: Path) -> None:
        self._context, self._root = context, root
        self._defaults: dict[str, str] = {}
        self._names: dict[str, Stage] = {}
        self.stages: list[Stage] = []
        self.pip: list[PipCommand] = []

    def follow(self, instruction: Instruction) -> None:
        if instruction.name == "FROM":
            self._begin(instruction)
        elif self.stages:
            self._step(instruction, self.stages[-1])
        elif instruction.name == "ARG":
            self._defaults |= dockerfile.pairs(instruction.rest, self._defaults)

    def _begin(self, instruction: Instruction) -> None:
        base, *alias = expand(instruction.rest, self._defaults).split() or [""]
        root = self._root / str(len(self.stages))
        root.mkdir(parents=True, exist_ok=True)
        stage = Stage(root)
        named = expand("".join(instruction.options("--platform")), self._defaults)
        if before := self._names.get(base.lower()):
            _copy(before.root, root)
            stage = replace(before, root=root, environment=dict(before.environment), arguments={})
        stage.platform = named or stage.platform
        self._names[str(len(self.stages))] = stage
        if len(alias) == 2 and alias[0].upper() == "AS":
            self._names[alias[1].lower()] = stage
        self.stages.append(stage)

    def _step(self, instruction: Instruction, stage: Stage) -> None:
        rest, variables = instruction.rest, {**stage.arguments, **stage.environment}
        match instruction.name:
            case "ARG":
                stage.arguments |= dockerfile.pairs(rest, variables)
                declared = {word.partition("=")[0] for word in dockerfile.words(rest)}
                stage.arguments |= {name: value for name, value in self._defaults.items() if name in declared}
            case "ENV" if "=" not in rest.split(None, 1)[0]:
                name, *value = rest.split(None, 1)
                stage.environment[name] = expand("".join(value), variables)
            case "ENV":
                stage.environment |= dockerfile.pairs(rest, variables)
            case "WORKDIR":
                stage.workdir = "/" + stage.path(expand(rest, variables)).relative_to(stage.root).as_posix()
            case "COPY" | "ADD":
                self._copy(instruction, expand(rest, variables), stage)
            case "ENTRYPOINT":
                stage.entrypoint, stage.command = _command(rest), []
            case "CMD":
                stage.command = _command(rest)
            case "RUN":
                self._mount(instruction, stage)
                found = _pip(dockerfile.commands(expand(instruction.script, variables)))
                self.pip += [PipCommand(arguments, replace(stage)) for arguments in found]

    def _copy(self, instruction: Instruction, rest: str, stage: Stage) -> None:
        chosen = [name.lower() for name in instruction.options("--from")]
        if chosen and chosen[0] not in self._names:
            return  # another image, which is not here
        origin = self._names[chosen[0]].root if chosen else self._context
        *sources, target = dockerfile.array(rest) or dockerfile.words(rest) or [""]
        into = stage.path(target)
        to_folder = target.endswith("/") or posixpath.basename(target) in (".", "..") or len(sources) > 1
        for name, text in instruction.documents:
            aimed = into / name if to_folder or into.is_dir() else into
            aimed.parent.mkdir(parents=True, exist_ok=True)
            aimed.write_text(text, encoding="utf-8")
        for path in [path for source in sources for path in _matching(origin, source)]:
            _copy(path, into / path.name if path.is_file() and (to_folder or into.is_dir()) else into)

    def _mount(self, instruction: Instruction, stage: Stage) -> None:
        """RUN --mount=type=bind: files of the context that a command may read."""
        for mount in instruction.options("--mount"):
            given = dict(pair.partition("=")[::2] for pair in mount.split(","))
            target = given.get("target") or given.get("dst") or given.get("destination")
            if target and given.get("type", "bind") == "bind" and "from" not in given:
                for path in _matching(self._context, given.get("source") or given.get("src") or "."):
                    _copy(path, stage.path(target))


def content_hash(path: Path) -> str:
    """A hash of what an image of this folder, or of this file, is made of: paths, executable bits and bytes."""
    content = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            about = f"{file.relative_to(path).as_posix()}\0{file.stat().st_mode & 0o111}\0{file.stat().st_size}\0"
            content.update(about.encode() + file.read_bytes())
    return content.hexdigest()


def _command(rest: str) -> list[str]:
    found = dockerfile.array(rest)
    return ["/bin/sh", "-c", rest] if found is None else found


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The paths that a source of COPY names. As in Docker, `..` does not lead out of the folder."""
    inside = posixpath.normpath(posixpath.join("/", pattern)).lstrip("/")
    if (folder / inside).exists():
        return [folder / inside]
    try:
        return sorted(folder.glob(inside))
    except ValueError:  # Docker knows patterns that pathlib does not
        return []


def _copy(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, target, ignore=_IGNORED, ignore_dangling_symlinks=True, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _pip(commands: Iterator[list[str]]) -> Iterator[list[str]]:
    """The arguments of each command that is pip's, also as `python -m pip` or `uv pip`."""
    for command in commands:
        at = next((number for number, word in enumerate(command) if _PIP.fullmatch(word)), len(command))
        name = next((word for word in command[at + 1 :] if not word.startswith("-")), "")
        if name in _PIP_COMMANDS:
            yield command[command.index(name, at) + 1 :]

"""Container images without containers: a folder's snapshot, and what its Dockerfile says about running it.

Of the Dockerfile's last stage the instructions that say what runs are followed: COPY and ADD from the build context,
WORKDIR, ENV, ENTRYPOINT and CMD. RUN and what other stages make is not: this process's own Python stands in for it.
"""

import hashlib
import json
import re
import shlex
import shutil
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ebb.errors import UserError

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_REPOSITORY = re.compile(r"^[^/]+/(?P<repository>[^@:]+)(?:@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[\w.-]+))$")
#: What Python leaves in a folder, and is no content.
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


class ImageError(UserError):
    """An image cannot be built or pulled; the text is one sentence."""


class _Region(Protocol):
    @property
    def directory(self) -> Path: ...
    def client(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Image:
    """What to run: `cwd` is WORKDIR inside the snapshot, "python" is this process's interpreter."""

    cwd: Path
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def argv(self) -> list[str]:
        """The command line as the image has it."""
        return self.run()

    def run(self, entrypoint: list[str] | None = None, command: list[str] | None = None) -> list[str]:
        """The command line with a container definition's entryPoint and command, which stand in for the image's own.

        An entryPoint drops the image's CMD, as Docker does. Raises ImageError when there is nothing to run.
        """
        words = (entrypoint or self.entrypoint) + (command or ([] if entrypoint else self.command))
        if not words:
            raise ImageError("The image has neither ENTRYPOINT nor CMD, and the task definition no command.")
        return with_python(words)


def with_python(words: list[str]) -> list[str]:
    """A command line in which "python" is this process's interpreter."""
    return [sys.executable if words[0] in ("python", "python3") else words[0], *words[1:]]


class Images:
    """Builds images into the emulated ECR, and finds them again by URI."""

    def __init__(self, region: _Region) -> None:
        self._region = region
        self._built: dict[str, Image] = {}
        self._lock = threading.Lock()

    def build(self, context: Path, repository: str, tag: str) -> str:
        """Push a snapshot of the folder and return its digest, "sha256:…", the same for the same content.

        Raises ImageError for a folder without a usable Dockerfile.
        """
        dockerfile = context / "Dockerfile"
        if not dockerfile.is_file():
            raise ImageError(f"There is no Dockerfile in {context}.")
        with self._lock:
            content = content_hash(context)
            root = self._region.directory / "images" / content
            image = _parse(dockerfile, context, root)
            digest = self._push(repository, tag, content)
            self._built[digest] = image
        return digest

    def resolve(self, uri: str) -> Image:
        """The image at `registry/repository:tag` or `…@sha256:…`. Raises ImageError as ECS would fail to pull it."""
        named = _REPOSITORY.match(uri)
        digest = named and (named["digest"] or self._digest(named["repository"], named["tag"]))
        if not digest or digest not in self._built:
            raise ImageError(f"CannotPullContainerError: {uri} is not an image that was built here.")
        return self._built[digest]

    def _push(self, repository: str, tag: str, content: str) -> str:
        ecr = self._region.client("ecr")
        layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": content},
            "layers": [{**layer, "digest": f"sha256:{content}"}],  # the emulator makes the image's digest of these
        }
        try:
            answer = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
        except ecr.exceptions.ImageAlreadyExistsException:
            return str(self._digest(repository, tag))
        return str(answer["image"]["imageId"]["imageDigest"])

    def _digest(self, repository: str, tag: str) -> str | None:
        ecr = self._region.client("ecr")
        found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
        return found[0]["imageId"]["imageDigest"] if found else None


def content_hash(context: Path) -> str:
    """A hash of all that an image of this folder is made of: paths, whether they can be run, and bytes."""
    content = hashlib.sha256()
    for path in sorted(context.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            about = f"{path.relative_to(context).as_posix()}\0{path.stat().st_mode & 0o111}\0{path.stat().st_size}\0"
            content.update(about.encode() + path.read_bytes())
    return content.hexdigest()


def _instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    split = [line.strip().split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(words[0].upper(), words[1] if len(words) > 1 else "") for words in split]


def _parse(dockerfile: Path, context: Path, root: Path) -> Image:
    instructions = _instructions(dockerfile)
    stages = [number for number, (name, _) in enumerate(instructions) if name == "FROM"]
    if not stages:
        raise ImageError(f"{dockerfile} has no FROM.")
    workdir, entrypoint, command = "/", list[str](), list[str]()
    environment: dict[str, str] = {}
    for name, rest in instructions[stages[-1] :]:
        match name:
            case "WORKDIR":
                workdir = _join(workdir, rest)
            case "ENV":
                environment |= _variables(rest)
            case "COPY" | "ADD":
                _copy(rest, context, root, workdir)
            case "ENTRYPOINT":
                entrypoint = _words(rest)
            case "CMD":
                command = _words(rest)
    environment.pop("PATH", None)  # folders of the image, which are not here
    cwd = root / workdir.lstrip("/")
    cwd.mkdir(parents=True, exist_ok=True)
    return Image(cwd, entrypoint, command, environment)


def _join(workdir: str, path: str) -> str:
    joined = Path(workdir) / path
    if ".." in joined.parts:
        raise ImageError(f"{path} leaves the image's file system.")
    return joined.as_posix()


def _words(rest: str) -> list[str]:
    """The exec form as it stands, the shell form through a shell."""
    if rest.startswith("["):
        return [str(word) for word in json.loads(rest)]
    return ["/bin/sh", "-c", rest]


def _variables(rest: str) -> dict[str, str]:
    if "=" not in rest.split(None, 1)[0]:
        name, value = rest.split(None, 1)
        return {name: value}
    return dict(word.partition("=")[::2] for word in shlex.split(rest))


def _copy(rest: str, context: Path, root: Path, workdir: str) -> None:
    words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    flags = [word for word in words if word.startswith("--")]
    if any(flag.startswith("--from=") for flag in flags):
        return
    *sources, target = [word for word in words if word not in flags]
    into = root / _join(workdir, target).lstrip("/")
    for source in sources:
        for path in [context] if source in (".", "./") else sorted(context.glob(source.strip("/"))):
            if path.is_dir():
                shutil.copytree(path, into, ignore=_IGNORED, dirs_exist_ok=True)
            else:
                aimed = into / path.name if target.endswith("/") or target == "." or len(sources) > 1 else into
                aimed.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, aimed)

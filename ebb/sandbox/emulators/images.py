"""Container images without containers: a snapshot of the files, and what the Dockerfile runs.

This process's Python stands in for the image's. Packages that the Dockerfile installs with pip are installed for it.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ebb.sandbox.emulators import packages, stages
from ebb.sandbox.emulators.stages import ImageError

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_REPOSITORY = re.compile(r"^[^/]+/(?P<repository>[^@:]+)(?:@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[\w.-]+))$")
_PYTHON = re.compile(r"(/usr(/local)?/bin/)?python(3(\.\d+)?)?")
#: Init programs, which images have and this machine may not; each runs the command after its options.
_INITS = ("tini", "dumb-init", "catatonit")


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
    #: The folder of packages that pip installed for it.
    packages: Path | None = None
    #: What its Dockerfile builds for, such as linux/amd64; None: what it is asked for.
    platform: str | None = None

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
    """The command line without an init program; "python" is this process's interpreter."""
    if Path(words[0]).name in _INITS:
        start = next((at for at, word in enumerate(words) if at and not word.startswith("-")), 0)
        words = words[start:]
    return [sys.executable if _PYTHON.fullmatch(words[0]) else words[0], *words[1:]]


class Images:
    """Builds images into the emulated ECR, and finds them again by URI.

    `say` gets a line about what takes long. `instead` replaces every image that is built.
    """

    def __init__(
        self, region: _Region, say: Callable[[str], None] = lambda _line: None, instead: Image | None = None
    ) -> None:
        self._region, self._say, self._instead = region, say, instead
        self._built: dict[str, Image] = {}
        self._lock = threading.Lock()

    def build(self, context: Path, repository: str, tag: str) -> str:
        """Push a snapshot of the folder and return its digest, "sha256:…", the same for the same content.

        Raises ImageError for a folder without a usable Dockerfile.
        """
        with self._lock:
            content = stages.content_hash(context)
            image = self._instead or self._image(context, self._region.directory / "images" / content)
            digest = self._push(repository, tag, content)
            self._built[digest] = image
        return digest

    def _image(self, context: Path, root: Path) -> Image:
        dockerfile = context / "Dockerfile"
        if not dockerfile.is_file():
            raise ImageError(f"There is no Dockerfile in {context}.")
        stage, pip = stages.follow(dockerfile, context, root)
        cwd = stage.path("")
        cwd.mkdir(parents=True, exist_ok=True)
        environment = {name: stage.real(value) for name, value in stage.environment.items()}
        environment.pop("PATH", None)  # folders of the image, which are not here
        if path := environment.get("PYTHONPATH"):
            environment["PYTHONPATH"] = os.pathsep.join(map(stage.real, path.split(":")))
        entrypoint, command = (list(map(stage.real, words)) for words in (stage.entrypoint, stage.command))
        provided = packages.provide(pip, f"{context.name}/{dockerfile.name}", self._say)
        return Image(cwd, entrypoint, command, environment, provided, stage.platform)

    def resolve(self, uri: str, platform: str | None = None) -> Image:
        """The image at `registry/repository:tag` or `…@sha256:…`, for a platform such as linux/arm64.

        Raises ImageError as ECS would fail to pull it.
        """
        named = _REPOSITORY.match(uri)
        digest = named and (named["digest"] or self._digest(named["repository"], named["tag"]))
        if not digest or digest not in self._built:
            raise ImageError(f"CannotPullContainerError: {uri} is not an image that was built here.")
        image = self._built[digest]
        if platform and image.platform and image.platform != platform:
            # Amazon ECS developer guide, "CannotPullContainer task errors"
            raise ImageError(
                f"CannotPullContainerError: image Manifest does not contain descriptor matching platform '{platform}'."
            )
        return image

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

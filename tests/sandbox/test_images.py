import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.emulators.stages import ImageError

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.txt .
RUN pip install --target /deps \\
    -r requirements.txt

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 GREETING="good day" \\
    PATH=/deps/bin:$PATH
WORKDIR /app
COPY --from=build /deps /deps
COPY . /app/worker
USER 1000
VOLUME /tmp
ENTRYPOINT ["python", "-m", "worker"]
CMD ["--loud"]
"""


@pytest.fixture
def images(region: Region) -> Images:
    region.client("ecr").create_repository(repositoryName="jobs/worker")
    return Images(region)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "worker"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "requirements.txt").write_text("boto3\n")
    (folder / "__init__.py").write_text("")
    (folder / "__main__.py").write_text("import sys; print('hello', *sys.argv[1:])")
    return folder


def test_a_built_image_runs_as_its_dockerfile_says(images: Images, context: Path) -> None:
    digest = images.build(context, "jobs/worker", "latest")
    image = images.resolve(f"{REGISTRY}/jobs/worker@{digest}")
    assert image.argv == [sys.executable, "-m", "worker", "--loud"]
    assert image.environment == {"PYTHONUNBUFFERED": "1", "GREETING": "good day"}
    assert subprocess.check_output(image.argv, cwd=image.cwd, text=True) == "hello --loud\n"


def test_an_image_that_from_builds_for_another_cpu_cannot_be_pulled(images: Images, context: Path) -> None:
    for platform, fits in (("linux/amd64", False), ("linux/arm64", True), ("$TARGETPLATFORM", True)):
        text = DOCKERFILE.replace("FROM python:3.11-slim\n", f"FROM --platform={platform} python:3.11-slim\n")
        (context / "Dockerfile").write_text(text)
        uri = f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}"
        images.resolve(uri)
        if fits:
            images.resolve(uri, "linux/arm64")
            continue
        with pytest.raises(ImageError, match="does not contain descriptor matching platform 'linux/arm64'"):
            images.resolve(uri, "linux/arm64")


def test_an_image_is_a_snapshot_that_later_edits_do_not_reach(images: Images, context: Path) -> None:
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    (context / "__main__.py").write_text("print('changed')")
    assert subprocess.check_output(image.argv, cwd=image.cwd, text=True) == "hello --loud\n"


def test_the_digest_follows_the_content_and_nothing_else(images: Images, context: Path, tmp_path: Path) -> None:
    first = images.build(context, "jobs/worker", "latest")
    copy = shutil.copytree(context, tmp_path / "elsewhere")
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert images.build(copy, "jobs/worker", "latest") == first
    assert images.build(copy, "jobs/worker", "v2") == first
    (context / "__main__.py").write_text("print('changed')")
    assert images.build(context, "jobs/worker", "latest") != first


def test_a_tag_names_what_was_pushed_last_and_a_digest_stays(images: Images, context: Path) -> None:
    first = images.build(context, "jobs/worker", "latest")
    (context / "__main__.py").write_text("print('changed')")
    second = images.build(context, "jobs/worker", "latest")
    assert images.resolve(f"{REGISTRY}/jobs/worker:latest") == images.resolve(f"{REGISTRY}/jobs/worker@{second}")
    assert images.resolve(f"{REGISTRY}/jobs/worker@{first}") != images.resolve(f"{REGISTRY}/jobs/worker@{second}")


def test_the_repository_lists_the_image_under_its_tag(region: Region, images: Images, context: Path) -> None:
    digest = images.build(context, "jobs/worker", "latest")
    listed = region.client("ecr").describe_images(repositoryName="jobs/worker")["imageDetails"]
    assert [(found["imageDigest"], found["imageTags"]) for found in listed] == [(digest, ["latest"])]


def test_a_container_definition_overrides_entry_point_and_command(images: Images, context: Path) -> None:
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    assert image.run(command=["--quiet"]) == [sys.executable, "-m", "worker", "--quiet"]
    assert image.run(entrypoint=["/bin/echo"]) == ["/bin/echo"]
    assert image.run(entrypoint=["/bin/echo"], command=["x"]) == ["/bin/echo", "x"]


def test_single_files_land_where_copy_puts_them_and_the_shell_form_uses_a_shell(images: Images, context: Path) -> None:
    (context / "Dockerfile").write_text(
        'FROM scratch\nWORKDIR /a\nWORKDIR b\nCOPY __main__.py run.py\nCMD python run.py "x y"\n'
    )
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    assert (image.cwd / "run.py").is_file()
    assert image.argv == ["/bin/sh", "-c", 'python run.py "x y"']


@pytest.mark.parametrize("uri", ["jobs/worker:other", "jobs/worker@sha256:" + "0" * 64, "jobs/worker"])
def test_an_image_that_is_not_there_cannot_be_pulled(images: Images, uri: str) -> None:
    with pytest.raises(ImageError, match=f"CannotPullContainerError: {REGISTRY}/{uri} is not an image"):
        images.resolve(f"{REGISTRY}/{uri}")


def test_a_folder_without_a_dockerfile_is_refused_by_name(images: Images, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=rf"There is no Dockerfile in {tmp_path}\."):
        images.build(tmp_path, "jobs/worker", "latest")


def test_an_image_with_nothing_to_run_says_so(images: Images, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\n")
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    with pytest.raises(ImageError, match="neither ENTRYPOINT nor CMD"):
        image.run()


def test_a_path_that_leads_out_of_the_image_ends_at_its_root_as_in_docker(images: Images, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY ../../worker/__main__.py /../../x/\nCMD /bin/true\n")
    (context / "worker").mkdir()
    (context / "worker" / "__main__.py").write_text("inside")
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    assert [file.read_text() for file in image.cwd.rglob("*.py")] == ["inside"]


STAGES = """\
# syntax=docker/dockerfile:1
# check=skip=all
ARG PYTHON=3.13 FLAVOUR=slim
FROM --platform=$BUILDPLATFORM python:${PYTHON}-${FLAVOUR} AS base
LABEL org.opencontainers.image.title="it's a worker" maintainer=me
MAINTAINER me
ARG VERSION=7
ENV GREETING good day \\
    # in between
    to you
ENV A=1 B="two $VERSION" PATH=/x:$PATH PYTHONPATH=/app/lib:/elsewhere
ENV C=${B:-none}
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update && apt-get install --yes --no-install-recommends \\
      ffmpeg='7:*' tini \\
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --chown=10001:10001 --chmod=755 . worker/

FROM golang:1 AS tool
RUN go install example.com/tool@latest
COPY __main__.py /built/tool.py

FROM base
COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv
COPY --from=tool /built /app/lib/
COPY --link <<EOF /app/start.sh
#!/bin/sh
exec "$@"
EOF
ADD https://example.com/model.bin /models/
RUN useradd --uid 10001 worker
RUN --mount=type=secret,id=token <<EOF
set -e
echo it's unbalanced
EOF
EXPOSE 8080/tcp
VOLUME ["/tmp"]
STOPSIGNAL SIGTERM
ONBUILD RUN echo
HEALTHCHECK --interval=5s --retries=3 CMD ["python", "-m", "worker.health"]
USER worker:worker
ENTRYPOINT ["/usr/bin/tini", "-g", "--", "/usr/local/bin/python3.13", "-m", "worker"]
CMD [ "--loud" ]
"""


def test_any_valid_dockerfile_is_followed_as_far_as_it_says_what_runs(images: Images, context: Path) -> None:
    (context / "Dockerfile").write_text(STAGES)
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    lib = image.cwd / "lib"
    assert image.argv == [sys.executable, "-m", "worker", "--loud"]
    assert image.environment == {
        "GREETING": "good day     to you",
        "A": "1",
        "B": "two 7",
        "C": "two 7",
        "PYTHONPATH": f"{lib}:/elsewhere",
    }
    assert (image.cwd / "start.sh").read_text() == '#!/bin/sh\nexec "$@"\n'
    assert (lib / "tool.py").read_text() == (context / "__main__.py").read_text()
    assert subprocess.check_output(image.argv, cwd=image.cwd, text=True) == "hello --loud\n"


@pytest.mark.parametrize(
    ("entrypoint", "argv"),
    [
        ('["python3", "-m", "x"]', [sys.executable, "-m", "x"]),
        ('["/usr/bin/python3.12", "-m", "x"]', [sys.executable, "-m", "x"]),
        ('["dumb-init", "--rewrite", "python", "x"]', [sys.executable, "x"]),
        ("exec python -m x", ["/bin/sh", "-c", "exec python -m x"]),
        ("[not json]", ["/bin/sh", "-c", "[not json]"]),
        ('["/start.sh", "/usr/bin/env"]', ["{root}/start.sh", "/usr/bin/env"]),
    ],
)
def test_what_runs_is_this_machines_python_and_the_images_own_files(
    images: Images, context: Path, entrypoint: str, argv: list[str]
) -> None:
    (context / "Dockerfile").write_text(f"FROM python\nCOPY __main__.py /start.sh\nENTRYPOINT {entrypoint}\n")
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    assert image.argv == [word.format(root=image.cwd) for word in argv]


def test_a_stage_that_sets_an_entrypoint_drops_the_command_of_its_base(images: Images, context: Path) -> None:
    text = 'FROM python AS base\nENTRYPOINT ["a"]\nCMD ["b"]\nFROM base\nUSER x\nFROM base AS other\nENTRYPOINT ["c"]\n'
    (context / "Dockerfile").write_text(text)
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    assert image.argv == ["c"]
    (context / "Dockerfile").write_text(text.rpartition("FROM")[0])
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    assert image.argv == ["a", "b"]


def test_a_dockerfile_without_a_stage_is_refused_by_name(images: Images, context: Path) -> None:
    (context / "Dockerfile").write_text("# nothing yet\n")
    with pytest.raises(ImageError, match=r"/worker/Dockerfile has no FROM\.$"):
        images.build(context, "jobs/worker", "latest")

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ebb.sandbox.emulators.images import ImageError, Images
from ebb.sandbox.emulators.region import Region

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
    (folder / "__init__.py").write_text("")
    (folder / "__main__.py").write_text("import sys; print('hello', *sys.argv[1:])")
    return folder


def test_a_built_image_runs_as_its_dockerfile_says(images: Images, context: Path) -> None:
    digest = images.build(context, "jobs/worker", "latest")
    image = images.resolve(f"{REGISTRY}/jobs/worker@{digest}")
    assert image.argv == [sys.executable, "-m", "worker", "--loud"]
    assert image.environment == {"PYTHONUNBUFFERED": "1", "GREETING": "good day"}
    assert subprocess.check_output(image.argv, cwd=image.cwd, text=True) == "hello --loud\n"


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


def test_copy_cannot_leave_the_image(images: Images, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /../../x\n")
    with pytest.raises(ImageError, match="leaves the image's file system"):
        images.build(context, "jobs/worker", "latest")

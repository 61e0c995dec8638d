"""The Dockerfile is the user's: they may edit it, and the worker must still start. There is no Docker here."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "worker"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
#: A Dockerfile after a user's work on it.
EDITED = """\
# syntax=docker/dockerfile:1
FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install --yes build-essential
COPY requirements.txt ./
RUN pip install --no-cache-dir --prefix=/install --requirement requirements.txt \\
    && pip install --prefix=/install six
FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends ffmpeg
RUN useradd --uid 10001 worker && chmod 1777 /tmp
COPY --from=build /install /usr/local
WORKDIR /app
COPY . /app/worker
RUN pip install pyyaml
ENV MODE=fast
VOLUME ["/tmp", "/cache"]
USER worker
ENTRYPOINT ["python", "-m", "worker"]
"""


#: The shortest one that starts the worker.
SHORT = """\
FROM python:3
COPY . /app/worker
RUN pip install boto3
WORKDIR /app
CMD python -m worker
"""


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    with Region() as region:
        region.client("ecr").create_repository(repositoryName="jobs/worker")
        yield Images(region)


@pytest.mark.parametrize("dockerfile", [EDITED, SHORT], ids=["edited", "short"])
def test_the_image_starts_the_worker(images: Images, tmp_path: Path, dockerfile: str) -> None:
    context = tmp_path / "worker"
    shutil.copytree(WORKER, context, ignore=shutil.ignore_patterns("__pycache__"))
    (context / "Dockerfile").write_text(dockerfile)
    (context / "requirements.txt").write_text("boto3\n")  # the user's may name packages of a company
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    environment = image.environment | {"PATH": str(Path(sys.executable).parent)}  # as a task has it
    done = subprocess.run(
        image.argv, check=False, cwd=image.cwd, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (os.EX_CONFIG, "")
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert line["event"] == "bad_settings"  # it started, and there are no settings here


def test_the_worker_needs_only_boto3(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    network = {
        name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "http", "no_proxy"))
    }
    install = [python, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check"]
    subprocess.run(
        [*install, "--constraint", str(ROOT / "constraints.txt"), "boto3"],
        env=network | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=600,
    )
    quiet = {"PYTHONDONTWRITEBYTECODE": "1"}
    modules = "boto3, worker.loop, worker.metrics, worker.aws.table, worker.aws.event_bus, worker.jobs.child"
    subprocess.run([python, "-c", f"import {modules}"], cwd=ROOT, env=quiet, check=True, timeout=120)
    done = subprocess.run([python, "-m", "worker"], check=False, cwd=ROOT, env=quiet, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (os.EX_CONFIG, b"")  # it started, and there are no settings here

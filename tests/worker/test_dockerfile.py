"""The Dockerfile is the user's: they may edit it, and the worker must still start. There is no Docker here."""

import json
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "worker"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
#: Python packages that the worker needs: boto3, and what boto3 needs.
NEEDED = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
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


def final_stage(dockerfile: str) -> list[tuple[str, str]]:
    """The last stage's instructions and their arguments, in order, FROM first."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", dockerfile))
    words = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    instructions = [(name.upper(), rest.strip()) for name, _, rest in words]
    last = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


def problems(dockerfile: str) -> list[str]:
    """What makes a worker fail in a task on Fargate, though it starts everywhere else."""
    stage = final_stage(dockerfile)
    found = []
    starts = [rest for name, rest in stage if name in {"ENTRYPOINT", "CMD"}]
    if any(not rest.startswith(("[", "exec ")) for rest in starts):
        found.append("a shell between ECS and the worker keeps SIGTERM from it: use the exec form")
    users = [rest for name, rest in stage if name == "USER"]
    if users and users[-1] not in {"root", "0"} and not any("/tmp" in rest for name, rest in stage if name == "VOLUME"):
        found.append("the task's volume at /tmp belongs to root: declare VOLUME /tmp, so that the user can write")
    return found


@pytest.mark.parametrize("dockerfile", [(WORKER / "Dockerfile").read_text(), EDITED], ids=["shipped", "edited"])
def test_the_worker_gets_signals_and_can_write_into_tmp(dockerfile: str) -> None:
    assert problems(dockerfile) == []


@pytest.mark.parametrize(
    ("edit", "count"),
    [
        (('ENTRYPOINT ["python", "-m", "worker"]', "ENTRYPOINT python -m worker"), 1),
        (('ENTRYPOINT ["python", "-m", "worker"]', "ENTRYPOINT exec python -m worker"), 0),
        (('VOLUME ["/tmp", "/cache"]', ""), 1),
        (('VOLUME ["/tmp", "/cache"]\nUSER worker', ""), 0),
        (('VOLUME ["/tmp", "/cache"]\nUSER worker', "USER root"), 0),
        (('VOLUME ["/tmp", "/cache"]', "# VOLUME /tmp"), 1),
    ],
)
def test_an_edit_that_fargate_punishes_is_found(edit: tuple[str, str], count: int) -> None:
    assert EDITED.count(edit[0]) == 1
    assert len(problems(EDITED.replace(*edit))) == count


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    with Region() as region:
        region.client("ecr").create_repository(repositoryName="jobs/worker")
        yield Images(region)


@pytest.mark.parametrize("dockerfile", [(WORKER / "Dockerfile").read_text(), EDITED], ids=["shipped", "edited"])
def test_the_image_starts_the_worker(images: Images, tmp_path: Path, dockerfile: str) -> None:
    context = tmp_path / "worker"
    shutil.copytree(WORKER, context, ignore=shutil.ignore_patterns("__pycache__"))
    (context / "Dockerfile").write_text(dockerfile)
    image = images.resolve(f"{REGISTRY}/jobs/worker@{images.build(context, 'jobs/worker', 'latest')}")
    done = subprocess.run(
        image.argv, check=False, cwd=image.cwd, env=image.environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (os.EX_CONFIG, "")
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert line["event"] == "bad_settings"  # it started, and there are no settings here


def test_the_worker_needs_only_boto3_of_the_requirements(tmp_path: Path) -> None:
    lines = (WORKER / "requirements.txt").read_text().splitlines()
    needed = [line for line in lines if re.split(r"[^\w-]", line.lower())[0].replace("_", "-") in NEEDED]
    assert needed, "worker/requirements.txt must name boto3: the worker needs it"
    (tmp_path / "requirements.txt").write_text("\n".join(needed))
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    network = {
        name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "http", "no_proxy"))
    }
    install = [python, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check"]
    subprocess.run(
        [*install, "--requirement", str(tmp_path / "requirements.txt")],
        env=network | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=600,
    )
    quiet = {"PYTHONDONTWRITEBYTECODE": "1"}
    modules = "boto3, worker.loop, worker.metrics, worker.aws.idempotency, worker.jobs.child"
    subprocess.run([python, "-c", f"import {modules}"], cwd=ROOT, env=quiet, check=True, timeout=120)
    done = subprocess.run([python, "-m", "worker"], check=False, cwd=ROOT, env=quiet, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (os.EX_CONFIG, b"")  # it started, and there are no settings here

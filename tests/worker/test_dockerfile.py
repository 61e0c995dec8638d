"""The Dockerfile, read as Docker reads it, and its steps done by hand: there is no Docker where these tests run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "worker/Dockerfile"


def _stages() -> list[list[tuple[str, str]]]:
    """Each stage's instructions, in order, FROM first."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    stages: list[list[tuple[str, str]]] = []
    for line in lines:
        instruction, _, value = line.strip().partition(" ")
        if instruction == "FROM":
            stages.append([])
        stages[-1].append((instruction, value.strip()))
    return stages


def _of(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [value for name, value in stage if name == instruction]


def test_two_stages_begin_from_the_same_slim_image_and_pip_works_in_the_first_alone() -> None:
    build, final = _stages()
    assert build[0] == ("FROM", "python:3.13-slim AS build")
    assert final[0] == ("FROM", "python:3.13-slim")
    assert not any("pip" in command for command in _of(final, "RUN"))
    assert _of(final, "COPY") == ["--from=build /install /usr/local", ". /app/worker"]


def test_it_runs_as_a_user_without_root_who_is_made_before_and_stays_the_last() -> None:
    final = _stages()[-1]
    assert _of(final, "USER") == ["worker"]
    made = next(command for command in _of(final, "RUN") if command.startswith("useradd"))
    assert "--uid 10001" in made
    names = [name for name, _ in final]
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")


def test_tmp_is_a_volume_that_any_user_may_write_and_nothing_changes_it_once_declared() -> None:
    final = _stages()[-1]
    assert _of(final, "VOLUME") == ["/tmp"]
    before = final[: final.index(("VOLUME", "/tmp"))]
    assert any("chmod 1777 /tmp" in command for command in _of(before, "RUN"))
    after = final[final.index(("VOLUME", "/tmp")) :]
    assert {name for name, _ in after} <= {"VOLUME", "USER", "ENTRYPOINT"}


def test_the_entry_point_has_the_exec_form_so_that_signals_reach_the_worker() -> None:
    final = _stages()[-1]
    (entry,) = _of(final, "ENTRYPOINT")
    assert json.loads(entry) == ["python", "-m", "worker"]
    assert _of(final, "CMD") == []
    assert _of(final, "WORKDIR") == ["/app"]


def test_nothing_in_it_is_for_one_architecture() -> None:
    assert not re.search(r"--platform|amd64|x86|arm64|aarch64", re.sub(r"#.*", "", DOCKERFILE.read_text()))


def test_the_worker_runs_with_what_its_install_commands_put_into_a_clean_environment(tmp_path: Path) -> None:
    build, final = _stages()
    context = tmp_path / "context"
    _copy_context(context)
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = {"PATH": f"{tmp_path / 'venv/bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    network = {
        name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "http", "no_proxy"))
    }
    quick = {"PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for command in _of(build, "RUN"):
        argv = [part.replace("/install", str(tmp_path / "install")) for part in shlex.split(command)]
        subprocess.run(argv, cwd=context, env=network | binaries | quick, check=True, capture_output=True, timeout=180)

    # COPY --from=build /install /usr/local and COPY . /app/worker
    (tmp_path / "app").mkdir()
    context.rename(tmp_path / "app/worker")
    (packages,) = (tmp_path / "install").glob("lib/python*/site-packages")
    environment = dict(pair.split("=") for line in _of(final, "ENV") for pair in line.split())
    script = "import boto3, worker.loop; print(boto3.__version__, boto3.__file__, worker.__file__)"
    python = str(tmp_path / "venv/bin/python")
    done = subprocess.run(
        [python, "-c", script],
        cwd=tmp_path / "app",
        env=environment | {"PYTHONPATH": str(packages)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    version, boto3_file, worker_file = done.stdout.split()
    assert f"boto3=={version}" in (ROOT / "worker/requirements.txt").read_text().split()
    assert Path(boto3_file).is_relative_to(packages)
    assert Path(worker_file) == tmp_path / "app/worker/__init__.py"
    run = subprocess.run(
        [python, "-m", "worker"], check=False, cwd=tmp_path / "app", env=environment, capture_output=True, timeout=60
    )
    assert run.returncode == os.EX_CONFIG  # no settings: it started, and said so
    assert not list((tmp_path / "app").rglob("__pycache__"))


def _copy_context(context: Path) -> None:
    """What Docker would send: the folder without what .dockerignore names (**/ matches at any depth)."""
    ignored = [pattern.removeprefix("**/") for pattern in (ROOT / "worker/.dockerignore").read_text().split()]
    shutil.copytree(ROOT / "worker", context, ignore=shutil.ignore_patterns(*ignored))


def test_every_dependency_is_pinned_to_the_version_that_these_tests_run_with() -> None:
    lines = (ROOT / "worker/requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    assert set(pins) <= set((ROOT / "constraints.txt").read_text().splitlines())

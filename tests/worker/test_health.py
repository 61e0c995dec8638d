import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from worker import health

ROOT = Path(health.__file__).parents[1]


def _check(*arguments: str) -> tuple[int, str]:
    argv = [sys.executable, "-m", "worker.health", *arguments]
    done = subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_file_just_touched_is_healthy_and_one_grown_old_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "health")
    health.touch(path)
    assert _check(path, "120") == (0, "")
    old = time.time() - 130
    os.utime(path, (old, old))
    code, text = _check(path, "120")
    assert code == 1
    assert text.startswith("the worker is stuck: its last sign of life is 13")
    assert text.endswith(" seconds old, and 120 are allowed\n")
    health.touch(path)
    assert _check(path, "120") == (0, "")


def test_without_the_file_the_worker_is_not_healthy(tmp_path: Path) -> None:
    code, text = _check(str(tmp_path / "none"), "120")
    assert code == 1
    assert text.startswith("the worker has given no sign of life yet: ")
    assert text.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("file",), ("file", "soon")])
def test_a_check_that_is_asked_wrongly_says_how_to(arguments: tuple[str, ...]) -> None:
    assert _check(*arguments) == (1, "usage: python -m worker.health FILE SECONDS\n")


def test_a_file_that_cannot_be_touched_does_not_stop_the_worker(tmp_path: Path) -> None:
    health.touch(str(tmp_path / "no" / "folder"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_one_sentence_at_the_start(tmp_path: Path) -> None:
    path = str(tmp_path / "no" / "health")
    assert health.unwritable(str(tmp_path / "health")) is None
    problem = health.unwritable(path)
    assert problem is not None
    assert problem.startswith(f"EBB_HEALTH_FILE: the worker must be able to write {path}, but: [Errno 2] No such file")
    assert problem.endswith("Set `VOLUME /tmp` after `RUN chmod 1777 /tmp` in the Dockerfile of an image with a USER.")


def test_the_check_loads_nothing_that_costs(tmp_path: Path) -> None:
    program = "import sys, worker.health; print(sorted(m for m in sys.modules if m.split('.')[0] in "
    program += "{'worker', 'boto3', 'botocore', 'asyncio', 'logging', 'urllib'}))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert [name for name in eval(done.stdout) if not name.startswith("urllib")] == ["worker", "worker.health"]

"""`python -m worker --once`: its arguments, its input, and Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.helpers.waiting import alive, until
from tests.worker.once import HANDLER, LIMIT, ROOT, begin, environment, opened


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--once", "none.json"], "none.json cannot be read: No such file or directory"),
        (["--once", "."], ". cannot be read: Is a directory"),
        (["--once", "binary"], "binary is not UTF-8 text, as an SQS message must be: 'utf-8' codec can't decode byte"),
        (["--once"], "argument --once: expected one argument"),
        (["--attempt", "2"], "the following arguments are required: --once"),
        (["--once", "job", "--attempt", "two"], "argument --attempt: invalid int value: 'two'"),
        (["--once", "job", "--attempt", "0"], "--attempt must be at least 1, not 0"),
        (["--once", "job", "--attribute", "colour"], "--attribute must be NAME=VALUE, not 'colour'"),
        (["--once", "job", "--attribute", "=blue"], "--attribute must be NAME=VALUE, not '=blue'"),
        (["--twice", "job"], "the following arguments are required: --once"),
        (["--once", "job", "more"], "unrecognized arguments: more"),
    ],
)
def test_bad_arguments_and_files_are_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "job").write_text("film")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    done = subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stdout) == (os.EX_USAGE, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.endswith("; see python -m worker --help\n")
    assert done.stderr.count("\n") == 1


def test_the_body_can_come_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(dedent(HANDLER) + "def handle(job): note.write_text(job.body)")
    done = subprocess.run(
        [sys.executable, "-m", "worker", "--once", "-"],
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path, EBB_HANDLER="jobs:handle"),
        input="grüße".encode(),
        capture_output=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done
    assert (tmp_path / "note").read_text() == "grüße"


@pytest.mark.parametrize("moment", ["handle", "import"])
def test_ctrl_c_ends_the_child_and_exits_with_130(tmp_path: Path, moment: str) -> None:
    wait = "note.write_text(str(os.getpid())); time.sleep(600)"
    (tmp_path / "jobs.py").write_text(dedent(HANDLER) + (f"def handle(job): {wait}" if moment == "handle" else wait))
    (tmp_path / "job").write_text("film")
    process = begin(tmp_path, "job")
    note = tmp_path / "note"
    child = until(lambda: note.read_text() if note.exists() else None)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    expected = "Stopped.\n" if moment == "handle" else "Stopped before the job started.\n"
    assert (process.returncode, err) == (130, expected)
    assert not alive(int(child))


def test_ctrl_c_while_it_reads_the_body_exits_with_130(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "job")
    process = begin(tmp_path, "job")
    writer = until(lambda: opened(tmp_path / "job"))
    waits = Path(f"/proc/{process.pid}/wchan")
    until(lambda: "pipe" in waits.read_text(), seen=waits.read_text)  # it reads: a signal before that may be lost
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    os.close(writer)
    assert (process.returncode, err) == (130, "Stopped.\n")


def test_the_help_names_every_exit_code_and_the_default_handler() -> None:
    argv = [sys.executable, "-m", "worker", "--help"]
    done = subprocess.run(argv, check=True, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    for text in (
        "--once FILE",
        "worker.handler:handle",
        "EBB_COMMAND",
        "docs/worker.md",
        *map(str, (0, 1, 64, 65, 75, 78, 130)),
    ):
        assert text in done.stdout

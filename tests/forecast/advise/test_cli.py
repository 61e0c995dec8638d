"""`ebb advise`: its options, its answers, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ebb import project
from ebb.cli import app
from ebb.forecast.advise.search import Run
from ebb.project import ROOT
from tests.forecast.advise.test_search import invented
from tests.forecast.test_cli import opened
from tests.helpers import stacks
from tests.helpers.waiting import LIMIT, until

PAGES = (ROOT / "README.md", ROOT / "docs" / "scaling.md")
SHOWN = [line for page in PAGES for line in re.findall(r"^ebb advise (.*)$", page.read_text(encoding="utf-8"), re.M)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' stacks, and results that need no simulation."""

    @contextmanager
    def at_once() -> Iterator[Run]:
        yield invented

    monkeypatch.setattr(project, "ROOT", stacks.FOLDER)
    monkeypatch.setattr("ebb.forecast.advise.processes.processes", at_once)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["advise", *arguments], env={"COLUMNS": "100"}, catch_exceptions=False)


def test_the_examples_of_the_help_and_of_the_pages_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["advise", "--help"], env={"COLUMNS": "80"}).output
    examples = [*re.findall(r"^ +ebb advise (.*)", shown, re.MULTILINE), *SHOWN]
    assert len(examples) == 5
    for line in examples:
        result = run(*line.split())
        assert (result.exit_code, "is the cheapest that meets" in result.output) == (0, True), result.output
    assert (tmp_path / "a.html").exists()


def test_the_exit_code_is_1_if_nothing_meets_the_wait() -> None:
    result = run("--wait", "1s", "--arrivals", "burst:9", "--json")
    document = json.loads(result.output)
    assert (result.exit_code, document["met"], document["best"]) == (1, False, None)
    assert document["sentence"].startswith("Nothing that was tried meets a wait of 1 s at p95: the shortest is ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--wait", "soon"), "A time is a number with ms, s, m, h or d, such as 30s or 1h30m, not 'soon'."),
        (("--wait", "0"), "--wait must be longer than 0 seconds, not '0'."),
        (("--wait", "1m", "--arrivals", "idle"), "Settings cannot be compared under a load without jobs"),
        (("--wait", "1m", "--html", "nowhere/a.html"), "The folder nowhere for a.html does not exist."),
    ],
)
def test_what_cannot_be_asked_ends_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert sentence in result.output


@pytest.mark.slow
def test_ctrl_c_ends_advise_and_its_processes_without_a_traceback(tmp_path: Path) -> None:
    trace = tmp_path / "jobs.csv"
    os.mkfifo(trace)  # the processes have been started when it is read
    words = ["--stack", str(stacks.FOLDER / "Pulumi.dev.yaml"), "--wait", "1m", "--arrivals", f"trace:{trace}"]
    started = subprocess.Popen(
        [sys.executable, "-m", "ebb", "advise", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        writer = until(lambda: opened(trace))
        os.killpg(started.pid, signal.SIGINT)
        output, errors = started.communicate(timeout=LIMIT)
        os.close(writer)
    finally:
        started.kill()
    assert (started.returncode, output, errors) == (130, "", "")
    until(lambda: not group_exists(started.pid))


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True

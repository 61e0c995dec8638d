"""docs/tutorial.md: its job and its commands, one after another, on its own stack in the sandbox."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ebb import project
from ebb.cli import app
from ebb.ops import jobs
from ebb.ops.stack import Stack, read
from ebb.ops.story import story
from ebb.sandbox.emulators.images import Image
from ebb.sandbox.sandbox import Sandbox
from tests.docs.pages import ROOT
from tests.helpers.waiting import LIMIT, until

TEXT = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
(HANDLER,) = (text for kind, text in BLOCKS if kind == "python")
(STACK,) = (text for kind, text in BLOCKS if kind == "yaml")
(STORY,) = (text for kind, text in BLOCKS if kind == "text")
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
#: A command of ebb, and the variable that gets what it prints.
COMMAND = re.compile(r"(?:([A-Z]+)=\$\()?ebb (.*?)\)?$")
ONCE = 'echo \'{"text": "one two three"}\' | python -m worker --once -'
#: They are run elsewhere, or end with Ctrl-C.
NOT_HERE = {
    "make demo  # a stack on this machine: 20 jobs, zero to four tasks and back",
    "git clone https://github.com/OWNER/REPOSITORY ebb && cd ebb",
    "make demo",
    ". .venv/bin/activate",
    "make up STACK=tutorial",
    "ebb jobs --stack tutorial --watch",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout after steps 2 and 3: the worker with the tutorial's handler, and the stack file."""
    checkout = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(ROOT / "worker", checkout / "worker")
    (checkout / "worker/handler.py").write_text(HANDLER)
    (checkout / "Pulumi.tutorial.yaml").write_text(STACK)
    return checkout


@pytest.fixture(scope="module")
def deployed(folder: Path) -> Iterator[None]:
    """What `make up STACK=tutorial` deploys, in this process."""
    image = Image(folder, ["python", "-m", "worker"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBB_CACHE", str(folder / "cache"))
        config = yaml.safe_load(STACK)["config"]
        with Sandbox("tutorial", in_process=True, config=config, image=image, say=lambda _: None) as sandbox:
            sandbox.deployment.up()
            with sandbox.announced():
                yield


def test_the_job_runs_without_a_queue(folder: Path) -> None:
    assert ONCE in LINES
    ran = subprocess.run(
        [sys.executable, "-m", "worker", "--once", "-"],
        input=shlex.split(ONCE)[1],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert '"counted 3 words"' in ran.stdout


def shape(line: str) -> str:
    """A line of the story without its times, ids and numbers of seconds."""
    sentence = line.split("UTC  ")[1]
    return re.sub(r"[\d.]+ s\b", "N s", re.sub(r"-[0-9a-f]{7}\b|Task \w+|\(\d\d/.*?\)", "", sentence))


def ended(stack: Stack, job: str) -> bool:
    """Whether the job's state is final and the log has its end, which comes after that."""
    found = jobs.job(stack, job)
    steps = story(stack, job) if found and found.final else []
    return any(re.match(r"Attempt 1 (?!start)", step.sentence) for step in steps)


def test_its_commands_work_one_after_another(deployed: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", folder)
    stack = read("tutorial")
    variables, printed = dict[str, str](), dict[str, str]()
    for line in (line for line in LINES if line not in {*NOT_HERE, ONCE}):
        command = COMMAND.fullmatch(line)
        assert command, line
        words = [variables.get(word.removeprefix("$"), word) for word in shlex.split(command[2])]
        if words[0] == "why":  # "When the job has succeeded"
            until(partial(ended, stack, words[-1]))
        if words[0] == "forecast":
            words += ["--runs", "2"]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, (line, done.stderr)
        printed[line] = done.stdout
        if command[1]:
            variables[command[1]] = done.stdout.strip()
    assert [shape(line) for line in printed["ebb why --stack tutorial $ID"].splitlines()] == [
        shape(line) for line in STORY.splitlines()
    ]
    assert "counted 3 words" in printed["ebb logs --stack tutorial --job $ID"]
    assert "there is no word to count" in printed["ebb why --stack tutorial $BAD"]
    assert "there is no word to count" in printed["ebb dlq list --stack tutorial"]
    assert printed["ebb dlq purge --stack tutorial $BAD --yes"] == "Dead letters deleted: 1.\n"

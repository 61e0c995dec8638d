"""Every example of docs/api.md, and README's requests, on one stack in the sandbox."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ebb.sandbox.demo import WORKER
from ebb.sandbox.sandbox import Sandbox
from tests.docs.pages import ROOT, section
from tests.helpers.waiting import LIMIT

PAGE = ROOT / "docs/api.md"
BLOCK = re.compile(r"^```(sh|python|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: curl, which also writes each answer's status to the standard error.
CURL = 'curl() { command curl --silent --show-error --write-out "\\n%{stderr}%{http_code}\\n" "$@"; }\n'
ONE_TASK = {"ebb:scaling": {"min_tasks": 1, "max_tasks": 1, "surplus": False}}


class Ran(NamedTuple):
    """The statuses of a script's requests, and its last answer."""

    statuses: list[int]
    last: Any


class Shell:
    """Runs the page's shell blocks one after another, as in one terminal."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment, self._variables = environment, folder / "variables"
        self._variables.touch()

    def run(self, script: str) -> Ran:
        whole = f"{CURL}. {self._variables}\n{script}\ndeclare -p ID > {self._variables} 2>/dev/null || true\n"
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", whole],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        found = json.JSONDecoder()
        text, answers = ran.stdout.strip(), []
        while text:
            answer, end = found.raw_decode(text)
            answers.append(answer)
            text = text[end:].strip()
        return Ran([int(line) for line in ran.stderr.split()], answers[-1])


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The variables of a terminal at a stack with one task, whose jobs are the demo's."""
    with Sandbox(in_process=True, speed=600, overrides=ONE_TASK, image=WORKER, say=lambda _: None) as sandbox:
        sandbox.deployment.up()
        yield {**sandbox.region.environment(), "URL": sandbox.client().url, "NO_PROXY": "127.0.0.1"}


def like(shown: Any, answer: Any) -> bool:
    """Whether an answer has what the page shows: the same members and types. It may have more members."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(name in answer and like(shown[name], answer[name]) for name in shown)
    if isinstance(shown, list):
        return isinstance(answer, list) and bool(answer) and all(like(shown[0], each) for each in answer)
    return type(shown) is type(answer)


def test_each_example_of_the_page_runs_and_answers_as_it_is_shown(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shell, ran, names = Shell(environment, tmp_path), Ran([], None), dict[str, Any]()
    kinds = [kind for kind, _ in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {"json": 5, "python": 9, "sh": 10}
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "json":
            assert like(json.loads(text), ran.last), (text, ran.last)
        elif kind == "python":
            exec(compile(text, str(PAGE), "exec"), names)
        else:
            ran = shell.run(text)
            expected = [int(status) for status in re.findall(r"# (\d{3})$", text, re.MULTILINE)]
            assert ran.statuses == expected if expected else all(status in {200, 202} for status in ran.statuses), text


def test_readme_has_ten_lines_of_curl_and_each_request_is_accepted(environment: dict[str, str], tmp_path: Path) -> None:
    (script,) = re.findall(r"^```sh\n(.*?)^```$", section("What a client does"), re.MULTILINE | re.DOTALL)
    first, *lines = script.splitlines()
    assert first.startswith("export URL=")
    assert len([first, *lines]) == 10
    ran = Shell(environment, tmp_path).run("\n".join(lines))
    assert len(ran.statuses) == len(lines)
    assert set(ran.statuses) <= {200, 202}
    assert ran.last["openapi"] == "3.1.0"

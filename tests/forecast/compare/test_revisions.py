"""`ebb forecast --compare`: a stack's file at a revision of git next to the present one."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ebb import project
from ebb.cli import app

ONE = "config: {ebb:scaling: {max_tasks: 1}}"
WATCHED = "config: {ebb:scaling: {max_tasks: 1, watch: true}}"
OLD_KEY = "config: {ebb:worker: {once_days: 3}}"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose first commit differs from the files that are there now."""
    folder = tmp_path_factory.mktemp("history")
    git(folder, "init", "-q")
    for name, text in {"a": ONE, "same": ONE, "gone": ONE, "old": OLD_KEY, "broken": "config: ["}.items():
        (folder / f"Pulumi.{name}.yaml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "tag", "first")
    for name, text in {"a": WATCHED, "new": ONE, "old": ONE, "broken": ONE}.items():
        (folder / f"Pulumi.{name}.yaml").write_text(text)
    (folder / "Pulumi.gone.yaml").unlink()
    return folder


@pytest.fixture(autouse=True)
def root(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "ROOT", history)


def run(*arguments: str, compare: str = "first") -> Result:
    words = ["forecast", "--compare", compare, "--runs", "2", *arguments]
    return CliRunner().invoke(app, words, catch_exceptions=False)


def compared(stack: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("--stack", stack, "--json").stdout)
    return found


def test_a_changed_stack_is_a_table_of_before_and_after() -> None:
    result = run("--stack", "a")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "### Forecast of `a`"
    assert lines[2:4] == ["| burst:1 of 60s | before: `first` | after | difference |", "|---|--:|--:|--:|"]
    cells = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines[4:14]]
    rows = {name: rest for name, *rest in cells}
    assert list(rows) == [
        *("wake p50", "wake p95", "wait p95", "drain p50", "drain p95", "jobs killed", "dead letters", "jobs left"),
        *("$ a month idle", "$ a month"),
    ]
    before, after, difference = rows["wake p95"]
    assert (before.endswith(" s"), after.endswith(" s"), difference.startswith("**-")) == (True, True, True)
    assert rows["jobs killed"] == ["0", "0", "0"]
    assert lines[15].startswith("Differences are over the same seeds, with 95 % intervals.")
    assert "`first` is the stack file of that revision. A change of the program itself does not show" in lines[17]


def test_the_same_comparison_as_json() -> None:
    found = compared("a")
    assert (found["stack"], found["revision"], found["state"]) == ("a", "first", "changed")
    assert (found["load"], found["runs"], found["seed"]) == ("burst:1 of 60s", 2, 1)
    difference = found["after"]["wait p95"] - found["before"]["wait p95"]
    assert found["differences"]["wait p95"]["value"] == pytest.approx(difference)


@pytest.mark.parametrize(
    ("stack", "state", "sentence"),
    [
        ("same", "unchanged", "The forecast is the same as at `first`."),
        ("new", "new", "The stack is new: `first` has no file of it."),
        ("gone", "removed", "The stack is removed: `first` has a file of it, and now there is none."),
        ("old", "refused", "because this code refuses its stack file: The configuration was refused. ebb:worker.once"),
        ("broken", "refused", "because this code refuses its stack file: Pulumi.broken.yaml cannot be read: "),
    ],
)
def test_what_has_no_two_sides_is_one_sentence(stack: str, state: str, sentence: str) -> None:
    result = run("--stack", stack)
    assert result.exit_code == 0
    assert sentence in result.stdout
    found = compared(stack)
    assert found["state"] == state
    assert (found["before"] is None, found["after"] is None) == (state in ("new", "refused"), state == "removed")


def test_a_stack_file_in_a_folder_of_the_repository(history: Path) -> None:
    assert "### Forecast of `a`" in run("--stack", str(history / "Pulumi.a.yaml")).stdout


@pytest.mark.parametrize(
    ("stack", "revision", "sentence"),
    [
        ("a", "nowhere", "git does not know the revision 'nowhere': name a branch, a tag or a commit.\n"),
        ("a", "", "git does not know the revision '': name a branch, a tag or a commit.\n"),
        ("a", "first:Pulumi.a.yaml", "git does not know the revision 'first:Pulumi.a.yaml': name a branch, a tag "),
        ("none", "first", "There is no stack 'none'; this project has a, broken, new, old, same.\n"),
    ],
)
def test_a_revision_or_a_stack_that_does_not_exist_is_one_sentence(stack: str, revision: str, sentence: str) -> None:
    result = run("--stack", stack, compare=revision)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_a_clone_that_lacks_the_revision_says_what_to_do(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(history, "commit", "-q", "--allow-empty", "-m", "two")
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", f"file://{history}", "c")
    monkeypatch.setattr(project, "ROOT", tmp_path / "c")
    git(tmp_path / "c", "checkout", "-q", "--detach")
    git(tmp_path / "c", "branch", "-q", "-D", "main")
    assert run("--stack", "a").stderr.startswith("This clone is shallow and does not have the revision 'first': run `")
    assert "There is no revision 'main' here, but origin/main: use --compare origin/main." in (
        run("--stack", "a", compare="main").stderr
    )


def test_without_a_repository_and_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.a.yaml").write_text(ONE)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(project, "ROOT", tmp_path)
    assert run("--stack", "a").stderr.startswith("git has no revisions to compare with: not a git repository")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("--stack", "a").stderr.startswith("The command `git` is not on PATH. --compare reads")


def test_other_comparisons_are_left_out() -> None:
    result = run("--stack", "a", "--against", "--scale")
    assert result.stderr == "--compare prints one table: leave out --against, --scale.\n"
    assert result.exit_code == 1


def test_a_budget_that_the_present_file_exceeds_is_in_the_comment_and_in_the_exit_code() -> None:
    result = run("--stack", "a", "--set", "budgets.idle=0.5")
    sentence = "ebb:budgets.idle is exceeded: a month without jobs costs $"
    assert result.exit_code == 1
    assert f"**{sentence}" in result.stdout
    assert result.stderr.startswith(sentence)

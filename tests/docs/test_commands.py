"""docs/commands.md is what the commands' --help says, and each command in the documents has options that exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from ebb.cli import app
from tests.docs.pages import PAGES, ROOT
from tools import commands_docs

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_is_current() -> None:
    assert commands_docs.PAGE.read_text(encoding="utf-8") == commands_docs.page()


def test_each_command_and_each_of_its_options_has_a_line() -> None:
    page = commands_docs.page()
    assert {"ebb status", "ebb dlq redrive", "ebb sandbox up"} <= set(re.findall(r"^## (.*)$", page, re.MULTILINE))
    part = page.split("## ebb send\n")[1].split("\n## ")[0]
    assert "| `--stack` | Name of the deployed stack. | required |" in part
    assert "| `--through` | The way. Default: the API, if it lets you in. One of `api`, `queue`. |  |" in part


def test_check_says_when_the_page_is_old_and_writing_renews_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands_docs, "PAGE", tmp_path / "commands.md")
    assert commands_docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/commands.md does not match the commands of ebb/: run make docs.\n"
    assert commands_docs.main([]) == 0
    assert commands_docs.main(["--check"]) == 0


def shown(page: Path) -> list[str]:
    """The commands of ebb in a page's shell blocks, without what is around them."""
    lines = "\n".join(SHELL.findall(page.read_text(encoding="utf-8"))).replace("\\\n", " ").splitlines()
    found = (re.match(r"(?:\w+=\$\()?(ebb .*?)\)?$", line.strip()) for line in lines)
    return [re.split(r" (?:#|\||&&|<|>) ", each[1] + " ")[0] for each in found if each]


@pytest.mark.parametrize("page", [page for page in PAGES if shown(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_that_a_page_shows_has_options_and_arguments_that_exist(page: Path) -> None:
    for line in shown(page):
        command, words = typer.main.get_command(app), shlex.split(line)[1:]
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert not hasattr(command, "commands") or used, line
        assert used <= options | {"--install-completion"}, line

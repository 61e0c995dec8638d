"""docs/commands.md is what the commands' --help says."""

import re
from pathlib import Path

import pytest

from tools import commands_docs


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
